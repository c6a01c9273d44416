//! The admission request as Kubewarden sends it.
//!
//! `null` is absent everywhere; nothing but what the rules need is read. The payload itself is
//! never repeated in an answer: it holds secrets.
//! Source: Kubewarden's policy author guide, "Validating policies"; kubernetes admission/v1,
//! AdmissionRequest.

mod json;
mod text;

use std::fmt;

use json::{Place, Reader};
use serde_json::{Map, Value};
use text::find;

pub(crate) use json::MAX_ENTRIES;
pub(crate) use text::with_field;

/// Operation of a request.
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

/// Origin of a request, which decides what of its object can be believed.
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

/// An admission request, as far as rules need it. It holds the object with its secrets, so it has no
/// `Debug`.
#[derive(Clone)]
pub struct Request<'a> {
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
    /// The object under review as far as rules read it; always an object on CREATE and UPDATE.
    pub(crate) object: Value,
    /// The text of the whole object under review.
    pub(crate) object_text: &'a str,
    /// The stored object as far as rules read it.
    pub(crate) old_object: Option<Value>,
    old_object_text: &'a str,
    /// The whole object under review, where it comes from a file.
    pub(crate) file: Option<Value>,
}

/// Reason a payload is no admission request. The texts are fixed: they repeat nothing.
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
    json::read(str::from_utf8(text).ok()?, Place::Whole)
}

/// The payload of `validate`, taken apart: the request and the settings that came with it.
///
/// # Errors
/// Says why there is no request to be judged.
pub fn read_payload(text: &[u8]) -> Result<(Request<'_>, Value), RequestProblem> {
    let (mut request, mut settings) = (Fields::default(), Value::Null);
    read(text, |reader| {
        reader.enter()?;
        while reader.has_next(b'}')? {
            match &*reader.name()? {
                "request" => request = Fields::read(reader)?,
                "settings" => settings = reader.value(Place::Whole)?,
                _ => drop(reader.value(Place::Nothing)?),
            }
        }
        Some(())
    })?;
    Ok((request.into_request()?, settings))
}

fn read<'a, T>(
    text: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
) -> Result<T, RequestProblem> {
    let text = str::from_utf8(text).map_err(|_| RequestProblem::Unreadable)?;
    Reader::read(text, read).ok_or(RequestProblem::Unreadable)
}

impl<'a> Request<'a> {
    /// Reads an AdmissionRequest in camelCase.
    ///
    /// # Errors
    /// Says why it is none.
    pub fn from_json(text: &'a [u8]) -> Result<Self, RequestProblem> {
        read(text, Fields::read)?.into_request()
    }

    /// The whole object under review, with what no rule reads.
    pub(crate) fn whole_object(&self) -> Value {
        json::read(self.object_text, Place::Whole).unwrap_or_default()
    }

    /// True when the stored object has the same spec. Where more stands in it than is read for the
    /// rules, both are read whole, and only then.
    pub(crate) fn is_spec_stored(&self) -> bool {
        let Some(old) = &self.old_object else {
            return false;
        };
        let (spec, stored) = (spec(&self.object), spec(old));
        let is_read = match spec {
            Some(Value::Object(fields)) => fields.values().all(is_read),
            Some(Value::Array(_)) => false,
            _ => true,
        };
        let whole = |object| json::read(find(object, "spec")?, Place::Whole);
        spec == stored && (is_read || whole(self.object_text) == whole(self.old_object_text))
    }
}

/// The fields of an AdmissionRequest as they are written, of whatever type.
#[derive(Default)]
struct Fields<'a> {
    is_object: bool,
    uid: Value,
    operation: Value,
    kind: Value,
    resource: Value,
    sub_resource: Value,
    name: Value,
    user: Value,
    object: Value,
    object_text: &'a str,
    old_object: Value,
    old_object_text: &'a str,
}

impl<'a> Fields<'a> {
    /// Reads what stands at the reader's position; `None` where that is no JSON.
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let mut fields = Self::default();
        if reader.peek()? != b'{' {
            reader.value(Place::Nothing)?;
            return Some(fields);
        }
        fields.is_object = true;
        reader.enter()?;
        while reader.has_next(b'}')? {
            let (field, place) = match &*reader.name()? {
                "uid" => (&mut fields.uid, Place::Scalar),
                "operation" => (&mut fields.operation, Place::Scalar),
                "kind" => (&mut fields.kind, Place::Whole),
                "resource" => (&mut fields.resource, Place::Resource),
                "subResource" => (&mut fields.sub_resource, Place::Scalar),
                "name" => (&mut fields.name, Place::Scalar),
                "userInfo" => (&mut fields.user, Place::User),
                "object" => (&mut fields.object, Place::Object),
                "oldObject" => (&mut fields.old_object, Place::OldObject),
                _ => {
                    reader.value(Place::Nothing)?;
                    continue;
                }
            };
            let (value, range) = reader.value_with_range(place)?;
            *field = value;
            match place {
                Place::Object => fields.object_text = reader.text.get(range)?,
                Place::OldObject => fields.old_object_text = reader.text.get(range)?,
                _ => {}
            }
        }
        Some(fields)
    }

    fn into_request(self) -> Result<Request<'a>, RequestProblem> {
        if !self.is_object {
            return Err(RequestProblem::NotARequest);
        }
        let operation = string(self.operation).map_err(|_| RequestProblem::Operation)?;
        let operation = Operation::from_name(&operation).ok_or(RequestProblem::Operation)?;
        let (mut kind, mut resource) = (object(self.kind)?, object(self.resource)?);
        let mut user = object(self.user)?;
        let uid = string(self.uid)?;
        let username = string(take(&mut user, "username"))?;
        let mut request = Request {
            origin: match (uid.is_empty(), username.is_empty()) {
                (true, _) => Origin::File,
                (false, true) => Origin::Audit,
                (false, false) => Origin::ApiServer,
            },
            operation,
            group: string(take(&mut kind, "group"))?,
            version: string(take(&mut kind, "version"))?,
            kind: string(take(&mut kind, "kind"))?,
            resource: string(take(&mut resource, "resource"))?,
            sub_resource: string(self.sub_resource)?,
            name: string(self.name)?,
            username,
            groups: strings(take(&mut user, "groups"))?,
            object: self.object,
            object_text: self.object_text,
            old_object: Some(self.old_object).filter(|old| !old.is_null()),
            old_object_text: self.old_object_text,
            file: None,
        };
        if request.kind.is_empty() {
            return Err(RequestProblem::NotARequest);
        }
        let is_write = matches!(operation, Operation::Create | Operation::Update);
        if is_write && !request.object.is_object() {
            return Err(RequestProblem::NoObject);
        }
        if !request.old_object.as_ref().is_none_or(Value::is_object) {
            return Err(RequestProblem::NotARequest);
        }
        if is_write && request.origin == Origin::File {
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

fn take(fields: &mut Map<String, Value>, name: &str) -> Value {
    fields.get_mut(name).map(Value::take).unwrap_or_default()
}

fn string(value: Value) -> Result<String, RequestProblem> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        _ => Err(RequestProblem::NotARequest),
    }
}

fn strings(value: Value) -> Result<Vec<String>, RequestProblem> {
    let text = |element| match element {
        Value::String(text) => Ok(text),
        _ => Err(RequestProblem::NotARequest),
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(elements) => elements.into_iter().map(text).collect(),
        _ => Err(RequestProblem::NotARequest),
    }
}

fn object(value: Value) -> Result<Map<String, Value>, RequestProblem> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(object) => Ok(object),
        _ => Err(RequestProblem::NotARequest),
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
    fn a_spec_is_stored_where_nothing_in_it_differs() {
        let map = |last: &str| {
            let entries: Vec<String> = (0..100).map(|key| format!(r#""k{key}": 1"#)).collect();
            format!(r#"{{"a": {{{}, "z": {last}}}}}"#, entries.join(", "))
        };
        let table = [
            ("the same", r#"{"a": 1}"#, r#"{ "\u0061":1}"#, true),
            ("another value", r#"{"a": 1}"#, r#"{"a": 2}"#, false),
            (
                "the last of two",
                r#"{"a": 1, "a": 2}"#,
                r#"{"a": 2}"#,
                true,
            ),
            ("null for nothing", "null", r#"null, "spec": null"#, true),
            ("null for a value", "null", r#"{"a": 1}"#, false),
            ("far down", r#"{"a": [[1]]}"#, r#"{"a": [[2]]}"#, false),
            (
                "the same far down",
                r#"{"a": [[1]]}"#,
                r#"{"a": [[1]]}"#,
                true,
            ),
            ("a list", "[[1]]", "[[2]]", false),
            ("the same list", "[[1]]", "[ [1] ]", true),
            ("behind too many", &map("1"), &map("2"), false),
            ("the same behind too many", &map("1"), &map("1"), true),
            (
                "the spec before",
                r#"{"a": 1}"#,
                r#"{"a": 1}, "spec": {}"#,
                false,
            ),
        ];
        for (name, spec, stored, expected) in table {
            let request = format!(
                r#"{{"operation": "UPDATE", "kind": {{"kind": "K"}}, "object": {{"spec": {spec}}}, "oldObject": {{"spec": {stored}}}}}"#
            );
            let request = Request::from_json(request.as_bytes()).unwrap();
            assert_eq!(request.is_spec_stored(), expected, "{name}");
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
