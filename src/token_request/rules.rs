//! The rules for TokenRequests.

use k8s_openapi::api::authentication::v1::BoundObjectReference;
use serde_json::{Map, Value};

use super::{TokenRequest, audiences, clamped, is_extended, is_valid_lifetime, lifetime};
use crate::finding::{Cause, Severity, supported_values};
use crate::kind::Row;
use crate::live_credential::live_credential;
use crate::placeholder::placeholder;
use crate::report::Report;
use crate::review::Review;
use crate::settings::{DEFAULT_LIFETIME, MAX_LIFETIME, MIN_LIFETIME, Overlong};
use crate::skupper_object::{too_many, wrong_type};
use crate::unknown_field::unknown_field;
use crate::value::audience;
use crate::value::placeholder::named_or;

type RequestReview<'a> = Review<'a, TokenRequest>;

/// Every rule, in the order in which findings are reported.
pub(super) const RULES: &[Row<TokenRequest>] = &[
    Row::fixed(
        "audience-too-many",
        "/spec/audiences",
        "more than 64 audiences",
        "each review needs memory and time of its own; a hundred requests with 45,000 audiences kept others from their tokens",
        too_many,
    ),
    wrong_type(),
    unknown_field(),
    Row::new(
        "audience-missing",
        "/spec/audiences",
        Severity::Warn,
        "no audience, which means the API server's own; nothing is found where `defaultAudiences` fills them in",
        "kubernetes pkg/registry/core/serviceaccount/storage; Calico's CNI plugin and a plain `kubectl create token` ask like that",
        |review, report| {
            if is_missing(review) && !is_missing_refused(review) {
                let is_left_out = !review.settings.token_request.default_audiences.is_empty();
                report.find(
                    Cause::Required,
                    if is_left_out {
                        "without an audience the token is for the API server itself, and the default is not filled in (defaulting)"
                    } else {
                        "without an audience the token is for the API server itself"
                    },
                );
            }
        },
    ),
    Row::new(
        "audience-format",
        "/spec/audiences",
        Severity::Deny,
        "an audience that is empty, or has white space or control characters",
        "RFC 7519 section 4.1.3: no verifier expects such an audience",
        |review, report| {
            for (index, text) in audiences(&review.new.spec).iter().enumerate() {
                if let Err(problem) = audience::parse(text) {
                    report.find_element(index, Cause::Invalid, || named_or(text, &problem));
                }
            }
        },
    ),
    Row::new(
        "audience-duplicate",
        "/spec/audiences",
        Severity::Warn,
        "an audience that is there already",
        "kubernetes signs every one of them into the token",
        audience_duplicate,
    ),
    Row::new(
        "audience-allowed",
        "/spec/audiences",
        Severity::Deny,
        "an audience that `allowedAudiences` does not match; a missing one stands for `apiServerAudiences`",
        "a token is good wherever its audience is accepted",
        audience_allowed,
    ),
    Row::new(
        "expiration-range",
        "/spec/expirationSeconds",
        Severity::Deny,
        "`expirationSeconds` outside 600 to 4294967296",
        "kubernetes pkg/apis/authentication/validation, ValidateTokenRequest",
        |review, report| {
            if !is_valid_lifetime(lifetime(&review.new.spec)) {
                report.find(
                    Cause::Invalid,
                    format!("must be from {MIN_LIFETIME} to {MAX_LIFETIME} seconds"),
                );
            }
        },
    ),
    Row::new(
        "expiration-limit",
        "/spec/expirationSeconds",
        Severity::Deny,
        "`expirationSeconds` above `maxExpirationSeconds` (with `overlong: clamp` it is lowered instead)",
        "the API server's own flag cannot go below one hour and spares 3607 seconds",
        expiration_limit,
    ),
    Row::new(
        "expiration-extended",
        "/spec/expirationSeconds",
        Severity::Deny,
        "exactly 3607 seconds with a Pod bound, which the API server turns into one year (with `overlong: clamp` it is lowered to 3600)",
        "kubernetes pkg/serviceaccount, WarnOnlyBoundTokenExpirationPeriod",
        |review, report| {
            let spec = &review.new.spec;
            if is_extended(spec) && review.settings.token_request.overlong == Overlong::Deny {
                report.find_with_fix(
                    Cause::Invalid,
                    "the API server extends exactly this lifetime to one year: write 3600",
                    DEFAULT_LIFETIME.into(),
                );
            }
        },
    ),
    Row::new(
        "expiration-clamped",
        "/spec/expirationSeconds",
        Severity::Warn,
        "`expirationSeconds` was lowered (`overlong: clamp`)",
        "whoever asked must know that the token ends earlier",
        |review, report| {
            let seconds = clamped(&review.new.spec, &review.settings.token_request);
            if let Some(seconds) = seconds.filter(|_| !is_lifetime_refused(review)) {
                let keys = match review.settings.token_request.max_expiration_seconds {
                    Some(max) if max == seconds => {
                        "tokenRequest.overlong, tokenRequest.maxExpirationSeconds"
                    }
                    _ => "tokenRequest.overlong",
                };
                let detail = format!("write {seconds}, to which this lifetime is lowered ({keys})");
                report.find_with_fix(Cause::Invalid, detail, seconds.into());
            }
        },
    ),
    Row::new(
        "bound-object-missing",
        "/spec/boundObjectRef",
        Severity::Allow,
        "no `boundObjectRef`: nothing but time ends the token",
        "kubernetes: a bound token ends with its object",
        |review, report| {
            if review.new.spec.bound_object_ref.is_none() {
                report.find(
                    Cause::Required,
                    "the token must be bound to an object, so that it ends with it",
                );
            }
        },
    ),
    Row::new(
        "bound-kind",
        "/spec/boundObjectRef",
        Severity::Deny,
        "`apiVersion/kind` of the bound object not in `allowedBoundKinds`",
        "kubernetes pkg/registry/core/serviceaccount/storage, token.go",
        bound_kind,
    ),
    Row::new(
        "bound-name-missing",
        "/spec/boundObjectRef/name",
        Severity::Deny,
        "a bound object without a name",
        "kubernetes pkg/registry/core/serviceaccount/storage, token.go",
        |review, report| {
            let bound = review.new.spec.bound_object_ref.as_ref();
            if bound.is_some_and(|bound| bound.name.is_none()) {
                report.find(Cause::Required, "");
            }
        },
    ),
    live_credential(),
    placeholder(),
];

/// True when no audience is given and none is filled in.
fn is_missing(review: &RequestReview<'_>) -> bool {
    let is_filled_in =
        review.settings.defaulting && !review.settings.token_request.default_audiences.is_empty();
    audiences(&review.new.spec).is_empty() && !is_filled_in
}

/// True when a missing audience stands for one that is not allowed: then that is the mistake.
fn has_forbidden_api_server_audience(review: &RequestReview<'_>) -> bool {
    let settings = &review.settings.token_request;
    let mut audiences = settings.api_server_audiences().into_iter();
    audiences.any(|audience| !settings.is_allowed(audience))
}

fn is_missing_refused(review: &RequestReview<'_>) -> bool {
    has_forbidden_api_server_audience(review) && review.denies("audience-allowed")
}

/// True for an audience that is refused already.
fn is_refused(review: &RequestReview<'_>, audience: &str) -> bool {
    audience::parse(audience).is_err() && review.denies("audience-format")
}

fn audience_duplicate(review: &RequestReview<'_>, report: &mut Report<'_>) {
    // Of all sets this one is in the module already, and it stays fast whatever is in it.
    let mut seen = Map::new();
    for (index, audience) in audiences(&review.new.spec).iter().enumerate() {
        let is_repeated = seen.insert(audience.clone(), Value::Null).is_some();
        if is_repeated && !is_refused(review, audience) {
            report.find_element(index, Cause::Duplicate, String::new);
        }
    }
}

fn audience_allowed(review: &RequestReview<'_>, report: &mut Report<'_>) {
    if is_missing(review) {
        if has_forbidden_api_server_audience(review) {
            report.find(
                Cause::Required,
                "without an audience the token is for the API server itself (tokenRequest.apiServerAudiences), which is not in the allowed audiences (tokenRequest.allowedAudiences)",
            );
        }
        return;
    }
    let settings = &review.settings.token_request;
    for (index, text) in audiences(&review.new.spec).iter().enumerate() {
        if !settings.is_allowed(text) && !is_refused(review, text) {
            report.find_element(index, Cause::Unsupported, || {
                supported_values(&settings.allowed_audiences) + " (tokenRequest.allowedAudiences)"
            });
        }
    }
}

fn expiration_limit(review: &RequestReview<'_>, report: &mut Report<'_>) {
    let (spec, settings) = (&review.new.spec, &review.settings.token_request);
    let is_refused =
        is_lifetime_refused(review) || (is_extended(spec) && review.denies("expiration-extended"));
    if is_refused || settings.overlong == Overlong::Clamp {
        return;
    }
    let asked = lifetime(spec);
    if let Some(max) = settings.max_expiration_seconds.filter(|max| asked > *max) {
        let detail = format!("must be at most {max} seconds (tokenRequest.maxExpirationSeconds)");
        report.find_with_fix(Cause::Invalid, detail, max.into());
    }
}

fn is_lifetime_refused(review: &RequestReview<'_>) -> bool {
    !is_valid_lifetime(lifetime(&review.new.spec)) && review.denies("expiration-range")
}

fn bound_kind(review: &RequestReview<'_>, report: &mut Report<'_>) {
    let Some(bound) = &review.new.spec.bound_object_ref else {
        return;
    };
    let allowed = review.settings.token_request.allowed_bound_kinds();
    let kind = kind_of(bound);
    if allowed.contains(&kind.as_str()) {
        return;
    }
    let detail = supported_values(&allowed) + " (tokenRequest.allowedBoundKinds)";
    report.find_text(Cause::Unsupported, &kind, detail);
}

/// `apiVersion/kind`; without a version it is the API server's own, `v1`.
fn kind_of(bound: &BoundObjectReference) -> String {
    let version = bound.api_version.as_deref().unwrap_or("v1");
    format!("{version}/{}", bound.kind.as_deref().unwrap_or_default())
}
