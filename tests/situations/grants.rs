//! Grants through their life.

mod apply;
mod controller;

use serde_json::{Value, json};

use crate::objects::{
    CODE, OTHER_CODE, changed, expired_grant_status, grant, grant_status, skupper_controller, user,
    with_status,
};
use crate::step::Action::{
    self, ApplyClientSide, ApplyServerSide, Create, Delete, Patch, Replace, Status,
};
use crate::step::{Situation, Step};

pub(crate) fn situations() -> Vec<Situation> {
    let mut situations = apply::situations();
    situations.extend(controller::situations());
    situations.extend(refused_today());
    situations.extend(code_removals());
    situations.extend(forged_metadata());
    situations.extend(others());
    situations
}

/// A way of `kubectl apply`: file to request.
type Apply = fn(Value) -> Action;

/// The two ways of `kubectl apply`.
pub(crate) const APPLY: [(&str, Apply); 2] = [
    ("client-side apply", ApplyClientSide),
    ("server-side apply", ApplyServerSide),
];

fn status(status: Value) -> Step {
    Status(status).step().by(skupper_controller())
}

fn refused_today() -> Vec<Situation> {
    let specs = [
        (
            "a window that Go does not read",
            json!({"expirationWindow": "1 day"}),
        ),
        ("a list as window", json!({"expirationWindow": ["15m"]})),
        (
            "negative redemptions",
            json!({"redemptionsAllowed": -1, "expirationWindow": "0s"}),
        ),
        (
            "a code with a line end",
            json!({"code": "canary\n", "issuer": "East CA"}),
        ),
        ("an array as spec", json!([])),
        ("no spec", Value::Null),
    ];
    let mut situations: Vec<Situation> = specs
        .into_iter()
        .flat_map(|(what, spec)| {
            [
                ("not processed", Value::Null),
                ("processed", grant_status()),
                ("expired", expired_grant_status()),
            ]
            .map(|(when, status)| {
                Situation::new(
                    format!("labels, owners and finalizers of a grant with {what}, {when}"),
                    metadata_changes(),
                )
                .storing(with_status(grant(spec.clone()), status))
            })
        })
        .collect();
    situations.push(
        Situation::new(
            "a field that is refused today stays while another one changes",
            [
                Patch(json!({"spec": {"redemptionsAllowed": 4}})).step(),
                Patch(json!({"spec": {"redemptionsAllowed": 0}}))
                    .step()
                    .refused(&["grant-redemptions-range"]),
                Patch(json!({"spec": {"expirationWindow": "2 days"}}))
                    .step()
                    .refused(&["grant-window-format"]),
                Patch(json!({"spec": {"expirationWindow": "24h"}})).step(),
            ],
        )
        .storing(grant(
            json!({"redemptionsAllowed": 3, "expirationWindow": "1 day"}),
        )),
    );
    situations.push(
        Situation::new(
            "a stored window that Go does not read is not rewritten unasked",
            [Patch(json!({"spec": {"redemptionsAllowed": 4}})).step()],
        )
        .with(json!({"accessGrant": {"rewriteWindows": true}}))
        .storing(grant(
            json!({"redemptionsAllowed": 3, "expirationWindow": "1 day"}),
        )),
    );
    situations
}

/// Every change that any controller may make to any object.
pub(crate) fn metadata_changes() -> Vec<Step> {
    let garbage_collector = user(
        "system:serviceaccount:kube-system:generic-garbage-collector",
        &[],
    );
    let owner = json!([{"apiVersion": "skupper.io/v2alpha1", "kind": "Site", "name": "west",
        "uid": "5f1c"}]);
    vec![
        Patch(json!({"metadata": {"labels": {"team": "network"}}})).step(),
        Patch(json!({"metadata": {"finalizers": ["example.com/hold"]}})).step(),
        Patch(json!({"metadata": {"ownerReferences": owner}})).step(),
        Patch(json!({"metadata": {"deletionTimestamp": "2026-11-22T00:00:00Z"}}))
            .step()
            .by(garbage_collector),
        Patch(json!({"metadata": {"finalizers": null}})).step(),
        Status(json!({"status": "Error", "message": "cannot be read"}))
            .step()
            .by(skupper_controller()),
        Delete.step(),
    ]
}

fn code_removals() -> Vec<Situation> {
    let spec = json!({"redemptionsAllowed": 3, "expirationWindow": "24h"});
    let inline = || changed(grant(spec.clone()), json!({"code": CODE}));
    let removed = || Patch(json!({"spec": {"code": null}})).step();
    let file = || ApplyClientSide(grant(spec.clone())).step();
    let rules = json!({"rules": {"grant-code-inline": "deny", "grant-expired": "deny"}});
    let statuses = [
        ("not processed", Value::Null),
        ("processed", grant_status()),
        ("expired", expired_grant_status()),
    ];
    let mut situations: Vec<Situation> = statuses
        .into_iter()
        .map(|(when, status)| {
            Situation::new(
                format!("a code may be taken out of a grant, {when}, and stays out"),
                [
                    removed(),
                    file(),
                    file().stays(),
                    Replace(grant(spec.clone())).step(),
                ],
            )
            .with(rules.clone())
            .storing(with_status(inline(), status))
        })
        .collect();
    situations.push(
        Situation::new(
            "the code that Skupper took may be written back, and no other",
            [
                removed(),
                Patch(json!({"spec": {"code": OTHER_CODE}}))
                    .step()
                    .refused(&["grant-code-frozen"]),
                Patch(json!({"spec": {"code": CODE}})).step(),
            ],
        )
        .storing(with_status(inline(), grant_status())),
    );
    situations
}

fn forged_metadata() -> Vec<Situation> {
    let deleted = |spec: Value| {
        let mut object = grant(spec);
        object["metadata"]["deletionTimestamp"] = "2026-11-22T00:00:00Z".into();
        object
    };
    let defaults = json!({"redemptionsAllowed": 1, "expirationWindow": "15m"});
    vec![
        Situation::new(
            "a deletionTimestamp in a create changes nothing",
            [
                ApplyServerSide(deleted(json!({"expirationWindow": "1 day"})))
                    .step()
                    .refused(&["grant-window-format"]),
                ApplyServerSide(deleted(json!({})))
                    .step()
                    .edited(defaults.clone()),
            ],
        ),
        Situation::new(
            "a grant that is being deleted is judged as any other",
            [Patch(json!({"spec": {"expirationWindow": "1 day"}}))
                .step()
                .refused(&["grant-window-format"])],
        )
        .storing(deleted(
            json!({"redemptionsAllowed": 3, "expirationWindow": "24h"}),
        )),
        Situation::new(
            "a status in a create proves nothing",
            [
                Create(with_status(grant(json!({})), expired_grant_status()))
                    .step()
                    .edited(defaults.clone()),
                Replace(grant(
                    json!({"redemptionsAllowed": 1, "expirationWindow": "1h"}),
                ))
                .step(),
            ],
        ),
        Situation::new(
            "a status in an update proves nothing",
            [Replace(with_status(
                grant(json!({"expirationWindow": "1h"})),
                grant_status(),
            ))
            .step()
            .edited(json!({"redemptionsAllowed": 1}))],
        )
        .storing(grant(
            json!({"redemptionsAllowed": 3, "expirationWindow": "24h"}),
        )),
    ]
}

fn others() -> Vec<Situation> {
    let mut generated = grant(json!({"expirationWindow": "1h"}));
    generated["metadata"] = json!({"generateName": "west-"});
    let mut later_version = grant(json!({"expirationWindow": "1 day"}));
    later_version["apiVersion"] = "skupper.io/v3".into();
    let defaults = json!({"redemptionsAllowed": 1, "expirationWindow": "15m"});
    vec![
        Situation::new(
            "a name is made later",
            [Create(generated)
                .step()
                .edited(json!({"redemptionsAllowed": 1}))],
        ),
        Situation::new(
            "a dry run is judged and defaulted as any other request",
            [
                Create(grant(json!({}))).step().edited(defaults).dry_run(),
                Create(grant(json!({"expirationWindow": "1 day"})))
                    .step()
                    .refused(&["grant-window-format"])
                    .dry_run(),
            ],
        ),
        Situation::new(
            "whoever asks, and in whatever version",
            [
                Create(grant(json!({"expirationWindow": "1 day"})))
                    .step()
                    .by(user("system:node:node1", &["system:nodes"]))
                    .refused(&["grant-window-format"]),
                Create(later_version)
                    .step()
                    .refused(&["grant-window-format"]),
            ],
        ),
        Situation::new(
            "an empty expirationTime is none",
            [Patch(json!({"spec": {"expirationWindow": "1h"}})).step()],
        )
        .storing(with_status(
            grant(json!({"redemptionsAllowed": 3, "expirationWindow": "24h"})),
            json!({"expirationTime": ""}),
        )),
        Situation::new(
            "a change after the expiry",
            [
                Patch(json!({"spec": {"redemptionsAllowed": 4}}))
                    .step()
                    .warned(&["grant-expired"]),
                Patch(json!({"metadata": {"labels": {"team": "network"}}})).step(),
                Replace(grant(
                    json!({"redemptionsAllowed": 4, "expirationWindow": "1440m"}),
                ))
                .step()
                .stores(json!({"expirationWindow": "1440m"})),
            ],
        )
        .storing(with_status(
            grant(json!({"redemptionsAllowed": 3, "expirationWindow": "24h"})),
            expired_grant_status(),
        )),
    ]
}
