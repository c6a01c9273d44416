//! The token file: one AccessToken, as kubectl would read it.
//!
//! ```
//! use chrono::DateTime;
//! use redemption_sidecar::redeemer::token::{Token, TokenProblem};
//!
//! let yaml = b"apiVersion: skupper.io/v2alpha1\nkind: AccessToken\nmetadata: {name: west}\n\
//!     spec: {url: 'https://grants.example/a0b1', code: no}\n";
//! let problem = Token::read(yaml, None, DateTime::UNIX_EPOCH).err().unwrap();
//! assert_eq!(
//!     problem.to_string(),
//!     "AccessToken.skupper.io \"west\" is invalid: [spec.code: Invalid value: \"boolean\": must \
//!      be a string, spec.ca: Required value: Skupper after 2.2.1 does not redeem a token without it: \
//!      copy status.ca of the AccessGrant]"
//! );
//! ```
//!
//! The admission policy judges it, with two rules made strict: the CA must be there and valid. So
//! what a cluster refuses is refused here, in the same words, and YAML 1.1 readers and this one
//! agree on what is a text: `code: no` is none.
//!
//! Source: Skupper's AccessToken reference; the rules of the policy.

use std::io::{self, Read};

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};
use skupper_access_policy::admitted::NotAdmitted;
use skupper_access_policy::finding::Finding;
use skupper_access_policy::path::FieldPath;
use skupper_access_policy::request::Request;
use skupper_access_policy::settings::Settings;
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use skupper_access_policy::{AccessToken, admission_request};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::system::wording;
use crate::wire::manifest::{self, ManifestProblem};

/// A token that can be redeemed. No `Debug`: it holds the code.
pub struct Token {
    /// The name that Secret and Link get: a DNS-1123 subdomain, not one of Skupper's own.
    pub name: String,
    /// The URL at which it is redeemed.
    pub url: RedemptionUrl,
    /// The code of the grant.
    pub code: SecretString,
    /// The CA of the redemption server.
    pub ca: CertificateBundle,
    /// The cost of the link, from 1 to 2147483647.
    pub link_cost: Option<u32>,
}

impl Token {
    /// Reads a token file from its beginning to its end; `name` goes before the token's own name.
    ///
    /// # Errors
    /// The first thing that is wrong with the file, or everything that the policy refuses.
    pub fn read_from(
        file: impl Read,
        name: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, TokenProblem> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(CAPACITY));
        let mut bounded = file.take(manifest::MAX_BYTES as u64 + 1);
        let read = bounded.read_to_end(&mut bytes);
        read.map_err(TokenProblem::Unreadable)?;
        Self::read(&bytes, name, now)
    }

    /// Reads the bytes of a token file; `name` goes before the token's own name.
    ///
    /// # Errors
    /// The first thing that is wrong with the file, or everything that the policy refuses.
    pub fn read(
        bytes: &[u8],
        name: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, TokenProblem> {
        let mut object = manifest::object_of_kind(bytes, "AccessToken")?;
        if let (Some(name), Value::Object(fields)) = (name, &mut object) {
            fields.insert("metadata".to_owned(), json!({ "name": name }));
        }
        let payload = Zeroizing::new(admission_request(object, None, None).to_string());
        let request = Request::from_json(payload.as_bytes());
        let request = request.map_err(|_| TokenProblem::NotAToken)?;
        let admitted = AccessToken::admit(&request, &Settings::denying(&STRICT), now);
        let admitted = admitted.map_err(|reason| match reason {
            NotAdmitted::Denied { message, findings } => {
                denied(message, &findings, name.is_some(), now)
            }
            NotAdmitted::OtherKind | NotAdmitted::Unreadable => TokenProblem::NotAToken,
        })?;
        let token = admitted.value;
        Ok(Self {
            name: token.name.ok_or(TokenProblem::NotAToken)?,
            url: token.url,
            code: token.code.into(),
            ca: token.ca.ok_or(TokenProblem::NotAToken)?,
            link_cost: token.link_cost,
        })
    }
}

/// Reason a file is not a token that can be redeemed. Holds nothing of the code and the CA.
#[derive(Debug, Error)]
pub enum TokenProblem {
    /// It cannot be read.
    #[error("cannot be read: {}", wording::io(.0))]
    Unreadable(io::Error),
    /// Not the manifest of one AccessToken.
    #[error(transparent)]
    Manifest(#[from] ManifestProblem),
    /// The object is not an AccessToken.
    #[error("must be an AccessToken with 'apiVersion: skupper.io/v2alpha1'")]
    NotAToken,
    /// The words of the policy.
    #[error("{0}")]
    Refused(String),
    /// The words of the policy when nothing but the name in place of the token's own is wrong.
    #[error("{0}")]
    Name(String),
}

/// The problem with a token that the policy denies; `is_renamed` where the name is not the token's own.
fn denied(
    mut message: String,
    findings: &[Finding],
    is_renamed: bool,
    now: DateTime<Utc>,
) -> TokenProblem {
    if findings.iter().any(|finding| finding.code == CA_EXPIRED) {
        let now = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let clock = format!(", or the clock of this machine is wrong (it says {now})");
        message.push_str(&clock);
    }
    let name = FieldPath::from_pointer("/metadata/name");
    if is_renamed && findings.iter().all(|finding| finding.error.path == name) {
        return TokenProblem::Name(message);
    }
    TokenProblem::Refused(message)
}

/// Rules that warn in a cluster and deny here: without a valid CA nothing can be redeemed.
const STRICT: [&str; 2] = ["token-ca-missing", CA_EXPIRED];

const CA_EXPIRED: &str = "token-ca-expired";

/// Room for a token as Skupper writes it, so that reading leaves no copies behind.
const CAPACITY: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use secrecy::ExposeSecret;
    use skupper_access_policy::value::host::Host;

    use super::*;

    const CODE: &str = "canary-s3cr3t";
    const CA: &str = include_str!("../../../tests/certificates/p256.pem");

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_785_000_000, 0).unwrap()
    }

    /// A token with one field of its spec written in another way; left out when that is empty.
    fn token(field: &str, value: &str) -> String {
        let ca = serde_json::to_string(CA).unwrap();
        let mut fields = BTreeMap::from([
            ("url", "https://grants.example:9090/a0b1"),
            ("code", CODE),
            ("ca", &ca),
        ]);
        fields.insert(field, value);
        let mut yaml = "apiVersion: skupper.io/v2alpha1\nkind: AccessToken\nmetadata:\n  name: \
             west\nspec:\n"
            .to_owned();
        for (field, value) in fields {
            if !value.is_empty() {
                writeln!(yaml, "  {field}: {value}").unwrap();
            }
        }
        yaml
    }

    #[test]
    fn what_skupper_writes_is_read() {
        let ca = CA.replace('\n', "\n    ");
        let yaml = format!(
            "---\napiVersion: skupper.io/v2alpha1\nkind: AccessToken\nmetadata:\n  \
             creationTimestamp: null\n  labels:\n    a: b\n  name: west\nspec:\n  ca: |\n    {ca}\n  \
             code: {CODE}\n  linkCost: 3\n  url: https://[2001:db8::1]:9090/a0b1\nstatus: {{}}\n"
        );
        let read = Token::read_from(yaml.as_bytes(), None, now()).ok().unwrap();
        assert_eq!(read.name, "west");
        assert_eq!(read.code.expose_secret(), CODE);
        assert_eq!(read.link_cost, Some(3));
        assert_eq!(read.url.host(), &Host::parse("[2001:db8::1]").unwrap());
        assert_eq!(read.ca.ders().count(), 1);
        let named = Token::read(yaml.as_bytes(), Some("east"), now());
        assert_eq!(named.ok().unwrap().name, "east");
    }

    #[test]
    fn what_the_policy_refuses_is_refused_and_no_secret_is_repeated() {
        let long = format!("x{}", "x".repeat(1024));
        let table = [
            ("no url", "url", "", "spec.url: Required"),
            ("http", "url", "http://a.example/b", "spec.url: Invalid"),
            (
                "a query",
                "url",
                "https://a.example/b?c",
                "spec.url: Invalid",
            ),
            (
                "a short address",
                "url",
                "https://127.1/b",
                "spec.url: Invalid",
            ),
            ("no code", "code", "", "spec.code: Required"),
            ("an empty code", "code", "\"\"", "spec.code: Required"),
            ("a YAML 1.1 boolean", "code", "no", "must be a string"),
            ("another one", "code", "off", "must be a string"),
            ("a number", "code", "1_000", "must be a string"),
            ("an octal number", "code", "0o17", "must be a string"),
            ("an old octal number", "code", "017", "must be a string"),
            (
                "a number with an exponent",
                "code",
                "1e3",
                "must be a string",
            ),
            ("a list", "code", "[canary-s3cr3t]", "must be a string"),
            (
                "a line end",
                "code",
                "\"canary-s3cr3t\\n\"",
                "spec.code: Invalid",
            ),
            ("a long code", "code", &long, "spec.code: Too long"),
            ("no CA", "ca", "", "copy status.ca of the AccessGrant"),
            (
                "an empty CA",
                "ca",
                "\"\"",
                "copy status.ca of the AccessGrant",
            ),
            ("no PEM", "ca", "canary-s3cr3t", "spec.ca: Invalid"),
            ("a cost of 0", "linkCost", "0", "spec.linkCost: Invalid"),
            (
                "a cost above int32",
                "linkCost",
                "2147483648",
                "spec.linkCost: Invalid",
            ),
            ("half a cost", "linkCost", "1.5", "must be an integer"),
            (
                "a cost in quotes",
                "linkCost",
                "\"2\"",
                "must be an integer",
            ),
        ];
        for (name, field, value, expected) in table {
            let yaml = token(field, value);
            let problem = Token::read(yaml.as_bytes(), None, now()).err();
            let message = problem
                .map(|problem| problem.to_string())
                .unwrap_or_default();
            assert!(message.contains(expected), "{name}: {message}");
            assert!(!message.contains("canary"), "{name}: {message}");
            assert!(!message.contains("MII"), "{name}: {message}");
        }
        let expired = Token::read(token("", "").as_bytes(), None, DateTime::UNIX_EPOCH);
        let message = expired.err().map(|problem| problem.to_string());
        let message = message.unwrap();
        assert!(message.contains("spec.ca: Invalid"), "{message}");
        let clock = "the clock of this machine is wrong (it says 1970-01-01T00:00:00Z)";
        assert!(message.contains(clock), "{message}");
    }

    #[test]
    fn a_name_in_place_of_the_own_one_is_told_apart_from_the_file() {
        let read = |yaml: &str, name| Token::read(yaml.as_bytes(), Some(name), now()).err();
        let good = token("", "");
        for name in ["A/b", "", "skupper-site-ca"] {
            let problem = read(&good, name);
            assert!(matches!(problem, Some(TokenProblem::Name(_))), "{name}");
        }
        let both = read(&token("code", ""), "A/b");
        assert!(matches!(both, Some(TokenProblem::Refused(_))));
        assert!(read(&good.replace("west", "A/b"), "east").is_none());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let two = format!("{}---\n{}", token("", ""), token("", ""));
        let grant = token("", "").replace("AccessToken", "AccessGrant");
        let old = token("", "").replace("v2alpha1", "v1");
        let reserved = token("", "").replace("west", "skupper-site-ca");
        let long = format!("# {}\n{}", "x".repeat(manifest::MAX_BYTES), token("", ""));
        let table: [(&str, &[u8], &str); 9] = [
            ("nothing", b"", "must hold an object"),
            ("a text", b"canary", "must be an object"),
            ("not UTF-8", b"\xff", "must be an object"),
            (
                "not YAML",
                b"a: [canary",
                "line 1, column 4: unclosed bracket",
            ),
            (
                "two tokens",
                two.as_bytes(),
                "must hold one AccessToken only, and holds 2",
            ),
            ("a grant", grant.as_bytes(), "must be an AccessToken"),
            ("another version", old.as_bytes(), "must be an AccessToken"),
            (
                "a name of Skupper",
                reserved.as_bytes(),
                "the name is reserved",
            ),
            ("too long", long.as_bytes(), "256 KiB"),
        ];
        for (name, bytes, expected) in table {
            let problem = Token::read_from(bytes, None, now()).err();
            let message = problem
                .map(|problem| problem.to_string())
                .unwrap_or_default();
            assert!(message.contains(expected), "{name}: {message}");
            assert!(!message.contains("canary"), "{name}: {message}");
        }
    }

    #[test]
    fn a_cost_may_be_written_in_any_way_that_the_api_server_takes() {
        for (value, expected) in [
            ("", None),
            ("null", None),
            ("1", Some(1)),
            ("3.0", Some(3)),
            ("1_000", Some(1000)),
            ("017", Some(15)),
            ("2147483647", Some(2_147_483_647)),
        ] {
            let read = Token::read(token("linkCost", value).as_bytes(), None, now());
            assert_eq!(
                read.map(|token| token.link_cost).ok(),
                Some(expected),
                "{value}"
            );
        }
    }
}
