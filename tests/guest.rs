//! The module that ships, in a wasm host: what it imports, how large and how fast it is, and that
//! it answers what the library answers.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a module that cannot be run must fail its test"
)]

use std::path::Path;
use std::sync::OnceLock;

use policy_host::{Answer, Module};
use serde_json::{Value, json};
use skupper_access_policy::review_payload;
use skupper_access_policy::settings::Settings;
use skupper_access_policy::verdict::Verdict;
use test_support::bad_input::{self, CANARY};
use test_support::cases::{self, Question};

/// The module with its metadata, as it is published.
fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        let path = root().join("annotated-policy.wasm");
        let wasm = std::fs::read(path).unwrap_or_else(|why| {
            panic!("annotated-policy.wasm: {why}: run `make annotated-policy.wasm` first")
        });
        Module::load(&wasm).unwrap()
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Calls a fresh instance, as policy-server does, and checks that nothing was printed or asked of
/// the host.
fn call(operation: &str, payload: &[u8]) -> Answer {
    let mut instance = module().instantiate().unwrap();
    let answer = instance.call(operation, payload).unwrap();
    assert_eq!(instance.output(), b"", "{operation} prints");
    assert!(instance.log().is_empty(), "{operation} logs");
    assert!(
        instance.host_calls().is_empty(),
        "{operation} calls the host"
    );
    answer
}

fn call_json(operation: &str, payload: &[u8]) -> Value {
    serde_json::from_slice(&call(operation, payload).bytes).unwrap()
}

/// The guest's answer where the library says this.
fn response(verdict: Verdict) -> Value {
    let object = verdict.mutated_object();
    let refusal = verdict.refusal.as_ref();
    let annotations: serde_json::Map<String, Value> = verdict
        .audit_annotations
        .iter()
        .map(|(key, text)| ((*key).to_owned(), Value::String(text.clone())))
        .collect();
    json!({
        "accepted": verdict.is_allowed(),
        "message": refusal.map(|refusal| &refusal.message),
        "code": refusal.map(|refusal| refusal.code),
        "audit_annotations": (!annotations.is_empty()).then_some(annotations),
        "warnings": (!verdict.warnings.is_empty()).then_some(verdict.warnings),
        "mutated_object": object,
    })
}

/// The same answer as Kubewarden's protocol writes it.
fn as_response(mut answer: Value) -> Value {
    let mut part = |name: &str| answer[name].take();
    let filled = |part: Value| match &part {
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Object(fields) if fields.is_empty() => Value::Null,
        _ => part,
    };
    json!({
        "accepted": part("allowed"),
        "message": part("message"),
        "code": part("code"),
        "audit_annotations": filled(part("auditAnnotations")),
        "warnings": filled(part("warnings")),
        "mutated_object": part("mutatedObject"),
    })
}

/// Texts, put together as texts, so that their numbers stay as they are.
fn payload_of(request: &str, settings: &str) -> String {
    let settings = if settings.is_empty() {
        "null"
    } else {
        settings
    };
    format!(r#"{{"request": {request}, "settings": {settings}}}"#)
}

fn recorded(file: &str) -> Value {
    let path = root().join("tests/reviews").join(file);
    let review: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    review["request"].clone()
}

fn payload(request: &Value) -> Vec<u8> {
    json!({"request": request, "settings": {}})
        .to_string()
        .into_bytes()
}

#[test]
fn the_module_imports_wapc_and_the_wasi_functions_of_rusts_standard_library() {
    let mut imports = module().imports();
    imports.sort_unstable();
    let expected = [
        "wapc::__console_log",
        "wapc::__guest_error",
        "wapc::__guest_request",
        "wapc::__guest_response",
        "wapc::__host_call",
        "wapc::__host_error",
        "wapc::__host_error_len",
        "wapc::__host_response",
        "wapc::__host_response_len",
        "wasi_snapshot_preview1::clock_time_get",
        "wasi_snapshot_preview1::environ_get",
        "wasi_snapshot_preview1::environ_sizes_get",
        "wasi_snapshot_preview1::fd_write",
        "wasi_snapshot_preview1::proc_exit",
        "wasi_snapshot_preview1::random_get",
    ];
    let surprising: Vec<&String> = imports
        .iter()
        .filter(|import| !expected.contains(&import.as_str()))
        .collect();
    assert!(surprising.is_empty(), "{surprising:?} of {imports:?}");
}

#[test]
fn the_module_has_at_most_300_kb_and_one_metadata_section() {
    assert!(module().size() <= 300_000, "{} bytes", module().size());
    let mut sections = module().custom_sections();
    let metadata = sections.find(|section| section.name == "io.kubewarden.metadata");
    let metadata: Value = serde_json::from_slice(metadata.unwrap().data).unwrap();
    assert_eq!(metadata["protocolVersion"], "v1");
    assert_eq!(metadata["mutating"], true);
    let repeated = sections.any(|section| section.name == "io.kubewarden.metadata");
    assert!(!repeated, "annotated twice");
}

#[test]
fn the_protocol_is_kubewardens_first() {
    assert_eq!(call("protocol_version", b"").bytes, br#""v1""#);
}

#[test]
fn the_guest_answers_every_case_as_the_library_does() {
    let mut count = 0;
    for case in cases::all() {
        let (operation, payload) = match &case.question {
            Question::Settings => ("validate_settings", case.settings.clone()),
            Question::Request(text) => ("validate", payload_of(text, &case.settings)),
            Question::Change(text) => match cases::request_of(text) {
                Some(request) => ("validate", payload_of(&request, &case.settings)),
                None => ("validate", payload_of(text, &case.settings)),
            },
        };
        let answer = case.answer();
        let expected = match &case.question {
            Question::Settings => json!({"valid": answer["valid"], "message": answer["message"]}),
            Question::Request(_) | Question::Change(_) => as_response(answer),
        };
        let response = call_json(operation, payload.as_bytes());
        assert_eq!(response, expected, "{}", case.name);
        count += 1;
    }
    assert!(count > 3000, "only {count} cases");
}

#[test]
fn the_guest_survives_bad_input_and_repeats_no_secret() {
    for row in bad_input::rows() {
        let answer = call("validate", &row.payload);
        let expected = response(review_payload(&row.payload, test_support::now()));
        let mut answer: Value = serde_json::from_slice(&answer.bytes).unwrap();
        assert_eq!(answer, expected, "{}", row.name);
        answer["mutated_object"].take();
        assert!(!answer.to_string().contains(CANARY), "{}", row.name);
    }
}

#[test]
fn settings_are_validated_as_the_library_does() {
    let settings: [&[u8]; 9] = [
        b"",
        b"null",
        b"{}",
        b"[]",
        b"{",
        b"\xff",
        br#"{"accessGrant": {"maxExpirationWindow": "1 day"}}"#,
        br#"{"accessgrant": {}, "rules": {"wrong-type": "allow", "no-such-rule": "deny"}}"#,
        br#"{"tokenRequest": {"maxExpirationSeconds": 3607}}"#,
    ];
    for settings in settings {
        let problems = Settings::from_json(settings).err();
        let expected = json!({
            "valid": problems.is_none(),
            "message": problems.map(|problems| problems.to_string()),
        });
        assert_eq!(call_json("validate_settings", settings), expected);
    }
}

/// The cost of a list of a megabyte: a tenth more than as many bytes that no rule reads, and memory
/// for the request. Eight such requests at once would otherwise end the policy server.
#[test]
fn a_list_of_a_megabyte_is_refused_without_being_built() {
    let token = || recorded("14-accesstoken-create.json");
    let entries = (0..70_000).map(|number| (format!("k{number:05}"), json!("v")));
    let entries = Value::Object(entries.collect());
    let audiences = json!(vec!["https://a.example"; 50_000]);
    let lists = json!(vec![json!(vec![json!([json!({"a": []}), 1]); 4225]); 16]);
    let numbers = || json!(vec![1; 450_000]);
    let rows = [
        (
            "14-accesstoken-create.json",
            "/object/spec/settings",
            entries,
            "settings-too-many",
        ),
        (
            "28-token-bound-secret.json",
            "/object/spec/audiences",
            audiences,
            "audience-too-many",
        ),
        (
            "01-accessgrant-create.json",
            "/object/spec/settings",
            lists,
            "wrong-type",
        ),
        (
            "01-accessgrant-create.json",
            "/object/spec",
            numbers(),
            "wrong-type",
        ),
        (
            "01-accessgrant-create.json",
            "/object/metadata/name",
            numbers(),
            "wrong-type",
        ),
    ];
    for (file, place, value, rule) in rows {
        let mut unread = token();
        unread["options"] = value.clone();
        let mut request = recorded(file);
        let (parent, name) = place.rsplit_once('/').unwrap();
        request.pointer_mut(parent).unwrap()[name] = value;
        let (payload, unread) = (payload(&request), call("validate", &payload(&unread)));
        assert!(payload.len() > 800_000, "{rule}: {} bytes", payload.len());
        let answer = call("validate", &payload);
        let response: Value = serde_json::from_slice(&answer.bytes).unwrap();
        assert_eq!(response["code"], 422, "{rule}");
        let codes = response["audit_annotations"]["findings"].as_str().unwrap();
        assert!(codes.starts_with(rule), "{codes}");
        assert!(
            answer.fuel_used <= unread.fuel_used + unread.fuel_used / 10,
            "{rule}: {} and {}",
            answer.fuel_used,
            unread.fuel_used
        );
        assert!(
            answer.memory_bytes <= 3 * payload.len(),
            "{rule}: {}",
            answer.memory_bytes
        );
    }
}

/// The request, the text that the rules read, the edited spec and object, and the answer. A sixth of
/// the payload is for all else.
#[test]
fn an_edit_of_a_megabyte_takes_no_copy_but_its_own() {
    let mut request = recorded("02-accessgrant-create-min.json");
    request["object"]["spec"] = json!({"expirationWindow": "1h".repeat(1 << 19)});
    let payload = payload(&request);
    let answer = call("validate", &payload);
    let response: Value = serde_json::from_slice(&answer.bytes).unwrap();
    assert_eq!(response["mutated_object"]["spec"]["redemptionsAllowed"], 1);
    assert!(
        answer.memory_bytes <= 6 * payload.len() + payload.len() / 6,
        "{} for {}",
        answer.memory_bytes,
        payload.len()
    );
}

/// Fuel is counted exactly, so that a change that makes a request dearer is seen. The budgets are
/// what was measured, and a twentieth more.
#[test]
fn every_kind_of_request_stays_within_its_fuel() {
    let certificate = std::fs::read_to_string(root().join("tests/certificates/p256.pem")).unwrap();
    let mut token = recorded("14-accesstoken-create.json");
    token["object"]["spec"]["ca"] = certificate.into();
    token["object"]["spec"]["code"] = "0123456789abcdefghijklmn".into();
    let mut days = recorded("01-accessgrant-create.json");
    days["object"]["spec"]["expirationWindow"] = "1 day".into();
    let status = recorded("11-accessgrant-status-update.json");
    let budgets = [
        ("no request", json!({}), 45_000),
        ("a status update, not judged", status, 508_000),
        ("an AccessToken with a P-256 certificate", token, 417_000),
        (
            "an AccessGrant, accepted",
            recorded("01-accessgrant-create.json"),
            291_000,
        ),
        (
            "an AccessGrant, defaulted",
            recorded("03-accessgrant-create-nospec.json"),
            285_000,
        ),
        ("an AccessGrant, refused", days, 436_000),
        (
            "an update of an AccessGrant",
            recorded("07-accessgrant-update-apply.json"),
            513_000,
        ),
        (
            "a TokenRequest",
            recorded("28-token-bound-secret.json"),
            427_000,
        ),
        (
            "a kubelet's TokenRequest",
            recorded("31-token-kubelet-projected.json"),
            302_000,
        ),
    ];
    let over: Vec<String> = budgets
        .iter()
        .map(|(name, request, budget)| {
            (name, call("validate", &payload(request)).fuel_used, budget)
        })
        .filter(|(_, used, budget)| used > budget)
        .map(|(name, used, budget)| format!("{name}: {used} of {budget}"))
        .collect();
    assert!(over.is_empty(), "{}", over.join("\n"));
}
