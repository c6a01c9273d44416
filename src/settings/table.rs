//! Every setting: its key, what may be written there, and what holds when nothing is.

use crate::rules::documentation;

use super::{ALLOWED_BOUND_KINDS, API_SERVER_AUDIENCES, RESERVED_NAMES};

/// One key of the settings.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its path: `accessGrant.maxExpirationWindow`.
    pub key: &'static str,
    /// What may be written there.
    pub shape: Shape,
    /// What holds when nothing is written, as text for a table.
    pub default: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
}

/// What may be written at a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Boolean,
    /// A whole number between two limits, both allowed.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A duration in Go's or the human grammar.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A map from rule code to `deny`, `warn` or `allow`.
    Severities,
    /// A list of texts; the word says what each must be, in the plural.
    List(&'static str),
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

const COUNT: Shape = Shape::Integer {
    min: 1,
    max: MAX_INT32,
};

const OVERLONG: Shape = Shape::Choice(&["deny", "clamp"]);

/// What the keys with a dot belong to.
pub(super) const GROUPS: [&str; 3] = ["accessGrant", "accessToken", "tokenRequest"];

/// Every setting, in the order in which problems are reported.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "defaulting",
        shape: Shape::Boolean,
        default: documentation("true"),
        summary: documentation(
            "fill in defaults and rewrite values; must be false in a policy deployed with `mutating: false`",
        ),
    },
    Setting {
        key: "rules",
        shape: Shape::Severities,
        default: documentation("the severities of the rules table"),
        summary: documentation("severity by rule code: `deny`, `warn` or `allow`"),
    },
    Setting {
        key: "accessGrant.defaultRedemptionsAllowed",
        shape: COUNT,
        default: documentation("1"),
        summary: documentation("`redemptionsAllowed` of a grant that names none"),
    },
    Setting {
        key: "accessGrant.maxRedemptionsAllowed",
        shape: COUNT,
        default: documentation("no limit"),
        summary: documentation("most redemptions a grant may allow"),
    },
    Setting {
        key: "accessGrant.defaultExpirationWindow",
        shape: Shape::Duration,
        default: documentation("15m"),
        summary: documentation(
            "`expirationWindow` of a grant that names none; the built-in 15m moves to the nearest limit",
        ),
    },
    Setting {
        key: "accessGrant.minExpirationWindow",
        shape: Shape::Duration,
        default: documentation("no limit"),
        summary: documentation("shortest window a grant may have"),
    },
    Setting {
        key: "accessGrant.maxExpirationWindow",
        shape: Shape::Duration,
        default: documentation("no limit"),
        summary: documentation("longest window a grant may have"),
    },
    Setting {
        key: "accessGrant.overlong",
        shape: OVERLONG,
        default: documentation("deny"),
        summary: documentation(
            "what becomes of a longer window, such as the 15m0s that a plain `skupper token issue` always sends: it is refused, or lowered to the maximum",
        ),
    },
    Setting {
        key: "accessGrant.rewriteWindows",
        shape: Shape::Boolean,
        default: documentation("false"),
        summary: documentation("rewrite a window such as `1 day` to `24h` instead of refusing it"),
    },
    Setting {
        key: "accessGrant.minCodeLength",
        shape: Shape::Integer { min: 0, max: 1024 },
        default: documentation("16"),
        summary: documentation("bytes below which `grant-code-length` finds a code too short"),
    },
    Setting {
        key: "accessGrant.allowedIssuers",
        shape: Shape::List("names"),
        default: documentation("any"),
        summary: documentation("issuers a grant may name; an empty list allows any"),
    },
    Setting {
        key: "accessToken.defaultLinkCost",
        shape: COUNT,
        default: documentation("1"),
        summary: documentation("`linkCost` of a token that names none"),
    },
    Setting {
        key: "accessToken.maxLinkCost",
        shape: COUNT,
        default: documentation("no limit"),
        summary: documentation("highest link cost a token may ask for"),
    },
    Setting {
        key: "accessToken.allowedHosts",
        shape: Shape::List("host patterns"),
        default: documentation("any"),
        summary: documentation("hosts a token's URL may name; an empty list allows any"),
    },
    Setting {
        key: "accessToken.deniedHosts",
        shape: Shape::List("host patterns"),
        default: documentation("none"),
        summary: documentation("hosts a token's URL may not name; wins over `allowedHosts`"),
    },
    Setting {
        key: "accessToken.reservedNames",
        shape: Shape::List("names"),
        default: documentation("the Secrets of Skupper's controller"),
        summary: documentation("names a token may not have; an empty list reserves none"),
    },
    Setting {
        key: "tokenRequest.defaultAudiences",
        shape: Shape::List("audiences"),
        default: documentation("none"),
        summary: documentation("audiences of a request that names none"),
    },
    Setting {
        key: "tokenRequest.allowedAudiences",
        shape: Shape::List("audience patterns"),
        default: documentation("any"),
        summary: documentation(
            "audiences a request may name, `*` being any run of characters; an empty list allows any",
        ),
    },
    Setting {
        key: "tokenRequest.apiServerAudiences",
        shape: Shape::List("audiences"),
        default: documentation(
            "`https://kubernetes.default.svc` and `https://kubernetes.default.svc.cluster.local`",
        ),
        summary: documentation(
            "what a request without audiences stands for (`--api-audiences` of the API server); an empty list means these",
        ),
    },
    Setting {
        key: "tokenRequest.maxExpirationSeconds",
        shape: Shape::Integer {
            min: MIN_LIFETIME,
            max: MAX_LIFETIME,
        },
        default: documentation("no limit"),
        summary: documentation(
            "longest lifetime, in seconds; below 3600 it needs `overlong: clamp`; 3607 is refused",
        ),
    },
    Setting {
        key: "tokenRequest.overlong",
        shape: OVERLONG,
        default: documentation("deny"),
        summary: documentation(
            "what becomes of a longer lifetime: it is refused, or lowered to the maximum",
        ),
    },
    Setting {
        key: "tokenRequest.allowedBoundKinds",
        shape: Shape::List("`apiVersion/kind`"),
        default: documentation("`v1/Pod` and `v1/Secret`"),
        summary: documentation("kinds a token may be bound to; an empty list means these"),
    },
    Setting {
        key: "tokenRequest.exemptUsernames",
        shape: Shape::List("user names"),
        default: documentation("none"),
        summary: documentation(
            "users whose requests are allowed unchanged, beside nodes and controller managers",
        ),
    },
    Setting {
        key: "tokenRequest.exemptGroups",
        shape: Shape::List("groups"),
        default: documentation("none"),
        summary: documentation("groups whose requests are allowed unchanged"),
    },
];

/// The names that hold for a list when nothing is set, for the tables of the documentation.
#[must_use]
pub fn builtin_list(key: &str) -> Option<&'static [&'static str]> {
    match key {
        "accessToken.reservedNames" => Some(&RESERVED_NAMES),
        "tokenRequest.apiServerAudiences" => Some(&API_SERVER_AUDIENCES),
        "tokenRequest.allowedBoundKinds" => Some(&ALLOWED_BOUND_KINDS),
        _ => None,
    }
}

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
