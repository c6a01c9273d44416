//! `list`: every grant of the ledger.

use super::report::{GrantReport, print_list};
use super::{Failure, cluster, data};
use crate::args::List;
use crate::system::clock;

pub(super) async fn run(options: List) -> Result<(), Failure> {
    if let Some(cluster) = cluster::administration(&options.cluster).await? {
        let listed = cluster.list().await?;
        let now = clock::now();
        let reports = listed
            .iter()
            .map(|listed| GrantReport::of_cluster(listed, now));
        return print_list(&reports.collect::<Vec<_>>(), options.output);
    }
    let grants = data::ledger(&data::folder(&options.data)?)?.list().await?;
    let now = clock::now();
    let reports = grants.iter().map(|grant| GrantReport::new(grant, now));
    print_list(&reports.collect::<Vec<_>>(), options.output)
}
