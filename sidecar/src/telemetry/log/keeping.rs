//! The lines of a keeper of links.

use tracing::{debug, info, warn};

use crate::redeemer::keeper::{Done, KeepProblem, LinkName, Renewal, Told};
use crate::redemption::Serial;
use crate::system::wording::time;

/// Logs how a renewal ended. A warning that was given not long ago is not repeated.
pub fn kept(name: &LinkName, result: &Result<Done, KeepProblem>, warns: bool) {
    let LinkName { namespace, name } = name;
    match result {
        Ok(Done { renewal, told }) => {
            if let Renewal::Renewed {
                from,
                to,
                not_after,
                has_moved,
                new_server,
            } = renewal
            {
                info!(
                    link = to.map(|to| tracing::field::display(to.link())),
                    namespace,
                    name,
                    from = from.map(tracing::field::display::<Serial>),
                    to = to.map(tracing::field::display::<Serial>),
                    end = time(*not_after),
                    told = word(told),
                    moved = has_moved.then_some(true),
                    new_server,
                    "renewed"
                );
            }
            match told {
                Told::NoTelling(problem) if warns => {
                    warn!(
                        namespace,
                        name,
                        reason = problem.reason(),
                        "the router was not told: {problem}"
                    );
                }
                Told::NoReport(problem) if warns => {
                    warn!(
                        namespace,
                        name,
                        reason = problem.reason(),
                        "the granting site was not told: {problem}"
                    );
                }
                _ => {}
            }
        }
        Err(problem) if warns => {
            warn!(
                namespace,
                name,
                reason = problem.reason(),
                "not renewed: {problem}"
            );
        }
        Err(problem) => debug!(
            namespace,
            name,
            reason = problem.reason(),
            "not renewed: {problem}"
        ),
    }
}

/// Logs that a link cannot be kept as it is.
pub fn broken(name: &LinkName, problem: &KeepProblem) {
    let LinkName { namespace, name } = name;
    warn!(
        namespace,
        name,
        reason = problem.reason(),
        "not kept: {problem}"
    );
}

fn word(told: &Told) -> &'static str {
    match told {
        Told::All => "yes",
        Told::NoRouter => "no router",
        Told::NoTelling(_) => "no",
        Told::NoReport(_) => "router",
    }
}
