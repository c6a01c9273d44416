//! TokenRequest (`authentication.k8s.io/v1`): asks for a ServiceAccount's token.
//!
//! These rules act only where the administrator routes `serviceaccounts/token` to the policy.
//! Source: kubernetes pkg/apis/authentication/validation and pkg/registry/core/serviceaccount.

mod rules;

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequestSpec};

use crate::field::{Cursor, Field, Mismatches};
use crate::kind::{Edit, GroupVersionKind, Kind, Row, SpecField, Vocabulary};
use crate::request::Request;
use crate::review::Review;
use crate::settings::{DEFAULT_LIFETIME, EXTENDED_LIFETIME, MAX_LIFETIME, MIN_LIFETIME};
use crate::settings::{Overlong, Settings, TokenRequestSettings};

/// The kind.
pub(crate) enum TokenRequest {}

impl Kind for TokenRequest {
    type Spec<'a> = TokenRequestSpec;

    const GVK: GroupVersionKind = GroupVersionKind {
        group: "authentication.k8s.io",
        version: "v1",
        kind: "TokenRequest",
    };

    const SUBRESOURCE: Option<(&'static str, &'static str)> = Some(("serviceaccounts", "token"));
    const FIELDS: &'static [SpecField<Self>] = &[
        SpecField {
            default: Some(|settings| {
                let audiences = &settings.token_request.default_audiences;
                (!audiences.is_empty()).then(|| audiences.clone().into())
            }),
            ..SpecField::plain("audiences", |spec| audiences(spec).is_empty())
        },
        SpecField::plain("expirationSeconds", |spec| {
            spec.expiration_seconds.is_none()
        }),
        SpecField::plain("boundObjectRef", |spec| spec.bound_object_ref.is_none()),
    ];

    // Later versions of Kubernetes have more fields in `spec`.
    const VOCABULARY: Vocabulary = Vocabulary {
        owner: "Kubernetes",
        earlier: &[],
        is_open: true,
        below: Some(("boundObjectRef", &["kind", "apiVersion", "name", "uid"])),
    };

    const RULES: &'static [Row<Self>] = rules::RULES;

    /// True for callers whose requests keep the cluster alive, or that the administrator named. By
    /// identity and nothing else: labels and bound objects are chosen by the caller.
    fn is_exempt(request: &Request<'_>, settings: &Settings) -> bool {
        let (user, settings) = (request.username.as_str(), &settings.token_request);
        let is_in = |group: &str| request.groups.iter().any(|of| of == group);
        CONTROLLER_MANAGERS.contains(&user)
            || (user.starts_with("system:node:") && is_in("system:nodes"))
            || settings
                .exempt_usernames
                .iter()
                .any(|exempt| exempt == user)
            || settings.exempt_groups.iter().any(|group| is_in(group))
    }

    /// Fills Kubernetes' own type field by field, so that each wrong field is a mismatch of its
    /// own, and fields this version does not know are left alone.
    fn read(spec: &Cursor<'_, '_>, mismatches: &mut Mismatches) -> TokenRequestSpec {
        let bound = spec.field("boundObjectRef");
        let bound_object_ref = match bound.object(mismatches) {
            Field::Set(_) => Some(BoundObjectReference {
                api_version: owned(&bound.field("apiVersion").text(mismatches)),
                kind: owned(&bound.field("kind").text(mismatches)),
                name: owned(&bound.field("name").text(mismatches)),
                uid: owned(&bound.field("uid").text(mismatches)),
            }),
            _ => None,
        };
        let expiration_seconds = spec.field("expirationSeconds").integer(mismatches);
        TokenRequestSpec {
            audiences: Some(read_audiences(&spec.field("audiences"), mismatches)),
            bound_object_ref,
            expiration_seconds: expiration_seconds.set().copied(),
            ..TokenRequestSpec::default()
        }
    }

    fn replacements(review: &Review<'_, Self>) -> Vec<Edit> {
        let clamped = clamped(&review.new.spec, &review.settings.token_request);
        let edit = clamped.map(|seconds| Edit {
            field: "expirationSeconds",
            value: seconds.into(),
        });
        edit.into_iter().collect()
    }
}

/// Without tokens for them, every controller of the cluster stops.
const CONTROLLER_MANAGERS: [&str; 2] = [
    "system:kube-controller-manager",
    "system:cloud-controller-manager",
];

/// The audiences asked for; none, `null` and an empty list are the same.
fn audiences(spec: &TokenRequestSpec) -> &[String] {
    spec.audiences.as_deref().unwrap_or_default()
}

/// The lifetime that the API server will go by.
fn lifetime(spec: &TokenRequestSpec) -> i64 {
    spec.expiration_seconds.unwrap_or(DEFAULT_LIFETIME)
}

fn is_valid_lifetime(seconds: i64) -> bool {
    (MIN_LIFETIME..=MAX_LIFETIME).contains(&seconds)
}

/// True when the API server would extend the token to one year. It does so for any caller who asks
/// for its own audience; which that is, only the API server knows.
/// Source: kubernetes pkg/registry/core/serviceaccount/storage, token.go.
fn is_extended(spec: &TokenRequestSpec) -> bool {
    let is_pod = |bound: &BoundObjectReference| bound.kind.as_deref() == Some("Pod");
    lifetime(spec) == EXTENDED_LIFETIME && spec.bound_object_ref.as_ref().is_some_and(is_pod)
}

/// The lifetime to write instead, where the settings have an overlong one lowered.
fn clamped(spec: &TokenRequestSpec, settings: &TokenRequestSettings) -> Option<i64> {
    let asked = lifetime(spec);
    if settings.overlong != Overlong::Clamp {
        return None;
    }
    let lowered = settings
        .max_expiration_seconds
        .map_or(asked, |max| asked.min(max));
    let lowered = if is_extended(spec) {
        lowered.min(DEFAULT_LIFETIME)
    } else {
        lowered
    };
    (lowered != asked).then_some(lowered)
}

/// The audiences; `null` in the list is an empty one, as the API server reads it. None where one is
/// no text: the field is not judged any further.
fn read_audiences(audiences: &Cursor<'_, '_>, mismatches: &mut Mismatches) -> Vec<String> {
    let Field::Set(elements) = audiences.elements(mismatches) else {
        return Vec::new();
    };
    let mut is_readable = true;
    let audiences = elements
        .map(|element| {
            let text = element.text(mismatches);
            is_readable &= !matches!(text, Field::WrongType);
            owned(&text).unwrap_or_default()
        })
        .collect();
    if is_readable { audiences } else { Vec::new() }
}

fn owned(text: &Field<&str>) -> Option<String> {
    text.set().map(|text| (*text).to_owned())
}
