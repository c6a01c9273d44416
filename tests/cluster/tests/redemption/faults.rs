//! Faults of the cluster: what redeemers are told, what the operator is told, and that the
//! service goes on by itself when it is mended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cluster_tests::{Cluster, Identity};
use http::{Method, Request};
use kube::api::{Patch, PatchParams};
use redemption_sidecar::pki::issuer::new_site_ca;
use redemption_sidecar::redemption::GrantUid;
use redemption_sidecar::system::clock;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::burst::Burst;
use crate::room::{CANARY, Room};
use crate::service::{Service, Services};

/// A fault.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Nothing,
    /// The service may not do this with that.
    Forbidden(&'static str, &'static str),
    NoSecret,
    /// The Secret holds these keys, with text that is none of PEM.
    Rubbish([&'static str; 2]),
    /// The key is that of another certificate.
    OtherKey,
    NoEndpoints,
    NoSite,
    EdgeSite,
    /// The grant names an issuer.
    Issuer(&'static str),
}

/// The grant that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Live,
    Spent,
    /// One that was made when the service had started.
    New,
}

struct Row {
    fault: Fault,
    asked: Asked,
    /// Status and body.
    told: (u16, &'static str),
    is_ready: bool,
    /// Text that the log must hold.
    logged: &'static [&'static str],
}

const UNAVAILABLE: (u16, &str) = (503, "Not available\n");
const NOT_READY: (u16, &str) = (503, "Not ready\n");
const SPENT: (u16, &str) = (404, "No such access granted\n");

#[rustfmt::skip]
const TABLE: [Row; 18] = {
    use Asked::{Live, New, Spent};
    use Fault::{EdgeSite, Forbidden, NoEndpoints, NoSecret, NoSite, Nothing, OtherKey, Rubbish};
    const NO_ENDPOINT: &str = "the site has no endpoint to link to";
    const NO_ISSUER: &str = "the issuer 'skupper-site-ca' cannot be used";
    const fn row(fault: Fault, asked: Asked, told: (u16, &'static str), is_ready: bool, logged: &'static [&'static str]) -> Row {
        Row { fault, asked, told, is_ready, logged }
    }
    [
        row(Nothing, Live, (200, ""), true, &[]),
        row(Nothing, Spent, SPENT, true, &[]),
        row(Forbidden("accessgrants", "list"), Live, NOT_READY, false, &["cannot list resource \"accessgrants\""]),
        row(Forbidden("accessgrants", "watch"), Live, (200, ""), false, &["cannot watch resource \"accessgrants\""]),
        row(Forbidden("accessgrants", "watch"), New, NOT_READY, false, &["cannot watch resource \"accessgrants\""]),
        row(Forbidden("accessgrants", "get"), Spent, UNAVAILABLE, true, &["cannot get resource \"accessgrants\""]),
        row(Forbidden("accessgrants/status", "update"), Live, UNAVAILABLE, true, &["cannot update resource \"accessgrants/status\""]),
        row(Forbidden("sites", "list"), Live, UNAVAILABLE, false, &["cannot list resource \"sites\"", NO_ENDPOINT]),
        row(Forbidden("sites", "watch"), Live, (200, ""), true, &["cannot watch resource \"sites\""]),
        row(Forbidden("secrets", "list"), Live, UNAVAILABLE, false, &["cannot list resource \"secrets\"", NO_ISSUER]),
        row(Forbidden("secrets", "watch"), Live, (200, ""), true, &["cannot watch resource \"secrets\""]),
        row(NoSecret, Live, UNAVAILABLE, false, &["there is no Secret 'skupper-site-ca'", NO_ISSUER]),
        row(Rubbish(["ca.crt", "password"]), Live, UNAVAILABLE, false, &["must hold 'tls.crt' and 'tls.key'", NO_ISSUER]),
        row(Rubbish(["tls.crt", "tls.key"]), Live, UNAVAILABLE, false, &["no certificate in PEM", NO_ISSUER]),
        row(OtherKey, Live, UNAVAILABLE, false, &["the private key must be that of the first certificate", NO_ISSUER]),
        row(NoEndpoints, Live, UNAVAILABLE, false, &[NO_ENDPOINT]),
        row(NoSite, Live, UNAVAILABLE, false, &["there is no Site in namespace", "there is no Site in the namespace of the grant"]),
        row(EdgeSite, Live, UNAVAILABLE, false, &["site 'west' is an edge site and accepts no links"]),
    ]
};

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_has_its_answer_and_its_line_in_the_log_and_ends_when_it_is_mended() {
    let cluster = Cluster::shared().await.unwrap();
    let mut at_work = JoinSet::new();
    for (number, row) in TABLE.iter().enumerate() {
        if at_work.len() == AT_ONCE {
            at_work.join_next().await.unwrap().unwrap();
        }
        let cluster = Arc::clone(&cluster);
        at_work.spawn(async move { row.holds(&cluster, number).await });
    }
    at_work.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_names_an_issuer_is_served_when_the_service_names_it_too() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "issuers").await;
    room.site().await;
    // The Role of the base allows no further Secret.
    let services = Services::of(&cluster, &room, &Identity::Admin);
    let service = services.start(&["--issuer", "partners"]).await;
    for (issuer, told, logged) in [
        ("skupper-site-ca", (200, ""), ""),
        ("partners", UNAVAILABLE, "there is no Secret 'partners'"),
        ("others", UNAVAILABLE, "start serve with '--issuer others'"),
    ] {
        let fault = Fault::Issuer(issuer);
        let uid = fault
            .grant(&room, Asked::Live, &format!("of-{issuer}"))
            .await;
        wait_for_answer(&services, &service, &uid, told, issuer).await;
        assert!(
            service.log().contains(logged),
            "{issuer}: {}",
            service.log()
        );
    }
    room.make_secret(
        "partners",
        &["tls.crt", "tls.key"].map(str::to_owned),
        &pair(),
    )
    .await;
    let uid = Fault::Issuer("partners")
        .grant(&room, Asked::Live, "partners-again")
        .await;
    wait_for_answer(&services, &service, &uid, (200, ""), "mended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_writer_that_never_rests_everybody_is_answered() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "conflicts").await;
    room.site().await;
    let services = Arc::new(Services::new(&cluster, &room));
    let service = services.start(&[]).await;
    let uid = room.grant("west", 30).await;
    room.is_known(&services, std::slice::from_ref(&service), &uid)
        .await;
    let is_over = Arc::new(AtomicBool::new(false));
    let (grants, end) = (room.grants.clone(), Arc::clone(&is_over));
    let writer = tokio::spawn(async move {
        let mut writes = 0;
        while !end.load(Ordering::Relaxed) {
            let patch =
                Patch::Merge(json!({"metadata": {"labels": {"round": writes.to_string()}}}));
            grants
                .patch("west", &PatchParams::default(), &patch)
                .await
                .unwrap();
            writes += 1;
        }
        writes
    });
    let mut burst = Burst::default();
    burst.own(&services, service.port, uid, 20);
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(services.ask(service.port, &uid).await.unwrap().status);
    }
    let own = burst.end().await.own.len();
    is_over.store(true, Ordering::Relaxed);
    let written = writer.await.unwrap();
    let plain = statuses.iter().filter(|status| **status == 200).count();
    println!("{own} own and {plain} plain beside {written} writes");
    assert_eq!(own + plain, 30, "{statuses:?}");
    assert!(
        statuses.iter().all(|status| [200, 404].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(room.redemptions("west").await, 30);
}

impl Row {
    async fn holds(&self, cluster: &Cluster, number: usize) {
        let Self {
            fault,
            asked,
            told,
            is_ready,
            logged,
        } = self;
        let name = format!("{fault:?}, {asked:?}");
        let room = Room::new(cluster, &format!("fault-{number}")).await;
        room.site().await;
        let user = format!("sidecar-{number}");
        room.bind(&user, fault).await;
        let mut uid = fault.grant(&room, *asked, "west").await;
        fault.befall(&room).await;
        let services = Services::new(cluster, &room);
        let identity = Identity::user(&user, &[]);
        services.write("kubeconfig", &cluster.kubeconfig(&identity).unwrap());
        let service = services.spawn(&[]);
        if *asked == Asked::New {
            wait_for_log(&service, logged[0], &name).await;
            uid = fault.grant(&room, *asked, "east").await;
        }
        wait_for_answer(&services, &service, &uid, *told, &name).await;
        for words in *logged {
            wait_for_log(&service, words, &name).await;
        }
        service.wait_for(*is_ready).await;

        room.unbind().await;
        room.bind(&user, &Fault::Nothing).await;
        fault.mend(&room).await;
        let whole = if *asked == Asked::Spent {
            SPENT
        } else {
            (200, "")
        };
        wait_for_answer(&services, &service, &uid, whole, &name).await;
        service.wait_for(true).await;
    }
}

impl Fault {
    async fn grant(&self, room: &Room, asked: Asked, name: &str) -> GrantUid {
        let uid = room.grant(name, 3).await;
        if asked == Asked::Spent {
            room.set_status(name, &json!({"redemptions": 3})).await;
        }
        if let Self::Issuer(issuer) = self {
            let patch = Patch::Merge(json!({"spec": {"issuer": issuer}}));
            room.grants
                .patch(name, &PatchParams::default(), &patch)
                .await
                .unwrap();
        }
        uid
    }

    async fn befall(&self, room: &Room) {
        match self {
            Self::Nothing | Self::Forbidden(..) | Self::Issuer(_) => {}
            Self::NoSecret => room.delete_secret().await,
            Self::Rubbish(keys) => {
                room.delete_secret().await;
                let rubbish = [format!("{CANARY}certificate"), format!("{CANARY}key")];
                room.make_secret(ISSUER, &keys.map(str::to_owned), &rubbish)
                    .await;
            }
            Self::OtherKey => {
                room.delete_secret().await;
                let ([certificate, _], [_, key]) = (pair(), pair());
                let keys = ["tls.crt", "tls.key"].map(str::to_owned);
                room.make_secret(ISSUER, &keys, &[certificate, key]).await;
            }
            Self::NoEndpoints => {
                room.patch_site("/status", &json!({"status": {"endpoints": []}}))
                    .await;
            }
            Self::NoSite => room.send(Method::DELETE, &room.site_url(""), None).await,
            Self::EdgeSite => room.patch_site("", &json!({"spec": {"edge": true}})).await,
        }
    }

    async fn mend(&self, room: &Room) {
        match self {
            Self::Nothing | Self::Forbidden(..) | Self::Issuer(_) => {}
            Self::NoSecret => room.make_issuer().await,
            Self::Rubbish(_) | Self::OtherKey => {
                room.delete_secret().await;
                room.make_issuer().await;
            }
            Self::NoEndpoints | Self::NoSite => {
                if matches!(self, Self::NoSite) {
                    let site = json!({"apiVersion": "skupper.io/v2alpha1", "kind": "Site",
                        "metadata": {"name": "west"}, "spec": {}});
                    let url = room.site_url("").replace("/west", "");
                    room.send(Method::POST, &url, Some(&site)).await;
                }
                let endpoint =
                    json!({"name": "edge", "host": "192.0.2.1", "port": "45671", "group": "a"});
                room.patch_site("/status", &json!({"status": {"endpoints": [endpoint]}}))
                    .await;
            }
            Self::EdgeSite => room.patch_site("", &json!({"spec": {"edge": false}})).await,
        }
    }
}

impl Room {
    /// Lets a user do what a service does, but for what a fault forbids.
    async fn bind(&self, user: &str, fault: &Fault) {
        let mut rules = Vec::new();
        for (group, resource, verbs) in NEEDED {
            for verb in verbs {
                if !matches!(fault, Fault::Forbidden(of, what) if (*of, what) == (resource, verb)) {
                    rules.push(
                        json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]}),
                    );
                }
            }
        }
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "sidecar"}, "rules": rules});
        self.send(Method::POST, &self.rbac_url("roles"), Some(&role))
            .await;
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "sidecar"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "sidecar"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]});
        self.send(Method::POST, &self.rbac_url("rolebindings"), Some(&binding))
            .await;
    }

    async fn unbind(&self) {
        for plural in ["rolebindings", "roles"] {
            let url = format!("{}/sidecar", self.rbac_url(plural));
            self.send(Method::DELETE, &url, None).await;
        }
    }

    async fn make_issuer(&self) {
        self.make_secret(ISSUER, &["tls.crt", "tls.key"].map(str::to_owned), &pair())
            .await;
    }

    async fn make_secret(&self, name: &str, keys: &[String; 2], values: &[String; 2]) {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "stringData": {&keys[0]: values[0], &keys[1]: values[1]}});
        let url = format!("/api/v1/namespaces/{}/secrets", self.namespace);
        self.send(Method::POST, &url, Some(&secret)).await;
    }

    async fn delete_secret(&self) {
        let url = format!("/api/v1/namespaces/{}/secrets/{ISSUER}", self.namespace);
        self.send(Method::DELETE, &url, None).await;
    }

    async fn patch_site(&self, subresource: &str, patch: &Value) {
        self.send(Method::PATCH, &self.site_url(subresource), Some(patch))
            .await;
    }

    fn site_url(&self, subresource: &str) -> String {
        let namespace = &self.namespace;
        format!("/apis/skupper.io/v2alpha1/namespaces/{namespace}/sites/west{subresource}")
    }

    fn rbac_url(&self, plural: &str) -> String {
        let namespace = &self.namespace;
        format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{plural}")
    }

    async fn send(&self, method: Method, url: &str, object: Option<&Value>) {
        let kind = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let body = object.map(|object| serde_json::to_vec(object).unwrap());
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("Content-Type", kind);
        let request = request.body(body.unwrap_or_default()).unwrap();
        self.client.request::<Value>(request).await.unwrap();
    }
}

/// Certificate and key of an issuer.
fn pair() -> [String; 2] {
    let (certificate, key) = new_site_ca(ISSUER, clock::now()).unwrap();
    [certificate, key.expose_secret().to_owned()]
}

/// Asks until the answer is this one. Every other one on the way is a 503, and every 503 says when to
/// come again.
async fn wait_for_answer(
    services: &Services,
    service: &Service,
    uid: &GrantUid,
    told: (u16, &str),
    name: &str,
) {
    let start = Instant::now();
    loop {
        let answer = services.ask(service.port, uid).await;
        if let Some(answer) = &answer {
            let body = if answer.status == 200 {
                ""
            } else {
                &answer.body
            };
            let retry_after = (answer.status == 503).then_some("2");
            assert_eq!(
                answer.retry_after.as_deref(),
                retry_after,
                "{name}: {answer:?}"
            );
            if (answer.status, body) == told {
                return;
            }
        }
        let is_late = start.elapsed() > PATIENCE;
        assert!(!is_late, "{name}: {answer:?}, {}", service.log());
        sleep(Duration::from_millis(200)).await;
    }
}

async fn wait_for_log(service: &Service, words: &str, name: &str) {
    let start = Instant::now();
    while !service.log().contains(words) {
        assert!(
            start.elapsed() < PATIENCE,
            "{name}: '{words}' is not in {}",
            service.log()
        );
        sleep(Duration::from_millis(100)).await;
    }
}

/// Calls of the service in a namespace.
const NEEDED: [(&str, &str, &[&str]); 4] = [
    ("skupper.io", "accessgrants", &["get", "list", "watch"]),
    ("skupper.io", "accessgrants/status", &["update"]),
    ("skupper.io", "sites", &["list", "watch"]),
    ("", "secrets", &["list", "watch"]),
];

const ISSUER: &str = "skupper-site-ca";

/// Number of rows that are looked at together.
const AT_ONCE: usize = 6;

const PATIENCE: Duration = Duration::from_secs(30);
