//! The cluster that a command acts on.

use kube::Client;

use super::Failure;
use crate::kubernetes;
use crate::site::choice::check_namespace;

/// The API server of the cluster, and the namespace of the option or that of the context or pod.
pub(super) async fn connect(namespace: Option<&str>) -> Result<(Client, String), Failure> {
    let connection = kubernetes::connect().await.map_err(Failure::usage)?;
    let namespace = namespace.map_or(connection.namespace, str::to_owned);
    check_namespace(&namespace).map_err(Failure::usage)?;
    Ok((connection.client, namespace))
}
