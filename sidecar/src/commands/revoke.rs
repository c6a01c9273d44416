//! `revoke`: ends a grant at once, retries included.

use super::report::{GrantReport, print_grants};
use super::{Failure, data, tell};
use crate::args::{Format, Revoke};
use crate::clock;
use crate::ledger::Ledger;

pub(super) async fn run(options: Revoke) -> Result<(), Failure> {
    let ledger = data::ledger(&options.data)?;
    let now = clock::now();
    let Some((grant, redemptions)) = ledger.revoke(&options.name, now).await? else {
        return Err(Failure::refused(format!(
            "there is no live grant '{}': 'redemption-sidecar list' shows those there are",
            options.name
        )));
    };
    let report = GrantReport::with_certificates(&grant, &redemptions, now);
    print_grants(&[report], options.output)?;
    if options.output == Format::Table && !redemptions.is_empty() {
        tell(
            "these certificates stay valid until their end: there is no revocation list; to shut a \
             site out, replace the CA of the links",
        );
    }
    Ok(())
}
