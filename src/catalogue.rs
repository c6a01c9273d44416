//! The list of all kinds, and every rule of theirs, for settings, documentation and the other shells.

use chrono::{DateTime, Utc};

use crate::access_grant::AccessGrant;
use crate::access_token::AccessToken;
use crate::judge::judge;
use crate::kind::{Kind, is_field};
use crate::request::Request;
use crate::rules::Rule;
use crate::settings::Settings;
use crate::token_request::TokenRequest;
use crate::verdict::Verdict;

pub use crate::kind::GroupVersionKind;

/// Every kind that has rules, in the order of the documentation.
pub static KINDS: [RuledKind; 3] = [
    RuledKind::of::<AccessGrant>(),
    RuledKind::of::<AccessToken>(),
    RuledKind::of::<TokenRequest>(),
];

/// A kind that has rules.
pub struct RuledKind {
    /// Its group, version and kind.
    pub gvk: GroupVersionKind,
    /// Resource and subresource that the objects are sent to, for a kind that is never stored itself.
    pub subresource: Option<(&'static str, &'static str)>,
    /// Judges a request about an object of the kind.
    pub(crate) judge: fn(&Request<'_>, &Settings, DateTime<Utc>) -> Verdict,
    has_field: fn(&str) -> bool,
    rule: fn(usize) -> Option<&'static Rule>,
}

impl RuledKind {
    const fn of<K: Kind>() -> Self {
        Self {
            gvk: K::GVK,
            subresource: K::SUBRESOURCE,
            judge: judge::<K>,
            has_field: is_field::<K>,
            rule: |index| K::RULES.get(index).map(|row| &row.rule),
        }
    }

    /// True when objects of the kind are sent to where the request goes.
    pub(crate) fn is_sent_to(&self, request: &Request<'_>) -> bool {
        match self.subresource {
            Some(sent_to) => sent_to == (&request.resource, &request.sub_resource),
            None => request.sub_resource.is_empty(),
        }
    }

    /// True when `spec` has the field `name`.
    pub(crate) fn has_field(&self, name: &str) -> bool {
        (self.has_field)(name)
    }

    /// Its rules, in table order.
    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> + use<> {
        (0..).map_while(self.rule)
    }
}

/// The kind of this name in this group, in any version.
#[must_use]
pub fn kind(group: &str, kind: &str) -> Option<&'static RuledKind> {
    let mut kinds = KINDS.iter();
    kinds.find(|ruled| (ruled.gvk.group, ruled.gvk.kind) == (group, kind))
}

/// A rule, and the kinds that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The rule.
    pub rule: &'static Rule,
    /// `AccessGrant`, `AccessToken`, `TokenRequest`.
    pub kinds: Vec<&'static str>,
}

/// Every rule once, in table order.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let mut seen: Vec<&str> = Vec::new();
    KINDS.iter().flat_map(RuledKind::rules).filter(move |rule| {
        let is_new = !seen.contains(&rule.code);
        seen.push(rule.code);
        is_new
    })
}

/// The rule with this code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Rule> {
    let mut rules = KINDS.iter().flat_map(RuledKind::rules);
    rules.find(|rule| rule.code == code)
}

/// Every rule with its kinds, in table order.
#[must_use]
pub fn entries() -> Vec<Entry> {
    rules()
        .map(|rule| Entry {
            rule,
            kinds: KINDS
                .iter()
                .filter(|kind| kind.rules().any(|of| of.code == rule.code))
                .map(|kind| kind.gvk.kind)
                .collect(),
        })
        .collect()
}
