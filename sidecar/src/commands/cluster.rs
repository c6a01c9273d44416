//! The cluster that a command acts on.

use std::fmt::Display;

use kube::Client;

use super::{Failure, edge_site};
use crate::args::Cluster;
use crate::kubernetes;
use crate::kubernetes::outcome::Outcome;
use crate::ledger::kubernetes::administration::{Administration, AdministrationProblem};
use crate::site::choice::check_namespace;

/// The grants of the cluster, when the options ask for one.
pub(super) async fn administration(options: &Cluster) -> Result<Option<Administration>, Failure> {
    if !options.kubernetes {
        return Ok(None);
    }
    let (client, namespace) = connect(options.namespace.as_deref()).await?;
    Ok(Some(Administration::new(client, &namespace)))
}

/// The API server of the cluster, and the namespace of the option or that of the context or pod.
pub(super) async fn connect(namespace: Option<&str>) -> Result<(Client, String), Failure> {
    let usage = |problem: &dyn Display| Failure::usage(problem.to_string());
    let connection = kubernetes::connect().await;
    let connection = connection.map_err(|problem| usage(&problem))?;
    let namespace = namespace.map_or(connection.namespace, str::to_owned);
    check_namespace(&namespace).map_err(|problem| usage(&problem))?;
    Ok((connection.client, namespace))
}

/// Refuses a namespace whose Site accepts no links. Returns what to warn of when that cannot be known.
pub(super) async fn accepts_links(
    administration: &Administration,
) -> Result<Option<String>, Failure> {
    match administration.site().await {
        Ok(Some(site)) if site.is_edge => Err(edge_site(site.name)),
        Ok(Some(_)) => Ok(None),
        Ok(None) => Ok(Some(format!(
            "there is no Site in namespace '{}': the token cannot be redeemed before there is one",
            administration.namespace()
        ))),
        Err(problem) => Ok(Some(format!(
            "it is not known whether the site accepts links: {problem}"
        ))),
    }
}

impl From<AdministrationProblem> for Failure {
    fn from(problem: AdministrationProblem) -> Self {
        match problem.outcome {
            Outcome::Conflict | Outcome::Busy(_) | Outcome::Unknown => {
                Self::try_again(problem.to_string())
            }
            Outcome::Gone | Outcome::Denied | Outcome::Refused => {
                Self::refused(problem.to_string())
            }
        }
    }
}
