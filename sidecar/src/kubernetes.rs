//! The API server of a cluster: the connection to it, its objects, and its answers.

mod access_grant;
mod connect;
mod failure;
mod follow;
mod items;
mod refusal;

use kube::api::ApiResource;
use kube::{Api, Client};
use skupper_access_policy::printable::is_hidden;

pub use access_grant::AccessGrant;
pub use connect::{ConnectProblem, Connection, connect};
pub use failure::{FailedRequest, FailureKind, NO_ANSWER, Next, answered};
pub use follow::{Course, News, follow};
pub use refusal::{lacks_kind, lacks_verb};

/// Which grants are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of a namespace.
    Namespace(String),
    /// Those of all namespaces.
    Cluster,
}

impl Scope {
    /// The AccessGrants of the scope.
    #[must_use]
    pub fn api(&self, client: Client) -> Api<AccessGrant> {
        match self {
            Self::Namespace(namespace) => Api::namespaced(client, namespace),
            Self::Cluster => Api::all(client),
        }
    }
}

/// The kind of Sites, which are read without a type of their own.
#[must_use]
pub fn sites() -> ApiResource {
    ApiResource {
        group: AccessGrant::GROUP.to_owned(),
        version: AccessGrant::VERSION.to_owned(),
        api_version: format!("{}/{}", AccessGrant::GROUP, AccessGrant::VERSION),
        kind: "Site".to_owned(),
        plural: "sites".to_owned(),
    }
}

/// A failed request as one line: what the API server says, else the innermost cause. Never what was
/// sent or received.
#[must_use]
pub fn wording(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return one_line(&status.message);
    }
    if let kube::Error::SerdeError(_) = error {
        return "the answer of the API server cannot be read".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!(
        "the API server cannot be reached: {}",
        one_line(&cause.to_string())
    )
}

/// Whole enough to say which verb on which resource is forbidden.
fn one_line(text: &str) -> String {
    let shown = text.chars().take(MAX_CHARACTERS);
    let plain = |character| if is_hidden(character) { ' ' } else { character };
    shown.map(plain).collect()
}

/// Most characters that are repeated of a message of the API server.
const MAX_CHARACTERS: usize = 500;
