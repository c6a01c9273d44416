//! Claims that hold for every request, whatever is in it and whatever is set.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the requests are made here"
)]

mod requests;
mod written;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use skupper_access_policy::finding::Cause;
use skupper_access_policy::request::RequestProblem;
use skupper_access_policy::value::duration::{WindowProblem, read_window};
use skupper_access_policy::verdict::Verdict;
use skupper_access_policy::{catalogue, review_payload};

use requests::{any_json, payload};
use test_support::invariants::review::{
    answer, assert_bounded, assert_settled, code, places, spoken,
};
use test_support::now;
use test_support::pointers::collect;
use written::written;

proptest! {
    #[test]
    fn any_json_anywhere_in_a_payload_is_answered(
        mut payload in prop_oneof![9 => payload(), 1 => any_json()],
        place in any::<prop::sample::Index>(),
        value in any_json(),
    ) {
        let mut pointers = Vec::new();
        collect(&payload, String::new(), &mut pointers);
        let pointer: &String = place.get(&pointers);
        *payload.pointer_mut(pointer).unwrap() = value;
        let text = payload.to_string();
        let verdict = review_payload(text.as_bytes(), now());
        assert_bounded(&verdict, text.len());
    }

    #[test]
    fn a_generated_request_is_judged(payload in payload()) {
        let verdict = answer(&payload);
        prop_assert_ne!(code(&verdict), Some(400));
        assert_bounded(&verdict, payload.to_string().len());
    }

    #[test]
    fn the_answer_applied_and_reviewed_again_changes_nothing_and_finds_nothing_new(
        payload in payload(),
    ) {
        assert_settled(&payload, &answer(&payload));
    }

    #[test]
    fn a_payload_means_what_serde_json_reads_however_it_is_written(
        mut payload in payload(),
        is_file in any::<bool>(),
        choices in prop::collection::vec(any::<u8>(), 16..256),
        damage in prop::option::of((any::<prop::sample::Index>(), 0..2_usize, prop::sample::select(DAMAGES.to_vec()))),
    ) {
        if !is_file {
            payload["request"]["uid"] = "u".into();
        }
        let mut text = written(&payload, &choices).into_bytes();
        prop_assert_eq!(&serde_json::from_slice::<Value>(&text).unwrap(), &payload);
        if let Some((place, replaced, damage)) = damage {
            let place = place.index(text.len());
            text.splice(place..place + replaced, damage.iter().copied());
        }
        let verdict = review_payload(&text, now());
        let Ok(read) = serde_json::from_slice::<Value>(&text) else {
            prop_assert!(verdict == Verdict::of_request_problem(RequestProblem::Unreadable));
            return Ok(());
        };
        let plain = answer(&read);
        let stored = verdict.mutated_text.as_deref().map(|text| serde_json::from_str(text).unwrap());
        prop_assert_eq!(stored, plain.mutated_object());
        let without_text = |verdict| Verdict { mutated_text: None, ..verdict };
        prop_assert!(without_text(verdict) == without_text(plain));
    }

    #[test]
    fn the_same_request_gets_the_same_answer(payload in payload()) {
        prop_assert!(answer(&payload) == answer(&payload));
    }

    #[test]
    fn a_field_the_user_set_is_only_rewritten_or_clamped(
        payload in payload(),
    ) {
        let Some(stored) = answer(&payload).mutated_object() else {
            return Ok(());
        };
        let of = |object: &str, name: &str| {
            let value = payload.pointer(&format!("/request/{object}/spec/{name}"));
            value.filter(|value| !is_absent(value)).cloned()
        };
        for (name, now) in stored["spec"].as_object().unwrap() {
            let name = &name.replace('~', "~0").replace('/', "~1");
            let (set, old) = (of("object", name), of("oldObject", name));
            let default = default(name, &payload["settings"]);
            match set {
                None if is_absent(now) => {}
                None => prop_assert!(
                    Some(now) == old.as_ref() || default.is_some_and(|default| default == *now),
                    "{} is {}", name, now
                ),
                Some(set) => prop_assert!(
                    set == *now
                        || is_rewritten(name, &set, now, &payload["settings"])
                        || is_lowered(name, &set, now, &payload["settings"])
                        || is_clamped(name, &set, now, &payload),
                    "{} was {} and is {}", name, set, now
                ),
            }
        }
    }

    #[test]
    fn what_no_rule_knows_survives_byte_for_byte(payload in payload()) {
        let Some(stored) = answer(&payload).mutated_object() else {
            return Ok(());
        };
        let object = payload["request"]["object"].clone();
        prop_assert_eq!(unknown(object).to_string(), unknown(stored).to_string());
    }

    #[test]
    fn a_secret_is_nowhere_but_in_its_own_place(
        mut payload in payload(),
        shape in 0..SHAPES.len(),
        place in 0..SECRETS.len(),
    ) {
        let (pointer, name) = SECRETS[place];
        let shape = match name {
            "url" => URL_SHAPES[shape % URL_SHAPES.len()],
            _ => SHAPES[shape],
        };
        let Some(Value::Object(parent)) = payload.pointer_mut(pointer) else {
            return Ok(());
        };
        parent.insert(name.to_owned(), secret(shape));
        let verdict = answer(&payload);
        prop_assert!(!spoken(&verdict).contains(SECRET), "{}", spoken(&verdict));
        let Some(mut stored) = verdict.mutated_object() else {
            return Ok(());
        };
        let path = format!("{}/{name}", pointer.replace("/request/object", "").replace("/request/oldObject", ""));
        if let Some(value) = stored.pointer_mut(&path) {
            *value = Value::Null;
        }
        prop_assert!(!stored.to_string().contains(SECRET));
    }

    #[test]
    fn a_credential_is_shown_nowhere_whatever_it_stands_in(
        mut payload in payload(),
        shape in 0..CREDENTIALS.len(),
        place in any::<prop::sample::Index>(),
        is_name in any::<bool>(),
        is_file in any::<bool>(),
    ) {
        let credential = CREDENTIALS[shape].replace('S', SECRET);
        if !is_file {
            payload["request"]["uid"] = "u".into();
        }
        let mut pointers = Vec::new();
        collect(&payload, String::new(), &mut pointers);
        pointers.retain(|pointer| {
            let value = payload.pointer(pointer);
            value.is_some_and(|value| if is_name { value.is_object() } else { value.is_string() })
        });
        prop_assume!(!pointers.is_empty());
        let pointer: &String = place.get(&pointers);
        match payload.pointer_mut(pointer) {
            Some(Value::Object(fields)) => {
                fields.insert(credential, "x".into());
            }
            Some(text) => *text = credential.into(),
            None => {}
        }
        let verdict = answer(&payload);
        prop_assert!(!spoken(&verdict).contains(SECRET), "{}: {}", pointer, spoken(&verdict));
    }

    #[test]
    fn with_defaulting_false_nothing_is_ever_written(mut payload in payload()) {
        payload["settings"]["defaulting"] = json!(false);
        prop_assert!(answer(&payload).mutated_text.is_none());
    }

    #[test]
    fn every_finding_points_into_the_object_and_its_fix_mends_it(payload in payload()) {
        let verdict = answer(&payload);
        let object = &payload["request"]["object"];
        for finding in &verdict.findings {
            let pointer = finding.pointer();
            let is_there = object.pointer(&pointer).is_some();
            prop_assert!(is_there || is_missing_from(object, &pointer), "{:?}", finding);
            prop_assert!(is_there || finding.error.value.is_none() || finding.fix.is_some(), "{:?}", finding);
            if finding.error.cause == Cause::Required {
                prop_assert!(object.pointer(&pointer).is_none_or(is_absent), "{:?}", finding);
            }
            let Some(fix) = &finding.fix else { continue };
            let mut mended = payload.clone();
            write(&mut mended["request"]["object"], &fix.pointer, &fix.value);
            let again = answer(&mended);
            prop_assert!(!places(&again).contains(&(finding.code, pointer)), "{:?}", again.findings);
        }
    }

    #[test]
    fn where_every_rule_is_set_to_allow_only_the_fixed_ones_find(mut payload in payload()) {
        payload["settings"]["rules"] = rules("allow");
        let is_fixed = |code: &str| catalogue::rules().any(|rule| rule.code == code && rule.fixed);
        for finding in answer(&payload).findings {
            prop_assert!(is_fixed(finding.code), "{:?}", finding);
        }
    }

    #[test]
    fn where_every_rule_is_set_to_warn_only_the_fixed_ones_refuse(mut payload in payload()) {
        payload["settings"]["rules"] = rules("warn");
        let verdict = answer(&payload);
        let mut codes = verdict.findings.iter().filter(|finding| finding.severity.name() == "deny").map(|finding| finding.code);
        let is_fixed = |code: &str| catalogue::rules().any(|rule| rule.code == code && rule.fixed);
        prop_assert!(codes.all(is_fixed));
    }
}

/// Bytes that change what JSON means, or make it unreadable; no digits, so that no number comes to lie
/// between two doubles.
const DAMAGES: [&[u8]; 16] = [
    b"", b" ", b"\"", b"\\", b",", b":", b"[", b"]", b"{", b"}", b"-", b"\0", b"\x1f", b"\xff",
    b"\xc3", b"null",
];

/// Stands in a field that holds a secret.
const SECRET: &str = "canary-7c1f0e9d";

/// Places of a secret: the object it is a field of, and its name.
const SECRETS: [(&str, &str); 9] = [
    ("/request/object/spec", "code"),
    ("/request/object/spec", "ca"),
    ("/request/object/spec", "url"),
    ("/request/object/status", "code"),
    ("/request/oldObject/spec", "code"),
    ("/request/oldObject/spec", "ca"),
    ("/request/oldObject/spec", "url"),
    ("/request/oldObject/status", "code"),
    ("/request/oldObject/status", "ca"),
];

/// Values with a secret in them, as JSON in which `S` is the secret.
const SHAPES: [&str; 9] = [
    r#""S""#,
    r#""S ""#,
    r#""\u0000S""#,
    r#"["S"]"#,
    r#"{"S": "S"}"#,
    r#""-----BEGIN PRIVATE KEY-----\nS\n-----END PRIVATE KEY-----""#,
    r#""-----BEGIN S-----\nS\n-----END CERTIFICATE-----""#,
    r#""-----BEGIN CERTIFICATE-----\nS: S\n\nAA==\n-----END CERTIFICATE-----""#,
    r#""SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS""#,
];

/// URLs with a secret where a secret may stand.
const URL_SHAPES: [&str; 8] = [
    r#""https://S@east.example/a""#,
    r#""https://u:S@east.example/a""#,
    r#""https://u:1/S@east.example/a""#,
    r#""https://east.example/a?S""#,
    r#""https://east.example/a#S""#,
    r#""https://u:S@127.1:99999""#,
    r#"["https://S@east.example/a"]"#,
    r#""//S""#,
];

/// Texts with a credential in them, in which `S` is the secret.
const CREDENTIALS: [&str; 7] = [
    "https://u:S@east.example/a",
    "https://S@east.example/a",
    "see //u:S@east.example",
    "u:S@east.example",
    "https://east.example/a?code=S",
    "-----BEGIN PRIVATE KEY-----\nS\n-----END PRIVATE KEY-----",
    "Bearer eyJhbGciOiJub25lIn0.S.S",
];

fn secret(shape: &str) -> Value {
    serde_json::from_str(&shape.replace('S', SECRET)).unwrap()
}

fn rules(severity: &str) -> Value {
    let free = catalogue::rules().filter(|rule| !rule.fixed);
    free.map(|rule| (rule.code.to_owned(), severity.into()))
        .collect::<Map<_, _>>()
        .into()
}

fn is_absent(value: &Value) -> bool {
    value.is_null() || *value == "" || *value == json!([])
}

/// The values that are filled in where nothing is written.
fn default(name: &str, settings: &Value) -> Option<Value> {
    let set = |pointer: &str| {
        settings
            .pointer(pointer)
            .filter(|value| !value.is_null())
            .cloned()
    };
    match name {
        "redemptionsAllowed" => set("/accessGrant/defaultRedemptionsAllowed").or(Some(json!(1))),
        "linkCost" => set("/accessToken/defaultLinkCost").or(Some(json!(1))),
        "audiences" => set("/tokenRequest/defaultAudiences"),
        "expirationWindow" if set("/accessGrant/defaultExpirationWindow").is_some() => {
            Some(json!("10m"))
        }
        "expirationWindow" if set("/accessGrant/maxExpirationWindow") == Some(json!("10m")) => {
            Some(json!("10m"))
        }
        "expirationWindow" => Some(json!("15m")),
        // Nothing asked for is an hour to the API server, and an hour may be too long.
        _ => None,
    }
}

fn is_rewritten(name: &str, set: &Value, now: &Value, settings: &Value) -> bool {
    let window = set.as_str().map(read_window);
    let Some(Err(WindowProblem::Spelled(window))) = window else {
        return false;
    };
    name == "expirationWindow"
        && settings["accessGrant"]["rewriteWindows"] == true
        && *now == window.to_string()
}

fn is_lowered(name: &str, set: &Value, now: &Value, settings: &Value) -> bool {
    let settings = &settings["accessGrant"];
    let window = |text: &Value| match read_window(text.as_str()?) {
        Ok(window) | Err(WindowProblem::Spelled(window)) => Some(window),
        Err(_) => None,
    };
    let max = window(&settings["maxExpirationWindow"]);
    name == "expirationWindow"
        && settings["overlong"] == "clamp"
        && window(set) > max
        && max.is_some_and(|max| *now == max.to_string())
}

fn is_clamped(name: &str, set: &Value, now: &Value, payload: &Value) -> bool {
    let (Some(set), Some(now)) = (set.as_f64(), now.as_i64()) else {
        return false;
    };
    let settings = &payload["settings"]["tokenRequest"];
    let set = format!("{set}").parse::<i64>().unwrap_or(i64::MAX);
    let max = settings["maxExpirationSeconds"].as_i64();
    let bound = &payload["request"]["object"]["spec"]["boundObjectRef"]["kind"];
    let lowered = max.map_or(set, |max| set.min(max));
    let is_extended = set == 3607 && *bound == "Pod";
    let expected = if is_extended {
        lowered.min(3600)
    } else {
        lowered
    };
    name == "expirationSeconds" && settings["overlong"] == "clamp" && now == expected
}

/// The object without the fields of its spec that some kind has.
fn unknown(mut object: Value) -> Value {
    let known = [
        "redemptionsAllowed",
        "expirationWindow",
        "linkCost",
        "audiences",
        "expirationSeconds",
        "url",
        "code",
        "ca",
        "issuer",
        "settings",
        "boundObjectRef",
    ];
    let spec = object["spec"].take();
    object["spec"] = match spec {
        Value::Null => json!({}),
        Value::Object(spec) => spec
            .into_iter()
            .filter(|(name, _)| !known.contains(&name.as_str()))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    };
    object
}

/// True when the last name of the pointer, or everything from some name on, could be added.
fn is_missing_from(object: &Value, pointer: &str) -> bool {
    let mut place = pointer;
    while let Some((parent, _)) = place.rsplit_once('/') {
        if let Some(value) = object.pointer(parent) {
            return value.is_object() || value.is_null();
        }
        place = parent;
    }
    false
}

/// Writes `value` at `pointer`, with the objects around it where they are missing.
fn write(object: &mut Value, pointer: &str, value: &Value) {
    let mut place = object;
    for name in pointer.split('/').skip(1) {
        place = match place {
            Value::Array(elements) => &mut elements[name.parse::<usize>().unwrap()],
            other => &mut other[name.replace("~1", "/").replace("~0", "~")],
        };
    }
    *place = value.clone();
}
