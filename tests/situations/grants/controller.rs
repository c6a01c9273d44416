//! Changes that Skupper's controller makes to a grant, and a policy that may not edit.

use serde_json::{Value, json};

use super::status;
use crate::objects::{
    CODE, changed, expired_grant_status, grant, grant_status, skupper_controller, with_status,
};
use crate::step::Action::{ApplyClientSide, ApplyServerSide, Create, Patch, Replace};
use crate::step::Situation;

pub(super) fn situations() -> Vec<Situation> {
    let mut situations = controller_updates();
    situations.extend(without_defaulting());
    situations
}

/// From 2.2.0 on Skupper's controller turns 0 redemptions, and none, into 1.
fn controller_updates() -> Vec<Situation> {
    let to_one = || {
        Patch(json!({"spec": {"redemptionsAllowed": 1}}))
            .step()
            .by(skupper_controller())
    };
    let all_settings = [
        json!({}),
        json!({"accessGrant": {"defaultRedemptionsAllowed": 5}}),
        json!({"accessGrant": {"minExpirationWindow": "1h", "maxExpirationWindow": "2h",
            "minCodeLength": 1024, "allowedIssuers": ["north-ca"]}}),
        json!({"rules": {"grant-redemptions-range": "allow", "grant-code-inline": "deny"}}),
    ];
    let specs = [
        ("nothing else", json!({"expirationWindow": "15m"})),
        (
            "a window refused today",
            json!({"expirationWindow": "1 day"}),
        ),
        (
            "a window of the wrong type",
            json!({"expirationWindow": ["15m"]}),
        ),
        (
            "everything refused today",
            json!({"expirationWindow": "0s", "code": "canary ",
            "issuer": "East CA", "settings": {"tier": 1}}),
        ),
    ];
    let statuses = [Value::Null, grant_status(), expired_grant_status()];
    let mut situations = Vec::new();
    for (number, settings) in all_settings.into_iter().enumerate() {
        for (what, spec) in &specs {
            for status in &statuses {
                let absent = with_status(grant(spec.clone()), status.clone());
                let zero = changed(absent.clone(), json!({"redemptionsAllowed": 0}));
                for (from, stored) in [("nothing", absent), ("0", zero)] {
                    situations.push(
                        Situation::new(
                            format!("the controller turns {from} into 1, with {what} (settings {number})"),
                            [to_one(), to_one().stays()],
                        )
                        .with(settings.clone())
                        .storing(stored),
                    );
                }
            }
        }
    }
    situations.push(
        Situation::new(
            "the controller's 1 stays when the user's file is applied again",
            [
                ApplyClientSide(grant(json!({"expirationWindow": "1h"})))
                    .step()
                    .edited(json!({"redemptionsAllowed": 5})),
                ApplyClientSide(grant(json!({"expirationWindow": "1h"})))
                    .step()
                    .stays(),
                to_one(),
                ApplyClientSide(grant(json!({"expirationWindow": "1h"})))
                    .step()
                    .stays(),
            ],
        )
        .with(json!({"accessGrant": {"defaultRedemptionsAllowed": 5}})),
    );
    situations.push(
        Situation::new(
            "a grant without spec gets its window at the same time",
            [
                to_one().edited(json!({"expirationWindow": "15m"})),
                to_one().stays(),
            ],
        )
        .storing(grant(Value::Null)),
    );
    situations
}

fn without_defaulting() -> Vec<Situation> {
    let settings = json!({"defaulting": false, "accessGrant": {"rewriteWindows": true}});
    let stored = || grant(json!({"redemptionsAllowed": 3, "expirationWindow": "24h"}));
    vec![
        Situation::new(
            "without defaulting nothing is ever edited",
            [
                Create(grant(json!({"expirationWindow": "1 day"})))
                    .step()
                    .refused(&["grant-window-format"]),
                Create(grant(Value::Null)).step(),
                ApplyServerSide(grant(json!({}))).step(),
                ApplyServerSide(grant(json!({}))).step().stays(),
                status(grant_status()),
                ApplyServerSide(grant(json!({}))).step().stays(),
                Replace(grant(json!({"redemptionsAllowed": 1}))).step(),
            ],
        )
        .with(settings.clone()),
        Situation::new(
            "without defaulting another spelling is stored as it is written",
            [
                Replace(changed(stored(), json!({"expirationWindow": "1440m"}))).step(),
                Replace(changed(stored(), json!({"expirationWindow": "1 day"})))
                    .step()
                    .refused(&["grant-window-format"]),
            ],
        )
        .with(settings.clone())
        .storing(with_status(stored(), grant_status())),
        Situation::new(
            "without defaulting a window that is left out would be lost",
            [Replace(grant(json!({"redemptionsAllowed": 3})))
                .step()
                .refused(&["grant-window-frozen"])],
        )
        .with(settings)
        .storing(with_status(stored(), grant_status())),
        Situation::new(
            "without defaulting a code may be taken out of an expired grant",
            [Patch(json!({"spec": {"code": null}})).step()],
        )
        .with(json!({"defaulting": false, "rules": {"grant-expired": "deny"}}))
        .storing(with_status(
            changed(stored(), json!({"code": CODE})),
            expired_grant_status(),
        )),
    ]
}
