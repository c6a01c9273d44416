//! Renewals in a second, and what a service asks of the API server before it answers one.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use redemption_bench::Fault;
use redemption_bench::client::Client;
use redemption_bench::links::Link;
use redemption_bench::load::Load;
use redemption_bench::sidecar::Sidecar;
use redemption_bench::table::{Figure, Goal, Table};
use redemption_sidecar::redemption::GrantUid;
use serde_json::Value;

use crate::leases;
use crate::replicas::Replica;
use crate::room::{NAMESPACE, Room};

/// A handshake each, with the certificate of a link.
pub(crate) async fn renewals(room: &Room, run: usize, table: &mut Table) -> Result<(), Fault> {
    let grants = room.make_grants(&format!("renewals-{run}"), 2, 1).await?;
    let [of_rate, of_count] = grants.as_slice() else {
        return Err("two grants were to be made".into());
    };
    let links = make(room, of_rate, if room.is_quick { 600 } else { 3000 }).await?;
    let replica = Replica::start(room).await?;
    let before = replica.sidecar.cpu()?;
    let load = load(room, &replica.sidecar, &links, links.len() * EACH)?;
    let mut seen = load.closed().await?.only_redeemed()?;
    let cpu = replica.sidecar.cpu()? - before;
    let renewed = f64::from(u32::try_from(seen.redeemed)?);
    table.see(RATE, renewed / seen.elapsed.as_secs_f64());
    table.see(P99, seen.times.p99());
    table.see(CPU, cpu / renewed);
    replica.sidecar.stop()?;
    requests(room, of_count, table).await
}

/// Renews each link once, and counts what the service asked for: of each link the register reads and
/// writes the Lease once, whatever came before. More than that was for the answers.
async fn requests(room: &Room, uid: &GrantUid, table: &mut Table) -> Result<(), Fault> {
    let links = make(room, uid, COUNTED).await?;
    let leases = leases::all(room)?;
    let replica = Replica::start_as(room, &room.account()).await?;
    // What a start asks for is over.
    tokio::time::sleep(SETTLED).await;
    let before = room.cluster.audit_events()?.len();
    let load = load(room, &replica.sidecar, &links, COUNTED)?;
    load.closed().await?.only_redeemed()?;
    leases::written(&leases, uid, COUNTED, 1).await?;
    let events = room.cluster.audit_events()?;
    let names = links.iter().map(|link| link.serial.link().to_string());
    let asked = Requests::of(events.iter().skip(before), &names.collect());
    if asked.behind == 0 {
        return Err("the audit log has no request of the service".into());
    }
    let count = f64::from(u32::try_from(COUNTED)?);
    table.see(BEFORE, f64::from(asked.before) / count);
    table.see(BEHIND, f64::from(asked.behind) / count);
    replica.sidecar.stop()?;
    Ok(())
}

/// Requests of the service, by what they were for.
#[derive(Debug, Default, PartialEq)]
struct Requests {
    /// Whatever the register does not need.
    before: u32,
    /// The read and the write of each link's Lease.
    behind: u32,
}

impl Requests {
    /// Counts those in a part of the audit log. The watches were asked for before, and end by themselves
    /// at some time; the heartbeat comes every few seconds.
    fn of<'a>(events: impl Iterator<Item = &'a Value>, links: &HashSet<String>) -> Self {
        let account = format!("system:serviceaccount:{NAMESPACE}:");
        let (mut requests, mut known) = (Self::default(), HashSet::new());
        for event in events {
            let text = |pointer| event.pointer(pointer).and_then(Value::as_str);
            let [user, verb, resource, name] = [
                "/user/username",
                "/verb",
                "/objectRef/resource",
                "/objectRef/name",
            ]
            .map(|pointer| text(pointer).unwrap_or_default());
            let is_lease = resource == "leases";
            let is_heartbeat = is_lease && name == "redemption-sidecar";
            if !user.starts_with(&account) || verb == "watch" || is_heartbeat {
                continue;
            }
            let is_first = known.insert((name, verb == "get"));
            if is_lease && is_first && links.contains(name) {
                requests.behind += 1;
            } else {
                requests.before += 1;
            }
        }
        requests
    }
}

/// Links of a grant, with certificates of the site's CA.
pub(crate) async fn make(room: &Room, uid: &GrantUid, count: usize) -> Result<Vec<Link>, Fault> {
    let issuer = room.issuer().await?;
    (0..count).map(|_| Link::make(&issuer, uid)).collect()
}

/// Renewals of links in turn, each with a handshake of its own.
pub(crate) fn load(
    room: &Room,
    sidecar: &Sidecar,
    links: &[Link],
    requests_at_most: usize,
) -> Result<Load, Fault> {
    let certificates = links.iter().map(|link| Arc::clone(&link.certified));
    let keys = Arc::clone(&room.keys);
    Ok(Load {
        client: Client::showing(sidecar.address, certificates.collect())?,
        requests: Arc::new(move |number| keys.renewal(number)),
        // Two peers: the server may learn late that a connection is closed.
        from: [1, 2]
            .repeat(CONNECTIONS / 2)
            .into_iter()
            .map(|last| Ipv4Addr::new(127, 0, 0, last))
            .collect(),
        is_kept_alive: false,
        requests_at_most,
        time_at_most: room.time,
    })
}

/// Connections of a load.
const CONNECTIONS: usize = 64;

/// How often a link renews: less than it may in a minute.
const EACH: usize = 5;

/// Renewals whose requests are counted.
const COUNTED: usize = 300;

/// Longer than a service asks for things after its start.
const SETTLED: Duration = Duration::from_secs(2);

const RATE: Figure = Figure {
    name: "renewals, new handshake each, EC issuer",
    unit: "1/s",
    goal: Goal::AtLeast(1000.0),
};

const P99: Figure = Figure {
    name: "  their p99 at that rate, 64 at once",
    unit: "ms",
    goal: Goal::Free,
};

const CPU: Figure = Figure {
    name: "  server CPU per renewal, the register included",
    unit: "ms",
    goal: Goal::Free,
};

const BEFORE: Figure = Figure {
    name: "  API requests before an answer",
    unit: "",
    goal: Goal::AtMost(0.0),
};

const BEHIND: Figure = Figure {
    name: "  API requests of the register behind it",
    unit: "",
    goal: Goal::Free,
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_but_one_read_and_one_write_of_a_lease_counts_for_the_answer() {
        let own = "system:serviceaccount:west:redemption-sidecar";
        let link = "0123456789abcdef0123";
        let (none, one) = ((0, 2), (1, 2));
        let cases = [
            ("nothing more", own, "watch", "leases", "", none),
            (
                "a heartbeat",
                own,
                "update",
                "leases",
                "redemption-sidecar",
                none,
            ),
            ("of somebody else", "admin", "list", "leases", "", none),
            ("the Lease again", own, "get", "leases", link, one),
            ("a second write", own, "patch", "leases", link, one),
            (
                "another Lease",
                own,
                "get",
                "leases",
                "0123456789abcdef4567",
                one,
            ),
            ("a list of Leases", own, "list", "leases", "", one),
            ("the grant", own, "get", "accessgrants", "west", one),
        ];
        for (case, user, verb, resource, name, (before, behind)) in cases {
            let event = |user, verb, resource, name| {
                json!({"user": {"username": user}, "verb": verb,
                    "objectRef": {"resource": resource, "name": name}})
            };
            let events = [
                event(own, "get", "leases", link),
                event(own, "create", "leases", link),
                event(user, verb, resource, name),
            ];
            let seen = Requests::of(events.iter(), &HashSet::from([link.to_owned()]));
            assert_eq!(seen, Requests { before, behind }, "{case}");
        }
    }
}
