//! Files that are applied again, with the same values, in another spelling, or without them.

use serde_json::{Value, json};

use super::{APPLY, Apply, status};
use crate::objects::{CODE, changed, expired_grant_status, grant, grant_status, with_status};
use crate::step::Action::{ApplyClientSide, Create, Patch, Replace};
use crate::step::Situation;

pub(super) fn situations() -> Vec<Situation> {
    let mut situations = Vec::new();
    for (tool, apply) in APPLY {
        situations.extend(applied_again(tool, apply));
    }
    situations.extend(spelled_again());
    situations.extend(left_out());
    situations
}

fn applied_again(tool: &str, apply: Apply) -> Vec<Situation> {
    let files = [
        (
            "a file without spec",
            Value::Null,
            json!({"redemptionsAllowed": 1, "expirationWindow": "15m"}),
        ),
        (
            "an empty spec",
            json!({}),
            json!({"redemptionsAllowed": 1, "expirationWindow": "15m"}),
        ),
        (
            "a spec without window",
            json!({"redemptionsAllowed": 3}),
            json!({"expirationWindow": "15m"}),
        ),
    ];
    let mut situations: Vec<Situation> = files
        .into_iter()
        .map(|(file, spec, edits)| {
            let again = || apply(grant(spec.clone())).step().stays();
            Situation::new(
                format!("{tool} of {file}, again and again"),
                [
                    apply(grant(spec.clone())).step().edited(edits),
                    again(),
                    again(),
                    status(grant_status()),
                    again(),
                    again(),
                    status(expired_grant_status()),
                    again(),
                ],
            )
        })
        .collect();
    let full = json!({
        "redemptionsAllowed": 3, "expirationWindow": "24h", "code": CODE,
        "settings": {"tier": "gold"}
    });
    let again = || apply(grant(full.clone())).step().stays();
    situations.push(Situation::new(
        format!("{tool} of a full spec, again and again"),
        [
            apply(grant(full.clone())).step(),
            again(),
            status(grant_status()),
            again(),
            status(expired_grant_status()),
            again(),
        ],
    ));
    let day = || grant(json!({"redemptionsAllowed": 3, "expirationWindow": "1 day"}));
    let again = || {
        apply(day())
            .step()
            .edited(json!({"expirationWindow": "24h"}))
            .stays()
    };
    situations.push(
        Situation::new(
            format!("{tool} of '1 day', which is rewritten, again and again"),
            [
                apply(day())
                    .step()
                    .edited(json!({"expirationWindow": "24h"}))
                    .warned(&["grant-window-rewritten"]),
                again(),
                again(),
                status(grant_status()),
                again(),
                again(),
            ],
        )
        .with(json!({"accessGrant": {"rewriteWindows": true}})),
    );
    situations
}

fn spelled_again() -> Vec<Situation> {
    let stored = || grant(json!({"redemptionsAllowed": 3, "expirationWindow": "24h"}));
    let spellings = [
        ("another unit", json!({"expirationWindow": "1440m"})),
        ("a zero at the end", json!({"expirationWindow": "24h0m"})),
        ("a fraction", json!({"expirationWindow": "24.0h"})),
        ("a zero fraction", json!({"redemptionsAllowed": 3.0})),
    ];
    let mut situations = Vec::new();
    for (tool, apply) in APPLY {
        for (when, settled) in [
            ("not processed", Value::Null),
            ("processed", grant_status()),
            ("expired", expired_grant_status()),
        ] {
            for (spelling, written) in &spellings {
                let file = || changed(stored(), written.clone());
                let again = || apply(file()).step().stays();
                situations.push(Situation::new(
                    format!("{tool} of {spelling}, {when}: it is stored as it is written"),
                    [
                        apply(stored()).step(),
                        status(settled.clone()),
                        apply(file()).step().stores(written.clone()),
                        again(),
                        again(),
                        apply(stored()).step().stores(stored()["spec"].clone()),
                        apply(stored()).step().stays(),
                    ],
                ));
            }
        }
    }
    let limits = json!({"accessGrant": {"maxExpirationWindow": "1h", "maxRedemptionsAllowed": 1},
        "rules": {"grant-expired": "deny"}});
    situations.push(
        Situation::new(
            "another spelling is not judged, whatever the limits are today",
            [ApplyClientSide(changed(stored(), json!({"expirationWindow": "1440m"}))).step()],
        )
        .with(limits)
        .storing(with_status(stored(), expired_grant_status())),
    );
    situations.push(
        Situation::new(
            "people's spelling of a stored window is rewritten as ever, and no other window",
            [
                Replace(changed(stored(), json!({"expirationWindow": "1 day"})))
                    .step()
                    .edited(json!({"expirationWindow": "24h"})),
                Replace(changed(stored(), json!({"expirationWindow": "1 day"})))
                    .step()
                    .edited(json!({"expirationWindow": "24h"}))
                    .stays(),
                Replace(changed(stored(), json!({"expirationWindow": "2 days"})))
                    .step()
                    .refused(&["grant-window-frozen"]),
            ],
        )
        .with(json!({"accessGrant": {"rewriteWindows": true}}))
        .storing(with_status(
            changed(stored(), json!({"expirationWindow": "1440m"})),
            grant_status(),
        )),
    );
    situations.extend(lowered());
    let one = || grant(json!({"redemptionsAllowed": 1, "expirationWindow": "15m"}));
    situations.push(Situation::new(
        "a default is the same written out and left out",
        [
            Create(grant(json!({})))
                .step()
                .edited(json!({"redemptionsAllowed": 1, "expirationWindow": "15m"})),
            Replace(one()).step(),
            status(grant_status()),
            Replace(grant(json!({"redemptionsAllowed": null})))
                .step()
                .edited(json!({"redemptionsAllowed": 1, "expirationWindow": "15m"})),
        ],
    ));
    situations.push(
        Situation::new(
            "an empty text is left out like null",
            [
                Replace(changed(one(), json!({"expirationWindow": "", "code": ""})))
                    .step()
                    .edited(json!({"expirationWindow": "15m"})),
            ],
        )
        .storing(with_status(one(), grant_status())),
    );
    situations
}

/// A window above the maximum, with `overlong: clamp`.
fn lowered() -> Vec<Situation> {
    let settings = json!({"accessGrant": {"maxExpirationWindow": "10m", "overlong": "clamp"}});
    let file = || grant(json!({"redemptionsAllowed": 1, "expirationWindow": "15m0s"}));
    let lower = json!({"expirationWindow": "10m"});
    let mut situations = Vec::new();
    for (tool, apply) in APPLY {
        let again = || apply(file()).step().edited(lower.clone()).stays();
        situations.push(
            Situation::new(
                format!("{tool} of a window that is lowered, again and again"),
                [
                    apply(file())
                        .step()
                        .edited(lower.clone())
                        .warned(&["grant-window-clamped"]),
                    again(),
                    again(),
                    status(grant_status()),
                    again(),
                    status(expired_grant_status()),
                    again(),
                ],
            )
            .with(settings.clone()),
        );
    }
    situations.push(
        Situation::new(
            "a stored window above a maximum that came later is neither judged nor lowered",
            [
                Patch(json!({"spec": {"redemptionsAllowed": 3}})).step(),
                Patch(json!({"spec": {"expirationWindow": "1440m"}}))
                    .step()
                    .stores(json!({"expirationWindow": "1440m"})),
                Patch(json!({"spec": {"expirationWindow": "23h"}}))
                    .step()
                    .refused(&["grant-window-frozen"]),
            ],
        )
        .with(settings)
        .storing(with_status(
            grant(json!({"redemptionsAllowed": 1, "expirationWindow": "24h"})),
            grant_status(),
        )),
    );
    situations
}

fn left_out() -> Vec<Situation> {
    let full = || {
        grant(json!({
            "redemptionsAllowed": 3, "expirationWindow": "24h", "issuer": "east-ca",
            "settings": {"tier": "gold"}
        }))
    };
    let create = || Create(full()).step().warned(&["grant-issuer-ignored"]);
    let defaults = json!({"redemptionsAllowed": 1, "expirationWindow": "15m"});
    vec![
        Situation::new(
            "what is left out of a processed grant is written back",
            [
                create(),
                status(grant_status()),
                Replace(grant(json!({})))
                    .step()
                    .edited(full()["spec"].clone()),
                Replace(grant(Value::Null))
                    .step()
                    .edited(full()["spec"].clone()),
                Replace(grant(json!({"redemptionsAllowed": 4})))
                    .step()
                    .edited(json!({
                        "expirationWindow": "24h", "issuer": "east-ca", "settings": {"tier": "gold"}
                    })),
            ],
        ),
        Situation::new(
            "what is left out before Skupper has processed the grant gets its default",
            [
                create(),
                Replace(grant(json!({}))).step().edited(defaults.clone()),
                status(json!({"status": "Pending"})),
                Replace(grant(json!({}))).step().edited(defaults),
            ],
        ),
        Situation::new(
            "nothing is filled in where Skupper has computed the expiry without it",
            [
                Patch(json!({"spec": {"redemptionsAllowed": 4}})).step(),
                ApplyClientSide(grant(
                    json!({"redemptionsAllowed": 4, "settings": {"tier": "gold"}}),
                ))
                .step(),
                Replace(grant(json!({"settings": {"tier": "silver"}})))
                    .step()
                    .edited(json!({"redemptionsAllowed": 4})),
            ],
        )
        .storing(with_status(grant(json!({})), grant_status())),
        Situation::new(
            "nothing is filled in after the expiry either",
            [Patch(json!({"spec": {"settings": {"tier": "gold"}}}))
                .step()
                .warned(&["grant-expired"])],
        )
        .storing(with_status(grant(json!({})), expired_grant_status())),
        Situation::new(
            "a default that the administrator changes does not change stored grants",
            [Replace(grant(json!({"redemptionsAllowed": 3})))
                .step()
                .edited(json!({"expirationWindow": "15m"}))],
        )
        .with(json!({"accessGrant": {"defaultExpirationWindow": "1h"}}))
        .storing(with_status(
            grant(json!({"redemptionsAllowed": 3, "expirationWindow": "15m"})),
            grant_status(),
        )),
    ]
}
