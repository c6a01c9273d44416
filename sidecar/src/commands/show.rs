//! `show`: the grants of a name, with the certificates that were issued for them.

use super::report::{GrantReport, print_grants};
use super::{Failure, data};
use crate::args::Show;
use crate::clock;

pub(super) async fn run(options: Show) -> Result<(), Failure> {
    let ledger = data::ledger(&data::folder(&options.data)?)?;
    let grants = ledger.show(&options.name).await?;
    if grants.is_empty() {
        return Err(Failure::refused(format!(
            "there is no grant '{}': 'redemption-sidecar list' shows those there are",
            options.name
        )));
    }
    let now = clock::now();
    let reports = grants
        .iter()
        .map(|(grant, redemptions)| GrantReport::with_certificates(grant, redemptions, now));
    print_grants(&reports.collect::<Vec<_>>(), options.output)
}
