//! A token file.

use redemption_sidecar::redeemer::token::{Token, TokenProblem};
use redemption_sidecar::wire::access_token::AccessToken;
use redemption_sidecar::wire::manifest;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use skupper_access_policy::value::name::SubdomainName;
use skupper_access_policy::value::redemption_url::RedemptionUrl;

use super::{assert_is_a_line, now, pem};

/// A token is read, or refused with a line that repeats nothing secret of it.
pub fn token(bytes: &[u8]) {
    check(bytes, None);
    check(bytes, Some("east"));
}

fn check(bytes: &[u8], name: Option<&str>) {
    let problem = match Token::read(bytes, name, now()) {
        Ok(token) => return assert_reads_back(&token, name),
        Err(problem) => problem,
    };
    let message = problem.to_string();
    assert_is_a_line(&message, 64 * 1024);
    assert!(!format!("{problem:?}").contains(CANARY) || message.contains(CANARY));
    match problem {
        TokenProblem::Refused(_) => {
            let object = manifest::object_of_kind(bytes, "AccessToken").unwrap();
            assert_is_silent(&object, name, &message);
        }
        _ => assert!(!message.contains(CANARY), "{message}"),
    }
}

/// What is accepted can be printed as `issue` prints it, and read again.
fn assert_reads_back(token: &Token, name: Option<&str>) {
    assert_eq!(
        SubdomainName::parse(&token.name).unwrap().as_str(),
        token.name
    );
    assert!(name.is_none_or(|name| name == token.name));
    let printed = AccessToken {
        name: token.name.clone(),
        url: written(&token.url),
        code: token.code.clone(),
        ca: token.ca.ders().map(|der| pem("CERTIFICATE", der)).collect(),
        link_cost: token.link_cost.unwrap_or(1),
        note: String::new(),
    };
    let again = Token::read(printed.to_yaml().as_bytes(), None, now());
    let again = again.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(again.name, token.name);
    assert_eq!(again.url, token.url);
    assert_eq!(again.code.expose_secret(), token.code.expose_secret());
    assert!(again.ca == token.ca);
    assert!(matches!(again.link_cost, Some(1..=2_147_483_647)));
}

fn written(url: &RedemptionUrl) -> String {
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host(), url.path())
}

/// Where a piece of a secret seems to be repeated, the file is read once more with another secret:
/// what does not change with it does not come from it.
fn assert_is_silent(object: &Value, name: Option<&str>, message: &str) {
    for pointer in ["/spec/code", "/spec/ca"] {
        let Some(secret) = object.pointer(pointer).and_then(Value::as_str) else {
            continue;
        };
        let needle: String = secret.chars().take(32).collect();
        if needle.chars().count() < 8 || !message.contains(&needle) {
            continue;
        }
        let mut other = object.clone();
        if let Some(Value::String(secret)) = other.pointer_mut(pointer) {
            *secret = secret.chars().map(other_letter).collect();
        }
        let problem = Token::read(other.to_string().as_bytes(), name, now()).err();
        let message = problem
            .map(|problem| problem.to_string())
            .unwrap_or_default();
        assert!(
            message.contains(&needle),
            "{pointer} is repeated: {message}"
        );
    }
}

/// Another letter for a letter, another digit for a digit: what is said about the text stays the
/// same.
fn other_letter(character: char) -> char {
    match character {
        'z' => 'a',
        'Z' => 'A',
        '9' => '0',
        'a'..='y' | 'A'..='Y' | '0'..='8' => char::from(u8::try_from(character).unwrap() + 1),
        other => other,
    }
}

/// Stands in the codes of the corpus.
const CANARY: &str = "canary-7c1f0e9d";
