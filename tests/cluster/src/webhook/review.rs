//! AdmissionReview in, AdmissionReview out, with Kubewarden's words to the guest in between.
//!
//! Source: Kubernetes, `admission.k8s.io/v1`; Kubewarden's `policy-evaluator`,
//! `admission_response.rs`, for what becomes of the guest's answer.

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::Policy;
use crate::Problem;

/// Asks the policy about a review.
///
/// # Errors
/// The review is not readable.
pub(super) fn answer(policy: &Policy, review: &[u8]) -> Result<Value, Problem> {
    let review: Value = serde_json::from_slice(review)?;
    let request = &review["request"];
    let payload = json!({"request": request, "settings": policy.settings}).to_string();
    let mut response = match policy.guest.call("validate", payload.as_bytes()) {
        Ok(answer) => response(policy, request, &serde_json::from_slice(&answer)?)?,
        // What the guest said goes to the log of policy-server and to the user.
        Err(problem) => refused(&problem.to_string(), 500),
    };
    response.insert("uid".to_owned(), request["uid"].clone());
    Ok(json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": response,
    }))
}

fn response(
    policy: &Policy,
    request: &Value,
    answer: &Value,
) -> Result<Map<String, Value>, Problem> {
    let mut response = if answer["accepted"] != true {
        let code = answer["code"].as_u64().unwrap_or(500);
        refused(answer["message"].as_str().unwrap_or_default(), code)
    } else if answer["mutated_object"].is_null() {
        policy.change.as_ref().map_or_else(allowed, with_patch)
    } else if policy.mutating {
        patched(&request["object"], &answer["mutated_object"])?
    } else {
        refused(MAY_NOT_MUTATE, 500)
    };
    for (theirs, ours) in [
        ("warnings", "warnings"),
        ("audit_annotations", "auditAnnotations"),
    ] {
        if !answer[theirs].is_null() {
            response.insert(ours.to_owned(), answer[theirs].clone());
        }
    }
    Ok(response)
}

fn allowed() -> Map<String, Value> {
    Map::from_iter([("allowed".to_owned(), json!(true))])
}

fn patched(object: &Value, mutated: &Value) -> Result<Map<String, Value>, Problem> {
    let patch = serde_json::to_value(json_patch::diff(object, mutated))?;
    Ok(with_patch(&patch))
}

fn with_patch(patch: &Value) -> Map<String, Value> {
    let patch = base64::engine::general_purpose::STANDARD.encode(patch.to_string());
    let mut response = allowed();
    response.insert("patchType".to_owned(), json!("JSONPatch"));
    response.insert("patch".to_owned(), json!(patch));
    response
}

fn refused(message: &str, code: u64) -> Map<String, Value> {
    Map::from_iter([
        ("allowed".to_owned(), json!(false)),
        (
            "status".to_owned(),
            json!({"message": message, "code": code}),
        ),
    ])
}

const MAY_NOT_MUTATE: &str = "the policy changes objects and is deployed with 'mutating: false'";
