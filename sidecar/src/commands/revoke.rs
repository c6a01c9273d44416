//! `revoke`: ends the grants of a name at once, retries included.

use super::report::{GrantReport, print_grants};
use super::{Failure, data, tell};
use crate::args::{Format, Revoke};
use crate::clock;
use crate::ledger::Ledger;

pub(super) async fn run(options: Revoke) -> Result<(), Failure> {
    let ledger = data::ledger(&options.data)?;
    let now = clock::now();
    let revoked = ledger.revoke(&options.name, now).await?;
    if revoked.is_empty() {
        return Err(Failure::refused(format!(
            "there is no live grant '{}': 'redemption-sidecar list' shows those there are",
            options.name
        )));
    }
    let reports: Vec<_> = revoked
        .iter()
        .map(|(grant, redemptions)| GrantReport::with_certificates(grant, redemptions, now))
        .collect();
    print_grants(&reports, options.output)?;
    let has_certificates = revoked
        .iter()
        .any(|(_, redemptions)| !redemptions.is_empty());
    if options.output == Format::Table && has_certificates {
        tell(
            "these certificates stay valid until their end: there is no revocation list; to shut a \
             site out, replace the CA of the links",
        );
    }
    Ok(())
}
