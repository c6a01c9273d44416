//! `renew`: renews the certificates of links that are due.

use std::time::Duration;

use super::redeem::{folder_of, proxies};
use super::report::time;
use super::{Failure, tell};
use crate::args::Renew;
use crate::redeemer::FolderTarget;
use crate::redeemer::keeper::{KeepProblem, Renewal, RenewalOrder, Router, Told, renew_in_folder};
use crate::system::clock;

pub(super) async fn run(options: Renew) -> Result<(), Failure> {
    let (folder, namespace) = folder_of(options.out.as_deref(), options.namespace.as_deref())?;
    let router = Router::of_folder(&folder, None);
    let target = FolderTarget {
        path: &folder,
        namespace: namespace.as_deref(),
    };
    let proxies = proxies();
    for name in &options.names {
        let order = RenewalOrder {
            name,
            force: options.force,
            timeout: options.timeout.to_std().unwrap_or(Duration::MAX),
            proxies: &proxies,
            pace: None,
            now: clock::now(),
        };
        let done = renew_in_folder(order, target, &router).await;
        let done = done.map_err(failure)?;
        match done.renewal {
            Renewal::NotDue { due, not_after } => tell(format_args!(
                "not due: '{name}', valid until {}, is renewed from {} on",
                time(not_after),
                time(due)
            )),
            Renewal::Renewed { not_after, .. } => tell(format_args!(
                "renewed: '{name}', valid until {}",
                time(not_after)
            )),
        }
        match done.told {
            Told::All | Told::NoRouter => {}
            Told::NoTelling(problem) | Told::NoReport(problem) => return Err(failure(problem)),
        }
    }
    Ok(())
}

fn failure(problem: KeepProblem) -> Failure {
    match problem.exit_code() {
        1 => Failure::refused(problem),
        2 => Failure::usage(problem),
        _ => Failure::try_again(problem),
    }
}
