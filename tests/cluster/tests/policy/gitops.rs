//! Files that are applied again, unchanged and edited, as tools do that keep a cluster in line with a
//! repository: what they then compare is the live object with the file.

use cluster_tests::Kind::{self, AccessGrant, AccessToken};
use cluster_tests::{Identity, Kubectl, Order, User};
use serde_json::{Value, json};

use crate::{admin, done};

/// The two ways in which Argo CD, Flux and people apply a file.
const APPLY: [(&str, &[&str]); 2] = [
    ("client", &["apply", "-f", "-"]),
    ("server", &["apply", "--server-side", "-f", "-"]),
];

#[tokio::test]
async fn a_file_in_another_spelling_reaches_the_cluster_and_a_file_applied_again_writes_nothing() {
    let (cluster, user) = admin("gitops").await;
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let kubectl = Kubectl::of(&cluster, &Identity::Admin, "gitops").unwrap();
    for (tool, arguments) in APPLY {
        for (number, row) in spellings().iter().enumerate() {
            for (when, status) in [("fresh", None), ("processed", Some(&row.processed))] {
                let name = format!("{tool}-{number}-{when}");
                let repository = Repository {
                    kubectl: &kubectl,
                    user: &user,
                    arguments,
                    kind: row.kind,
                    name: &name,
                };
                repository.sync(&row.before).await;
                if let Some(status) = status {
                    let written = user.merge_status(row.kind, &name, status).await.unwrap();
                    assert_eq!(done(written)["status"], *status, "{name}");
                }
                repository.sync(&row.after).await;
                repository.sync(&row.before).await;
            }
        }
    }
}

#[tokio::test]
async fn what_a_file_no_longer_says_of_a_processed_grant_stays_and_is_no_drift() {
    let (cluster, user) = admin("gitops-left-out").await;
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let kubectl = Kubectl::of(&cluster, &Identity::Admin, "gitops-left-out").unwrap();
    for (name, arguments) in APPLY {
        let repository = Repository {
            kubectl: &kubectl,
            user: &user,
            arguments,
            kind: AccessGrant,
            name,
        };
        repository
            .sync(&json!({"redemptionsAllowed": 2, "expirationWindow": "60m"}))
            .await;
        let expiry = json!({"expirationTime": "2999-01-01T00:00:00Z"});
        done(user.merge_status(AccessGrant, name, &expiry).await.unwrap());
        repository.sync(&json!({"redemptionsAllowed": 2})).await;
        assert_eq!(repository.live().await["spec"]["expirationWindow"], "60m");
    }

    // Processed before the policy was there: nothing is written beside Skupper's own ten minutes.
    let (_cluster, user) = admin("gitops-before").await;
    let bare = AccessGrant.object("bare", Some(json!({})));
    done(user.create(AccessGrant, &bare).await.unwrap());
    let expiry = json!({"expirationTime": "2999-01-01T00:00:00Z"});
    done(
        user.merge_status(AccessGrant, "bare", &expiry)
            .await
            .unwrap(),
    );
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let more = json!({"spec": {"redemptionsAllowed": 3}});
    let changed = done(user.merge(AccessGrant, "bare", &more).await.unwrap());
    assert_eq!(changed["spec"], json!({"redemptionsAllowed": 3}));
}

/// A file in a repository, and how it gets into the cluster.
struct Repository<'a> {
    kubectl: &'a Kubectl,
    user: &'a User,
    arguments: &'static [&'static str],
    kind: Kind,
    name: &'a str,
}

impl Repository<'_> {
    /// Applies the file twice. After each the live object says what the file says, and the second
    /// time nothing is written.
    async fn sync(&self, spec: &Value) {
        let file = self.kind.object(self.name, Some(spec.clone()));
        let mut versions = Vec::new();
        for _ in 0..2 {
            let applied = self.kubectl.run(self.arguments, &file.to_string()).unwrap();
            assert_eq!(applied.code, Some(0), "{}: {applied:?}", self.name);
            assert_eq!(applied.message, "", "{}", self.name);
            let live = self.live().await;
            for (field, value) in spec.as_object().unwrap() {
                assert_eq!(live["spec"][field], *value, "{}: out of sync", self.name);
            }
            versions.push(live["metadata"]["resourceVersion"].clone());
        }
        assert_eq!(versions[0], versions[1], "{}: drift", self.name);
    }

    async fn live(&self) -> Value {
        done(self.user.get(self.kind, self.name).await.unwrap())
    }
}

/// Two spellings of one spec.
struct Spelling {
    kind: Kind,
    before: Value,
    after: Value,
    /// The status that Skupper's controller writes.
    processed: Value,
}

fn spellings() -> Vec<Spelling> {
    let grant = |before: &str, after: &str| Spelling {
        kind: AccessGrant,
        before: json!({"redemptionsAllowed": 2, "expirationWindow": before}),
        after: json!({"redemptionsAllowed": 2, "expirationWindow": after}),
        processed: json!({"expirationTime": "2999-01-01T00:00:00Z"}),
    };
    let ca = include_str!("../../../certificates/p256.pem");
    let token = |url: &str, ca: &str| json!({"url": url, "code": "0123456789abcdef01234567", "ca": ca, "linkCost": 1});
    vec![
        grant("60m", "1h"),
        grant("15m", "900s"),
        grant("1h", "1h0m0s"),
        Spelling {
            kind: AccessToken,
            before: token("https://grants.example.com:9090/5a1b2c3d", ca),
            after: token(
                "HTTPS://Grants.Example.com.:9090/5a1b2c3d",
                &format!("the CA of east\n{ca}"),
            ),
            processed: json!({"redeemed": true}),
        },
    ]
}
