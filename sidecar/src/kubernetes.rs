//! The API server of a cluster: the connection to it, its objects, and its answers.

mod access_grant;
mod connect;
mod failure;
mod follow;
mod items;
mod refusal;
mod wording;

use kube::api::ApiResource;
use kube::{Api, Client};

pub use access_grant::AccessGrant;
pub use connect::{ConnectProblem, Connection, connect};
pub use failure::{FailedRequest, FailureKind, NO_ANSWER, Next, answered};
pub use follow::{Course, News, Selection, follow};
pub use refusal::{lacks_kind, lacks_verb};
pub use wording::wording;

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
