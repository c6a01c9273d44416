//! Tokens through their life.

use serde_json::{Value, json};

use crate::grants::{APPLY, metadata_changes};
use crate::objects::{
    CA, CODE, OTHER_CODE, changed, redeemed, redeemed_by_condition, skupper_controller, token,
    token_spec, with_status,
};
use crate::step::Action::{ApplyClientSide, Create, Patch, Replace, Status};
use crate::step::{Situation, Step};

pub(crate) fn situations() -> Vec<Situation> {
    let mut situations = Vec::new();
    situations.extend(applied_again());
    for (how, status) in [
        ("by its status", redeemed()),
        ("by its condition", redeemed_by_condition()),
    ] {
        situations.extend(after_redemption(how, &status));
    }
    situations.extend(before_redemption());
    situations.extend(refused_today());
    situations.extend(credentials());
    situations.extend(without_defaulting());
    situations.extend(large_values());
    situations
}

fn status(status: Value) -> Step {
    Status(status).step().by(skupper_controller())
}

fn full() -> Value {
    token(token_spec())
}

fn applied_again() -> Vec<Situation> {
    let without_cost = || changed(full(), json!({"linkCost": null}));
    let mut situations = Vec::new();
    for (tool, apply) in APPLY {
        for (how, redeemed) in [
            ("by its status", redeemed()),
            ("by its condition", redeemed_by_condition()),
        ] {
            let again = || apply(without_cost()).step().stays();
            situations.push(Situation::new(
                format!("{tool} of a token, again and again, redeemed {how}"),
                [
                    apply(without_cost()).step().edited(json!({"linkCost": 1})),
                    again(),
                    again(),
                    status(redeemed),
                    again(),
                    again(),
                ],
            ));
        }
    }
    situations
}

fn after_redemption(how: &str, redeemed: &Value) -> Vec<Situation> {
    let spec = || {
        let mut spec = token_spec();
        spec["settings"] = json!({"tier": "gold"});
        spec
    };
    let after = |what: &str, steps: Vec<Step>| {
        Situation::new(format!("redeemed {how}: {what}"), steps)
            .storing(with_status(token(spec()), redeemed.clone()))
    };
    let frozen: &[&str] = &["token-redeemed-frozen"];
    let changes = [
        json!({"code": OTHER_CODE}),
        json!({"url": "https://grants.north.example/77aa"}),
        json!({"ca": format!("{CA}{CA}")}),
        json!({"linkCost": 7}),
        json!({"settings": {"tier": "silver"}}),
    ];
    let refused = changes
        .into_iter()
        .map(|change| Patch(json!({"spec": change})).step().refused(frozen))
        .collect();
    let spellings = [
        json!({"url": "HTTPS://Grants.East.Example.:9090/0d8e5a4c"}),
        json!({"ca": format!("the CA of east\n{}", CA.replace('\n', "\r\n"))}),
        json!({"linkCost": 2.0}),
    ];
    let spelled = spellings
        .into_iter()
        .map(|written| {
            Patch(json!({"spec": written.clone()}))
                .step()
                .stores(written)
        })
        .collect();
    let left_out = ["url", "code", "ca", "linkCost", "settings"]
        .into_iter()
        .map(|field| {
            let removal = json!({"spec": {field: null}});
            Patch(removal)
                .step()
                .edited(json!({field: spec()[field]}))
                .stays()
        })
        .chain([Replace(token(json!({}))).step().edited(spec())])
        .collect();
    vec![
        after("every change is refused", refused),
        after("another spelling is stored as it is written", spelled),
        after("what is left out is written back", left_out),
        after(
            "labels, owners and finalizers can be changed",
            metadata_changes(),
        ),
        after(
            "a change and what is left out are told apart",
            vec![
                Replace(token(json!({"linkCost": 7})))
                    .step()
                    .refused(frozen),
                Replace(token(json!({"linkCost": 2})))
                    .step()
                    .edited(changed(token(spec()), json!({"linkCost": null}))["spec"].clone()),
            ],
        ),
        after(
            "the severity of the rule can be set",
            vec![
                Patch(json!({"spec": {"linkCost": 7}}))
                    .step()
                    .warned(frozen),
            ],
        )
        .with(json!({"rules": {"token-redeemed-frozen": "warn"}})),
    ]
}

fn before_redemption() -> Vec<Situation> {
    let statuses = [
        ("without status", Value::Null),
        ("redeemed: false", json!({"redeemed": false})),
        ("redeemed as text", json!({"redeemed": "true"})),
        (
            "a condition that is False",
            json!({"conditions": [{"type": "Redeemed", "status": "False"}]}),
        ),
        (
            "another condition",
            json!({"conditions": [{"type": "Configured", "status": "True"}]}),
        ),
        (
            "conditions that are no list",
            json!({"conditions": {"type": "Redeemed", "status": "True"}}),
        ),
    ];
    statuses
        .into_iter()
        .map(|(what, status)| {
            Situation::new(
                format!("not redeemed yet, {what}: everything may change, nothing may go missing"),
                [
                    Patch(json!({"spec": {"linkCost": 7, "code": OTHER_CODE}})).step(),
                    Patch(json!({"spec": {"linkCost": null}}))
                        .step()
                        .edited(json!({"linkCost": 1})),
                    Patch(json!({"spec": {"code": null}}))
                        .step()
                        .refused(&["token-code-missing"]),
                    Patch(json!({"spec": {"code": ""}}))
                        .step()
                        .refused(&["token-code-missing"]),
                    Patch(json!({"spec": {"url": null}}))
                        .step()
                        .refused(&["token-url-missing"]),
                    Patch(json!({"spec": null}))
                        .step()
                        .refused(&["spec-missing"]),
                    Patch(json!({"spec": {"ca": null}}))
                        .step()
                        .warned(&["token-ca-missing"]),
                    ApplyClientSide(full()).step(),
                ],
            )
            .storing(with_status(full(), status))
        })
        .collect()
}

fn refused_today() -> Vec<Situation> {
    let key = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n";
    let specs = [
        ("no spec", Value::Null),
        ("an empty spec", json!({})),
        (
            "an http URL",
            changed(full(), json!({"url": "http://10.0.0.1/x"}))["spec"].clone(),
        ),
        (
            "a private key",
            changed(full(), json!({"ca": key}))["spec"].clone(),
        ),
        (
            "a list as code",
            changed(full(), json!({"code": ["canary"], "linkCost": 0}))["spec"].clone(),
        ),
    ];
    let settings = json!({"rules": {"token-url-private": "deny", "token-ca-missing": "deny"},
        "accessToken": {"allowedHosts": ["*.example.com"]}});
    let mut situations = Vec::new();
    for (what, spec) in specs {
        for (when, status) in [("not redeemed", Value::Null), ("redeemed", redeemed())] {
            situations.push(
                Situation::new(
                    format!("labels, owners and finalizers of a token with {what}, {when}"),
                    metadata_changes(),
                )
                .with(settings.clone())
                .storing(with_status(token(spec.clone()), status)),
            );
        }
    }
    situations.push(
        Situation::new(
            "a field that is refused today stays while one of no credential changes",
            [
                Patch(json!({"spec": {"linkCost": 7, "settings": {"tier": "gold"}}})).step(),
                Patch(json!({"spec": {"url": "http://10.0.0.2/x"}}))
                    .step()
                    .refused(&["token-url-scheme", "token-url-host", "token-url-private"]),
            ],
        )
        .with(settings)
        .storing(changed(full(), json!({"url": "http://10.0.0.1/x"}))),
    );
    situations
}

/// `url`, `code` and `ca` are judged together: whoever changes one sends the others along.
fn credentials() -> Vec<Situation> {
    let settings = || {
        json!({"accessToken": {"deniedHosts": ["grants.east.example"], "reservedNames": ["west"]},
            "rules": {"token-ca-expired": "deny"}})
    };
    let expired = include_str!("../certificates/expired.pem");
    let stored = || changed(full(), json!({"ca": expired}));
    let broken: &[&str] = &["token-name-reserved", "token-url-host", "token-ca-expired"];
    let changes = [
        ("code", json!({"code": OTHER_CODE}), broken),
        (
            "ca",
            json!({"ca": CA}),
            &["token-name-reserved", "token-url-host"],
        ),
        (
            "url",
            json!({"url": "https://grants.north.example/77aa"}),
            &["token-name-reserved", "token-ca-expired"],
        ),
        (
            "ca, which is left out",
            json!({"ca": null}),
            &["token-name-reserved", "token-url-host"],
        ),
    ];
    let mut situations: Vec<Situation> = changes
        .into_iter()
        .map(|(what, change, refused)| {
            let step = Patch(json!({"spec": change})).step().refused(refused);
            let step = match what {
                "ca, which is left out" => step.warned(&["token-ca-missing"]),
                _ => step,
            };
            Situation::new(
                format!("not redeemed, a new {what}: all three are judged"),
                [step],
            )
            .with(settings())
            .storing(stored())
        })
        .collect();
    let same = json!({"url": "https://GRANTS.east.example.:9090/0d8e5a4c", "linkCost": 7});
    situations.push(
        Situation::new(
            "not redeemed, the same credential in another spelling is not judged",
            [Patch(json!({"spec": same})).step()],
        )
        .with(settings())
        .storing(stored()),
    );
    situations.push(
        Situation::new(
            "a credential that was refused when it was stored can be mended as a whole",
            [
                Patch(json!({"spec": {"url": "https://grants.north.example/77aa",
                "code": OTHER_CODE, "ca": CA}}))
                .step(),
            ],
        )
        .with(
            json!({"accessToken": {"deniedHosts": ["grants.east.example"]},
            "rules": {"token-ca-expired": "deny"}}),
        )
        .storing(stored()),
    );
    situations.push(
        Situation::new(
            "redeemed, nobody uses the others any more",
            [Patch(json!({"spec": {"code": OTHER_CODE}}))
                .step()
                .warned(&["token-redeemed-frozen"])],
        )
        .with(
            json!({"accessToken": {"deniedHosts": ["grants.east.example"]},
            "rules": {"token-redeemed-frozen": "warn"}}),
        )
        .storing(with_status(stored(), redeemed())),
    );
    situations
}

fn without_defaulting() -> Vec<Situation> {
    let settings = json!({"defaulting": false});
    vec![
        Situation::new(
            "without defaulting a token is stored as it is",
            [
                Create(changed(full(), json!({"linkCost": null}))).step(),
                ApplyClientSide(changed(full(), json!({"linkCost": null}))).step(),
                status(redeemed()),
                ApplyClientSide(changed(full(), json!({"linkCost": null})))
                    .step()
                    .stays(),
            ],
        )
        .with(settings.clone()),
        Situation::new(
            "without defaulting what is left out of a redeemed token would be lost",
            [
                Patch(json!({"spec": {"linkCost": null}}))
                    .step()
                    .refused(&["token-redeemed-frozen"]),
                Patch(json!({"spec": {"code": null}}))
                    .step()
                    .refused(&["token-code-missing", "token-redeemed-frozen"]),
                Patch(json!({"spec": {"url": "https://grants.east.example.:9090/0d8e5a4c"}}))
                    .step(),
            ],
        )
        .with(settings)
        .storing(with_status(full(), redeemed())),
    ]
}

/// Demands whose examples are too long for a rule's page.
fn large_values() -> Vec<Situation> {
    let padded = |length: usize| {
        let text = "x".repeat(length - CA.len() - 1);
        changed(full(), json!({"ca": format!("{text}\n{CA}")}))
    };
    let code = |length: usize| changed(full(), json!({"code": format!("{CODE:x<length$}")}));
    vec![Situation::new(
        "the longest values, and one byte more",
        [
            Create(padded(64 * 1024 + 1))
                .step()
                .refused(&["token-ca-format"]),
            Create(code(1025)).step().refused(&["token-code-format"]),
            Create(padded(64 * 1024)).step().dry_run(),
            Create(code(1024)).step(),
        ],
    )]
}
