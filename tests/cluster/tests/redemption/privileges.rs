//! The Roles of `deploy/` allow what the services need, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster_tests::{Cluster, Permission, Rendered};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use redemption_sidecar::kubernetes::AccessGrant;
use redemption_sidecar::pki::issuer::new_site_ca;
use redemption_sidecar::redemption::{GrantUid, LinkId};
use redemption_sidecar::system::clock;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::room::{CODE, Room};
use crate::service::{Answer, Service, Services};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_asks_the_api_server_for_is_exactly_what_its_role_allows() {
    let services = BASES.into_iter().chain([EVERYWHERE]).map(|base| {
        tokio::spawn(async move {
            // A cluster for each: one of the services sees all of it, and deletes what others would.
            let cluster = Cluster::start().await.unwrap();
            cluster.install_skupper_kinds().await.unwrap();
            let rendered = Rendered::of(base).unwrap();
            let room = Room::with(&cluster, &format!("uses-{base}"), &rendered).await;
            let observed = observe(&cluster, &room, base, None).await;
            assert_eq!(observed, everything(base), "{base}");
            let allowed: BTreeSet<_> = rendered.permissions().into_iter().collect();
            assert_eq!(used(&cluster, &room, &allowed), allowed, "{base}");
        })
    });
    for service in services.collect::<Vec<_>>() {
        service.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_verb_something_fails_and_the_log_names_the_verb() {
    let cluster = Cluster::shared().await.unwrap();
    let mut rows = Vec::new();
    for base in BASES {
        let rendered = Rendered::of(base).unwrap();
        let permissions = rendered.permissions();
        let mut named: Vec<_> = CONSEQUENCES.iter().map(|(sentence, _)| *sentence).collect();
        let mut allowed: Vec<_> = permissions.iter().map(Permission::sentence).collect();
        named.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(named, allowed, "{base}: every permission, and no other");
        for (number, taken) in permissions.into_iter().enumerate() {
            let (cluster, less) = (Arc::clone(&cluster), rendered.clone().without(&taken));
            rows.push(tokio::spawn(async move {
                let namespace = format!("without-{number}-{base}");
                let room = Room::with(&cluster, &namespace, &less).await;
                let observed = observe(&cluster, &room, base, Some(&taken)).await;
                (base, taken.sentence(), observed)
            }));
        }
    }
    let mut wrong = Vec::new();
    for row in rows {
        let (base, sentence, observed) = row.await.unwrap();
        let row = CONSEQUENCES.iter().find(|(name, _)| *name == sentence);
        let mut expected = everything(base);
        for change in row.unwrap().1 {
            change(&mut expected);
        }
        if observed != expected {
            wrong.push(format!("{base} without '{sentence}': {observed:?}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// Effects of a service for those around it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an observation of its own"
)]
struct Observed {
    /// `/readyz`.
    is_ready: bool,
    /// The answer to the first redemption of a grant for one.
    first: Option<u16>,
    /// The answer to the second.
    second: Option<u16>,
    /// True when a grant without a code got one.
    completes: bool,
    /// True when another endpoint of the Site was noticed.
    sees_site: bool,
    /// True when another CA of the Site was noticed.
    sees_issuer: bool,
    /// The Event about a fault that lasted for more than a minute: how often it was noticed, 0 without
    /// an Event.
    told: i32,
    /// True when a Lease shows the redeemed link.
    registers: bool,
    /// The answer to the link's renewal.
    renews: Option<u16>,
    /// True when the Lease of a link that has ended was deleted.
    prunes: bool,
}

fn everything(base: &str) -> Observed {
    Observed {
        is_ready: true,
        first: Some(200),
        second: Some(404),
        completes: base == OWN_STATUS,
        sees_site: true,
        sees_issuer: true,
        told: 2,
        registers: true,
        renews: Some(200),
        prunes: true,
    }
}

type Change = fn(&mut Observed);

/// Effects that are missed without a permission.
const CONSEQUENCES: [(&str, &[Change]); 16] = [
    (
        "get accessgrants",
        &[completes_nothing, |seen| seen.second = Some(503)],
    ),
    (
        "list accessgrants",
        &[never_ready, redeems_nothing, completes_nothing, |seen| {
            seen.told = 0;
        }],
    ),
    // Those that it has listed can be redeemed, as far as somebody still sends redeemers here.
    ("watch accessgrants", &[never_ready, completes_nothing]),
    (
        "update accessgrants/status",
        &[redeems_nothing, completes_nothing],
    ),
    (
        "list sites",
        &[never_ready, redeems_nothing, |seen| seen.sees_site = false],
    ),
    ("watch sites", &[|seen| seen.sees_site = false]),
    (
        "list secrets skupper-site-ca",
        &[never_ready, redeems_nothing, |seen| {
            seen.sees_issuer = false;
        }],
    ),
    (
        "watch secrets skupper-site-ca",
        &[|seen| seen.sees_issuer = false],
    ),
    (
        "get leases",
        &[renews_nothing, |seen| seen.registers = false],
    ),
    ("list leases", &[renews_nothing, prunes_nothing]),
    ("watch leases", &[renews_nothing]),
    (
        "create leases",
        &[renews_nothing, prunes_nothing, |seen| {
            seen.registers = false;
        }],
    ),
    ("update leases", &[renews_nothing]),
    ("delete leases", &[prunes_nothing]),
    ("create events", &[|seen| seen.told = 0]),
    ("patch events", &[|seen| seen.told = 1]),
];

fn never_ready(seen: &mut Observed) {
    seen.is_ready = false;
}

fn redeems_nothing(seen: &mut Observed) {
    seen.first = Some(503);
    seen.second = Some(503);
    seen.registers = false;
    seen.renews = None;
}

/// It cannot know which links were taken back.
fn renews_nothing(seen: &mut Observed) {
    seen.renews = Some(503);
}

fn prunes_nothing(seen: &mut Observed) {
    seen.prunes = false;
}

fn completes_nothing(seen: &mut Observed) {
    seen.completes = false;
}

/// Runs a service, and what may happen around it.
async fn observe(
    cluster: &Cluster,
    room: &Room,
    base: &str,
    taken: Option<&Permission>,
) -> Observed {
    room.site().await;
    let services = Services::new(cluster, room);
    let uid = room.grant("west", 1).await;
    let other_issuer = json!({"issuer": "partners"});
    let faulty = room.grant_of("faulty", other_issuer, CODE).await;
    let is_everywhere = base == EVERYWHERE;
    let services = if is_everywhere {
        services.of_all()
    } else {
        services
    };
    let leases: Api<Lease> = Api::namespaced(room.client.clone(), &room.namespace);
    add_ended_link(&leases).await;
    let mut options = vec!["--keep", "1s"];
    if base == OWN_STATUS {
        options.push("--own-status");
    }
    let service = services.spawn(&options);
    let is_ready = || service.is_ready() == Some(true);
    let is_complained_of = || taken.is_some_and(|taken| is_named(&service, taken));
    within(PATIENCE, || {
        service.is_ready().is_some() && (is_ready() || is_complained_of())
    })
    .await;
    // What was there at the start is noticed late where something is forbidden.
    sleep(SETTLED).await;
    let endpoint = json!({"name": "edge", "host": "192.0.2.2", "port": "45671", "group": "g"});
    let fault = services.status(service.port, &faulty).await;
    assert_eq!(fault, Some(503));
    let first = services.ask(service.port, &uid).await;
    let link = first
        .as_ref()
        .filter(|answer| answer.status == 200)
        .map(Answer::pair);
    let observed = Observed {
        is_ready: is_ready(),
        first: first.map(|answer| answer.status),
        // Before the CA that certified the link is another.
        registers: match &link {
            Some(link) => is_registered(&leases, link.link()).await,
            None => false,
        },
        renews: match &link {
            Some(link) => services.renew(service.port, link).await.map(|it| it.status),
            None => None,
        },
        second: services.status(service.port, &uid).await,
        completes: is_completed(room).await,
        sees_site: {
            let before = loads(&service);
            room.set_endpoints(&json!([endpoint])).await;
            is_loaded_anew(&service, before + 1).await
        },
        sees_issuer: {
            let before = loads(&service);
            replace_site_ca(room).await;
            is_loaded_anew(&service, before + 1).await
        },
        told: {
            sleep(BETWEEN_EVENTS).await;
            services.status(service.port, &faulty).await;
            told(room, &faulty).await
        },
        prunes: leases.get_opt(ENDED).await.unwrap().is_none(),
    };
    if let Some(taken) = taken {
        let log = service.log();
        assert!(is_named(&service, taken), "'{}': {log}", taken.sentence());
    }
    observed
}

/// The Lease of a link that ended long ago.
async fn add_ended_link(leases: &Api<Lease>) {
    let lease = json!({"metadata": {"name": ENDED,
        "labels": {"app.kubernetes.io/managed-by": "redemption-sidecar"},
        "annotations": {"redemption-sidecar/not-after": "2020-01-01T00:00:00Z"}}});
    let lease = serde_json::from_value(lease).unwrap();
    let options = PostParams::default();
    leases.create(&options, &lease).await.unwrap();
}

async fn is_registered(leases: &Api<Lease>, link: LinkId) -> bool {
    let end = Instant::now() + LOOK;
    while Instant::now() < end {
        let lease = leases.get_opt(&link.to_string()).await.unwrap();
        if lease.is_some() {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}

/// True when the log says which verb on which resource is missing, in the words of the API server.
fn is_named(service: &Service, taken: &Permission) -> bool {
    let Permission { verb, resource, .. } = taken;
    let words = format!("cannot {verb} resource \"{resource}\"");
    // In a log of text it stands as it is; JSON would escape it.
    service.log().contains(&words)
}

async fn is_completed(room: &Room) -> bool {
    let mut object = AccessGrant::default();
    object.metadata.name = Some("without-a-code".to_owned());
    object.spec = json!({});
    let options = PostParams::default();
    room.grants.create(&options, &object).await.unwrap();
    let end = Instant::now() + LOOK;
    while Instant::now() < end {
        let object = room.grants.get("without-a-code").await.unwrap();
        if object.status["code"].is_string() {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}

async fn replace_site_ca(room: &Room) {
    let (certificate, key) = new_site_ca("skupper-site-ca", clock::now()).unwrap();
    let pair = json!({"stringData": {"tls.crt": certificate, "tls.key": key.expose_secret()}});
    let patch = Patch::Merge(pair);
    let options = PatchParams::default();
    let name = "skupper-site-ca";
    let patched = room.secrets().patch(name, &options, &patch).await;
    patched.unwrap();
}

/// Number of times that the fault of a grant is said to have been noticed.
async fn told(room: &Room, uid: &GrantUid) -> i32 {
    // An Event is written behind the answer.
    sleep(Duration::from_secs(1)).await;
    let events: Api<Event> = Api::namespaced(room.client.clone(), &room.namespace);
    let about = ListParams::default().fields(&format!("regarding.uid={uid}"));
    let events = events.list(&about).await.unwrap().items;
    let counts = events
        .iter()
        .map(|event| event.series.as_ref().map_or(1, |series| series.count));
    counts.sum()
}

fn loads(service: &Service) -> usize {
    service.log().matches("was loaded anew").count()
}

async fn is_loaded_anew(service: &Service, times: usize) -> bool {
    within(LOOK, || loads(service) >= times).await;
    loads(service) >= times
}

/// Requests of the ServiceAccount of a room. A name counts where the Role gives names.
fn used(cluster: &Cluster, room: &Room, allowed: &BTreeSet<Permission>) -> BTreeSet<Permission> {
    let account = format!(
        "system:serviceaccount:{}:redemption-sidecar",
        room.namespace
    );
    let events = cluster.audit_events().unwrap();
    let events = events
        .iter()
        .filter(|event| event["user"]["username"] == account.as_str())
        // The test itself asked what is allowed.
        .filter(|event| event["objectRef"]["resource"] != "selfsubjectaccessreviews");
    events
        .map(|event| {
            assert_ne!(event["responseStatus"]["code"], 403, "{event}");
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let object = &event["objectRef"];
            let resource = match object["subresource"].as_str() {
                Some(subresource) => format!("{}/{subresource}", text(&object["resource"])),
                None => text(&object["resource"]),
            };
            let has_names = allowed
                .iter()
                .any(|one| one.resource == resource && one.name.is_some());
            Permission {
                group: text(&object["apiGroup"]),
                name: object["name"]
                    .as_str()
                    .filter(|_| has_names)
                    .map(str::to_owned),
                verb: text(&event["verb"]),
                resource,
            }
        })
        .collect()
}

async fn within(time: Duration, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + time;
    while !is_so() && Instant::now() < end {
        sleep(Duration::from_millis(50)).await;
    }
}

const OWN_STATUS: &str = "sidecar-own-status";

/// Its service serves all namespaces.
const EVERYWHERE: &str = "sidecar-cluster";

/// The bases with a service of one namespace.
const BASES: [&str; 2] = ["sidecar", OWN_STATUS];

/// A fault that lasts is told of once a minute.
const BETWEEN_EVENTS: Duration = Duration::from_secs(61);

const PATIENCE: Duration = Duration::from_secs(30);

/// A service looks every 2 s for what has changed, and `/readyz` every 5 s. One that hears nothing of
/// revocations, but once of its own Lease, no longer renews after 14 s.
const SETTLED: Duration = Duration::from_secs(16);

/// The link that ended long ago.
const ENDED: &str = "0123456789abcdef0123";

/// Within which a service notices a change.
const LOOK: Duration = Duration::from_secs(5);
