//! The table of the settings. A row has everything about its key: the shape of the value, where it goes,
//! what holds without one, and the documentation.

use super::list::{Problems, audience, bound_kind, keep, name, whole_name};
use super::{ALLOWED_BOUND_KINDS, API_SERVER_AUDIENCES, Overlong, RESERVED_NAMES, Settings};
use crate::rules::documentation;
use crate::value::audience::AudiencePattern;
use crate::value::duration::GoDuration;
use crate::value::host_pattern::HostPattern;

/// One key of the settings.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its path: `accessGrant.maxExpirationWindow`.
    pub key: &'static str,
    /// Values that may be written there, and where they go.
    pub shape: Shape,
    /// Text for a table of the value that holds when nothing is written.
    pub default: &'static str,
    /// Its effect, in one line.
    pub summary: &'static str,
}

impl Setting {
    const fn new(
        key: &'static str,
        shape: Shape,
        default: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            key,
            shape,
            default: documentation(default),
            summary: documentation(summary),
        }
    }
}

/// Values that may be written at a key. The function of each keeps what was read.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// `true` or `false`.
    Boolean(fn(&mut Settings, bool)),
    /// A whole number between two limits, both allowed.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
        /// Keeps the number.
        keep: fn(&mut Settings, i64),
    },
    /// A duration in Go's or the human grammar, more than 0.
    Duration(fn(&mut Settings, GoDuration)),
    /// One of the words of [`Overlong`].
    Overlong(fn(&mut Settings, Overlong)),
    /// A map from rule code to `deny`, `warn` or `allow`.
    Severities,
    /// A list of texts.
    List {
        /// The kind of text, in the plural.
        elements: &'static str,
        /// The elements that hold when nothing is set.
        builtin: &'static [&'static str],
        /// Reads the elements, each with its index, and keeps them.
        keep: fn(&mut Settings, &[(usize, &str)]) -> Problems,
    },
}

/// The largest value of Skupper's integer fields: it reads them into 32 bits, and more wraps.
pub(crate) const MAX_INT32: i64 = 2_147_483_647;
/// Shortest lifetime the API server accepts, in seconds.
/// Source: kubernetes pkg/apis/authentication/validation, `MinTokenAgeSec`.
pub(crate) const MIN_LIFETIME: i64 = 600;
/// Longest lifetime the API server accepts, in seconds.
/// Source: kubernetes pkg/apis/authentication/validation, `MaxTokenAgeSec`.
pub(crate) const MAX_LIFETIME: i64 = 1 << 32;
/// The lifetime that the API server extends to a year for a Pod, in seconds.
/// Source: kubernetes pkg/serviceaccount, `WarnOnlyBoundTokenExpirationPeriod`.
pub(crate) const EXTENDED_LIFETIME: i64 = 3607;
/// The lifetime that the API server writes when the user gave none, in seconds.
/// Source: kubernetes pkg/apis/authentication/v1, `SetDefaults_TokenRequestSpec`.
pub(crate) const DEFAULT_LIFETIME: i64 = 3600;

const fn count(keep: fn(&mut Settings, i64)) -> Shape {
    integer(1, MAX_INT32, keep)
}

type Keep = fn(&mut Settings, &[(usize, &str)]) -> Problems;

const fn list(elements: &'static str, keep: Keep) -> Shape {
    list_or(elements, &[], keep)
}

const fn list_or(elements: &'static str, builtin: &'static [&'static str], keep: Keep) -> Shape {
    Shape::List {
        elements,
        builtin,
        keep,
    }
}

const fn integer(min: i64, max: i64, keep: fn(&mut Settings, i64)) -> Shape {
    Shape::Integer { min, max, keep }
}

/// Groups of keys: the part before the dot.
pub(super) const GROUPS: [&str; 3] = ["accessGrant", "accessToken", "tokenRequest"];

/// Every setting, in the order in which problems are reported.
pub const SETTINGS: &[Setting] = &[
    Setting::new(
        "defaulting",
        Shape::Boolean(|settings, is_on| settings.defaulting = is_on),
        "true",
        "fill in defaults and rewrite values; must be false in a policy deployed with `mutating: false`",
    ),
    Setting::new(
        "rules",
        Shape::Severities,
        "the severities of the rules table",
        "severity by rule code: `deny`, `warn` or `allow`",
    ),
    Setting::new(
        "accessGrant.defaultRedemptionsAllowed",
        count(|settings, count| settings.access_grant.default_redemptions_allowed = count),
        "1",
        "`redemptionsAllowed` of a grant that names none",
    ),
    Setting::new(
        "accessGrant.maxRedemptionsAllowed",
        count(|settings, max| settings.access_grant.max_redemptions_allowed = Some(max)),
        "no limit",
        "most redemptions a grant may allow",
    ),
    Setting::new(
        "accessGrant.defaultExpirationWindow",
        Shape::Duration(|settings, window| {
            settings.access_grant.default_expiration_window = Some(window);
        }),
        "15m",
        "`expirationWindow` of a grant that names none; the built-in 15m moves to the nearest limit",
    ),
    Setting::new(
        "accessGrant.minExpirationWindow",
        Shape::Duration(|settings, min| {
            settings.access_grant.min_expiration_window = Some(min);
        }),
        "no limit",
        "shortest window a grant may have",
    ),
    Setting::new(
        "accessGrant.maxExpirationWindow",
        Shape::Duration(|settings, max| {
            settings.access_grant.max_expiration_window = Some(max);
        }),
        "no limit",
        "longest window a grant may have",
    ),
    Setting::new(
        "accessGrant.overlong",
        Shape::Overlong(|settings, overlong| settings.access_grant.overlong = overlong),
        "deny",
        "what becomes of a longer window, such as the 15m0s that a plain `skupper token issue` always sends: it is refused, or lowered to the maximum",
    ),
    Setting::new(
        "accessGrant.rewriteWindows",
        Shape::Boolean(|settings, is_on| settings.access_grant.rewrite_windows = is_on),
        "false",
        "rewrite a window such as `1 day` to `24h` instead of refusing it",
    ),
    Setting::new(
        "accessGrant.minCodeLength",
        integer(0, 1024, |settings, min| {
            settings.access_grant.min_code_length = min;
        }),
        "16",
        "bytes below which `grant-code-length` finds a code too short",
    ),
    Setting::new(
        "accessGrant.allowedIssuers",
        list("names", |settings, texts| {
            keep(texts, &mut settings.access_grant.allowed_issuers, name)
        }),
        "any",
        "issuers a grant may name; an empty list allows any",
    ),
    Setting::new(
        "accessToken.defaultLinkCost",
        count(|settings, cost| settings.access_token.default_link_cost = cost),
        "1",
        "`linkCost` of a token that names none",
    ),
    Setting::new(
        "accessToken.maxLinkCost",
        count(|settings, max| settings.access_token.max_link_cost = Some(max)),
        "no limit",
        "highest link cost a token may ask for",
    ),
    Setting::new(
        "accessToken.allowedHosts",
        list("host patterns", |settings, texts| {
            keep(
                texts,
                &mut settings.access_token.allowed_hosts,
                HostPattern::parse,
            )
        }),
        "any",
        "hosts a token's URL may name; an empty list allows any",
    ),
    Setting::new(
        "accessToken.deniedHosts",
        list("host patterns", |settings, texts| {
            keep(
                texts,
                &mut settings.access_token.denied_hosts,
                HostPattern::parse,
            )
        }),
        "none",
        "hosts a token's URL may not name; wins over `allowedHosts`",
    ),
    Setting::new(
        "accessToken.reservedNames",
        list_or("names", &RESERVED_NAMES, |settings, texts| {
            keep(
                texts,
                settings.access_token.reserved_names.insert(Vec::new()),
                name,
            )
        }),
        "the Secrets of Skupper's controller",
        "names a token may not have; an empty list reserves none",
    ),
    Setting::new(
        "tokenRequest.defaultAudiences",
        list("audiences", |settings, texts| {
            keep(
                texts,
                &mut settings.token_request.default_audiences,
                audience,
            )
        }),
        "none",
        "audiences of a request that names none",
    ),
    Setting::new(
        "tokenRequest.allowedAudiences",
        list("audience patterns", |settings, texts| {
            keep(
                texts,
                &mut settings.token_request.allowed_audiences,
                AudiencePattern::parse,
            )
        }),
        "any",
        "audiences a request may name, `*` being any run of characters; an empty list allows any",
    ),
    Setting::new(
        "tokenRequest.apiServerAudiences",
        list_or("audiences", &API_SERVER_AUDIENCES, |settings, texts| {
            keep(
                texts,
                &mut settings.token_request.api_server_audiences,
                audience,
            )
        }),
        "`https://kubernetes.default.svc` and `https://kubernetes.default.svc.cluster.local`",
        "what a request without audiences stands for (`--api-audiences` of the API server); an empty list means these",
    ),
    Setting::new(
        "tokenRequest.maxExpirationSeconds",
        integer(MIN_LIFETIME, MAX_LIFETIME, |settings, max| {
            settings.token_request.max_expiration_seconds = Some(max);
        }),
        "no limit",
        "longest lifetime, in seconds; below 3600 it needs `overlong: clamp`; 3607 is refused",
    ),
    Setting::new(
        "tokenRequest.overlong",
        Shape::Overlong(|settings, overlong| settings.token_request.overlong = overlong),
        "deny",
        "what becomes of a longer lifetime: it is refused, or lowered to the maximum",
    ),
    Setting::new(
        "tokenRequest.allowedBoundKinds",
        list_or(
            "`apiVersion/kind`",
            &ALLOWED_BOUND_KINDS,
            |settings, texts| {
                keep(
                    texts,
                    &mut settings.token_request.allowed_bound_kinds,
                    bound_kind,
                )
            },
        ),
        "`v1/Pod` and `v1/Secret`",
        "kinds a token may be bound to; an empty list means these",
    ),
    Setting::new(
        "tokenRequest.exemptUsernames",
        list("user names", |settings, texts| {
            keep(
                texts,
                &mut settings.token_request.exempt_usernames,
                whole_name,
            )
        }),
        "none",
        "users whose requests are allowed unchanged, beside nodes and controller managers",
    ),
    Setting::new(
        "tokenRequest.exemptGroups",
        list("groups", |settings, texts| {
            keep(texts, &mut settings.token_request.exempt_groups, whole_name)
        }),
        "none",
        "groups whose requests are allowed unchanged",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_at_the_root_or_in_a_group() {
        for setting in SETTINGS {
            let group = setting.key.split_once('.').map(|(group, _)| group);
            assert!(
                group.is_none_or(|group| GROUPS.contains(&group)),
                "{}",
                setting.key
            );
        }
    }
}
