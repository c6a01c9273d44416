//! `list`: every grant of the ledger.

use super::report::{GrantReport, print_list};
use super::{Failure, data};
use crate::args::List;
use crate::clock;

pub(super) async fn run(options: List) -> Result<(), Failure> {
    let grants = data::ledger(&data::folder(&options.data)?)?.list().await?;
    let now = clock::now();
    let reports = grants.iter().map(|grant| GrantReport::new(grant, now));
    print_list(&reports.collect::<Vec<_>>(), options.output)
}
