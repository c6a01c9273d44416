//! The cluster that a command acts on.

use super::Failure;
use crate::args::Cluster;
use crate::kubernetes;
use crate::ledger::kubernetes::administration::{Administration, AdministrationProblem};
use crate::ledger::kubernetes::outcome::Outcome;

/// The grants of the cluster, when the options ask for one.
pub(super) async fn administration(options: &Cluster) -> Result<Option<Administration>, Failure> {
    if !options.kubernetes {
        return Ok(None);
    }
    let connection = kubernetes::connect().await;
    let connection = connection.map_err(|problem| Failure::usage(problem.to_string()))?;
    let namespace = options.namespace.as_ref().unwrap_or(&connection.namespace);
    Ok(Some(Administration::new(connection.client, namespace)))
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
