//! The token file: one AccessToken in YAML.
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
//!      be a string, spec.ca: Required value: Skupper's CRD requires it: copy status.ca of the \
//!      AccessGrant]"
//! );
//! ```
//!
//! The admission policy judges it, with two rules made strict: the CA must be there and valid. So
//! what a cluster refuses is refused here, in the same words, and YAML 1.1 readers and this one
//! agree on what is a text: `code: no` is none.
//!
//! Source: Skupper's AccessToken reference; the rules of the policy.

use std::fmt;
use std::io::{self, Read};

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};
use skupper_access_policy::request::admission_request;
use skupper_access_policy::review_payload;
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use zeroize::Zeroizing;

use crate::yaml;

/// A token that can be redeemed. No `Debug`: it holds the code.
pub struct Token {
    /// The name that Secret and Link get: a DNS-1123 subdomain, not one of Skupper's own.
    pub name: String,
    /// Where it is redeemed.
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
        let mut bounded = file.take(yaml::MAX_BYTES as u64 + 1);
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
        let text = std::str::from_utf8(bytes).map_err(|_| TokenProblem::NotText)?;
        let mut object = yaml::single_object(text).map_err(TokenProblem::NotAnObject)?;
        if let (Some(name), Value::Object(fields)) = (name, &mut object) {
            fields.insert("metadata".to_owned(), json!({ "name": name }));
        }
        judge(&object, now)?;
        read_fields(&object).ok_or(TokenProblem::NotAToken)
    }
}

/// Why a file is not a token that can be redeemed. Nothing of the code and the CA is kept.
#[derive(Debug)]
pub enum TokenProblem {
    /// It cannot be read.
    Unreadable(io::Error),
    /// Not UTF-8.
    NotText,
    /// Not one object in YAML. Says what is wrong.
    NotAnObject(String),
    /// The object is not an AccessToken.
    NotAToken,
    /// What the policy says.
    Refused(String),
}

impl fmt::Display for TokenProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(cause) => write!(formatter, "cannot be read: {cause}"),
            Self::NotText => formatter.write_str("must be text in UTF-8"),
            Self::NotAnObject(problem) => formatter.write_str(problem),
            Self::NotAToken => {
                formatter.write_str("must be an AccessToken with 'apiVersion: skupper.io/v2alpha1'")
            }
            Self::Refused(message) => formatter.write_str(message),
        }
    }
}

impl std::error::Error for TokenProblem {}

fn judge(object: &Value, now: DateTime<Utc>) -> Result<(), TokenProblem> {
    let is = |field: &str, value: &str| object.get(field).and_then(Value::as_str) == Some(value);
    if !is("apiVersion", "skupper.io/v2alpha1") || !is("kind", "AccessToken") {
        return Err(TokenProblem::NotAToken);
    }
    let payload = json!({
        "request": admission_request(object.clone(), None, None),
        "settings": {"rules": {"token-ca-missing": "deny", "token-ca-expired": "deny"}},
    });
    let payload = Zeroizing::new(payload.to_string());
    match review_payload(payload.as_bytes(), now).refusal {
        Some(refusal) => Err(TokenProblem::Refused(refusal.message)),
        None => Ok(()),
    }
}

/// `None` only for what the policy does not let pass.
fn read_fields(object: &Value) -> Option<Token> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    Some(Token {
        name: text("/metadata/name")?.to_owned(),
        url: RedemptionUrl::parse(text("/spec/url")?).ok()?,
        code: text("/spec/code")?.into(),
        ca: CertificateBundle::parse(text("/spec/ca")?).ok()?,
        link_cost: match object.pointer("/spec/linkCost") {
            None | Some(Value::Null) => None,
            Some(cost) => Some(whole_number(cost)?),
        },
    })
}

/// `3.0` is an integer, as on the API server.
fn whole_number(value: &Value) -> Option<u32> {
    match value.as_u64() {
        Some(number) => number.try_into().ok(),
        None => format!("{:.0}", value.as_f64()?).parse().ok(),
    }
}

/// Room for a token as Skupper writes it, so that reading leaves no copies behind.
const CAPACITY: usize = 16 * 1024;
