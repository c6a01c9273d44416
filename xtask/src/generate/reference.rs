//! The tables of the reference: every rule, and every setting.

use std::fmt::Write;

use skupper_access_policy::catalogue::{self, Entry};
use skupper_access_policy::finding::Severity;
use skupper_access_policy::settings::{Overlong, SETTINGS, Setting, Shape};
use skupper_access_policy::value::duration::GoDuration;

/// The reference with both tables as the code has them.
///
/// # Errors
///
/// Says which marker is missing.
pub(crate) fn with_tables(readme: &str) -> Result<String, String> {
    let readme = replaced(readme, "rules", &rules())?;
    replaced(&readme, "settings", &settings())
}

fn rules() -> String {
    let mut table =
        "| code | kinds | severity | refuses or warns about |\n|---|---|---|---|\n".to_owned();
    for entry in catalogue::entries() {
        let code = entry.rule.code;
        let _ = writeln!(
            table,
            "| [`{code}`](../rules/{code}.md) | {} | {} | {} |",
            kinds(&entry),
            severity(&entry),
            entry.rule.summary
        );
    }
    table
}

fn kinds(entry: &Entry) -> String {
    match entry.kinds.len() {
        3 => "all".to_owned(),
        _ => entry.kinds.join(", "),
    }
}

fn severity(entry: &Entry) -> &'static str {
    match entry.rule.severity {
        Severity::Deny if entry.rule.fixed => "deny †",
        Severity::Deny => "deny",
        Severity::Warn => "warn",
        Severity::Allow => "-",
    }
}

fn settings() -> String {
    let mut table = "| key | value | when absent | what it does |\n|---|---|---|---|\n".to_owned();
    for setting in SETTINGS {
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            setting.key,
            value(setting.shape),
            default(setting),
            setting.summary
        );
    }
    table
}

fn value(shape: Shape) -> String {
    match shape {
        Shape::Boolean(_) => "`true` or `false`".to_owned(),
        Shape::Integer { min, max, .. } => format!("integer, {min} to {max}"),
        Shape::Duration(_) => "duration, more than 0".to_owned(),
        Shape::Overlong(_) => code(&Overlong::NAMES).join(" or "),
        Shape::Severities => "map from rule code to `deny`, `warn` or `allow`".to_owned(),
        Shape::List { elements, .. } => format!("list of {elements}"),
    }
}

fn default(setting: &Setting) -> String {
    if let Shape::List { builtin, .. } = setting.shape
        && !builtin.is_empty()
    {
        return code(builtin).join(", ");
    }
    let text = setting.default;
    let is_literal = match setting.shape {
        Shape::Boolean(_) | Shape::Overlong(_) => true,
        Shape::Integer { .. } => text.parse::<i64>().is_ok(),
        Shape::Duration(_) => GoDuration::parse(text).is_ok(),
        Shape::Severities | Shape::List { .. } => false,
    };
    if is_literal {
        return format!("`{text}`");
    }
    text.to_owned()
}

fn code(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("`{word}`")).collect()
}

/// `text` with `table` between the markers of this name.
fn replaced(text: &str, name: &str, table: &str) -> Result<String, String> {
    let begin = format!("<!-- {name}: written by make generate -->\n");
    let end = format!("<!-- {name}: end -->");
    let missing = |marker: &str| {
        format!(
            "docs/reference.md must have the line '{}'",
            marker.trim_end()
        )
    };
    let (before, rest) = text.split_once(&begin).ok_or_else(|| missing(&begin))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| missing(&end))?;
    Ok(format!("{before}{begin}\n{table}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_what_is_between_its_markers() {
        let readme = "a\n<!-- x: written by make generate -->\nold\n<!-- x: end -->\nb\n";
        let once = replaced(readme, "x", "| new |\n").unwrap();
        assert_eq!(
            once,
            "a\n<!-- x: written by make generate -->\n\n| new |\n\n<!-- x: end -->\nb\n"
        );
        assert_eq!(replaced(&once, "x", "| new |\n").unwrap(), once);
        let error = replaced("a\n", "x", "").unwrap_err();
        assert!(
            error.contains("<!-- x: written by make generate -->"),
            "{error}"
        );
    }

    #[test]
    fn a_summary_breaks_no_table() {
        for entry in catalogue::entries() {
            assert!(
                !entry.rule.summary.contains(['|', '\n']),
                "{}",
                entry.rule.code
            );
        }
        for setting in SETTINGS {
            assert!(!setting.summary.contains(['|', '\n']), "{}", setting.key);
        }
    }
}
