//! `revoke`: ends the grants of a name at once, retries included.

use super::report::{print_grants, time};
use super::store::Store;
use super::{Failure, tell};
use crate::args::{Format, Revoke};
use crate::ledger::{GrantRecord, Redeemed};
use crate::system::clock;

pub(super) async fn run(options: Revoke) -> Result<(), Failure> {
    let now = clock::now();
    let store = Store::of(&options.store)?;
    let grants = store.grants().await?;
    let revoked = grants.revoke(&options.name, now).await?;
    if revoked.is_empty() {
        let known = grants.find(&options.name).await?;
        return Err(ended(&options.name, known.first(), &store));
    }
    print_grants(&revoked, options.output, now)?;
    if options.output != Format::Table {
        return Ok(());
    }
    let is_redeemed = revoked.iter().any(|record| match &record.redeemed {
        Redeemed::Redemptions(redemptions) => !redemptions.is_empty(),
        Redeemed::Keys(keys) => !keys.is_empty(),
    });
    if is_redeemed {
        tell(
            "these certificates stay valid until their end: there is no revocation list; to shut a \
             site out, replace the CA of the links",
        );
        if matches!(revoked.first(), Some(first) if matches!(first.redeemed, Redeemed::Keys(_))) {
            tell("the log of the service names their serial numbers");
        }
    }
    Ok(())
}

/// Reason there is nothing to revoke. Takes the newest grant of the name.
fn ended(name: &str, newest: Option<&GrantRecord>, store: &Store) -> Failure {
    let Some(grant) = newest.and_then(|record| record.grant.as_ref()) else {
        return Failure::refused(format_args!(
            "there is no live grant '{name}': {} shows those there are",
            store.command("list")
        ));
    };
    match grant.revoked {
        Some(at) => Failure::refused(format_args!("'{name}' was revoked at {}", time(at))),
        None => Failure::refused(format_args!(
            "'{name}' expired at {}",
            time(grant.expiration_time)
        )),
    }
}
