//! Reads one key of a settings document after the other and keeps what is wrong with each.

use serde_json::Value;

use super::SettingsProblems;
use super::table::{GROUPS, SETTINGS, Shape};
use crate::catalogue;
use crate::field::{Cursor, Field, Mismatches};
use crate::finding::{Cause, FieldError, Severity, supported_values};
use crate::nearest::{COMPARED, nearest};
use crate::path::FieldPath;
use crate::value::duration::{GoDuration, WindowProblem, read_window};
use crate::value::host_pattern::HostPattern;
use crate::value::placeholder::Placeholder;

/// Says what is wrong with one text of a list.
pub(super) type Check = fn(&str) -> Result<(), String>;

/// A settings document, and its problems so far.
pub(super) struct Reader<'a> {
    root: Cursor<'a, 'a>,
    problems: Vec<FieldError>,
    /// How many problems there are beside these.
    more: usize,
}

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods of the cursor are tied to one lifetime of its parent, the closures are not"
)]
impl<'a> Reader<'a> {
    /// Nothing is read yet, and nothing wrong.
    pub(super) fn new(settings: &'a Value) -> Self {
        Self {
            root: Cursor::root(settings),
            problems: Vec::new(),
            more: 0,
        }
    }

    /// Everything that was wrong.
    pub(super) fn into_problems(self) -> SettingsProblems {
        SettingsProblems {
            problems: self.problems,
            more: self.more,
        }
    }

    /// Refuses keys that are not in the table, with the nearest one that is.
    pub(super) fn refuse_unknown_keys(&mut self) {
        self.refuse_unknown(None);
        for group in GROUPS {
            self.refuse_unknown(Some(group));
        }
    }

    fn refuse_unknown(&mut self, group: Option<&'static str>) {
        let root = self.root;
        let nested = group.map(|name| root.field(name));
        let place = nested.as_ref().unwrap_or(&root);
        let mut mismatches = Mismatches::default();
        if let Field::Set(fields) = place.object(&mut mismatches) {
            for name in fields.keys().filter(|name| !is_known(group, name)) {
                let is_compared = self.problems.len() < COMPARED;
                let detail = unknown(group, name, is_compared);
                let path = place.path().field(name);
                self.problems
                    .push(FieldError::new(path, Cause::Forbidden, detail));
            }
        }
        self.note(mismatches);
    }

    /// What is set at a boolean key.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.scalar(key, |cursor, mismatches| cursor.boolean(mismatches))
    }

    /// What is set at an integer key, within the limits of the table.
    pub(super) fn integer(&mut self, key: &'static str) -> Option<i64> {
        let number = self.scalar(key, |cursor, mismatches| cursor.integer(mismatches))?;
        let Some(Shape::Integer { min, max }) = shape(key) else {
            return Some(number);
        };
        if (min..=max).contains(&number) {
            return Some(number);
        }
        self.problem(key, format!("must be from {min} to {max}"));
        None
    }

    /// What is set at a duration key, in either grammar; more than 0.
    pub(super) fn duration(&mut self, key: &'static str) -> Option<GoDuration> {
        let text = *self
            .at(key, |cursor, mismatches| cursor.text(mismatches))
            .set()?;
        let duration = match read_window(text) {
            Ok(duration) | Err(WindowProblem::Spelled(duration)) => duration,
            Err(problem) => {
                self.problem(key, problem.to_string());
                return None;
            }
        };
        if duration > GoDuration::from_seconds(0) {
            return Some(duration);
        }
        self.problem(key, "must be more than 0".to_owned());
        None
    }

    /// The word that is set, one of those in the table.
    pub(super) fn choice(&mut self, key: &'static str) -> Option<&'a str> {
        let text = *self
            .at(key, |cursor, mismatches| cursor.text(mismatches))
            .set()?;
        let Some(Shape::Choice(words)) = shape(key) else {
            return Some(text);
        };
        if words.contains(&text) {
            return Some(text);
        }
        self.problem_of(Cause::Unsupported, key, supported_values(words));
        None
    }

    /// The severities by rule code.
    pub(super) fn severities(&mut self) -> Vec<(&'static str, Severity)> {
        let root = self.root;
        let rules = root.field("rules");
        let mut mismatches = Mismatches::default();
        let mut severities = Vec::new();
        for entry in rules.entries(&mut mismatches) {
            match severity(&entry, self.problems.len() < COMPARED) {
                Ok(setting) => severities.extend(setting),
                Err(problem) => self.problems.push(problem),
            }
        }
        self.note(mismatches);
        severities
    }

    /// The texts of a list, `None` when nothing is set.
    pub(super) fn texts(&mut self, key: &'static str, check: Check) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        let is_set = self.list(key, &mut |text| {
            check(text)?;
            texts.push(text.to_owned());
            Ok(())
        });
        is_set.then_some(texts)
    }

    /// The host patterns of a list.
    pub(super) fn host_patterns(&mut self, key: &'static str) -> Vec<HostPattern> {
        let mut patterns = Vec::new();
        self.list(key, &mut |text| {
            patterns.push(HostPattern::parse(text).map_err(|problem| problem.to_string())?);
            Ok(())
        });
        patterns
    }

    /// Hands every element of a list to `keep`, which says what is wrong with it; false when there
    /// is no list.
    pub(super) fn list(
        &mut self,
        key: &'static str,
        keep: &mut dyn FnMut(&str) -> Result<(), String>,
    ) -> bool {
        let mut problems = Vec::new();
        let is_set = self.at(key, |cursor, mismatches| {
            if is_empty_text(cursor) {
                return false;
            }
            let Field::Set(elements) = cursor.elements(mismatches) else {
                return false;
            };
            for element in elements {
                let text = match element.text(mismatches) {
                    Field::Set(text) => text,
                    Field::Absent => "",
                    Field::WrongType | Field::Malformed(_) => continue,
                };
                // A name may be a word that stands for nothing elsewhere, but nobody's has these.
                let is_odd = text.contains(['$', '{', '<', '%']);
                let unfilled = is_odd.then(|| Placeholder::of(text)).flatten();
                let kept = match unfilled {
                    Some(placeholder) => Err(placeholder.to_string()),
                    None => keep(text),
                };
                if let Err(detail) = kept {
                    let error = FieldError::new(element.path(), Cause::Invalid, detail);
                    problems.push(error.showing(&text.into()));
                }
            }
            true
        });
        self.problems.append(&mut problems);
        is_set
    }

    /// What is set at a key that takes no text.
    fn scalar<T: Copy>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Cursor<'_, 'a>, &mut Mismatches) -> Field<T>,
    ) -> Option<T> {
        self.at(key, |cursor, mismatches| {
            if is_empty_text(cursor) {
                return None;
            }
            read(cursor, mismatches).set().copied()
        })
    }

    /// Reads at `key`, whose parts are the names of the fields that lead there.
    fn at<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Cursor<'_, 'a>, &mut Mismatches) -> T,
    ) -> T {
        let mut mismatches = Mismatches::default();
        let root = self.root;
        let value = match key.split_once('.') {
            Some((group, name)) => read(&root.field(group).field(name), &mut mismatches),
            None => read(&root.field(key), &mut mismatches),
        };
        self.note(mismatches);
        value
    }

    /// Keeps mismatches as problems. Settings hold no secrets, so a scalar is shown as it is
    /// written: the name of its type would be read as the value.
    fn note(&mut self, mismatches: Mismatches) {
        for mismatch in mismatches.kept {
            let found = self.root.value().and_then(|root| mismatch.path.of(root));
            let error = FieldError::from(mismatch);
            self.problems.push(match found {
                Some(scalar) if !scalar.is_array() && !scalar.is_object() => error.showing(scalar),
                _ => error,
            });
        }
        self.more += mismatches.more;
    }

    fn problem(&mut self, key: &str, detail: String) {
        self.problem_of(Cause::Invalid, key, detail);
    }

    fn problem_of(&mut self, cause: Cause, key: &str, detail: String) {
        let path = path_of(key);
        let mut error = FieldError::new(path, cause, detail);
        let value = match key.split_once('.') {
            Some((group, name)) => self.root.field(group).field(name).value(),
            None => self.root.field(key).value(),
        };
        if let Some(value) = value {
            error = error.showing(value);
        }
        self.problems.push(error);
    }

    /// A problem with a key whose value would be good beside other settings.
    pub(super) fn contradiction(&mut self, key: &str, detail: &str) {
        self.problem(key, detail.to_owned());
    }
}

/// True for what a form sends where nothing is filled in, whatever belongs there.
fn is_empty_text(cursor: &Cursor<'_, '_>) -> bool {
    cursor
        .value()
        .is_some_and(|value| value.as_str() == Some(""))
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

/// True for a key without a dot, or the name of a group, at the root, and for a name in its group:
/// what is read is nested as the dots of the table say. Every request asks this of each key that is
/// set, so nothing is built for it.
fn is_known(group: Option<&str>, name: &str) -> bool {
    match group {
        None if GROUPS.contains(&name) => true,
        None => !name.contains('.') && SETTINGS.iter().any(|setting| setting.key == name),
        Some(group) => SETTINGS.iter().any(|setting| {
            let key = setting.key.strip_prefix(group);
            key.and_then(|key| key.strip_prefix('.')) == Some(name)
        }),
    }
}

/// What to write instead of a key that is not known. It is compared with the known ones where
/// `is_compared`.
fn unknown(group: Option<&str>, name: &str, is_compared: bool) -> String {
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

fn shape(key: &str) -> Option<Shape> {
    SETTINGS
        .iter()
        .find(|setting| setting.key == key)
        .map(|setting| setting.shape)
}

fn path_of(key: &str) -> FieldPath {
    key.split('.').fold(FieldPath::root(), FieldPath::field)
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    quoted.join(", ")
}
