//! Payloads that nobody should send, and what must be answered. Native tests and the wasm host run
//! the same rows.

use serde_json::json;

/// Stands in every row where text stands, and must be in no answer.
pub const CANARY: &str = "canary-7c1f0e9d";

/// One payload of `validate`.
pub struct Row {
    /// Name of the row: the mistake.
    pub name: String,
    /// The bytes.
    pub payload: Vec<u8>,
    /// The code of the refusal; `None` where it is accepted.
    pub code: Option<u16>,
    /// A part of the message, above all the field.
    pub says: String,
}

/// Every row.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    wrong_types(&mut rows);
    bad_values(&mut rows);
    bad_names(&mut rows);
    unreadable(&mut rows);
    no_request(&mut rows);
    bad_settings(&mut rows);
    rows
}

/// Every field of every kind with a value of every JSON type.
fn wrong_types(rows: &mut Vec<Row>) {
    let fields = [
        (GRANT, "redemptionsAllowed", "an integer"),
        (GRANT, "expirationWindow", "a string"),
        (GRANT, "code", "a string"),
        (GRANT, "issuer", "a string"),
        (GRANT, "settings", "an object"),
        (TOKEN, "url", "a string"),
        (TOKEN, "code", "a string"),
        (TOKEN, "ca", "a string"),
        (TOKEN, "linkCost", "an integer"),
        (TOKEN, "settings", "an object"),
        (REQUEST, "audiences", "an array"),
        (REQUEST, "expirationSeconds", "an integer"),
        (REQUEST, "boundObjectRef", "an object"),
    ];
    let values = [
        ("boolean", json!(true)),
        ("integer", json!(7)),
        ("number", json!(7.5)),
        ("string", json!(CANARY)),
        ("array", json!([CANARY])),
        ("object", json!({CANARY: CANARY})),
    ];
    for (kind, field, expected) in fields {
        for (found, value) in &values {
            if expected.ends_with(found) {
                continue;
            }
            rows.push(Row {
                name: format!("{kind} with {field} of type {found}"),
                payload: with_field(kind, field, &value.to_string()),
                code: Some(422),
                says: format!("spec.{field}: Invalid value: \"{found}\": must be {expected}"),
            });
        }
    }
    let deeper = [
        (
            GRANT,
            "settings",
            r#"{"a.b": CANARY}"#,
            "spec.settings[a.b]: Invalid value: \"integer\": must be a string",
        ),
        (
            TOKEN,
            "settings",
            r#"{"a": [CANARY]}"#,
            "spec.settings[a]: Invalid value: \"array\": must be a string",
        ),
        (
            REQUEST,
            "audiences",
            r#"["a", {"a": CANARY}]"#,
            "spec.audiences[1]: Invalid value: \"object\": must be a string",
        ),
        (
            REQUEST,
            "boundObjectRef",
            r#"{"kind": [CANARY]}"#,
            "spec.boundObjectRef.kind: Invalid value: \"array\": must be a string",
        ),
    ];
    for (kind, field, value, says) in deeper {
        rows.push(Row {
            name: format!("{kind} with a wrong type within {field}"),
            payload: with_field(kind, field, &value.replace("CANARY", "17")),
            code: Some(422),
            says: says.to_owned(),
        });
    }
    for kind in [GRANT, TOKEN, REQUEST] {
        for (found, value) in values.iter().filter(|(found, _)| *found != "object") {
            rows.push(Row {
                name: format!("{kind} with a spec of type {found}"),
                payload: with_spec(kind, &value.to_string()),
                code: Some(422),
                says: format!("spec: Invalid value: \"{found}\": must be an object"),
            });
        }
    }
}

/// Values of the right type, or of none, that no field takes.
#[expect(clippy::too_many_lines, reason = "one table")]
fn bad_values(rows: &mut Vec<Row>) {
    let long = format!("\"{}\"", CANARY.repeat((1 << 20) / CANARY.len()));
    let blank = format!("\"{}\"", " ".repeat(1 << 20));
    let digits = format!("\"{}h\"", "9".repeat(1 << 20));
    let minutes = format!("\"{}\"", "1m".repeat(1 << 19));
    let opened = format!("\"{}\"", "-----BEGIN CERTIFICATE-----\\n".repeat(30_000));
    let many = format!("[{}\"\"]", "\"\",".repeat(100_000));
    let fields: Vec<String> = (0..10_000).map(|n| format!("\"a{n}\": 1")).collect();
    let fields = format!("{{{}}}", fields.join(", "));
    let entries = fields.replace(": 1", ": \"b\"");
    let nested = format!("[[{many}], {{\"a\": {many}}}]");
    let table: [(&str, &str, &str, Option<u16>, &str); 39] = [
        (
            GRANT,
            "redemptionsAllowed",
            "0",
            Some(422),
            "spec.redemptionsAllowed: Invalid value: 0",
        ),
        (GRANT, "redemptionsAllowed", "null", None, ""),
        (
            GRANT,
            "redemptionsAllowed",
            "\"\"",
            Some(422),
            "spec.redemptionsAllowed: Invalid value: \"string\"",
        ),
        (
            GRANT,
            "redemptionsAllowed",
            "18446744073709551616",
            Some(422),
            "spec.redemptionsAllowed: Invalid value: 1.844674407370955",
        ),
        (
            GRANT,
            "redemptionsAllowed",
            "-18446744073709551616",
            Some(422),
            "spec.redemptionsAllowed: Invalid value: -1.844674407370955",
        ),
        (
            GRANT,
            "redemptionsAllowed",
            "1e300",
            Some(422),
            "spec.redemptionsAllowed: Invalid value: 1e+300",
        ),
        (
            GRANT,
            "redemptionsAllowed",
            "2, \"redemptionsAllowed\": 0",
            Some(422),
            "spec.redemptionsAllowed: Invalid value: 0",
        ),
        (
            GRANT,
            "redemptionsAllowed",
            "0, \"redemptionsAllowed\": 2",
            None,
            "",
        ),
        (GRANT, "expirationWindow", "\"\"", None, ""),
        (
            GRANT,
            "expirationWindow",
            "\"\\u0000\"",
            Some(422),
            "spec.expirationWindow: Invalid value: \"\\u{0}\"",
        ),
        (
            GRANT,
            "expirationWindow",
            &blank,
            Some(422),
            "spec.expirationWindow: Invalid value: ",
        ),
        (
            GRANT,
            "expirationWindow",
            &digits,
            Some(422),
            "spec.expirationWindow: Invalid value: ",
        ),
        (GRANT, "expirationWindow", &minutes, None, ""),
        (GRANT, "code", &long, Some(422), "spec.code: Too long"),
        (
            GRANT,
            "code",
            "\"\\u0000canary-7c1f0e9d\"",
            Some(422),
            "spec.code: Invalid value: \"***\"",
        ),
        (
            GRANT,
            "code",
            "\"canary-7c1f0e9d\\u2028\"",
            Some(422),
            "spec.code: Invalid value: \"***\"",
        ),
        (
            GRANT,
            "issuer",
            "\"A B\"",
            Some(422),
            "spec.issuer: Invalid value: \"A B\"",
        ),
        (GRANT, "settings", "null", None, ""),
        (
            GRANT,
            "settings",
            &fields,
            Some(422),
            "spec.settings: Too many: must have at most 64 entries",
        ),
        (TOKEN, "url", "null", Some(422), "spec.url: Required value"),
        (TOKEN, "url", "\"\"", Some(422), "spec.url: Required value"),
        (TOKEN, "url", &long, Some(422), "spec.url: Too long"),
        (
            TOKEN,
            "url",
            "\"https://canary-7c1f0e9d@east.example/a?canary-7c1f0e9d#canary-7c1f0e9d\"",
            Some(422),
            "spec.url: Invalid value: \"https://east.example/a\"",
        ),
        (
            TOKEN,
            "url",
            "\"canary-7c1f0e9d\"",
            Some(422),
            "spec.url: Invalid value: must be",
        ),
        (
            TOKEN,
            "code",
            "null",
            Some(422),
            "spec.code: Required value",
        ),
        (
            TOKEN,
            "code",
            "\"\"",
            Some(422),
            "spec.code: Required value",
        ),
        (TOKEN, "code", &long, Some(422), "spec.code: Too long"),
        (TOKEN, "ca", &long, Some(422), "spec.ca: Too long"),
        (TOKEN, "ca", &opened, Some(422), "spec.ca: Too long"),
        (
            TOKEN,
            "ca",
            "\"-----BEGIN CERTIFICATE-----\\ncanary-7c1f0e9d\\n-----END CERTIFICATE-----\"",
            Some(422),
            "spec.ca: Invalid value: \"***\"",
        ),
        (
            TOKEN,
            "ca",
            "\"-----BEGIN PRIVATE KEY-----\\ncanary-7c1f0e9d\"",
            Some(422),
            "spec.ca: Forbidden",
        ),
        (
            TOKEN,
            "linkCost",
            "1e300",
            Some(422),
            "spec.linkCost: Invalid value: 1e+300",
        ),
        (
            REQUEST,
            "audiences",
            &many,
            Some(422),
            "spec.audiences: Too many: must have at most 64 entries",
        ),
        (
            GRANT,
            "settings",
            &entries,
            Some(422),
            "spec.settings: Too many: must have at most 64 entries",
        ),
        (
            TOKEN,
            "settings",
            &entries,
            Some(422),
            "spec.settings: Too many: must have at most 64 entries",
        ),
        (
            TOKEN,
            "settings",
            &many,
            Some(422),
            "spec.settings: Too many: must have at most 64 entries",
        ),
        (
            GRANT,
            "expirationWindow",
            &nested,
            Some(422),
            "spec.expirationWindow: Invalid value: \"array\": must be a string",
        ),
        (
            REQUEST,
            "expirationSeconds",
            "18446744073709551615",
            Some(422),
            "spec.expirationSeconds: Invalid value: 18446744073709551615",
        ),
        (
            REQUEST,
            "boundObjectRef",
            "{}",
            Some(422),
            "spec.boundObjectRef.name: Required value",
        ),
    ];
    for (kind, field, value, code, says) in table {
        let shown: String = value.chars().take(40).collect();
        rows.push(Row {
            name: format!("{kind} with {field}: {shown}"),
            payload: with_field(kind, field, value),
            code,
            says: says.to_owned(),
        });
    }
    rows.push(Row {
        name: "AccessToken without a spec".to_owned(),
        payload: with_spec(TOKEN, "null"),
        code: Some(422),
        says: "spec: Required value".to_owned(),
    });
    rows.push(Row {
        name: "AccessGrant with 10,000 unknown fields".to_owned(),
        payload: with_spec(GRANT, &fields),
        code: None,
        says: String::new(),
    });
}

fn bad_names(rows: &mut Vec<Row>) {
    let long = format!("{{\"name\": \"{}\"}}", "a".repeat(1 << 20));
    let table = [
        ("null", "metadata.name: Required value"),
        (
            "[]",
            "metadata: Invalid value: \"array\": must be an object",
        ),
        (
            "{\"name\": 7}",
            "metadata.name: Invalid value: \"integer\": must be a string",
        ),
        ("{\"name\": \"\"}", "metadata.name: Required value"),
        (
            "{\"name\": \"A\\u001b\"}",
            "metadata.name: Invalid value: \"A\\u{1b}\"",
        ),
        (
            "{\"generateName\": \"A\"}",
            "metadata.generateName: Invalid value: \"A\"",
        ),
        (&long, "metadata.name: Invalid value: \"aaaa"),
    ];
    for (metadata, says) in table {
        let shown: String = metadata.chars().take(40).collect();
        rows.push(Row {
            name: format!("AccessGrant with metadata {shown}"),
            payload: request(
                "skupper.io",
                "AccessGrant",
                &format!(r#"{{"metadata": {metadata}}}"#),
                "{}",
            ),
            code: Some(422),
            says: says.to_owned(),
        });
    }
}

/// JSON that cannot be read is refused wherever it stands, and so is what is no JSON.
fn unreadable(rows: &mut Vec<Row>) {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let values = [
        ("10,000 lists deep", deep.as_str()),
        ("10,000 objects deep", &deep_objects),
        ("a number beyond doubles", "1e400"),
        ("a lone surrogate", r#""canary-7c1f0e9d\ud800""#),
        ("a control character", "\"canary-7c1f0e9d\u{1}\""),
        ("not a number", "NaN"),
        ("text that ends too early", r#""canary-7c1f0e9d"#),
    ];
    for (name, value) in values {
        for field in ["expirationWindow", "unknown"] {
            rows.push(not_readable(name, with_field(GRANT, field, value)));
        }
        let payload = request(
            "skupper.io",
            "AccessGrant",
            &format!(r#"{{"metadata": {{"name": "west", "managedFields": {value}}}}}"#),
            "{}",
        );
        rows.push(not_readable(name, payload));
        let payload = request(
            "skupper.io",
            "AccessGrant",
            "{}",
            &format!(r#"{{"rules": {value}}}"#),
        );
        rows.push(not_readable(name, payload));
        rows.push(not_readable(name, value.as_bytes().to_vec()));
    }
    let texts: [(&str, &[u8]); 8] = [
        ("nothing", b""),
        ("white space", b" \n"),
        ("a word", b"canary-7c1f0e9d"),
        ("a text", b"\"canary-7c1f0e9d\""),
        ("a list", b"[\"canary-7c1f0e9d\"]"),
        ("two documents", b"{} {}"),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        (
            "what is not UTF-8",
            b"{\"request\": \"canary-7c1f0e9d\xff\"}",
        ),
    ];
    for (name, payload) in texts {
        rows.push(not_readable(name, payload.to_vec()));
    }
}

fn not_readable(name: &str, payload: Vec<u8>) -> Row {
    Row {
        name: format!("not readable: {name}"),
        payload,
        code: Some(400),
        says: "the payload is not readable JSON".to_owned(),
    }
}

/// JSON that is no admission request.
fn no_request(rows: &mut Vec<Row>) {
    const NOT_A_REQUEST: &str = "the payload is not an admission request";
    const OPERATION: &str = "the admission request must have an operation";
    const OBJECT: &str = "the admission request must have an object";
    let kind = r#""kind": {"group": "skupper.io", "version": "v2alpha1", "kind": "AccessGrant"}"#;
    let table = [
        ("an empty payload", "{}".to_owned(), NOT_A_REQUEST),
        ("null", r#"{"request": null}"#.to_owned(), NOT_A_REQUEST),
        ("text", r#"{"request": "canary-7c1f0e9d"}"#.to_owned(), NOT_A_REQUEST),
        ("a list", r#"{"request": ["canary-7c1f0e9d"]}"#.to_owned(), NOT_A_REQUEST),
        ("no operation", format!(r#"{{"request": {{{kind}, "object": {{}}}}}}"#), OPERATION),
        ("an unknown operation", format!(r#"{{"request": {{{kind}, "operation": "canary-7c1f0e9d", "object": {{}}}}}}"#), OPERATION),
        ("operation in lower case", format!(r#"{{"request": {{{kind}, "operation": "create", "object": {{}}}}}}"#), OPERATION),
        ("a number as operation", format!(r#"{{"request": {{{kind}, "operation": 1, "object": {{}}}}}}"#), OPERATION),
        ("no kind", r#"{"request": {"operation": "CREATE", "object": {}}}"#.to_owned(), NOT_A_REQUEST),
        ("text as kind", r#"{"request": {"operation": "CREATE", "kind": "canary-7c1f0e9d", "object": {}}}"#.to_owned(), NOT_A_REQUEST),
        ("a number as group", r#"{"request": {"operation": "CREATE", "kind": {"group": 1, "kind": "AccessGrant"}, "object": {}}}"#.to_owned(), NOT_A_REQUEST),
        ("groups of numbers", format!(r#"{{"request": {{{kind}, "operation": "CREATE", "userInfo": {{"groups": [1]}}, "object": {{}}}}}}"#), NOT_A_REQUEST),
        ("text as old object", format!(r#"{{"request": {{{kind}, "operation": "UPDATE", "object": {{}}, "oldObject": "canary-7c1f0e9d"}}}}"#), NOT_A_REQUEST),
        ("no object", format!(r#"{{"request": {{{kind}, "operation": "CREATE"}}}}"#), OBJECT),
        ("null as object", format!(r#"{{"request": {{{kind}, "operation": "UPDATE", "object": null}}}}"#), OBJECT),
        ("text as object", format!(r#"{{"request": {{{kind}, "operation": "CREATE", "object": "canary-7c1f0e9d"}}}}"#), OBJECT),
        ("a list as object", format!(r#"{{"request": {{{kind}, "operation": "CREATE", "object": ["canary-7c1f0e9d"]}}}}"#), OBJECT),
    ];
    for (name, payload, says) in table {
        rows.push(Row {
            name: format!("no request: {name}"),
            payload: payload.into_bytes(),
            code: Some(400),
            says: says.to_owned(),
        });
    }
}

/// Settings that cannot be used are answered with 500: `validate_settings` refuses them before.
fn bad_settings(rows: &mut Vec<Row>) {
    let unreadable = "settings are not valid: settings: Invalid value: must be a JSON object";
    let long = format!("{{\"{}\": 1}}", "a".repeat(1 << 20));
    let table = [
        ("\"text\"", unreadable),
        ("7", unreadable),
        ("true", unreadable),
        ("[]", unreadable),
        (
            r#"{"acessGrant": {}}"#,
            "acessGrant: Forbidden: unknown setting, did you mean 'accessGrant'?",
        ),
        (&long, "aaa...: Forbidden: unknown setting"),
        (
            r#"{"rules": []}"#,
            "rules: Invalid value: \"array\": must be an object",
        ),
        (
            r#"{"rules": {"wrong-type": "warn"}}"#,
            "rules[wrong-type]: Forbidden",
        ),
        (
            r#"{"rules": {"no-rule": "warn"}}"#,
            "rules[no-rule]: Forbidden: unknown rule",
        ),
        (
            r#"{"rules": {"name-format": false}}"#,
            "rules[name-format]: Unsupported value: false",
        ),
        (
            r#"{"defaulting": "no"}"#,
            "defaulting: Invalid value: \"no\": must be a boolean",
        ),
        (
            r#"{"accessGrant": []}"#,
            "accessGrant: Invalid value: \"array\": must be an object",
        ),
        (
            r#"{"accessGrant": {"maxExpirationWindow": 15}}"#,
            "accessGrant.maxExpirationWindow: Invalid value: 15: must be a string",
        ),
        (
            r#"{"accessGrant": {"maxExpirationWindow": "1 month"}}"#,
            "accessGrant.maxExpirationWindow: Invalid value: \"1 month\"",
        ),
        (
            r#"{"accessGrant": {"maxRedemptionsAllowed": 0}}"#,
            "accessGrant.maxRedemptionsAllowed: Invalid value: 0: must be from 1 to 2147483647",
        ),
        (
            r#"{"accessGrant": {"maxRedemptionsAllowed": 1.5}}"#,
            "accessGrant.maxRedemptionsAllowed: Invalid value: 1.5: must be an integer",
        ),
        (
            r#"{"accessGrant": {"allowedIssuers": "a"}}"#,
            "accessGrant.allowedIssuers: Invalid value: \"a\": must be an array",
        ),
        (
            r#"{"accessToken": {"allowedHosts": [1]}}"#,
            "accessToken.allowedHosts[0]: Invalid value: 1: must be a string",
        ),
        (
            r#"{"accessToken": {"deniedHosts": ["10.0.0.1/8"]}}"#,
            "accessToken.deniedHosts[0]: Invalid value: \"10.0.0.1/8\"",
        ),
        (
            r#"{"tokenRequest": {"maxExpirationSeconds": 3607}}"#,
            "tokenRequest.maxExpirationSeconds: Invalid value: 3607",
        ),
        (
            r#"{"tokenRequest": {"overlong": "lower"}}"#,
            "tokenRequest.overlong: Unsupported value: \"lower\"",
        ),
        (
            r#"{"tokenRequest": {"allowedAudiences": [""]}}"#,
            "tokenRequest.allowedAudiences[0]: Invalid value: \"\"",
        ),
        (
            r#"{"defaulting": false, "tokenRequest": {"overlong": "clamp"}}"#,
            "tokenRequest.overlong: Invalid value: \"clamp\"",
        ),
    ];
    for (settings, says) in table {
        let shown: String = settings.chars().take(60).collect();
        rows.push(Row {
            name: format!("settings {shown}"),
            payload: request("skupper.io", "AccessGrant", "{}", settings),
            code: Some(500),
            says: says.to_owned(),
        });
    }
}

const GRANT: &str = "AccessGrant";
const TOKEN: &str = "AccessToken";
const REQUEST: &str = "TokenRequest";

/// A good object of the kind, and after its good fields the bad one: the last of two wins.
fn with_field(kind: &str, field: &str, value: &str) -> Vec<u8> {
    let good = match kind {
        TOKEN => r#""url": "https://east.example/a", "code": "c", "ca": "","#,
        REQUEST => r#""audiences": ["a"],"#,
        _ => "",
    };
    with_spec(kind, &format!(r#"{{{good} "{field}": {value}}}"#))
}

fn with_spec(kind: &str, spec: &str) -> Vec<u8> {
    let group = match kind {
        REQUEST => "authentication.k8s.io",
        _ => "skupper.io",
    };
    let object = format!(r#"{{"metadata": {{"name": "west"}}, "spec": {spec}}}"#);
    request(group, kind, &object, "{}")
}

fn request(group: &str, kind: &str, object: &str, settings: &str) -> Vec<u8> {
    let sub_resource = match kind {
        REQUEST => {
            r#""resource": {"group": "", "version": "v1", "resource": "serviceaccounts"}, "subResource": "token","#
        }
        _ => "",
    };
    format!(
        r#"{{"request": {{"operation": "CREATE", "kind": {{"group": "{group}", "version": "v1", "kind": "{kind}"}},
        {sub_resource} "userInfo": {{"username": "u"}}, "object": {object}}}, "settings": {settings}}}"#
    )
    .into_bytes()
}
