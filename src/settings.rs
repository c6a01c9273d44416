//! The settings: what an administrator may change.
//!
//! [`SETTINGS`] is the table of all keys; `docs/reference.md`, `questions-ui.yml` and the reader follow it.
//! A policy without settings works: absent, `null` and `{}` are the same.
//!
//! ```
//! use skupper_access_policy::settings::Settings;
//!
//! assert!(Settings::from_json(br#"{"accessGrant": {"maxExpirationWindow": "1 day"}}"#).is_ok());
//!
//! let refused = Settings::from_json(br#"{"accessgrant": {}}"#).unwrap_err();
//! assert_eq!(
//!     refused.to_string(),
//!     "settings are not valid: accessgrant: Forbidden: unknown setting, did you mean 'accessGrant'?"
//! );
//! ```

mod contradictions;
mod list;
mod read;
mod table;
mod unknown_key;

use std::fmt;

use crate::finding::{Cause, FieldError, KEPT, Severity, supported_values, write_list};
use crate::path::FieldPath;
use crate::rules::Rule;
use crate::value::audience::AudiencePattern;
use crate::value::duration::GoDuration;
use crate::value::host_pattern::HostPattern;

pub(crate) use table::{
    DEFAULT_LIFETIME, EXTENDED_LIFETIME, MAX_INT32, MAX_LIFETIME, MIN_LIFETIME,
};
pub use table::{SETTINGS, Setting, Shape};

/// Settings that were checked and do not contradict themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// False: judge only, never edit.
    pub(crate) defaulting: bool,
    severities: Vec<(&'static str, Severity)>,
    /// False where a program made rules deny: nobody can change that.
    are_severities_set: bool,
    pub(crate) access_grant: AccessGrantSettings,
    pub(crate) access_token: AccessTokenSettings,
    pub(crate) token_request: TokenRequestSettings,
}

/// Settings for AccessGrants.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct AccessGrantSettings {
    pub(crate) default_redemptions_allowed: i64,
    pub(crate) max_redemptions_allowed: Option<i64>,
    default_expiration_window: Option<GoDuration>,
    pub(crate) min_expiration_window: Option<GoDuration>,
    pub(crate) max_expiration_window: Option<GoDuration>,
    pub(crate) overlong: Overlong,
    pub(crate) rewrite_windows: bool,
    pub(crate) min_code_length: i64,
    /// Empty: any.
    pub(crate) allowed_issuers: Vec<String>,
}

/// Settings for AccessTokens.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct AccessTokenSettings {
    pub(crate) default_link_cost: i64,
    pub(crate) max_link_cost: Option<i64>,
    /// Empty: any.
    pub(crate) allowed_hosts: Vec<HostPattern>,
    pub(crate) denied_hosts: Vec<HostPattern>,
    /// `None`: [`RESERVED_NAMES`].
    reserved_names: Option<Vec<String>>,
}

/// Settings for TokenRequests.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct TokenRequestSettings {
    pub(crate) default_audiences: Vec<String>,
    /// Empty: any.
    pub(crate) allowed_audiences: Vec<AudiencePattern>,
    /// Empty: [`API_SERVER_AUDIENCES`].
    api_server_audiences: Vec<String>,
    pub(crate) max_expiration_seconds: Option<i64>,
    pub(crate) overlong: Overlong,
    /// Empty: [`ALLOWED_BOUND_KINDS`].
    allowed_bound_kinds: Vec<String>,
    pub(crate) exempt_usernames: Vec<String>,
    pub(crate) exempt_groups: Vec<String>,
}

/// Treatment of a window or a lifetime above its maximum.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Overlong {
    /// It is refused.
    #[default]
    Deny,
    /// It is lowered to the maximum.
    Clamp,
}

impl Settings {
    /// The settings of a program that cannot go on where these rules find something: they deny, and
    /// messages name no setting that would change it.
    #[must_use]
    pub fn denying(codes: &[&'static str]) -> Self {
        Self {
            severities: codes.iter().map(|code| (*code, Severity::Deny)).collect(),
            are_severities_set: false,
            ..Self::default()
        }
    }

    /// True when an administrator made `rule` deny.
    pub(crate) fn names_setting(&self, rule: &Rule) -> bool {
        self.are_severities_set
            && rule.severity != Severity::Deny
            && self.severity(rule) == Severity::Deny
    }

    /// Severity of what `rule` finds.
    #[must_use]
    pub fn severity(&self, rule: &Rule) -> Severity {
        self.severities
            .iter()
            .find(|(code, _)| *code == rule.code)
            .map_or(rule.severity, |(_, severity)| *severity)
    }
}

impl Overlong {
    /// The names in the settings.
    pub const NAMES: [&str; 2] = ["deny", "clamp"];

    fn from_name(name: &str) -> Result<Self, String> {
        match name {
            "deny" => Ok(Self::Deny),
            "clamp" => Ok(Self::Clamp),
            _ => Err(supported_values(&Self::NAMES)),
        }
    }
}

impl AccessGrantSettings {
    /// The window of a grant that names none. The built-in one moves to the nearest limit.
    pub(crate) fn default_window(&self) -> GoDuration {
        self.default_expiration_window.unwrap_or_else(|| {
            let window = self
                .min_expiration_window
                .map_or(DEFAULT_WINDOW, |min| DEFAULT_WINDOW.max(min));
            self.max_expiration_window
                .map_or(window, |max| window.min(max))
        })
    }

    /// The window that is stored where this one is asked for.
    pub(crate) fn lowered(&self, window: GoDuration) -> GoDuration {
        match (self.overlong, self.max_expiration_window) {
            (Overlong::Clamp, Some(max)) => window.min(max),
            _ => window,
        }
    }
}

impl AccessTokenSettings {
    /// True when a token may not take this name.
    pub(crate) fn is_reserved(&self, name: &str) -> bool {
        match &self.reserved_names {
            Some(names) => names.iter().any(|reserved| reserved == name),
            None => RESERVED_NAMES.contains(&name),
        }
    }
}

impl TokenRequestSettings {
    /// True when a request may name this audience.
    pub(crate) fn is_allowed(&self, audience: &str) -> bool {
        let mut allowed = self.allowed_audiences.iter();
        self.allowed_audiences.is_empty() || allowed.any(|pattern| pattern.matches(audience))
    }

    /// The audiences that a request without any asks for.
    pub(crate) fn api_server_audiences(&self) -> Vec<&str> {
        or_builtin(&self.api_server_audiences, &API_SERVER_AUDIENCES)
    }

    /// `apiVersion/kind` of what a token may be bound to.
    pub(crate) fn allowed_bound_kinds(&self) -> Vec<&str> {
        or_builtin(&self.allowed_bound_kinds, &ALLOWED_BOUND_KINDS)
    }
}

impl Default for Settings {
    /// The settings of an administrator who set nothing.
    fn default() -> Self {
        Self {
            defaulting: true,
            severities: Vec::new(),
            are_severities_set: true,
            access_grant: AccessGrantSettings {
                default_redemptions_allowed: 1,
                min_code_length: 16,
                ..AccessGrantSettings::default()
            },
            access_token: AccessTokenSettings {
                default_link_cost: 1,
                ..AccessTokenSettings::default()
            },
            token_request: TokenRequestSettings::default(),
        }
    }
}

/// Everything that is wrong with a settings document.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SettingsProblems {
    problems: Vec<FieldError>,
    /// Number of problems beside these.
    more: usize,
}

impl SettingsProblems {
    /// The problems, each with its path, in the order of [`SETTINGS`]; of values of the wrong type
    /// the first 32 at each key.
    #[must_use]
    pub fn problems(&self) -> &[FieldError] {
        &self.problems
    }

    fn unreadable() -> Self {
        let error = FieldError::new(
            FieldPath::from_pointer("/settings"),
            Cause::Invalid,
            "must be a JSON object",
        );
        Self {
            problems: vec![error],
            more: 0,
        }
    }
}

impl fmt::Display for SettingsProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings are not valid: ")?;
        write_list(
            f,
            self.problems.iter().take(KEPT),
            self.problems.len().saturating_sub(KEPT) + self.more,
        )
    }
}

impl std::error::Error for SettingsProblems {}

/// The documented default window. Source: Skupper's AccessGrant reference, spec.expirationWindow.
const DEFAULT_WINDOW: GoDuration = GoDuration::from_seconds(15 * 60);

/// Secrets that Skupper keeps in a site's namespace: the redeemed Secret takes the token's name, and
/// where it is taken each try of the redemption is counted and fails.
const RESERVED_NAMES: [&str; 8] = [
    "skupper-grant-server",
    "skupper-grant-server-ca",
    "skupper-site-ca",
    "skupper-site-server",
    "skupper-local-ca",
    "skupper-local-server",
    "skupper-local-client",
    "skupper-router",
];

/// Audiences of an API server that was started without `--api-audiences`, as kubeadm does.
const API_SERVER_AUDIENCES: [&str; 2] = [
    "https://kubernetes.default.svc",
    "https://kubernetes.default.svc.cluster.local",
];

/// Kinds whose end also ends the token.
const ALLOWED_BOUND_KINDS: [&str; 2] = ["v1/Pod", "v1/Secret"];

fn or_builtin<'a>(set: &'a [String], builtin: &[&'static str]) -> Vec<&'a str> {
    if set.is_empty() {
        return builtin.to_vec();
    }
    set.iter().map(String::as_str).collect()
}
