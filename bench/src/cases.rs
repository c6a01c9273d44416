//! The requests that are measured: recorded ones, and 1 MiB of malice each.

use serde_json::{Value, json};

/// A request every cluster sees, and what it may cost.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) payload: Vec<u8>,
    /// Whether the answer changes the object.
    pub(crate) changed: bool,
    /// Largest ratio of the medians, policy to no-op.
    pub(crate) ratio: f64,
}

/// A request nobody should send, and what it may cost.
pub(crate) struct Hostile {
    pub(crate) name: &'static str,
    pub(crate) payload: Vec<u8>,
    /// Longest answer in milliseconds.
    pub(crate) milliseconds: f64,
}

pub(crate) fn everyday() -> Result<Vec<Case>, serde_json::Error> {
    let mut token = request(ACCESS_TOKEN)?;
    set(&mut token, "/object/spec/ca", json!(CERTIFICATE));
    Ok(vec![
        Case {
            name: "AccessToken, accepted",
            payload: payload(&token),
            changed: false,
            ratio: 1.38,
        },
        Case {
            name: "AccessGrant, defaulted",
            payload: payload(&request(ACCESS_GRANT)?),
            changed: true,
            ratio: 1.4,
        },
        Case {
            name: "TokenRequest, accepted",
            payload: payload(&request(TOKEN_REQUEST)?),
            changed: false,
            ratio: 1.35,
        },
    ])
}

pub(crate) fn hostile() -> Result<Vec<Hostile>, serde_json::Error> {
    let token = request(ACCESS_TOKEN)?;
    let grant = request(ACCESS_GRANT)?;
    let token_request = request(TOKEN_REQUEST)?;
    let text = |unit: &str| format!("\"{}\"", unit.repeat(MIB / unit.len()));
    let blocks = json!(PEM_BLOCK.repeat(16_000)).to_string();
    let keys: Vec<String> = (0..100_000).map(|key| format!("\"k{key}\":0")).collect();
    let rows = [
        (
            "deep nesting",
            &token,
            "/object/spec/settings",
            "[".repeat(MIB),
            50.0,
        ),
        (
            "deep nesting, closed",
            &token,
            "/object/spec/settings",
            format!("{}{}", "[".repeat(MIB / 2), "]".repeat(MIB / 2)),
            50.0,
        ),
        (
            "a huge number",
            &token,
            "/object/spec/linkCost",
            "1".repeat(MIB),
            50.0,
        ),
        (
            "many large numbers",
            &token,
            "/object/spec/settings",
            format!("[{}0]", "1e308,".repeat(MIB / 6)),
            50.0,
        ),
        ("a long code", &token, "/object/spec/code", text("x"), 50.0),
        (
            "a long URL",
            &token,
            "/object/spec/url",
            text("https://a/%41"),
            50.0,
        ),
        (
            "a long window",
            &grant,
            "/object/spec/expirationWindow",
            text("1h"),
            50.0,
        ),
        (
            "a long window in words",
            &grant,
            "/object/spec/expirationWindow",
            text("1 day "),
            50.0,
        ),
        ("16,000 PEM blocks", &token, "/object/spec/ca", blocks, 50.0),
        (
            "a PEM block without end",
            &token,
            "/object/spec/ca",
            json!(format!("-----BEGIN CERTIFICATE-----\n{}", "A".repeat(MIB))).to_string(),
            50.0,
        ),
        (
            "100,000 unknown keys",
            &token,
            "/object/spec/extra",
            format!("0,{}", keys.join(",")),
            150.0,
        ),
        // As many small values as fit, for which the design names no goal: that of the keys.
        (
            "260,000 equal audiences",
            &token_request,
            "/object/spec/audiences",
            format!("[{}\"a\"]", "\"a\",".repeat(MIB / 4)),
            150.0,
        ),
        (
            "520,000 numbers as audiences",
            &token_request,
            "/object/spec/audiences",
            format!("[{}1]", "1,".repeat(MIB / 2)),
            150.0,
        ),
    ];
    Ok(rows
        .into_iter()
        .map(|(name, request, pointer, raw, milliseconds)| Hostile {
            name,
            payload: payload_with(request, pointer, &raw),
            milliseconds,
        })
        .collect())
}

fn request(review: &str) -> Result<Value, serde_json::Error> {
    let mut review: Value = serde_json::from_str(review)?;
    Ok(review
        .get_mut("request")
        .map(Value::take)
        .unwrap_or_default())
}

fn payload(request: &Value) -> Vec<u8> {
    json!({ "request": request, "settings": {} })
        .to_string()
        .into_bytes()
}

/// The payload with `raw`, which need not be JSON, as the value at `pointer`.
fn payload_with(request: &Value, pointer: &str, raw: &str) -> Vec<u8> {
    let mut request = request.clone();
    set(&mut request, pointer, json!(PLACE));
    String::from_utf8_lossy(&payload(&request))
        .replace(&json!(PLACE).to_string(), raw)
        .into_bytes()
}

/// Puts `value` where `pointer` says, into the object that is there.
fn set(request: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    if let Some(Value::Object(fields)) = request.pointer_mut(parent) {
        fields.insert(key.to_owned(), value);
    }
}

const MIB: usize = 1 << 20;

/// Stands where the raw text goes; no recorded review holds it.
const PLACE: &str = "the place of the raw text";

/// About 64 bytes: 16,000 of them make a megabyte.
const PEM_BLOCK: &str = "-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n";

/// A CA as Skupper makes them, of a P-256 key.
const CERTIFICATE: &str = include_str!("ca.pem");

const ACCESS_TOKEN: &str = include_str!("../../tests/reviews/14-accesstoken-create.json");
const ACCESS_GRANT: &str = include_str!("../../tests/reviews/02-accessgrant-create-min.json");
const TOKEN_REQUEST: &str = include_str!("../../tests/reviews/27-token-audiences2-duration.json");
