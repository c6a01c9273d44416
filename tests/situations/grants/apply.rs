//! Files that are applied again, with the same values, in another spelling, or without them.

use serde_json::{Value, json};

use super::{APPLY, Apply, status};
use crate::objects::{CODE, changed, expired_grant_status, grant, grant_status, with_status};
use crate::step::Action::{ApplyClientSide, ApplyServerSide, Create, Replace};
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
        (
            "another unit",
            json!({"expirationWindow": "1440m"}),
            json!({"expirationWindow": "24h"}),
        ),
        (
            "a zero at the end",
            json!({"expirationWindow": "24h0m"}),
            json!({"expirationWindow": "24h"}),
        ),
        (
            "a zero fraction",
            json!({"redemptionsAllowed": 3.0}),
            json!({"redemptionsAllowed": 3}),
        ),
    ];
    let mut situations: Vec<Situation> = spellings
        .into_iter()
        .map(|(spelling, written, edits)| {
            let file = changed(stored(), written);
            let again = || ApplyServerSide(file.clone()).step().edited(edits.clone());
            Situation::new(
                format!("{spelling} of a stored value is set back"),
                [
                    Create(stored()).step(),
                    again(),
                    again().stays(),
                    status(grant_status()),
                    again().stays(),
                    ApplyClientSide(file.clone()).step().edited(edits.clone()),
                    ApplyClientSide(file.clone()).step().edited(edits).stays(),
                    Replace(stored()).step(),
                ],
            )
        })
        .collect();
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
            "what is left out of a processed grant is set back",
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
