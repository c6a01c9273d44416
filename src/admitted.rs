//! Objects that the policy admits, as checked values: Rust callers parse nothing a second time.
//!
//! ```
//! use chrono::DateTime;
//! use serde_json::json;
//! use skupper_access_policy::request::Request;
//! use skupper_access_policy::settings::Settings;
//! use skupper_access_policy::value::duration::GoDuration;
//! use skupper_access_policy::{AccessGrant, admission_request};
//!
//! let grant = json!({"apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant",
//!     "metadata": {"name": "west"}, "spec": {"expirationWindow": "1h"}});
//! let request = admission_request(grant, None, None).to_string();
//! let request = Request::from_json(request.as_bytes())?;
//! let admitted = AccessGrant::admit(&request, &Settings::default(), DateTime::UNIX_EPOCH).ok();
//! let grant = admitted.unwrap().value;
//! assert_eq!(grant.expiration_window, GoDuration::from_seconds(60 * 60));
//! assert_eq!(grant.redemptions_allowed, 1);
//! # Ok::<(), skupper_access_policy::request::RequestProblem>(())
//! ```

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::field::Unreadable;
use crate::finding::{Finding, Severity};
use crate::judge::verdict;
use crate::kind::Kind;
use crate::request::{Operation, Request};
use crate::review::Review;
use crate::settings::Settings;

/// An object that may be created. No `Debug`: it may hold a code.
pub struct Admitted<K> {
    /// Its values, checked, with the defaults filled in.
    pub value: K,
    /// The whole object as it is to be stored.
    pub object: Value,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Reason an object is not admitted.
#[derive(Debug, Clone, PartialEq)]
pub enum NotAdmitted {
    /// The request is not about the creation of an object of this kind and version.
    OtherKind,
    /// Rules deny it.
    Denied {
        /// The text that the user of a cluster is told.
        message: String,
        /// Everything that denies, at most 32 findings.
        findings: Vec<Finding>,
    },
    /// The settings let something pass that has no value.
    Unreadable,
}

/// A kind whose objects are values of this type.
pub(crate) trait Typed: Kind {
    /// The values of an object that nothing denies.
    fn of(review: &Review<'_, Self>) -> Result<Self, Unreadable>;
}

/// Judges the creation of an object, and reads it.
pub(crate) fn admit<K: Typed>(
    request: &Request<'_>,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<Admitted<K>, NotAdmitted> {
    let gvk = (&*request.group, &*request.version, &*request.kind);
    let is_kind = gvk == (K::GVK.group, K::GVK.version, K::GVK.kind);
    if !is_kind || request.operation != Operation::Create {
        return Err(NotAdmitted::OtherKind);
    }
    let review = Review::read(request, None, settings, now);
    let verdict = verdict(&review);
    if let Some(refusal) = verdict.refusal {
        let mut findings = verdict.findings;
        findings.retain(|finding| finding.severity == Severity::Deny);
        return Err(NotAdmitted::Denied {
            message: refusal.message,
            findings,
        });
    }
    Ok(Admitted {
        value: K::of(&review).map_err(|Unreadable| NotAdmitted::Unreadable)?,
        object: verdict
            .mutated_object()
            .unwrap_or_else(|| request.whole_object()),
        warnings: verdict.warnings,
    })
}
