//! The values of an admitted object are those that the answer stores, in every case of every rule page.

#![expect(
    clippy::float_cmp,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "whole numbers; a case that cannot be read must fail its test"
)]

use serde_json::{Value, json};
use skupper_access_policy::admitted::{Admitted, NotAdmitted};
use skupper_access_policy::request::Request;
use skupper_access_policy::settings::Settings;
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::duration::GoDuration;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use skupper_access_policy::{AccessGrant, AccessToken, admission_request, review};
use test_support::{cases_of_pages, now};

#[test]
fn the_values_of_an_admitted_grant_are_those_that_are_stored() {
    let admitted = each("AccessGrant", AccessGrant::admit, |grant, stored| {
        assert_eq!(text(stored, "/metadata/name"), grant.name.as_deref());
        let allowed = number(stored, "/spec/redemptionsAllowed");
        assert!(allowed.is_none_or(|allowed| allowed == f64::from(grant.redemptions_allowed)));
        let window = text(stored, "/spec/expirationWindow").map(GoDuration::parse);
        assert!(window.is_none_or(|window| window == Ok(grant.expiration_window)));
        assert!(text(stored, "/spec/code") == grant.code.as_deref());
        assert_eq!(text(stored, "/spec/issuer"), grant.issuer.as_deref());
    });
    assert!(admitted >= 20, "{admitted}");
}

#[test]
fn the_values_of_an_admitted_token_are_those_that_are_stored() {
    let admitted = each("AccessToken", AccessToken::admit, |token, stored| {
        assert_eq!(text(stored, "/metadata/name"), token.name.as_deref());
        let url = text(stored, "/spec/url").map(RedemptionUrl::parse);
        assert_eq!(url, Some(Ok(token.url)));
        assert!(text(stored, "/spec/code") == Some(&token.code));
        let ca = text(stored, "/spec/ca").map(CertificateBundle::parse);
        assert_eq!(ca, token.ca.map(Ok));
        let cost = number(stored, "/spec/linkCost");
        assert!(
            token
                .link_cost
                .is_none_or(|link_cost| cost == Some(link_cost.into()))
        );
    });
    assert!(admitted >= 20, "{admitted}");
}

#[test]
fn only_the_creation_of_the_kind_in_its_version_is_admitted() {
    let object = |version: &str, kind: &str| {
        json!({"apiVersion": format!("skupper.io/{version}"), "kind": kind,
            "metadata": {"name": "west"}, "spec": {}})
    };
    let grant = object("v2alpha1", "AccessGrant");
    let table = [
        ("another kind", object("v2alpha1", "Site"), None),
        ("another version", object("v1", "AccessGrant"), None),
        ("an update", grant.clone(), Some(grant)),
    ];
    for (name, object, old) in table {
        let request = admission_request(object, old, None).to_string();
        let request = Request::from_json(request.as_bytes()).unwrap();
        let admitted = AccessGrant::admit(&request, &Settings::default(), now());
        let is_other = matches!(admitted, Err(NotAdmitted::OtherKind));
        assert!(is_other, "{name}");
    }
}

#[test]
fn a_rule_that_a_program_makes_deny_names_no_setting() {
    let token = json!({"apiVersion": "skupper.io/v2alpha1", "kind": "AccessToken",
        "metadata": {"name": "west"}, "spec": {"url": "https://grants.example/a", "code": "s3cr3t"}});
    let request = admission_request(token, None, None).to_string();
    let request = Request::from_json(request.as_bytes()).unwrap();
    let settings = Settings::denying(&["token-ca-missing"]);
    let admitted = AccessToken::admit(&request, &settings, now());
    let Err(NotAdmitted::Denied { message, findings }) = admitted else {
        panic!("it is admitted");
    };
    assert!(!message.contains("rules["), "{message}");
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["token-ca-missing"]);

    let set = json!({"rules": {"token-ca-missing": "deny"}});
    let refusal = review(&request, &Settings::read(&set).unwrap(), now()).refusal;
    let named =
        refusal.is_some_and(|refusal| refusal.message.contains("(rules[token-ca-missing])"));
    assert!(named, "a setting is named");
}

type Admit<K> =
    fn(&Request<'_>, &Settings, chrono::DateTime<chrono::Utc>) -> Result<Admitted<K>, NotAdmitted>;

/// Compares each object of the pages that is created with what the answer stores; the number of those
/// that are admitted.
fn each<K>(kind: &str, admit: Admit<K>, compare: impl Fn(K, &Value)) -> usize {
    let mut count = 0;
    for case in cases_of_pages().filter(|case| case.object.value["kind"] == kind) {
        let written = case.request();
        let text = written.to_string();
        let request = Request::from_json(text.as_bytes()).unwrap();
        let settings = Settings::read(&case.settings()).unwrap();
        let verdict = review(&request, &settings, now());
        match admit(&request, &settings, now()) {
            Ok(admitted) => {
                assert!(verdict.is_allowed(), "{}", case.name);
                let edited = verdict.mutated_object();
                let stored = edited.as_ref().unwrap_or(&written["object"]);
                assert!(admitted.object == *stored, "{}", case.name);
                compare(admitted.value, stored);
                count += 1;
            }
            Err(NotAdmitted::Denied { message, .. }) => {
                let refusal = verdict.refusal.map(|refusal| refusal.message);
                assert_eq!(refusal, Some(message), "{}", case.name);
            }
            Err(NotAdmitted::OtherKind) => {
                assert_eq!(written["operation"], "UPDATE", "{}", case.name);
            }
            Err(NotAdmitted::Unreadable) => {
                let rules = &case.settings()["rules"];
                assert!(rules.is_object() && verdict.is_allowed(), "{}", case.name);
            }
        }
    }
    count
}

fn number(object: &Value, pointer: &str) -> Option<f64> {
    object.pointer(pointer).and_then(Value::as_f64)
}

fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    let text = object.pointer(pointer).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}
