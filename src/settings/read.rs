//! JSON -> checked settings. Every problem is found, not only the first.

use serde_json::Value;

use super::table::{DEFAULT_LIFETIME, EXTENDED_LIFETIME, SETTINGS, Shape};
use super::{Overlong, Settings, SettingsProblems};
use crate::catalogue;
use crate::field::{Cursor, Field, Mismatch};
use crate::finding::{Cause, FieldError, Severity};
use crate::nearest::nearest;
use crate::path::FieldPath;
use crate::value::audience::{self, AudiencePattern};
use crate::value::duration::{GoDuration, WindowProblem, read_window};
use crate::value::host_pattern::HostPattern;
use crate::value::name::SubdomainName;

pub(super) fn read(value: &Value) -> Result<Settings, SettingsProblems> {
    match value {
        Value::Null => return Ok(Settings::default()),
        // Every request brings the settings along, and most administrators set nothing.
        Value::Object(keys) if keys.is_empty() => return Ok(Settings::default()),
        Value::Object(_) => {}
        _ => return Err(SettingsProblems::unreadable()),
    }
    let mut reader = Reader {
        root: Cursor::root(value),
        problems: Vec::new(),
    };
    reader.refuse_unknown_keys();
    let settings = reader.settings();
    reader.refuse_contradictions(&settings);
    if reader.problems.is_empty() {
        return Ok(settings);
    }
    Err(SettingsProblems(reader.problems))
}

struct Reader<'a> {
    root: Cursor<'a, 'a>,
    problems: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    fn settings(&mut self) -> Settings {
        let mut settings = Settings::default();
        set(&mut settings.defaulting, self.boolean("defaulting"));
        settings.severities = self.severities();

        let grant = &mut settings.access_grant;
        let default_redemptions = self.integer("accessGrant.defaultRedemptionsAllowed");
        set(&mut grant.default_redemptions_allowed, default_redemptions);
        grant.max_redemptions_allowed = self.integer("accessGrant.maxRedemptionsAllowed");
        let default_window = self.duration("accessGrant.defaultExpirationWindow");
        grant.min_expiration_window = self.duration("accessGrant.minExpirationWindow");
        grant.max_expiration_window = self.duration("accessGrant.maxExpirationWindow");
        let nearest_window = within(
            grant.default_expiration_window,
            grant.min_expiration_window,
            grant.max_expiration_window,
        );
        grant.default_expiration_window = default_window.unwrap_or(nearest_window);
        // A policy that may not edit refuses what it would have rewritten.
        let rewrite_windows = self.boolean("accessGrant.rewriteWindows").unwrap_or(false);
        grant.rewrite_windows = rewrite_windows && settings.defaulting;
        set(
            &mut grant.min_code_length,
            self.integer("accessGrant.minCodeLength"),
        );
        set(
            &mut grant.allowed_issuers,
            self.texts("accessGrant.allowedIssuers", name),
        );

        let token = &mut settings.access_token;
        set(
            &mut token.default_link_cost,
            self.integer("accessToken.defaultLinkCost"),
        );
        token.max_link_cost = self.integer("accessToken.maxLinkCost");
        token.allowed_hosts = self.host_patterns("accessToken.allowedHosts");
        token.denied_hosts = self.host_patterns("accessToken.deniedHosts");
        token.reserved_names = self.texts("accessToken.reservedNames", name);

        let request = &mut settings.token_request;
        set(
            &mut request.default_audiences,
            self.texts("tokenRequest.defaultAudiences", audience),
        );
        self.list("tokenRequest.allowedAudiences", &mut |text| {
            let pattern = AudiencePattern::parse(text).map_err(|problem| problem.to_string())?;
            request.allowed_audiences.push(pattern);
            Ok(())
        });
        set(
            &mut request.api_server_audiences,
            self.texts("tokenRequest.apiServerAudiences", audience),
        );
        request.max_expiration_seconds = self.integer("tokenRequest.maxExpirationSeconds");
        if self.choice("tokenRequest.overlong") == Some("clamp") {
            request.overlong = Overlong::Clamp;
        }
        set(
            &mut request.allowed_bound_kinds,
            self.texts("tokenRequest.allowedBoundKinds", bound_kind),
        );
        set(
            &mut request.exempt_usernames,
            self.texts("tokenRequest.exemptUsernames", any_text),
        );
        set(
            &mut request.exempt_groups,
            self.texts("tokenRequest.exemptGroups", any_text),
        );
        settings
    }

    /// What each key allows by itself, and the keys together do not.
    fn refuse_contradictions(&mut self, settings: &Settings) {
        let grant = &settings.access_grant;
        if let Some(max) = grant.max_redemptions_allowed
            && grant.default_redemptions_allowed > max
        {
            self.contradiction(
                "accessGrant.defaultRedemptionsAllowed",
                "must be at most accessGrant.maxRedemptionsAllowed",
            );
        }
        match (grant.min_expiration_window, grant.max_expiration_window) {
            (Some(min), Some(max)) if min > max => self.contradiction(
                "accessGrant.minExpirationWindow",
                "must be at most accessGrant.maxExpirationWindow",
            ),
            (min, max) if within(grant.default_expiration_window, min, max) != grant.default_expiration_window => self
                .contradiction(
                    "accessGrant.defaultExpirationWindow",
                    "must lie between accessGrant.minExpirationWindow and accessGrant.maxExpirationWindow",
                ),
            _ => {}
        }
        if let Some(max) = settings.access_token.max_link_cost
            && settings.access_token.default_link_cost > max
        {
            self.contradiction(
                "accessToken.defaultLinkCost",
                "must be at most accessToken.maxLinkCost",
            );
        }
        self.refuse_token_request_contradictions(settings);
    }

    fn refuse_token_request_contradictions(&mut self, settings: &Settings) {
        let request = &settings.token_request;
        let is_allowed = |audience: &String| {
            request.allowed_audiences.is_empty()
                || request
                    .allowed_audiences
                    .iter()
                    .any(|pattern| pattern.matches(audience))
        };
        if !request.default_audiences.iter().all(is_allowed) {
            self.contradiction(
                "tokenRequest.defaultAudiences",
                "must be matched by tokenRequest.allowedAudiences",
            );
        }
        match (request.max_expiration_seconds, request.overlong) {
            (Some(EXTENDED_LIFETIME), _) => self.contradiction(
                "tokenRequest.maxExpirationSeconds",
                "may not be 3607: the API server extends a token of that lifetime to one year, write 3600",
            ),
            (Some(max), Overlong::Deny) if max < DEFAULT_LIFETIME => self.contradiction(
                "tokenRequest.maxExpirationSeconds",
                "must be at least 3600, which the API server writes where the user names no lifetime, or tokenRequest.overlong must be 'clamp'",
            ),
            _ => {}
        }
        if request.overlong == Overlong::Clamp && !settings.defaulting {
            self.contradiction(
                "tokenRequest.overlong",
                "may not be 'clamp' where defaulting is false: nothing can be lowered without an edit",
            );
        }
    }

    fn refuse_unknown_keys(&mut self) {
        let groups = SETTINGS
            .iter()
            .filter_map(|setting| setting.key.split_once('.'));
        let mut top: Vec<&str> = SETTINGS
            .iter()
            .map(|setting| setting.key.split('.').next().unwrap_or(setting.key))
            .collect();
        top.dedup();
        self.refuse_unknown(None, &top);
        top.retain(|name| groups.clone().any(|(group, _)| group == *name));
        for group in top {
            let keys: Vec<&str> = groups
                .clone()
                .filter(|(of, _)| *of == group)
                .map(|(_, key)| key)
                .collect();
            self.refuse_unknown(Some(group), &keys);
        }
    }

    fn refuse_unknown(&mut self, group: Option<&'a str>, known: &[&'static str]) {
        let root = self.root;
        let nested = group.map(|name| root.field(name));
        let place = nested.as_ref().unwrap_or(&root);
        let mut mismatches = Vec::new();
        if let Field::Set(fields) = place.object(&mut mismatches) {
            for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
                let detail = match nearest(name, known) {
                    Some(close) => format!("unknown setting, did you mean '{close}'?"),
                    None => format!("unknown setting, must be one of {}", quoted(known)),
                };
                self.problems.push(FieldError::new(
                    place.path().field(name),
                    Cause::Forbidden,
                    detail,
                ));
            }
        }
        self.note(mismatches);
    }

    fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.at(key, |cursor, mismatches| cursor.boolean(mismatches))
            .set()
            .copied()
    }

    fn integer(&mut self, key: &'static str) -> Option<i64> {
        let number = *self
            .at(key, |cursor, mismatches| cursor.integer(mismatches))
            .set()?;
        let Some(Shape::Integer { min, max }) = shape(key) else {
            return Some(number);
        };
        if (min..=max).contains(&number) {
            return Some(number);
        }
        self.problem(key, format!("must be from {min} to {max}"));
        None
    }

    fn duration(&mut self, key: &'static str) -> Option<GoDuration> {
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

    fn choice(&mut self, key: &'static str) -> Option<&'a str> {
        let text = *self
            .at(key, |cursor, mismatches| cursor.text(mismatches))
            .set()?;
        let Some(Shape::Choice(words)) = shape(key) else {
            return Some(text);
        };
        if words.contains(&text) {
            return Some(text);
        }
        self.problem(key, format!("must be one of {}", quoted(words)));
        None
    }

    fn severities(&mut self) -> Vec<(&'static str, Severity)> {
        let root = self.root;
        let rules = root.field("rules");
        let mut mismatches = Vec::new();
        let mut severities = Vec::new();
        for entry in rules.entries(&mut mismatches) {
            match severity(&entry) {
                Ok(setting) => severities.push(setting),
                Err(problem) => self.problems.push(problem),
            }
        }
        self.note(mismatches);
        severities
    }

    fn texts(&mut self, key: &'static str, check: Check) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        let is_set = self.list(key, &mut |text| {
            check(text)?;
            texts.push(text.to_owned());
            Ok(())
        });
        is_set.then_some(texts)
    }

    fn host_patterns(&mut self, key: &'static str) -> Vec<HostPattern> {
        let mut patterns = Vec::new();
        self.list(key, &mut |text| {
            patterns.push(HostPattern::parse(text).map_err(|problem| problem.to_string())?);
            Ok(())
        });
        patterns
    }

    /// Hands every element of a list to `keep`, which says what is wrong with it; false when there
    /// is no list.
    fn list(
        &mut self,
        key: &'static str,
        keep: &mut dyn FnMut(&str) -> Result<(), String>,
    ) -> bool {
        let mut problems = Vec::new();
        let is_set = self.at(key, |cursor, mismatches| {
            let Field::Set(elements) = cursor.elements(mismatches) else {
                return false;
            };
            for element in elements {
                let text = match element.text(mismatches) {
                    Field::Set(text) => text,
                    Field::Absent => "",
                    Field::WrongType | Field::Malformed(_) => continue,
                };
                if let Err(detail) = keep(text) {
                    let error = FieldError::new(element.path(), Cause::Invalid, detail);
                    problems.push(error.showing(&text.into()));
                }
            }
            true
        });
        self.problems.append(&mut problems);
        is_set
    }

    /// Reads at `key`, whose parts are the names of the fields that lead there.
    fn at<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Cursor<'_, 'a>, &mut Vec<Mismatch>) -> T,
    ) -> T {
        let mut mismatches = Vec::new();
        let root = self.root;
        let value = match key.split_once('.') {
            Some((group, name)) => read(&root.field(group).field(name), &mut mismatches),
            None => read(&root.field(key), &mut mismatches),
        };
        self.note(mismatches);
        value
    }

    fn note(&mut self, mismatches: Vec<Mismatch>) {
        self.problems
            .extend(mismatches.into_iter().map(FieldError::from));
    }

    fn problem(&mut self, key: &str, detail: String) {
        let path = path_of(key);
        let mut error = FieldError::new(path, Cause::Invalid, detail);
        let value = match key.split_once('.') {
            Some((group, name)) => self.root.field(group).field(name).value(),
            None => self.root.field(key).value(),
        };
        if let Some(value) = value {
            error = error.showing(value);
        }
        self.problems.push(error);
    }

    fn contradiction(&mut self, key: &str, detail: &str) {
        self.problem(key, detail.to_owned());
    }
}

/// The severity that one entry of `rules` sets.
fn severity(entry: &Cursor<'_, '_>) -> Result<(&'static str, Severity), FieldError> {
    let path = entry.path();
    let code = path.names().last().unwrap_or_default();
    let Some(rule) = catalogue::rules().find(|rule| rule.code == code) else {
        let codes: Vec<&str> = catalogue::rules().map(|rule| rule.code).collect();
        let detail = match nearest(code, &codes) {
            Some(close) => format!("unknown rule, did you mean '{close}'?"),
            None => "unknown rule, must be a code of the rules table".to_owned(),
        };
        return Err(FieldError::new(path, Cause::Forbidden, detail));
    };
    let severity = match entry.text(&mut Vec::new()) {
        Field::Set(text) => Severity::from_name(text),
        _ => None,
    };
    match severity {
        Some(_) if rule.fixed => Err(FieldError::new(
            path,
            Cause::Forbidden,
            "this rule always denies: what it refuses would be unreadable to Skupper or harm the whole cluster",
        )),
        Some(severity) => Ok((rule.code, severity)),
        None => {
            let error = FieldError::new(
                path,
                Cause::Unsupported,
                "supported values: \"deny\", \"warn\", \"allow\"",
            );
            Err(match entry.value() {
                Some(value) => error.showing(value),
                None => error,
            })
        }
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// `window`, moved to the nearest limit.
fn within(window: GoDuration, min: Option<GoDuration>, max: Option<GoDuration>) -> GoDuration {
    let window = min.map_or(window, |min| window.max(min));
    max.map_or(window, |max| window.min(max))
}

fn shape(key: &str) -> Option<Shape> {
    SETTINGS
        .iter()
        .find(|setting| setting.key == key)
        .map(|setting| setting.shape)
}

fn path_of(key: &str) -> FieldPath {
    key.split('.')
        .fold(FieldPath::root(), |path, name| path.field(name))
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    quoted.join(", ")
}

/// Says what is wrong with one text of a list.
type Check = fn(&str) -> Result<(), String>;

fn name(text: &str) -> Result<(), String> {
    let name = SubdomainName::parse(text);
    name.map(drop).map_err(|problem| problem.to_string())
}

fn audience(text: &str) -> Result<(), String> {
    let audience = audience::parse(text);
    audience.map(drop).map_err(|problem| problem.to_string())
}

fn bound_kind(text: &str) -> Result<(), String> {
    let is_kind = |(version, kind): (&str, &str)| {
        !version.is_empty() && !kind.is_empty() && !text.contains(char::is_whitespace)
    };
    if text.rsplit_once('/').is_some_and(is_kind) {
        return Ok(());
    }
    Err("must be 'apiVersion/kind', such as 'v1/Pod'".to_owned())
}

fn any_text(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(())
}
