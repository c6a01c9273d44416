//! Keys that are not in the table of the settings.

use super::table::{GROUPS, SETTINGS};
use crate::catalogue;
use crate::nearest::nearest;

/// True for a key without a dot, or the name of a group, at the root, and for a name in its group:
/// what is read is nested as the dots of the table say. Every request asks this of each key that is
/// set, so nothing is built for it.
pub(super) fn is_known(group: Option<&str>, name: &str) -> bool {
    match group {
        None if GROUPS.contains(&name) => true,
        None => !name.contains('.') && SETTINGS.iter().any(|setting| setting.key == name),
        Some(group) => SETTINGS.iter().any(|setting| {
            let key = setting.key.strip_prefix(group);
            key.and_then(|key| key.strip_prefix('.')) == Some(name)
        }),
    }
}

/// Says what to write instead of a key that is not known. It is compared with the known ones where
/// `is_compared`.
pub(super) fn unknown(group: Option<&str>, name: &str, is_compared: bool) -> String {
    if let (None, Some((parent, child))) = (group, nested(name, is_compared)) {
        return format!("unknown setting with a dot: write {parent}: {{{child}: ...}}");
    }
    let known = known(group);
    match is_compared.then(|| nearest(name, &known)).flatten() {
        Some(close) => format!("unknown setting, did you mean '{close}'?"),
        None => format!("unknown setting, must be one of {}", quoted(&known)),
    }
}

/// The key of the table, or the rule, that a name with a dot stands for.
fn nested(name: &str, is_compared: bool) -> Option<(&'static str, &'static str)> {
    if let Some(rule) = name.strip_prefix("rules.").and_then(catalogue::find) {
        return Some(("rules", rule.code));
    }
    if !is_compared || !name.contains('.') {
        return None;
    }
    let keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    nearest(name, &keys)?.split_once('.')
}

/// The names that may stand at the root, or in a group.
fn known(group: Option<&str>) -> Vec<&'static str> {
    let mut known: Vec<&str> = SETTINGS
        .iter()
        .filter_map(|setting| match (setting.key.split_once('.'), group) {
            (None, None) => Some(setting.key),
            (Some((of, _)), None) => Some(of),
            (Some((of, name)), Some(group)) if of == group => Some(name),
            _ => None,
        })
        .collect();
    known.dedup();
    known
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    quoted.join(", ")
}
