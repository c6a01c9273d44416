//! `revoke`: ends the grants of a name at once, retries included.

use chrono::{DateTime, Utc};

use super::report::{GrantReport, print_grants, time};
use super::{Failure, cluster, data, tell};
use crate::args::{Format, Revoke};
use crate::ledger::kubernetes::administration::Administration;
use crate::redemption::Grant;
use crate::system::clock;

pub(super) async fn run(options: Revoke) -> Result<(), Failure> {
    let now = clock::now();
    if let Some(cluster) = cluster::administration(&options.cluster).await? {
        return delete(&cluster, &options, now).await;
    }
    let ledger = data::ledger(&data::folder(&options.data)?)?;
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
        tell(STAY_VALID);
    }
    Ok(())
}

/// Deletes the AccessGrant: what is not there is redeemed by nobody, Skupper's controller included.
async fn delete(
    cluster: &Administration,
    options: &Revoke,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let name = &options.name;
    let listed = cluster.revoke(name).await?;
    let mut listed = listed.ok_or_else(|| no_live_grant(name, "list --kubernetes"))?;
    if let Some(grant) = &mut listed.grant {
        grant.revoked.get_or_insert(now);
    }
    let report = GrantReport::of_cluster_with_keys(&listed, now);
    print_grants(&[report], options.output)?;
    if options.output == Format::Table && !listed.keys.is_empty() {
        tell(STAY_VALID);
        tell("the log of the service names their serial numbers");
    }
    Ok(())
}

const STAY_VALID: &str = "these certificates stay valid until their end: there is no revocation \
    list; to shut a site out, replace the CA of the links";

/// Why there is nothing to revoke. Holds the newest grant of the name.
fn ended(name: &str, newest: Option<Grant>) -> Failure {
    let Some(grant) = newest else {
        return no_live_grant(name, "list");
    };
    Failure::refused(match grant.revoked {
        Some(at) => format!("'{name}' was revoked at {}", time(at)),
        None => format!("'{name}' expired at {}", time(grant.expiration_time)),
    })
}

fn no_live_grant(name: &str, list: &str) -> Failure {
    Failure::refused(format!(
        "there is no live grant '{name}': 'redemption-sidecar {list}' shows those there are"
    ))
}
