//! The Leases of links: made as the register writes them, and read until they say what was renewed.

use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{ListParams, PostParams};
use redemption_bench::Fault;
use redemption_sidecar::redemption::{GrantUid, Serial};
use redemption_sidecar::system::clock;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::room::{NAMESPACE, Room};

/// The Leases of the room.
pub(crate) fn all(room: &Room) -> Result<Api<Lease>, Fault> {
    Ok(Api::namespaced(room.cluster.admin()?, NAMESPACE))
}

/// Makes the Leases of links of a grant that were redeemed a day ago.
pub(crate) async fn make(
    leases: &Api<Lease>,
    uid: &GrantUid,
    links: Vec<(Serial, DateTime<Utc>)>,
) -> Result<(), Fault> {
    let mut makers = JoinSet::new();
    for part in links.chunks(links.len().div_ceil(MAKERS).max(1)) {
        let (leases, uid, part) = (leases.clone(), *uid, part.to_owned());
        makers.spawn(async move {
            for (serial, end) in part {
                let lease = serde_json::from_value(lease(&uid, &serial, end))?;
                leases.create(&PostParams::default(), &lease).await?;
            }
            Ok::<_, Fault>(())
        });
    }
    while let Some(made) = makers.join_next().await {
        made??;
    }
    Ok(())
}

/// Waits until this many Leases of a grant say that their links were renewed this often, and returns how
/// long that took. It looks every tenth of a second.
pub(crate) async fn written(
    leases: &Api<Lease>,
    uid: &GrantUid,
    links: usize,
    renewals: i32,
) -> Result<Duration, Fault> {
    let begun = Instant::now();
    let of_grant = ListParams::default().labels(&format!("{GRANT}={uid}"));
    loop {
        let listed = leases.list(&of_grant).await?;
        let is_written = |lease: &&Lease| {
            let spec = lease.spec.as_ref();
            spec.and_then(|spec| spec.lease_transitions) == Some(renewals)
        };
        let said = listed.items.iter().filter(is_written).count();
        if said == links {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("{said} of {links} Leases say what was renewed").into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn lease(uid: &GrantUid, serial: &Serial, end: DateTime<Utc>) -> Value {
    let seconds = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let redeemed = clock::now() - TimeDelta::days(1);
    let redeemed = redeemed.to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({
        "metadata": {
            "name": serial.link().to_string(),
            "labels": {"app.kubernetes.io/managed-by": "redemption-sidecar", GRANT: uid.to_string()},
            "annotations": {
                "redemption-sidecar/grant-name": "links",
                "redemption-sidecar/serial": serial.to_string(),
                "redemption-sidecar/not-after": seconds(end),
                "redemption-sidecar/latest-end": seconds(end),
                "redemption-sidecar/authority": "0123456789abcdef",
                "redemption-sidecar/told": serial.to_string(),
            },
        },
        "spec": {
            "holderIdentity": "west",
            "acquireTime": redeemed,
            "renewTime": redeemed,
            "leaseDurationSeconds": 604_800,
            "leaseTransitions": 0,
        },
    })
}

/// The label with the uid of the grant.
const GRANT: &str = "redemption-sidecar/grant";

/// How many make Leases at once.
const MAKERS: usize = 16;

const LOOK: Duration = Duration::from_millis(100);

/// Longer than any register may be behind.
const PATIENCE: Duration = Duration::from_mins(2);
