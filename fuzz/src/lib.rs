//! Changes JSON as JSON: bytes flipped at random seldom give a document that is still readable, and
//! what is unreadable ends in the first line of a review.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Map, Value, json};
use test_support::pointers::collect;

/// Changes the document in the first `size` bytes of `data` and returns its new size. The same
/// `seed` makes the same change, except where libFuzzer's own mutation takes part.
pub fn mutate_json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Random(seed.into());
    let document = data.get(..size).map(serde_json::from_slice::<Value>);
    let (Some(Ok(mut document)), 1..) = (document, random.below(8)) else {
        return fuzzer_mutate(data, size, max_size);
    };
    for _ in 0..=random.below(3) {
        change(&mut document, &mut random);
    }
    let text = document.to_string();
    match data.get_mut(..text.len().min(max_size)) {
        Some(place) if place.len() == text.len() => {
            place.copy_from_slice(text.as_bytes());
            text.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
}

fn change(document: &mut Value, random: &mut Random) {
    let mut pointers = Vec::new();
    collect(document, String::new(), &mut pointers);
    let other = document.pointer(random.of::<String>(&pointers)).cloned();
    let Some(place) = document.pointer_mut(random.of::<String>(&pointers)) else {
        return;
    };
    match (random.below(4), place) {
        (0, place) => *place = any_value(random),
        (1, place) => *place = other.unwrap_or_default(),
        (_, Value::Object(fields)) => change_fields(fields, random),
        (0..=2, Value::Array(elements)) => elements.push(any_value(random)),
        (_, Value::Array(elements)) => drop(elements.pop()),
        (_, Value::String(text)) => *text = changed(text),
        (_, place) => *place = any_value(random),
    }
}

fn change_fields(fields: &mut Map<String, Value>, random: &mut Random) {
    let names: Vec<String> = fields.keys().cloned().collect();
    if random.below(3) == 0 && !names.is_empty() {
        fields.remove(random.of(&names));
        return;
    }
    let name = match random.below(8) {
        0 => changed(random.of::<&str>(&NAMES)),
        _ => (*random.of(&NAMES)).to_owned(),
    };
    fields.insert(name, any_value(random));
}

fn changed(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(text.len() + 32, 0);
    let size = fuzzer_mutate(&mut bytes, text.len(), text.len() + 32);
    bytes.truncate(size);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn any_value(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => (random.below(2) == 0).into(),
        2 => json!([]),
        3 => json!({}),
        4 => json!([*random.of(&TEXTS)]),
        5 => json!({*random.of(&NAMES): *random.of(&TEXTS)}),
        6 | 7 => (*random.of(&NUMBERS)).into(),
        8 => json!(u64::MAX),
        9 => json!(1e300),
        _ => (*random.of(&TEXTS)).into(),
    }
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(1).max(1);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    #[expect(clippy::indexing_slicing, reason = "no list of choices is empty")]
    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// Names of fields and settings.
const NAMES: [&str; 74] = [
    "a/b~c",
    "accessGrant",
    "accessToken",
    "allowedAudiences",
    "allowedBoundKinds",
    "allowedHosts",
    "allowedIssuers",
    "apiServerAudiences",
    "apiVersion",
    "audience-missing",
    "audiences",
    "bound-object-missing",
    "boundObjectRef",
    "ca",
    "cert",
    "code",
    "conditions",
    "default",
    "defaultAudiences",
    "defaultExpirationWindow",
    "defaultLinkCost",
    "defaultRedemptionsAllowed",
    "defaulting",
    "deniedHosts",
    "endpoints",
    "exemptGroups",
    "exemptUsernames",
    "expiration-clamped",
    "expiration-extended",
    "expirationSeconds",
    "expirationTime",
    "expirationWindow",
    "expirationwindow",
    "generateName",
    "grant-code-inline",
    "grant-window-frozen",
    "grant-window-range",
    "grant-window-rewritten",
    "group",
    "groups",
    "host",
    "issuer",
    "issuers",
    "key",
    "kind",
    "linkCost",
    "maxExpirationSeconds",
    "maxExpirationWindow",
    "maxLinkCost",
    "maxRedemptionsAllowed",
    "metadata",
    "minCodeLength",
    "minExpirationWindow",
    "name",
    "name-missing",
    "object",
    "oldObject",
    "operation",
    "overlong",
    "partners",
    "port",
    "redeemed",
    "redemptions",
    "redemptionsAllowed",
    "rewriteWindows",
    "rules",
    "settings",
    "spec",
    "status",
    "subResource",
    "token-ca-missing",
    "tokenRequest",
    "url",
    "userInfo",
];

/// Texts that some field means something by.
const TEXTS: [&str; 52] = [
    "",
    " ",
    "*",
    "*.example",
    "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
    "0",
    "0s",
    "1 day",
    "1 month",
    "10.0.0.0/8",
    "10.0.0.1",
    "15MIN",
    "15m",
    "1M",
    "2001:db8::1",
    "2026-01-01T00:00:00Z",
    "24h",
    "45671",
    "AccessGrant",
    "AccessToken",
    "CREATE",
    "DELETE",
    "PT15M",
    "Pod",
    "Redeemed",
    "TokenRequest",
    "True",
    "UPDATE",
    "West_1",
    "allow",
    "authentication.k8s.io",
    "ca.crt",
    "canary-0123456789",
    "clamp",
    "deny",
    "edge",
    "https://127.0.0.1:8443/a",
    "https://east.example/a?b#c",
    "https://kubernetes.default.svc",
    "https://u:p@east.example/a",
    "inter-router",
    "line\nend\u{202e}",
    "serviceaccounts",
    "skupper-router",
    "skupper.io",
    "skupper.io/v2alpha1",
    "system:nodes",
    "token",
    "v1",
    "warn",
    "west",
    "west.example",
];

const NUMBERS: [i64; 14] = [
    -1,
    0,
    1,
    2,
    599,
    600,
    1800,
    3600,
    3607,
    7200,
    2_147_483_647,
    2_147_483_648,
    4_294_967_296,
    i64::MIN,
];
