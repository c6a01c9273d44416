//! `show`: the grants of a name, with the certificates that were issued for them.

use super::report::{GrantReport, print_grants};
use super::{Failure, cluster, data};
use crate::args::Show;
use crate::system::clock;

pub(super) async fn run(options: Show) -> Result<(), Failure> {
    if let Some(cluster) = cluster::administration(&options.cluster).await? {
        let listed = cluster.find(&options.name).await?;
        let listed = listed.ok_or_else(|| no_grant(&options.name, "list --kubernetes"))?;
        let report = GrantReport::of_cluster_with_keys(&listed, clock::now());
        return print_grants(&[report], options.output);
    }
    let ledger = data::ledger(&data::folder(&options.data)?)?;
    let grants = ledger.show(&options.name).await?;
    if grants.is_empty() {
        return Err(no_grant(&options.name, "list"));
    }
    let now = clock::now();
    let reports = grants
        .iter()
        .map(|(grant, redemptions)| GrantReport::with_certificates(grant, redemptions, now));
    print_grants(&reports.collect::<Vec<_>>(), options.output)
}

fn no_grant(name: &str, list: &str) -> Failure {
    Failure::refused(format!(
        "there is no grant '{name}': 'redemption-sidecar {list}' shows those there are"
    ))
}
