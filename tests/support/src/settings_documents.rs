//! Settings documents, good and bad. The tests of the settings and those of every door to the
//! policy run the same rows.

#![expect(clippy::too_many_lines, reason = "tables are long")]

use serde_json::{Value, json};

/// Documents that set nothing: name and document.
pub fn nothing() -> Vec<(&'static str, Value)> {
    vec![
        ("null", Value::Null),
        ("an empty object", json!({})),
        (
            "empty groups",
            json!({"accessGrant": {}, "accessToken": null, "rules": {}}),
        ),
        (
            "nulls",
            json!({"defaulting": null, "accessGrant": {"maxRedemptionsAllowed": null}}),
        ),
        (
            "empty texts",
            json!({"accessGrant": {"maxExpirationWindow": ""}, "tokenRequest": {"overlong": ""}}),
        ),
        (
            "empty texts for what is no text, as forms send them",
            json!({
                "defaulting": "",
                "accessGrant": {
                    "defaultRedemptionsAllowed": "", "maxRedemptionsAllowed": "", "minCodeLength": "",
                    "rewriteWindows": ""
                },
                "accessToken": {"defaultLinkCost": "", "maxLinkCost": "", "reservedNames": ""},
                "tokenRequest": {"maxExpirationSeconds": "", "exemptGroups": ""}
            }),
        ),
        (
            "empty lists",
            json!({"accessGrant": {"allowedIssuers": []}, "accessToken": {"allowedHosts": []}}),
        ),
        (
            "a rule without severity",
            json!({"rules": {"grant-expired": null}}),
        ),
    ]
}

/// Documents that are accepted: name and document.
pub fn good() -> Vec<(&'static str, Value)> {
    vec![
        (
            "the example of the rules",
            json!({
                "rules": {"grant-window-frozen": "warn", "token-ca-missing": "deny", "grant-code-length": "deny", "bound-object-missing": "deny"},
                "accessGrant": {"maxRedemptionsAllowed": 10, "maxExpirationWindow": "24h", "minCodeLength": 24},
                "accessToken": {"maxLinkCost": 100, "allowedHosts": ["*.example.com", "203.0.113.0/24"]},
                "tokenRequest": {"allowedAudiences": ["https://vault.example.com", "sts.*"], "maxExpirationSeconds": 7200, "overlong": "clamp"}
            }),
        ),
        (
            "people's durations",
            json!({"accessGrant": {"minExpirationWindow": "5 min", "maxExpirationWindow": "2 weeks"}}),
        ),
        (
            "a maximum below the built-in default",
            json!({"accessGrant": {"maxExpirationWindow": "10m"}}),
        ),
        (
            "a minimum above the built-in default",
            json!({"accessGrant": {"minExpirationWindow": "1h"}}),
        ),
        (
            "a default at its limit",
            json!({"accessGrant": {"defaultExpirationWindow": "1h", "maxExpirationWindow": "1h"}}),
        ),
        (
            "a whole number with a fraction",
            json!({"accessToken": {"maxLinkCost": 100.0}}),
        ),
        (
            "no reserved names",
            json!({"accessToken": {"reservedNames": []}}),
        ),
        (
            "the shortest maximum, with clamp",
            json!({"tokenRequest": {"maxExpirationSeconds": 600, "overlong": "clamp"}}),
        ),
        (
            "the API server's own lifetime",
            json!({"tokenRequest": {"maxExpirationSeconds": 3600}}),
        ),
        (
            "rewriting in both deployments",
            json!({"defaulting": false, "accessGrant": {"rewriteWindows": true}}),
        ),
        (
            "windows that are lowered",
            json!({"accessGrant": {"maxExpirationWindow": "10m", "overlong": "clamp"}}),
        ),
        (
            "groups in a kind",
            json!({"tokenRequest": {"allowedBoundKinds": ["apps/v1/Deployment"]}}),
        ),
    ]
}

/// Documents that are refused with one problem: name, document, and how the problem begins.
pub fn bad() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "a list",
            json!([]),
            "settings: Invalid value: must be a JSON object",
        ),
        (
            "a text",
            json!("defaulting"),
            "settings: Invalid value: must be a JSON object",
        ),
        (
            "an unknown key",
            json!({"accessgrant": {}}),
            "accessgrant: Forbidden: unknown setting, did you mean 'accessGrant'?",
        ),
        (
            "an unknown key in a group",
            json!({"accessToken": {"maxLinkCosts": 1}}),
            "accessToken.maxLinkCosts: Forbidden: unknown setting, did you mean 'maxLinkCost'?",
        ),
        (
            "a key of the table with its dot",
            json!({"accessToken.allowedHosts": ["a.example"]}),
            "accessToken.allowedHosts: Forbidden: unknown setting with a dot: write accessToken: {allowedHosts: ...}",
        ),
        (
            "nonsense at a key of the table with its dot",
            json!({"accessGrant.maxExpirationWindow": [{}]}),
            "accessGrant.maxExpirationWindow: Forbidden: unknown setting with a dot: write accessGrant: {maxExpirationWindow: ...}",
        ),
        (
            "a misspelled key with its dot",
            json!({"tokenrequest.overLong": "clamp"}),
            "tokenrequest.overLong: Forbidden: unknown setting with a dot: write tokenRequest: {overlong: ...}",
        ),
        (
            "a rule with a dot",
            json!({"rules.grant-expired": "deny"}),
            "rules.grant-expired: Forbidden: unknown setting with a dot: write rules: {grant-expired: ...}",
        ),
        (
            "a key with its dot inside its group",
            json!({"accessToken": {"accessToken.allowedHosts": []}}),
            "accessToken.accessToken.allowedHosts: Forbidden: unknown setting, ",
        ),
        (
            "a key that is like none",
            json!({"tokenRequest": {"x": 1}}),
            "tokenRequest.x: Forbidden: unknown setting, must be one of 'defaultAudiences', ",
        ),
        (
            "a group of the wrong type",
            json!({"accessGrant": 5}),
            "accessGrant: Invalid value: 5: must be an object",
        ),
        (
            "a list for a number",
            json!({"accessGrant": {"maxRedemptionsAllowed": [1]}}),
            "accessGrant.maxRedemptionsAllowed: Invalid value: \"array\": must be an integer",
        ),
        (
            "an empty text for a group",
            json!({"accessToken": ""}),
            "accessToken: Invalid value: \"\": must be an object",
        ),
        (
            "a boolean in a text",
            json!({"defaulting": "false"}),
            "defaulting: Invalid value: \"false\": must be a boolean",
        ),
        (
            "a number in a text",
            json!({"accessToken": {"maxLinkCost": "5"}}),
            "accessToken.maxLinkCost: Invalid value: \"5\": must be an integer",
        ),
        (
            "a fraction",
            json!({"accessToken": {"maxLinkCost": 1.5}}),
            "accessToken.maxLinkCost: Invalid value: 1.5: must be an integer",
        ),
        (
            "a number below its range",
            json!({"accessToken": {"maxLinkCost": 0}}),
            "accessToken.maxLinkCost: Invalid value: 0: must be from 1 to 2147483647",
        ),
        (
            "a number beyond 64 bits",
            json!({"accessToken": {"maxLinkCost": 1e300}}),
            "accessToken.maxLinkCost: Invalid value: 1e+300: must be from 1 to 2147483647",
        ),
        (
            "a number as duration",
            json!({"accessGrant": {"maxExpirationWindow": 900}}),
            "accessGrant.maxExpirationWindow: Invalid value: 900: must be a string",
        ),
        (
            "an unreadable duration",
            json!({"accessGrant": {"maxExpirationWindow": "1 month"}}),
            "accessGrant.maxExpirationWindow: Invalid value: \"1 month\": must be a Go duration",
        ),
        (
            "no duration at all",
            json!({"accessGrant": {"minExpirationWindow": "0s"}}),
            "accessGrant.minExpirationWindow: Invalid value: \"0s\": must be more than 0",
        ),
        (
            "an unreadable network",
            json!({"accessToken": {"allowedHosts": ["10.0.0.0/33"]}}),
            "accessToken.allowedHosts[0]: Invalid value: \"10.0.0.0/33\": ",
        ),
        (
            "an unreadable pattern",
            json!({"accessToken": {"deniedHosts": ["a.example", "*"]}}),
            "accessToken.deniedHosts[1]: Invalid value: \"*\": ",
        ),
        (
            "a list of numbers",
            json!({"accessToken": {"deniedHosts": [1]}}),
            "accessToken.deniedHosts[0]: Invalid value: 1: must be a string",
        ),
        (
            "a text for a list",
            json!({"accessToken": {"deniedHosts": "a.example"}}),
            "accessToken.deniedHosts: Invalid value: \"a.example\": must be an array",
        ),
        (
            "null in a list",
            json!({"tokenRequest": {"exemptGroups": [null]}}),
            "tokenRequest.exemptGroups[0]: Invalid value: \"\": must not be empty",
        ),
        (
            "no name",
            json!({"accessGrant": {"allowedIssuers": ["Site_CA"]}}),
            "accessGrant.allowedIssuers[0]: Invalid value: \"Site_CA\": must be a lower case RFC 1123 subdomain",
        ),
        (
            "an audience with a blank",
            json!({"tokenRequest": {"apiServerAudiences": ["a b"]}}),
            "tokenRequest.apiServerAudiences[0]: Invalid value: \"a b\": must not contain white space",
        ),
        (
            "a kind without version",
            json!({"tokenRequest": {"allowedBoundKinds": ["Pod"]}}),
            "tokenRequest.allowedBoundKinds[0]: Invalid value: \"Pod\": must be 'apiVersion/kind', such as 'v1/Pod'",
        ),
        (
            "a kind of the core group, by name",
            json!({"tokenRequest": {"allowedBoundKinds": ["core/v1/Pod"]}}),
            "tokenRequest.allowedBoundKinds[0]: Invalid value: \"core/v1/Pod\": must be 'apiVersion/kind', such as 'v1/Pod'",
        ),
        (
            "a kind behind a slash",
            json!({"tokenRequest": {"allowedBoundKinds": ["/v1/Pod"]}}),
            "tokenRequest.allowedBoundKinds[0]: Invalid value: \"/v1/Pod\": must be 'apiVersion/kind'",
        ),
        (
            "a kind in lower case",
            json!({"tokenRequest": {"allowedBoundKinds": ["v1/pod"]}}),
            "tokenRequest.allowedBoundKinds[0]: Invalid value: \"v1/pod\": must be 'apiVersion/kind'",
        ),
        (
            "a pattern of users",
            json!({"tokenRequest": {"exemptUsernames": ["system:*"]}}),
            "tokenRequest.exemptUsernames[0]: Invalid value: \"system:*\": must be a whole name",
        ),
        (
            "a variable as host",
            json!({"accessToken": {"allowedHosts": ["${HOST}"]}}),
            "accessToken.allowedHosts[0]: Invalid value: \"${HOST}\": must be filled in",
        ),
        (
            "an audience from an example",
            json!({"tokenRequest": {"allowedAudiences": ["<audience>"]}}),
            "tokenRequest.allowedAudiences[0]: Invalid value: \"<audience>\": must be filled in",
        ),
        (
            "an unknown word",
            json!({"tokenRequest": {"overlong": "cut"}}),
            "tokenRequest.overlong: Unsupported value: \"cut\": supported values: \"deny\", \"clamp\"",
        ),
        (
            "an unknown rule",
            json!({"rules": {"grant-window-frosen": "warn"}}),
            "rules[grant-window-frosen]: Forbidden: unknown rule, did you mean 'grant-window-frozen'?",
        ),
        (
            "a rule that is like none",
            json!({"rules": {"x": "warn"}}),
            "rules[x]: Forbidden: unknown rule",
        ),
        (
            "a fixed rule",
            json!({"rules": {"wrong-type": "warn"}}),
            "rules[wrong-type]: Forbidden: this rule always denies",
        ),
        (
            "a fixed rule set to what it is",
            json!({"rules": {"spec-missing": "deny"}}),
            "rules[spec-missing]: Forbidden: this rule always denies",
        ),
        (
            "off, as YAML reads it",
            json!({"rules": {"grant-expired": false}}),
            "rules[grant-expired]: Unsupported value: false: supported values: \"deny\", \"warn\", \"allow\"",
        ),
        (
            "an unknown severity",
            json!({"rules": {"grant-expired": "error"}}),
            "rules[grant-expired]: Unsupported value: \"error\": supported values: ",
        ),
        (
            "a default above its limit",
            json!({"accessGrant": {"defaultRedemptionsAllowed": 5, "maxRedemptionsAllowed": 3}}),
            "accessGrant.defaultRedemptionsAllowed: Invalid value: 5: must be at most",
        ),
        (
            "a default cost above its limit",
            json!({"accessToken": {"defaultLinkCost": 5, "maxLinkCost": 3}}),
            "accessToken.defaultLinkCost: Invalid value: 5: must be at most",
        ),
        (
            "a default window above its limit",
            json!({"accessGrant": {"defaultExpirationWindow": "2h", "maxExpirationWindow": "1h"}}),
            "accessGrant.defaultExpirationWindow: Invalid value: \"2h\": must be at most",
        ),
        (
            "a default window below its limit",
            json!({"accessGrant": {"defaultExpirationWindow": "1m", "minExpirationWindow": "1h"}}),
            "accessGrant.defaultExpirationWindow: Invalid value: \"1m\": must be at least",
        ),
        (
            "a minimum above its maximum",
            json!({"accessGrant": {"minExpirationWindow": "2h", "maxExpirationWindow": "1h"}}),
            "accessGrant.minExpirationWindow: Invalid value: \"2h\": must be at most",
        ),
        (
            "a default audience that is not allowed",
            json!({"tokenRequest": {"defaultAudiences": ["a"], "allowedAudiences": ["b*"]}}),
            "tokenRequest.defaultAudiences",
        ),
        (
            "3607",
            json!({"tokenRequest": {"maxExpirationSeconds": 3607, "overlong": "clamp"}}),
            "tokenRequest.maxExpirationSeconds: Invalid value: 3607: may not be 3607",
        ),
        (
            "a maximum below 600",
            json!({"tokenRequest": {"maxExpirationSeconds": 599, "overlong": "clamp"}}),
            "tokenRequest.maxExpirationSeconds: Invalid value: 599: must be from 600 to 4294967296",
        ),
        (
            "a maximum below 3600 without clamp",
            json!({"tokenRequest": {"maxExpirationSeconds": 1800}}),
            "tokenRequest.maxExpirationSeconds: Invalid value: 1800: must be at least 3600",
        ),
        (
            "default audiences that the rules would find twice",
            json!({"tokenRequest": {"defaultAudiences": ["a", "b", "a"]}}),
            "tokenRequest.defaultAudiences: Invalid value: \"array\": must name each audience once",
        ),
        (
            "3607 as a double",
            json!({"tokenRequest": {"maxExpirationSeconds": 3607.0, "overlong": "clamp"}}),
            "tokenRequest.maxExpirationSeconds: Invalid value: 3607.0: may not be 3607",
        ),
        (
            "windows lowered to no maximum",
            json!({"accessGrant": {"overlong": "clamp"}}),
            "accessGrant.overlong: Invalid value: \"clamp\": may not be 'clamp' without accessGrant.maxExpirationWindow",
        ),
        (
            "windows lowered without defaulting",
            json!({"defaulting": false, "accessGrant": {"overlong": "clamp", "maxExpirationWindow": "1h"}}),
            "accessGrant.overlong: Invalid value: \"clamp\": may not be 'clamp' where defaulting is false",
        ),
        (
            "clamp without defaulting",
            json!({"defaulting": false, "tokenRequest": {"overlong": "clamp"}}),
            "tokenRequest.overlong: Invalid value: \"clamp\": may not be 'clamp' where defaulting is false",
        ),
    ]
}
