//! The admission request as Kubewarden sends it.
//!
//! `null` is absent everywhere; nothing but what the rules need is read. The payload itself is
//! never repeated in an answer: it holds secrets.
//! Source: Kubewarden's policy author guide, "Validating policies"; kubernetes admission/v1,
//! AdmissionRequest.

mod json;

use std::fmt;

use json::Place;
use serde_json::{Map, Value};

pub(crate) use json::MAX_ENTRIES;

/// What a user wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A change of a stored one.
    Update,
    /// Its end.
    Delete,
    /// A connection to it.
    Connect,
}

impl Operation {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "CREATE" => Some(Self::Create),
            "UPDATE" => Some(Self::Update),
            "DELETE" => Some(Self::Delete),
            "CONNECT" => Some(Self::Connect),
            _ => None,
        }
    }

    /// The name in an admission request.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// Where a request comes from, which decides what of its object can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An API server, about what one of its users writes.
    ApiServer,
    /// A scanner, about an object as it is stored. It names no user, as an API server always does.
    /// Source: Kubewarden's audit scanner, internal/scanner.
    Audit,
    /// A tool, about an object in a file. It has no uid, which an API server always gives.
    File,
}

/// What the rules need of an admission request. It holds the object with its secrets, so it has no
/// `Debug`.
#[derive(Clone)]
pub struct Request<'a> {
    text: &'a [u8],
    /// Where to find the whole object in the text.
    place: Place,
    pub(crate) origin: Origin,
    pub(crate) operation: Operation,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) resource: String,
    pub(crate) sub_resource: String,
    /// The name in the URL of the request: for a TokenRequest the ServiceAccount's.
    pub(crate) name: String,
    pub(crate) username: String,
    pub(crate) groups: Vec<String>,
    /// What the rules read of the object under review; always an object on CREATE and UPDATE.
    pub(crate) object: Value,
    /// What the rules read of the stored object.
    pub(crate) old_object: Option<Value>,
    /// The whole object under review, where it comes from a file.
    pub(crate) file: Option<Value>,
}

/// Why a payload is no admission request. The texts are fixed: they repeat nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestProblem {
    /// Not JSON, or JSON beyond what the API server itself can send.
    Unreadable,
    /// No `request`, or one whose fields have other types than an AdmissionRequest's.
    NotARequest,
    /// No operation, or an unknown one.
    Operation,
    /// CREATE or UPDATE without an object.
    NoObject,
}

impl fmt::Display for RequestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "the payload is not readable JSON",
            Self::NotARequest => "the payload is not an admission request",
            Self::Operation => {
                "the admission request must have an operation: CREATE, UPDATE, DELETE or CONNECT"
            }
            Self::NoObject => "the admission request must have an object on CREATE and UPDATE",
        })
    }
}

impl std::error::Error for RequestProblem {}

/// Reads JSON whole; `None` for what is none, or lies beyond what the API server can send.
pub(crate) fn read_json(text: &[u8]) -> Option<Value> {
    json::read(text, Place::Whole)
}

/// The payload of `validate`, taken apart: the request and the settings that came with it.
///
/// # Errors
/// Says why there is no request to be judged.
pub fn read_payload(text: &[u8]) -> Result<(Request<'_>, Value), RequestProblem> {
    let Some(Value::Object(mut payload)) = json::read(text, Place::Payload) else {
        return Err(RequestProblem::Unreadable);
    };
    let settings = take(&mut payload, "settings").unwrap_or_default();
    let request = take(&mut payload, "request").unwrap_or_default();
    let request = Request::of_fields(request, text, Place::PayloadForObject)?;
    Ok((request, settings))
}

impl<'a> Request<'a> {
    /// Reads an AdmissionRequest in camelCase.
    ///
    /// # Errors
    /// Says why it is none.
    pub fn from_json(text: &'a [u8]) -> Result<Self, RequestProblem> {
        let fields = json::read(text, Place::Request).ok_or(RequestProblem::Unreadable)?;
        Self::of_fields(fields, text, Place::RequestForObject)
    }

    /// The whole object under review, with what no rule reads.
    pub(crate) fn whole_object(&self) -> Value {
        let mut value = json::read(self.text, self.place).unwrap_or_default();
        let request = match self.place {
            Place::PayloadForObject => value.get_mut("request"),
            _ => Some(&mut value),
        };
        let object = request.and_then(|request| request.get_mut("object"));
        object.map(Value::take).unwrap_or_default()
    }

    /// True when the stored object has the same spec. Where more stands in it than is read for the
    /// rules, both are read whole, and only then.
    pub(crate) fn is_spec_stored(&self) -> bool {
        let Some(old) = &self.old_object else {
            return false;
        };
        let (spec, stored) = (spec(&self.object), spec(old));
        let is_read = spec
            .and_then(Value::as_object)
            .is_none_or(|fields| fields.values().all(is_read));
        spec == stored && (is_read || self.is_whole_spec_stored())
    }

    fn is_whole_spec_stored(&self) -> bool {
        let Some(value) = json::read(self.text, Place::Whole) else {
            return false;
        };
        let request = match self.place {
            Place::PayloadForObject => value.get("request").unwrap_or(&Value::Null),
            _ => &value,
        };
        let of = |object: &str| request.get(object).and_then(spec);
        of("object") == of("oldObject")
    }

    fn of_fields(request: Value, text: &'a [u8], place: Place) -> Result<Self, RequestProblem> {
        let Value::Object(mut fields) = request else {
            return Err(RequestProblem::NotARequest);
        };
        let operation = string(&mut fields, "operation").map_err(|_| RequestProblem::Operation)?;
        let operation = Operation::from_name(&operation).ok_or(RequestProblem::Operation)?;
        let mut kind = object(&mut fields, "kind")?;
        let mut resource = object(&mut fields, "resource")?;
        let mut user = object(&mut fields, "userInfo")?;
        let uid = string(&mut fields, "uid")?;
        let under_review = take(&mut fields, "object").unwrap_or_default();
        let username = string(&mut user, "username")?;
        let mut request = Self {
            text,
            place,
            origin: if uid.is_empty() {
                Origin::File
            } else if username.is_empty() {
                Origin::Audit
            } else {
                Origin::ApiServer
            },
            operation,
            group: string(&mut kind, "group")?,
            version: string(&mut kind, "version")?,
            kind: string(&mut kind, "kind")?,
            resource: string(&mut resource, "resource")?,
            sub_resource: string(&mut fields, "subResource")?,
            name: string(&mut fields, "name")?,
            username,
            groups: strings(&mut user, "groups")?,
            object: under_review,
            old_object: take(&mut fields, "oldObject"),
            file: None,
        };
        if request.kind.is_empty() {
            return Err(RequestProblem::NotARequest);
        }
        let needs_object = matches!(operation, Operation::Create | Operation::Update);
        if needs_object && !request.object.is_object() {
            return Err(RequestProblem::NoObject);
        }
        if request
            .old_object
            .as_ref()
            .is_some_and(|old| !old.is_object())
        {
            return Err(RequestProblem::NotARequest);
        }
        if needs_object && request.origin == Origin::File {
            request.file = Some(request.whole_object());
        }
        Ok(request)
    }
}

/// True when nothing was read past in a field of a spec: it holds no more than the rules allow.
pub(crate) fn is_read(value: &Value) -> bool {
    let is_scalar = |value: &Value| !value.is_array() && !value.is_object();
    match value {
        Value::Array(elements) => elements.len() <= MAX_ENTRIES && elements.iter().all(is_scalar),
        Value::Object(fields) => fields.len() <= MAX_ENTRIES && fields.values().all(is_scalar),
        _ => true,
    }
}

fn spec(object: &Value) -> Option<&Value> {
    object.get("spec").filter(|spec| !spec.is_null())
}

fn take(fields: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let value = fields.get_mut(name).map(Value::take);
    value.filter(|value| !value.is_null())
}

fn string(fields: &mut Map<String, Value>, name: &str) -> Result<String, RequestProblem> {
    match take(fields, name) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(RequestProblem::NotARequest),
    }
}

fn strings(fields: &mut Map<String, Value>, name: &str) -> Result<Vec<String>, RequestProblem> {
    match take(fields, name) {
        None => Ok(Vec::new()),
        Some(Value::Array(elements)) => elements
            .into_iter()
            .map(|element| match element {
                Value::String(text) => Ok(text),
                _ => Err(RequestProblem::NotARequest),
            })
            .collect(),
        Some(_) => Err(RequestProblem::NotARequest),
    }
}

fn object(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<Map<String, Value>, RequestProblem> {
    match take(fields, name) {
        None => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(RequestProblem::NotARequest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(payload: &str) -> Option<RequestProblem> {
        read_payload(payload.as_bytes()).err()
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        let deep = format!(
            r#"{{"request":{{"operation":"CREATE","kind":{{"kind":"K"}},"object":{}{}}}}}"#,
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        let cases = [
            ("nothing", "", RequestProblem::Unreadable),
            ("no JSON", "{", RequestProblem::Unreadable),
            ("no object", "[]", RequestProblem::Unreadable),
            ("too deep", &deep, RequestProblem::Unreadable),
            (
                "a number beyond doubles",
                r#"{"request":1e400}"#,
                RequestProblem::Unreadable,
            ),
            (
                "a lone surrogate",
                r#"{"request":"\ud800"}"#,
                RequestProblem::Unreadable,
            ),
            ("no request", "{}", RequestProblem::NotARequest),
            ("null", r#"{"request":null}"#, RequestProblem::NotARequest),
            ("a list", r#"{"request":[]}"#, RequestProblem::NotARequest),
            (
                "no operation",
                r#"{"request":{}}"#,
                RequestProblem::Operation,
            ),
            (
                "an unknown operation",
                r#"{"request":{"operation":"PATCH"}}"#,
                RequestProblem::Operation,
            ),
            (
                "a number as operation",
                r#"{"request":{"operation":1}}"#,
                RequestProblem::Operation,
            ),
            (
                "no kind",
                r#"{"request":{"operation":"DELETE"}}"#,
                RequestProblem::NotARequest,
            ),
            (
                "a text as kind",
                r#"{"request":{"operation":"DELETE","kind":"K"}}"#,
                RequestProblem::NotARequest,
            ),
            (
                "no object to create",
                r#"{"request":{"operation":"CREATE","kind":{"kind":"K"},"object":null}}"#,
                RequestProblem::NoObject,
            ),
            (
                "a list to create",
                r#"{"request":{"operation":"UPDATE","kind":{"kind":"K"},"object":[]}}"#,
                RequestProblem::NoObject,
            ),
        ];
        for (name, payload, expected) in cases {
            assert_eq!(problem(payload), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_request_of_an_api_server_has_a_uid_and_a_user() {
        let table = [
            (
                "both",
                r#""uid":"u","userInfo":{"username":"n"}"#,
                Origin::ApiServer,
            ),
            ("no user", r#""uid":"u","userInfo":{}"#, Origin::Audit),
            ("no uid", r#""userInfo":{"username":"n"}"#, Origin::File),
            (
                "an empty uid",
                r#""uid":"","userInfo":{"username":"n"}"#,
                Origin::File,
            ),
        ];
        for (name, fields, expected) in table {
            let payload = format!(
                r#"{{"request":{{{fields},"operation":"CREATE","kind":{{"kind":"K"}},"object":{{"status":{{}}}}}}}}"#
            );
            let (request, _) = read_payload(payload.as_bytes()).unwrap();
            assert_eq!(request.origin, expected, "{name}");
            assert_eq!(request.file.is_some(), expected == Origin::File, "{name}");
        }
    }

    #[test]
    fn null_is_absent_and_the_last_of_two_keys_wins() {
        let payload = r#"{"request":{
            "operation":"DELETE","operation":"CREATE",
            "kind":{"group":null,"kind":"K"},"resource":null,"subResource":null,
            "userInfo":{"username":null,"groups":null,"extra":null},
            "object":{"a":1},"oldObject":null,"options":null,"dryRun":null}}"#;
        let (request, settings) = read_payload(payload.as_bytes()).unwrap();
        assert_eq!(request.operation, Operation::Create);
        assert_eq!(request.group, "");
        assert!(request.old_object.is_none() && request.groups.is_empty());
        assert_eq!(settings, Value::Null);
    }
}
