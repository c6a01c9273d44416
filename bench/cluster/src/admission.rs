//! What a webhook adds to a create: the policy beside a guest that accepts everything unread.

use std::path::Path;
use std::time::Instant;

use cluster_tests::{Guest, Kind, Order, User};
use redemption_bench::Fault;
use redemption_bench::samples::Samples;
use redemption_bench::table::{Figure, Goal, Table};
use serde_json::{Value, json};

use crate::room::Room;

/// Creates objects in namespaces in turn: without a webhook, with one around the guest that does
/// nothing, with one that answers the same with the patch of the defaults, and with the policy.
pub(crate) async fn creates(room: &Room, run: usize, table: &mut Table) -> Result<(), Fault> {
    let cluster = &room.cluster;
    let bare = User::admin(cluster, &format!("bare-{run}")).await?;
    let noop = User::admin(cluster, &format!("noop-{run}")).await?;
    let patching = User::admin(cluster, &format!("patching-{run}")).await?;
    let policy = User::admin(cluster, &format!("policy-{run}")).await?;
    let nothing = || {
        let guest = Guest::compile(Path::new(NOOP_GUEST));
        Ok::<_, Fault>(Order::of_skupper_kinds().guest(guest?))
    };
    let _noop = nothing()?.deploy(&noop).await?;
    let _patching = nothing()?.change(defaults()).deploy(&patching).await?;
    let _policy = Order::of_skupper_kinds().deploy(&policy).await?;

    let count = if room.is_quick { 100 } else { 1000 };
    for case in cases() {
        let users = if case.is_completed {
            vec![&bare, &noop, &policy, &patching]
        } else {
            vec![&bare, &noop, &policy]
        };
        let mut times = [const { Samples::new() }; 4];
        for number in 0..count {
            let name = format!("{}-{number}", case.name);
            let object = case.kind.object(&name, Some(case.spec.clone()));
            for (user, times) in users.iter().zip(&mut times) {
                let begun = Instant::now();
                let answer = user.create(case.kind, &object).await?;
                let elapsed = begun.elapsed();
                if !answer.is_done() {
                    return Err(answer.message().into());
                }
                times.add(elapsed);
            }
        }
        let [bare, noop, policy, patching] = times.each_mut().map(Samples::median);
        let [create, added, ratio] = case.figures;
        table.see(create, bare);
        table.see(added, noop - bare);
        table.see(ratio, (policy - bare) / (noop - bare));
        if case.is_completed {
            table.see(PATCHED, (policy - bare) / (patching - bare));
        }
    }
    Ok(())
}

struct Case {
    name: &'static str,
    kind: Kind,
    spec: Value,
    /// Whether the policy fills in what is missing.
    is_completed: bool,
    /// A create without a webhook, what the guest that does nothing adds, and how many times that
    /// the policy adds.
    figures: [Figure; 3],
}

fn cases() -> [Case; 3] {
    let token = json!({"url": "https://192.0.2.1:9090/6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10",
        "code": "code-of-every-bench-grant", "ca": CA, "linkCost": 1});
    [
        Case {
            name: "token",
            kind: Kind::AccessToken,
            spec: token,
            is_completed: false,
            figures: [
                free("create of an AccessToken, no webhook"),
                free("  added by the guest that does nothing"),
                at_most_a_tenth_more("  added by the policy, in times of that"),
            ],
        },
        Case {
            name: "grant",
            kind: Kind::AccessGrant,
            spec: json!({"redemptionsAllowed": 2, "expirationWindow": "1h"}),
            is_completed: false,
            figures: [
                free("create of an AccessGrant, no webhook"),
                free("  added to it by the guest that does nothing"),
                at_most_a_tenth_more("  added to it by the policy, in times of that"),
            ],
        },
        Case {
            name: "defaulted",
            kind: Kind::AccessGrant,
            spec: json!({}),
            is_completed: true,
            figures: [
                free("create of an AccessGrant that gets defaults, no webhook"),
                free("  added to that by the guest that does nothing"),
                at_most_a_tenth_more("  added to that by the policy, in times of that"),
            ],
        },
    ]
}

/// What the policy answers to an AccessGrant with an empty spec.
fn defaults() -> Value {
    json!([
        {"op": "add", "path": "/spec/expirationWindow", "value": "15m"},
        {"op": "add", "path": "/spec/redemptionsAllowed", "value": 1},
    ])
}

const PATCHED: Figure =
    at_most_a_tenth_more("  added by the policy, in times of that with the same patch");

const fn free(name: &'static str) -> Figure {
    Figure {
        name,
        unit: "ms",
        goal: Goal::Free,
    }
}

const fn at_most_a_tenth_more(name: &'static str) -> Figure {
    Figure {
        name,
        unit: "",
        goal: Goal::AtMost(1.1),
    }
}

/// Built before by `make bench-cluster`.
const NOOP_GUEST: &str = "target/wasm32-wasip1/policy/noop_guest.wasm";

const CA: &str = include_str!("../../src/ca.pem");
