//! JSON -> checked settings. Every problem is found, not only the first.

use serde_json::Value;

use super::contradictions::contradictions;
use super::table::{GROUPS, SETTINGS, Setting, Shape};
use super::unknown_key::{is_known, unknown};
use super::{Overlong, Settings, SettingsProblems};
use crate::catalogue;
use crate::field::{Cursor, Field, Mismatches};
use crate::finding::{Cause, FieldError, Severity, supported_values};
use crate::nearest::{COMPARED, nearest};
use crate::path::FieldPath;
use crate::request;
use crate::value::duration::{GoDuration, WindowProblem, read_window};

impl Settings {
    /// Reads settings from JSON text.
    ///
    /// # Errors
    /// Names every problem at once, each with its path.
    pub fn from_json(text: &[u8]) -> Result<Self, SettingsProblems> {
        match request::read_json(text) {
            Some(value) => Self::read(&value),
            None if text.trim_ascii().is_empty() => Self::read(&Value::Null),
            None => Err(SettingsProblems::unreadable()),
        }
    }

    /// Reads settings from a JSON value.
    ///
    /// # Errors
    /// Names every problem at once, each with its path.
    pub fn read(value: &Value) -> Result<Self, SettingsProblems> {
        let mut settings = Self::default();
        match value {
            Value::Null => return Ok(settings),
            // Every request brings the settings along, and most administrators set nothing.
            Value::Object(keys) if keys.is_empty() => return Ok(settings),
            Value::Object(_) => {}
            _ => return Err(SettingsProblems::unreadable()),
        }
        let mut document = Document {
            root: Cursor::root(value),
            problems: SettingsProblems::default(),
        };
        document.refuse_unknown_keys(None);
        for group in GROUPS {
            document.refuse_unknown_keys(Some(group));
        }
        for setting in SETTINGS {
            document.read(setting, &mut settings);
        }
        for (key, detail) in contradictions(&settings) {
            document.problem(key, Cause::Invalid, detail.to_owned());
        }
        if document.problems.problems.is_empty() {
            return Ok(settings);
        }
        Err(document.problems)
    }
}

/// A settings document, and its problems so far.
struct Document<'a> {
    root: Cursor<'a, 'a>,
    problems: SettingsProblems,
}

impl Document<'_> {
    /// Refuses keys at the root, or in a group, that are not in the table.
    fn refuse_unknown_keys(&mut self, group: Option<&'static str>) {
        let root = self.root;
        let nested = group.map(|name| root.field(name));
        let place = nested.as_ref().unwrap_or(&root);
        let mut mismatches = Mismatches::default();
        if let Field::Set(fields) = place.object(&mut mismatches) {
            for name in fields.keys().filter(|name| !is_known(group, name)) {
                let is_compared = self.problems.problems.len() < COMPARED;
                let detail = unknown(group, name, is_compared);
                let path = place.path().field(name);
                self.push(FieldError::new(path, Cause::Forbidden, detail));
            }
        }
        self.note(mismatches);
    }

    /// Reads one row of the table.
    fn read(&mut self, setting: &Setting, settings: &mut Settings) {
        let key = setting.key;
        let root = self.root;
        let (group, name) = key.split_once('.').unwrap_or(("", key));
        let parent = if group.is_empty() {
            root
        } else {
            root.field(group)
        };
        let value = parent.field(name);
        // A form sends an empty text where nothing is filled in, whatever belongs there.
        let is_map = matches!(setting.shape, Shape::Severities);
        if !is_map && value.value().is_some_and(|value| *value == "") {
            return;
        }
        let mut mismatches = Mismatches::default();
        match setting.shape {
            Shape::Boolean(keep) => {
                if let Field::Set(is_on) = value.boolean(&mut mismatches) {
                    keep(settings, is_on);
                }
            }
            Shape::Integer { min, max, keep } => match value.integer(&mut mismatches) {
                Field::Set(number) if (min..=max).contains(&number) => keep(settings, number),
                Field::Set(_) => {
                    self.problem(key, Cause::Invalid, format!("must be from {min} to {max}"));
                }
                _ => {}
            },
            Shape::Duration(keep) => match value.text(&mut mismatches).parse(positive_duration) {
                Field::Set(duration) => keep(settings, duration),
                Field::Malformed(detail) => self.problem(key, Cause::Invalid, detail),
                _ => {}
            },
            Shape::Overlong(keep) => match value.text(&mut mismatches).parse(Overlong::from_name) {
                Field::Set(overlong) => keep(settings, overlong),
                Field::Malformed(detail) => self.problem(key, Cause::Unsupported, detail),
                _ => {}
            },
            Shape::Severities => {
                for entry in value.entries(&mut mismatches) {
                    match severity(&entry, self.problems.problems.len() < COMPARED) {
                        Ok(severity) => settings.severities.extend(severity),
                        Err(problem) => self.push(problem),
                    }
                }
            }
            Shape::List { keep, .. } => {
                if let Field::Set(elements) = value.elements(&mut mismatches) {
                    let texts: Vec<(usize, &str)> = elements
                        .enumerate()
                        .filter_map(|(index, element)| match element.text(&mut mismatches) {
                            Field::Set(text) => Some((index, text)),
                            Field::Absent => Some((index, "")),
                            Field::WrongType | Field::Malformed(_) => None,
                        })
                        .collect();
                    for (index, text, detail) in keep(settings, &texts) {
                        let path = value.path().index(index);
                        let error = FieldError::new(path, Cause::Invalid, detail);
                        self.push(error.showing(&text.into()));
                    }
                }
            }
        }
        self.note(mismatches);
    }

    /// A problem with the value at `key`.
    fn problem(&mut self, key: &str, cause: Cause, detail: String) {
        let path = key.split('.').fold(FieldPath::root(), FieldPath::field);
        self.push_showing(FieldError::new(path, cause, detail));
    }

    /// Keeps mismatches as problems. Settings hold no secrets, so a scalar is shown as it is
    /// written: the name of its type would be read as the value.
    fn note(&mut self, mismatches: Mismatches) {
        for mismatch in mismatches.kept {
            let found = self.root.value().and_then(|root| mismatch.path.of(root));
            let is_scalar = found.is_some_and(|found| !found.is_array() && !found.is_object());
            let error = FieldError::from(mismatch);
            if is_scalar {
                self.push_showing(error);
            } else {
                self.push(error);
            }
        }
        self.problems.more += mismatches.more;
    }

    /// Keeps a problem with the value at its path, if there is one.
    fn push_showing(&mut self, error: FieldError) {
        let value = self.root.value().and_then(|root| error.path.of(root));
        self.push(match value.filter(|value| !value.is_null()) {
            Some(value) => error.showing(value),
            None => error,
        });
    }

    fn push(&mut self, error: FieldError) {
        self.problems.problems.push(error);
    }
}

fn positive_duration(text: &str) -> Result<GoDuration, String> {
    match read_window(text) {
        Ok(duration) | Err(WindowProblem::Spelled(duration)) => {
            if duration > GoDuration::from_seconds(0) {
                Ok(duration)
            } else {
                Err("must be more than 0".to_owned())
            }
        }
        Err(problem) => Err(problem.to_string()),
    }
}

/// The severity that one entry of `rules` sets. An unknown code is compared with the known ones
/// where `is_compared`.
fn severity(
    entry: &Cursor<'_, '_>,
    is_compared: bool,
) -> Result<Option<(&'static str, Severity)>, FieldError> {
    let path = entry.path();
    let code = path.names().last().unwrap_or_default();
    let Some(rule) = catalogue::find(code) else {
        let codes = || -> Vec<&str> { catalogue::rules().map(|rule| rule.code).collect() };
        let close = is_compared.then(|| nearest(code, &codes())).flatten();
        let detail = match close {
            Some(close) => format!("unknown rule, did you mean '{close}'?"),
            None => "unknown rule, must be a code of the rules table".to_owned(),
        };
        return Err(FieldError::new(path, Cause::Forbidden, detail));
    };
    let severity = match entry.text(&mut Mismatches::default()) {
        Field::Set(text) => Severity::from_name(text),
        Field::Absent => return Ok(None),
        _ => None,
    };
    match severity {
        Some(_) if rule.fixed => Err(FieldError::new(
            path,
            Cause::Forbidden,
            "this rule always denies: what it refuses would be unreadable to Skupper or harm the whole cluster",
        )),
        Some(severity) => Ok(Some((rule.code, severity))),
        None => {
            let error = FieldError::new(
                path,
                Cause::Unsupported,
                supported_values(&["deny", "warn", "allow"]),
            );
            Err(match entry.value() {
                Some(value) => error.showing(value),
                None => error,
            })
        }
    }
}
