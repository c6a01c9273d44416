//! The grant that somebody asks for: an AccessGrant, judged and completed by the policy.
//!
//! It refuses here, with the same words, what it refuses in a cluster, and fills in the same fields.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use skupper_access_policy::admitted::NotAdmitted;
use skupper_access_policy::request::Request;
use skupper_access_policy::settings::Settings;
use skupper_access_policy::{AccessGrant, admission_request};

use crate::redemption::MIN_CODE_BYTES;
use crate::wire::manifest::{self, ManifestProblem};

/// A grant to be made. No `Debug`: it may hold a code.
pub struct GrantOrder {
    /// Its name.
    pub name: String,
    /// Number of redemptions that it allows.
    pub redemptions_allowed: u32,
    /// For how long, from now on.
    pub expiration_window: TimeDelta,
    /// Its code; absent for a random one.
    pub code: Option<SecretString>,
    /// The issuer it names.
    pub issuer: Option<String>,
    /// The spec of the AccessGrant, with what the policy fills in. It may hold the code.
    pub spec: Map<String, Value>,
    /// Warnings of the policy.
    pub warnings: Vec<String>,
}

impl GrantOrder {
    /// Reads a manifest that holds one AccessGrant, as kubectl would. `name` goes before the one in
    /// the file.
    ///
    /// # Errors
    /// The first thing that is wrong with it; never its code.
    pub fn of_manifest(
        bytes: &[u8],
        name: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, OrderProblem> {
        let mut object = manifest::object_of_kind(bytes, "AccessGrant")?;
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
        if let (Some(name), Some(metadata)) = (name, metadata) {
            metadata.insert("name".to_owned(), name.into());
        }
        Self::of_object(object, now)
    }

    /// The grant of the options of a command line; what is absent gets the documented default.
    ///
    /// # Errors
    /// The first option that is wrong; never the code.
    pub fn of_options(
        name: &str,
        redemptions_allowed: Option<u32>,
        expiration_window: Option<&str>,
        code: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, OrderProblem> {
        let fields = [
            ("redemptionsAllowed", redemptions_allowed.map(Value::from)),
            ("expirationWindow", expiration_window.map(Value::from)),
            ("code", code.map(Value::from)),
        ];
        let spec = fields.into_iter();
        let spec = spec.filter_map(|(field, value)| Some((field.to_owned(), value?)));
        let object = json!({
            "apiVersion": API_VERSION,
            "kind": "AccessGrant",
            "metadata": { "name": name },
            "spec": spec.collect::<Map<_, _>>(),
        });
        Self::of_object(object, now)
    }

    fn of_object(object: Value, now: DateTime<Utc>) -> Result<Self, OrderProblem> {
        let payload = admission_request(object, None, None).to_string();
        let request = Request::from_json(payload.as_bytes())
            .map_err(|problem| OrderProblem::Refused(problem.to_string()))?;
        let admitted = AccessGrant::admit(&request, &Settings::default(), now);
        let admitted = admitted.map_err(|reason| match reason {
            NotAdmitted::Denied { message, .. } => OrderProblem::Refused(message),
            NotAdmitted::OtherKind | NotAdmitted::Unreadable => OrderProblem::OtherKind,
        })?;
        let grant = admitted.value;
        if grant
            .code
            .as_ref()
            .is_some_and(|code| code.len() < MIN_CODE_BYTES)
        {
            return Err(OrderProblem::ShortCode);
        }
        let spec = admitted.object.get("spec").and_then(Value::as_object);
        Ok(Self {
            name: grant.name.ok_or(OrderProblem::NoName)?,
            redemptions_allowed: grant.redemptions_allowed,
            expiration_window: TimeDelta::nanoseconds(grant.expiration_window.nanoseconds()),
            code: grant.code.map(SecretString::from),
            issuer: grant.issuer,
            spec: spec.cloned().unwrap_or_default(),
            warnings: admitted.warnings,
        })
    }
}

/// Reason a grant cannot be made. One line, without the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderProblem {
    /// Not the manifest of one AccessGrant.
    #[error(transparent)]
    Manifest(#[from] ManifestProblem),
    /// The file holds something else.
    #[error("must hold an AccessGrant of {API_VERSION}")]
    OtherKind,
    /// The policy refuses it. Holds the reason.
    #[error("{0}")]
    Refused(String),
    /// It has no name.
    #[error("metadata.name: Required value")]
    NoName,
    /// Its code is too short.
    #[error("the code must have at least {MIN_CODE_BYTES} bytes; leave it out for a random one")]
    ShortCode,
}

const API_VERSION: &str = "skupper.io/v2alpha1";

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn manifest(spec: &str) -> String {
        format!(
            "apiVersion: {API_VERSION}\nkind: AccessGrant\nmetadata: {{name: west}}\nspec: {spec}\n"
        )
    }

    #[test]
    fn a_manifest_is_judged_and_completed_by_the_policy() {
        let now = DateTime::UNIX_EPOCH;
        let order = GrantOrder::of_manifest(manifest("{}").as_bytes(), None, now).unwrap();
        assert_eq!(order.name, "west");
        assert_eq!(order.redemptions_allowed, 1);
        assert_eq!(order.expiration_window, TimeDelta::minutes(15));
        assert!(order.code.is_none() && order.issuer.is_none());

        let spec = "{redemptionsAllowed: 3, expirationWindow: 1h, code: 'canary canary canary', issuer: other}";
        let order = GrantOrder::of_manifest(manifest(spec).as_bytes(), Some("east"), now).unwrap();
        assert_eq!(
            (order.name.as_str(), order.redemptions_allowed),
            ("east", 3)
        );
        assert_eq!(order.expiration_window, TimeDelta::hours(1));
        assert_eq!(order.code.unwrap().expose_secret(), "canary canary canary");
        assert_eq!(order.issuer.as_deref(), Some("other"));
    }

    #[test]
    fn what_the_policy_refuses_is_refused_without_the_code() {
        let cases = [
            (
                "a day",
                manifest("{expirationWindow: 1 day}"),
                "write '24h'",
            ),
            (
                "none allowed",
                manifest("{redemptionsAllowed: 0}"),
                "spec.redemptionsAllowed",
            ),
            (
                "a short code",
                manifest("{code: canary}"),
                "at least 16 bytes",
            ),
            (
                "a code of the wrong type",
                manifest("{code: [canary]}"),
                "spec.code",
            ),
            (
                "a code with a line end",
                manifest("{code: \"canary canary canary\\n\"}"),
                "spec.code",
            ),
            (
                "another kind",
                "apiVersion: v1\nkind: Secret\n".to_owned(),
                "must hold an AccessGrant",
            ),
            ("no object", "canary".to_owned(), "must be an object"),
        ];
        for (name, text, part) in cases {
            let problem = GrantOrder::of_manifest(text.as_bytes(), None, DateTime::UNIX_EPOCH);
            let message = problem.map(|order| order.name).unwrap_err().to_string();
            assert!(message.contains(part), "{name}: {message}");
            assert!(!message.contains("canary"), "{name}: {message}");
        }
    }

    #[test]
    fn options_are_judged_as_a_manifest_is() {
        let order = |name, redemptions, window, code| {
            GrantOrder::of_options(name, redemptions, window, code, DateTime::UNIX_EPOCH)
                .map(|order| (order.redemptions_allowed, order.expiration_window))
                .map_err(|problem| problem.to_string())
        };
        assert_eq!(
            order("west", None, None, None),
            Ok((1, TimeDelta::minutes(15)))
        );
        assert_eq!(
            order("west", Some(2), Some("90s"), None),
            Ok((2, TimeDelta::seconds(90)))
        );
        for (name, result) in [
            (
                "a window of no length",
                order("west", None, Some("0s"), None),
            ),
            ("a name in capitals", order("West", None, None, None)),
            (
                "a code of 15 bytes",
                order("west", None, None, Some("fifteen bytes..")),
            ),
        ] {
            assert!(result.is_err(), "{name}");
        }
        assert!(order("west", None, None, Some("sixteen bytes...")).is_ok());
    }
}
