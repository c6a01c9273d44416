//! The API server to talk to, and as whom.

use std::time::Duration;

use kube::{Client, Config};

use super::wording::one_line;

/// An API server, and the namespace that is meant when none is named.
#[derive(Clone)]
pub struct Connection {
    /// Sends requests.
    pub client: Client,
    /// The namespace of the context, or of the pod.
    pub namespace: String,
}

/// Takes the API server and the identity from `KUBECONFIG`, `~/.kube/config` or the pod, in this
/// order, as kubectl does. Sends nothing yet.
///
/// # Errors
/// There is no such configuration, or it cannot be used.
pub async fn connect() -> Result<Connection, ConnectProblem> {
    let mut config = Config::infer().await.map_err(|error| problem(&error))?;
    config.connect_timeout = Some(CONNECT);
    // A write that was sent twice would be in conflict with itself.
    config.default_retry = false;
    let namespace = config.default_namespace.clone();
    let client = Client::try_from(config).map_err(|error| problem(&error))?;
    Ok(Connection { client, namespace })
}

/// Reason it is not known which API server to talk to. Holds the cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no cluster can be used: set KUBECONFIG, or run in a pod with a service account: {0}")]
pub struct ConnectProblem(String);

fn problem(error: &dyn std::error::Error) -> ConnectProblem {
    ConnectProblem(one_line(&error.to_string()))
}

/// Longest time until a connection to the API server is there.
const CONNECT: Duration = Duration::from_secs(2);
