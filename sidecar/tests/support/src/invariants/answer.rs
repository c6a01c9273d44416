//! The answer of a redemption server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redemption_sidecar::redeemer::{Answer, Validity};
use redemption_sidecar::redemption::KeyOrigin;
use secrecy::ExposeSecret as _;

use super::{SEQUENCE, assert_is_a_line, assert_reads_back, elements, now, own_spki, pem};

/// The name that is asked for.
const NAME: &str = "west";

/// The body of an answer; or in DER a certificate, its CA, and when there is one its key, which an
/// answer is made of: the fuzzer does not find its way through two layers of base64.
pub fn answer(bytes: &[u8]) {
    match bytes {
        [SEQUENCE, ..] => check(of_der(bytes).as_bytes()),
        bytes => check(bytes),
    }
}

/// What is accepted has the names that were asked for, and is accepted again as a
/// redeemer would write it.
fn check(body: &[u8]) {
    let answer = match Answer::read(body, NAME, own_spki(), now()) {
        Ok(answer) => answer,
        Err(problem) => return assert_is_a_line(&problem.to_string(), 256),
    };
    let (secret, links) = (&answer.secret, &answer.links);
    assert_eq!(secret.name, NAME);
    assert!((1..=99).contains(&links.len()));
    for link in links {
        let number = link.name.strip_prefix("west-");
        let number = number.and_then(|number| number.parse::<usize>().ok());
        match links.len() {
            1 => assert_eq!(link.name, NAME),
            most => assert!(number.is_some_and(|number| (1..=most).contains(&number))),
        }
        assert_eq!(link.tls_credentials, NAME);
        assert_eq!(link.cost, None);
        assert!(!link.endpoints.is_empty());
        assert_reads_back(link);
    }
    match answer.credential.validity {
        Validity::Valid => assert!(answer.credential.not_after >= now()),
        Validity::NotYet(begin) => assert!(begin > now()),
        Validity::Ended(end) => assert!(end < now() && end <= answer.credential.not_after),
    }
    assert!(answer.left_out.iter().all(|field| field.len() < 64));
    let has_key = secret.tls_key.is_some();
    assert_eq!(answer.credential.key_made_by == KeyOrigin::Service, has_key);

    let mut again = secret.to_yaml().to_string();
    for link in links {
        again.push_str("---\n");
        again.push_str(&link.to_yaml());
    }
    let again = Answer::read(again.as_bytes(), NAME, own_spki(), now());
    let again = again.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(again.links, *links);
    assert_eq!(again.credential, answer.credential);
    assert_eq!(again.secret.tls_crt, secret.tls_crt);
    assert_eq!(again.secret.ca_crt, secret.ca_crt);
    let keys = [&again.secret, secret].map(|secret| {
        let key = secret.tls_key.as_ref();
        key.map(|key| key.expose_secret().to_owned())
    });
    assert_eq!(keys[0], keys[1]);
}

fn of_der(bytes: &[u8]) -> String {
    let elements = elements(bytes);
    let entry = |name: &str, label: &str, index: usize| match elements.get(index) {
        Some(der) => format!("  {name}: {}\n", STANDARD.encode(pem(label, der))),
        None => String::new(),
    };
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {NAME}\ntype: kubernetes.io/tls\ndata:\n\
         {}{}{}---\napiVersion: skupper.io/v2alpha1\nkind: Link\nmetadata:\n  name: {NAME}\nspec:\n  \
         tlsCredentials: {NAME}\n  endpoints:\n  - {{name: edge, host: west.example, port: \"1\"}}\n",
        entry("tls.crt", "CERTIFICATE", 0),
        entry("ca.crt", "CERTIFICATE", 1),
        entry("tls.key", "PRIVATE KEY", 2),
    )
}
