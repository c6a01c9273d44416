//! Every rule of every kind, for settings, documentation and the other shells.

use crate::access_grant::AccessGrant;
use crate::access_token::AccessToken;
use crate::kind::Kind;
use crate::rules::Rule;
use crate::token_request::TokenRequest;

/// Text that only documentation shows. The guest shows it to nobody and does without: it is a
/// twentieth of the module.
pub(crate) const fn documentation(text: &'static str) -> &'static str {
    if cfg!(target_os = "wasi") { "" } else { text }
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
    let tables = [
        table::<AccessGrant>(),
        table::<AccessToken>(),
        table::<TokenRequest>(),
    ];
    let mut seen: Vec<&str> = Vec::new();
    tables.into_iter().flatten().filter(move |rule| {
        let is_new = !seen.contains(&rule.code);
        seen.push(rule.code);
        is_new
    })
}

/// The rule with this code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Rule> {
    fn of<K: Kind>() -> impl Iterator<Item = &'static Rule> {
        K::RULES.iter().map(|row| &row.rule)
    }
    of::<AccessGrant>()
        .chain(of::<AccessToken>())
        .chain(of::<TokenRequest>())
        .find(|rule| rule.code == code)
}

/// Every rule with its kinds, in table order.
#[must_use]
pub fn entries() -> Vec<Entry> {
    let kinds = [
        ("AccessGrant", table::<AccessGrant>()),
        ("AccessToken", table::<AccessToken>()),
        ("TokenRequest", table::<TokenRequest>()),
    ];
    rules()
        .map(|rule| Entry {
            rule,
            kinds: kinds
                .iter()
                .filter(|(_, table)| table.iter().any(|row| row.code == rule.code))
                .map(|(kind, _)| *kind)
                .collect(),
        })
        .collect()
}

fn table<K: Kind>() -> Vec<&'static Rule> {
    K::RULES.iter().map(|row| &row.rule).collect()
}
