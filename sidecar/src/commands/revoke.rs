//! `revoke`: ends the grants of a name at once, retries included.

use super::report::{GrantReport, print_grants, time};
use super::{Failure, data, tell};
use crate::args::{Format, Revoke};
use crate::clock;
use crate::redemption::Grant;

pub(super) async fn run(options: Revoke) -> Result<(), Failure> {
    let ledger = data::ledger(&data::folder(&options.data)?)?;
    let now = clock::now();
    let revoked = ledger.revoke(&options.name, now).await?;
    if revoked.is_empty() {
        let newest = ledger.show(&options.name).await?.into_iter().next();
        return Err(ended(&options.name, newest.map(|(grant, _)| grant)));
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

/// Why there is nothing to revoke. Holds the newest grant of the name.
fn ended(name: &str, newest: Option<Grant>) -> Failure {
    Failure::refused(match newest {
        None => format!(
            "there is no live grant '{name}': 'redemption-sidecar list' shows those there are"
        ),
        Some(grant) => match grant.revoked {
            Some(at) => format!("'{name}' was revoked at {}", time(at)),
            None => format!("'{name}' expired at {}", time(grant.expiration_time)),
        },
    })
}
