//! `questions-ui.yml`: the form in which Rancher asks for the settings, one question for each.
//!
//! Source: Rancher's chart questions, with the types that Kubewarden's extension adds (`array[`,
//! `map[`).

use serde::Serialize;
use serde_json::{Value, json};
use skupper_access_policy::settings::{Overlong, SETTINGS, Setting, Shape};

/// The whole file.
///
/// # Errors
///
/// None that is known; the YAML writer may have some.
pub(crate) fn form() -> Result<String, String> {
    let form = Form {
        questions: SETTINGS.iter().map(Question::about).collect(),
    };
    let yaml = serde_saphyr::to_string(&form).map_err(|error| error.to_string())?;
    Ok(format!("{HEADER}{yaml}"))
}

#[derive(Serialize)]
struct Form {
    questions: Vec<Question>,
}

#[derive(Serialize)]
struct Question {
    variable: &'static str,
    label: String,
    group: String,
    #[serde(rename = "type")]
    kind: &'static str,
    required: bool,
    /// Nothing where the absence of the setting has a meaning of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<[&'static str; 2]>,
    description: String,
}

impl Question {
    fn about(setting: &Setting) -> Self {
        let (group, name) = match setting.key.split_once('.') {
            Some((group, name)) => (capitalised(group), name),
            None => ("General".to_owned(), setting.key),
        };
        let (min, max) = match setting.shape {
            Shape::Integer { min, max, .. } => (Some(min), Some(max)),
            _ => (None, None),
        };
        let options = match setting.shape {
            Shape::Overlong(_) => Some(Overlong::NAMES),
            _ => None,
        };
        Self {
            variable: setting.key,
            label: label(name),
            group,
            kind: kind(setting.shape),
            required: false,
            default: default(setting),
            min,
            max,
            options,
            description: description(setting),
        }
    }
}

fn kind(shape: Shape) -> &'static str {
    match shape {
        Shape::Boolean(_) => "boolean",
        Shape::Integer { .. } => "int",
        Shape::Duration(_) => "string",
        Shape::Overlong(_) => "enum",
        Shape::Severities => "map[",
        Shape::List { .. } => "array[",
    }
}

/// The value that holds when nothing is set, where the form can show it.
fn default(setting: &Setting) -> Option<Value> {
    let text = setting.default;
    match setting.shape {
        Shape::Boolean(_) => text.parse().ok().map(Value::Bool),
        Shape::Integer { .. } => text.parse().ok().map(|number: i64| number.into()),
        // The built-in window moves to the nearest limit; one that a form fills in would not.
        Shape::Duration(_) => None,
        Shape::Overlong(_) => Some(text.into()),
        Shape::Severities => Some(json!({})),
        Shape::List { builtin, .. } => Some(json!(builtin)),
    }
}

/// The form shows plain text, so that quotes stand where Markdown has code.
fn description(setting: &Setting) -> String {
    let summary = setting.summary.replace('`', "'");
    match setting.shape {
        Shape::Duration(_) => format!("{summary}; a duration such as '15m', '24h' or '1 day'"),
        Shape::List { elements, .. } => {
            let elements = elements.replace('`', "");
            format!("{summary}; a list of {elements}")
        }
        _ => summary,
    }
}

/// `maxLinkCost` -> `Max link cost`.
fn label(name: &str) -> String {
    let mut words = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(character.to_ascii_lowercase());
    }
    capitalised(&words)
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

const HEADER: &str =
    "# Written by `make generate` from the table of settings, src/settings/table.rs.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_left_as_it_is_means_the_same_as_no_settings() {
        use skupper_access_policy::settings::Settings;
        let mut filled_in = json!({});
        for setting in SETTINGS {
            let Some(value) = default(setting) else {
                continue;
            };
            let (group, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
            match group {
                "" => filled_in[name] = value,
                group => filled_in[group][name] = value,
            }
        }
        let settings = Settings::read(&filled_in).unwrap();
        let rules = skupper_access_policy::catalogue::rules();
        for rule in rules {
            assert_eq!(settings.severity(rule), rule.severity);
        }
        for setting in SETTINGS {
            let is_open =
                setting.default == "no limit" || matches!(setting.shape, Shape::Duration(_));
            assert!(!is_open || default(setting).is_none(), "{}", setting.key);
        }
    }
}
