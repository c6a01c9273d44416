//! Requests that proptest makes up: most nearly right, none of them trusted.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use skupper_access_policy::admission_request;

/// A payload of `validate` about one of the three kinds.
pub(crate) fn payload() -> impl Strategy<Value = Value> {
    (request(), settings()).prop_map(|(request, settings)| {
        json!({
            "request": request, "settings": settings
        })
    })
}

/// Settings that are nearly always accepted.
pub(crate) fn settings() -> impl Strategy<Value = Value> {
    let grant = fields(vec![
        (
            "maxRedemptionsAllowed",
            set(select(vec![json!(3), json!(5)])),
        ),
        (
            "defaultRedemptionsAllowed",
            set(select(vec![json!(2), json!(3)])),
        ),
        ("minExpirationWindow", set(select(texts(&["1m", "10 min"])))),
        (
            "maxExpirationWindow",
            set(select(texts(&["24h", "1 day", "10m"]))),
        ),
        (
            "defaultExpirationWindow",
            set(select(texts(&["10m", "600s"]))),
        ),
        ("overlong", set(Just("clamp".into()))),
        ("rewriteWindows", set(Just(true.into()))),
        ("minCodeLength", set(select(vec![json!(0), json!(24)]))),
        (
            "allowedIssuers",
            set(Just(json!(["issuer", "other.issuer"]))),
        ),
    ]);
    let grant = grant.prop_map(|mut grant| {
        // There would be nothing to lower a window to.
        if grant["maxExpirationWindow"].is_null() {
            grant["overlong"].take();
        }
        grant
    });
    let token = fields(vec![
        ("defaultLinkCost", set(Just(json!(3)))),
        ("maxLinkCost", set(Just(json!(5)))),
        (
            "allowedHosts",
            set(Just(json!(["*.example", "10.0.0.0/8"]))),
        ),
        ("deniedHosts", set(Just(json!(["bad.example", "::1"])))),
        ("reservedNames", set(Just(json!([])))),
    ]);
    let request = fields(vec![
        ("defaultAudiences", set(Just(json!(["vault", "sts.a"])))),
        ("allowedAudiences", set(Just(json!(["vault", "sts.*"])))),
        (
            "maxExpirationSeconds",
            set(select(vec![json!(3600), json!(7200)])),
        ),
        ("overlong", set(Just("clamp".into()))),
        (
            "allowedBoundKinds",
            set(Just(json!(["v1/Pod", "v1/\u{1b}\u{202e}"]))),
        ),
        ("exemptGroups", set(Just(json!(["exempt"])))),
    ]);
    fields(vec![
        ("accessGrant", grant.prop_map(Some).boxed()),
        ("accessToken", token.prop_map(Some).boxed()),
        ("tokenRequest", request.prop_map(Some).boxed()),
        ("rules", set(severities())),
    ])
}

/// A request to create or to update an object of one of the three kinds.
fn request() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => skupper_request("AccessGrant", grant_spec().boxed(), grant_status().boxed()),
        3 => skupper_request("AccessToken", token_spec().boxed(), token_status().boxed()),
        2 => token_request(),
    ]
}

fn skupper_request(
    kind: &'static str,
    spec: BoxedStrategy<Value>,
    status: BoxedStrategy<Value>,
) -> impl Strategy<Value = Value> {
    let new = (metadata(), mostly(spec.clone()), rarely(any_json()));
    let old = proptest::option::of((field(spec), field(status), any::<u8>()));
    (new, old).prop_map(move |((metadata, spec, extra), old)| {
        let object = object(kind, &metadata, spec.clone(), extra);
        let old = old.map(|(old_spec, status, same)| {
            // Bit by bit a field is the same in both.
            let mut old_spec = old_spec;
            if let (Some(Value::Object(new)), Value::Object(old)) = (spec, &mut old_spec) {
                for (bit, (name, value)) in new.into_iter().enumerate() {
                    if same & (1 << (bit % 8)) != 0 {
                        old.insert(name, value);
                    }
                }
            }
            let mut old = self::object(kind, &metadata, Some(old_spec), None);
            old["status"] = status;
            old
        });
        admission_request(object, old, None)
    })
}

fn object(kind: &str, metadata: &Value, spec: Option<Value>, extra: Option<Value>) -> Value {
    let mut object = json!({"apiVersion": "skupper.io/v2alpha1", "kind": kind});
    object["metadata"] = metadata.clone();
    if let Some(spec) = spec {
        object["spec"] = spec;
    }
    if let Some(extra) = extra {
        object["status"] = extra.clone();
        object["unknown"] = extra;
    }
    object
}

fn token_request() -> impl Strategy<Value = Value> {
    let audience = text(&["vault", "sts.a", "sts.b"], &["", "a b"]);
    let bound = fields(vec![
        ("apiVersion", mostly(text(&["v1"], &["v2"]))),
        ("kind", mostly(text(&["Pod", "Secret"], &["Node"]))),
        ("name", mostly(text(&["a"], &[""]))),
        ("uid", rarely(text(&["u"], &[""]))),
    ]);
    let lifetimes = [
        json!(600),
        json!(3600),
        json!(7201),
        json!(4_294_967_296_u64),
    ];
    let extended = [json!(3607), json!(3607.0)];
    let others = [json!(599), json!(u64::MAX)];
    let spec = fields(vec![
        (
            "audiences",
            often(vec(audience, 0..3).prop_map(Value::from)),
        ),
        (
            "expirationSeconds",
            often(prop_oneof![
                6 => select(lifetimes.to_vec()),
                4 => select(extended.to_vec()),
                1 => select(others.to_vec()),
            ]),
        ),
        ("boundObjectRef", often(bound)),
        ("attestations", rarely(any_json())),
    ]);
    (field(spec), rarely(any_json())).prop_map(|(spec, status)| {
        let object = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "metadata": {"creationTimestamp": null}, "spec": spec, "status": status
        });
        admission_request(
            object,
            None,
            Some(json!({"username": "u", "groups": ["g"]})),
        )
    })
}

fn grant_spec() -> impl Strategy<Value = Value> {
    let windows = text(
        &["15m", "900s", "24h", "1440m", "10m"],
        &[
            "0s", "0 days", "-5m", "1 month", "15MIN", "PT15M", "1.5 h", "9999999h",
        ],
    );
    let spelled = select(texts(&["15 min", "1 day", " 24h", "1day"]));
    fields(vec![
        ("redemptionsAllowed", often(count())),
        (
            "expirationWindow",
            often(prop_oneof![2 => windows, 1 => spelled]),
        ),
        ("code", often(code(&["short", "with space "]))),
        (
            "issuer",
            rarely(text(&["issuer", "third.issuer"], &["Issuer"])),
        ),
        ("settings", rarely(any_map())),
        ("expirationwindow", rarely(any_json())),
        ("a/b~c", rarely(any_json())),
    ])
}

fn grant_status() -> impl Strategy<Value = Value> {
    let times = ["2026-11-21T00:00:00Z", "2027-01-01T00:00:00+01:00"];
    fields(vec![
        ("expirationTime", often(text(&times, &["soon"]))),
        ("redemptions", often(count())),
        ("code", often(code(&[""]))),
    ])
}

fn token_spec() -> impl Strategy<Value = Value> {
    let urls = text(
        &[
            "https://east.example/a",
            "HTTPS://East.example.:443/a",
            "https://[2001:db8::1]:8443/a",
        ],
        &[
            "http://bad.example/a",
            "https://127.0.0.1/a",
            "https://user:secret@east.example/a",
            "https://east.example",
            "127.1",
        ],
    );
    let certificate = include_str!("../certificates/p256.pem");
    let expired = include_str!("../certificates/expired.pem");
    let spaced = format!("\n{certificate}\n");
    let key = "-----BEGIN PRIVATE KEY-----";
    fields(vec![
        ("url", mostly(urls)),
        ("code", mostly(code(&["short\n"]))),
        (
            "ca",
            mostly(text(
                &[certificate, expired, &spaced],
                &["no certificate", key],
            )),
        ),
        ("linkCost", often(count())),
        ("settings", rarely(any_map())),
        ("linkcost", rarely(any_json())),
    ])
}

fn token_status() -> impl Strategy<Value = Value> {
    let condition = json!([{"type": "Redeemed", "status": "True"}]);
    fields(vec![
        ("redeemed", often(any::<bool>().prop_map(Value::from))),
        ("conditions", rarely(Just(condition))),
    ])
}

fn metadata() -> impl Strategy<Value = Value> {
    field(fields(vec![
        (
            "name",
            mostly(text(&["west", "west-1"], &["West_1", "skupper-router"])),
        ),
        ("generateName", rarely(text(&["west-"], &["West_"]))),
        ("namespace", often(Just("default".into()))),
        ("labels", rarely(any_json())),
        ("managedFields", rarely(any_json())),
        ("deletionTimestamp", rarely(any_json())),
    ]))
}

fn code(bad: &[&str]) -> impl Strategy<Value = Value> + use<> {
    text(&["a-code-of-some-length", "another-code-of-length"], bad)
}

fn count() -> impl Strategy<Value = Value> {
    let out_of_range = [0, -1, 2_147_483_648, i64::MIN].map(Value::from);
    let odd = [json!(2.5), json!(1e300), json!(u64::MAX)];
    prop_oneof![
        8 => select(vec![json!(1), json!(2), json!(3), json!(3.0), json!(5), json!(2_147_483_647)]),
        1 => select(out_of_range.to_vec()),
        1 => select(odd.to_vec()),
    ]
}

/// A good text mostly; a bad one, or any, at times.
fn text(good: &[&str], bad: &[&str]) -> impl Strategy<Value = Value> + use<> {
    let bad = match bad {
        [] => texts(&[""]),
        bad => texts(bad),
    };
    prop_oneof![
        12 => select(texts(good)),
        2 => select(bad),
        1 => any::<String>().prop_map(Value::from),
    ]
}

fn texts(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| Value::from(*text)).collect()
}

/// The value mostly; `null` or anything else at times.
fn field(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop_oneof![
        38 => value,
        1 => Just(Value::Null),
        1 => any_json(),
    ]
}

/// A setting, which is seldom changed.
fn set(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    proptest::option::weighted(0.4, value).boxed()
}

fn mostly(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    proptest::option::weighted(0.95, field(value)).boxed()
}

fn often(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    proptest::option::weighted(0.7, field(value)).boxed()
}

fn rarely(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    proptest::option::weighted(0.15, field(value)).boxed()
}

/// An object with those of the fields that are there.
fn fields(
    fields: Vec<(&'static str, BoxedStrategy<Option<Value>>)>,
) -> impl Strategy<Value = Value> {
    let (names, strategies): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    strategies.prop_map(move |values| {
        let fields = names.iter().zip(values);
        fields
            .filter_map(|(name, value)| Some(((*name).to_owned(), value?)))
            .collect::<Map<_, _>>()
            .into()
    })
}

fn severities() -> impl Strategy<Value = Value> {
    let codes: Vec<&str> = skupper_access_policy::catalogue::rules()
        .filter(|rule| !rule.fixed)
        .map(|rule| rule.code)
        .collect();
    let severity = select(vec!["deny", "warn", "allow"]);
    btree_map(select(codes), severity, 0..6).prop_map(|severities| json!(severities))
}

fn any_map() -> impl Strategy<Value = Value> {
    btree_map(
        "[a-z/~]{0,4}",
        field("[a-z]{0,4}".prop_map(Value::from)),
        0..3,
    )
    .prop_map(|map| json!(map))
}

/// Any JSON value, of at most three levels.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // serde_json reads most doubles exactly and some as their neighbour; these it reads exactly.
        any::<i32>().prop_map(|eighths| (f64::from(eighths) / 8.0).into()),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-z/~ ]{0,6}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}
