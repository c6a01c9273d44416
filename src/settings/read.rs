//! JSON -> checked settings. Every problem is found, not only the first.

use serde_json::Value;

use super::table::{DEFAULT_LIFETIME, EXTENDED_LIFETIME, SETTINGS, Shape};
use super::{Overlong, Settings, SettingsProblems};
use crate::catalogue;
use crate::field::{Cursor, Field, Mismatches};
use crate::finding::{Cause, FieldError, Severity, supported_values};
use crate::nearest::{COMPARED, nearest};
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
        more: 0,
    };
    reader.refuse_unknown_keys();
    let settings = reader.settings();
    reader.refuse_contradictions(&settings);
    if reader.problems.is_empty() {
        return Ok(settings);
    }
    Err(SettingsProblems {
        problems: reader.problems,
        more: reader.more,
    })
}

struct Reader<'a> {
    root: Cursor<'a, 'a>,
    problems: Vec<FieldError>,
    /// How many problems there are beside these.
    more: usize,
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
        grant.allowed_issuers = self
            .list("accessGrant.allowedIssuers", name)
            .unwrap_or_default();

        let token = &mut settings.access_token;
        set(
            &mut token.default_link_cost,
            self.integer("accessToken.defaultLinkCost"),
        );
        token.max_link_cost = self.integer("accessToken.maxLinkCost");
        token.allowed_hosts = self
            .list("accessToken.allowedHosts", host_pattern)
            .unwrap_or_default();
        token.denied_hosts = self
            .list("accessToken.deniedHosts", host_pattern)
            .unwrap_or_default();
        token.reserved_names = self.list("accessToken.reservedNames", name);

        let request = &mut settings.token_request;
        request.default_audiences = self
            .list("tokenRequest.defaultAudiences", audience)
            .unwrap_or_default();
        request.allowed_audiences = self
            .list("tokenRequest.allowedAudiences", audience_pattern)
            .unwrap_or_default();
        request.api_server_audiences = self
            .list("tokenRequest.apiServerAudiences", audience)
            .unwrap_or_default();
        request.max_expiration_seconds = self.integer("tokenRequest.maxExpirationSeconds");
        if self.choice("tokenRequest.overlong") == Some("clamp") {
            request.overlong = Overlong::Clamp;
        }
        request.allowed_bound_kinds = self
            .list("tokenRequest.allowedBoundKinds", bound_kind)
            .unwrap_or_default();
        request.exempt_usernames = self
            .list("tokenRequest.exemptUsernames", any_text)
            .unwrap_or_default();
        request.exempt_groups = self
            .list("tokenRequest.exemptGroups", any_text)
            .unwrap_or_default();
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
            (Some(min), _) if grant.default_expiration_window < min => self.contradiction(
                "accessGrant.defaultExpirationWindow",
                "must be at least accessGrant.minExpirationWindow",
            ),
            (_, Some(max)) if grant.default_expiration_window > max => self.contradiction(
                "accessGrant.defaultExpirationWindow",
                "must be at most accessGrant.maxExpirationWindow",
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
        self.refuse_repeated_audiences(&request.default_audiences);
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

    /// What is filled in must give no finding when it is reviewed again.
    fn refuse_repeated_audiences(&mut self, audiences: &[String]) {
        let mut sorted: Vec<&String> = audiences.iter().collect();
        sorted.sort_unstable();
        let is_repeated = |pair: &[&String]| matches!(pair, [first, second] if first == second);
        if sorted.windows(2).any(is_repeated) {
            self.contradiction(
                "tokenRequest.defaultAudiences",
                "must name each audience once",
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
        let mut mismatches = Mismatches::default();
        if let Field::Set(fields) = place.object(&mut mismatches) {
            for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
                let close = match self.problems.len() {
                    0..COMPARED => nearest(name, known.iter().copied()),
                    _ => None,
                };
                let detail = match close {
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
        self.problem_of(Cause::Unsupported, key, supported_values(words));
        None
    }

    fn severities(&mut self) -> Vec<(&'static str, Severity)> {
        let root = self.root;
        let rules = root.field("rules");
        let mut mismatches = Mismatches::default();
        let mut severities = Vec::new();
        for entry in rules.entries(&mut mismatches) {
            match severity(&entry, self.problems.len() < COMPARED) {
                Ok(setting) => severities.push(setting),
                Err(problem) => self.problems.push(problem),
            }
        }
        self.note(mismatches);
        severities
    }

    /// The elements of a list, each as `parse` reads it; `None` when nothing is set.
    fn list<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        self.at(key, |cursor, mismatches| {
            let Field::Set(elements) = cursor.elements(mismatches) else {
                return None;
            };
            let mut problems = Vec::new();
            let mut parsed = Vec::with_capacity(elements.len());
            for element in elements {
                let text = match element.text(mismatches) {
                    Field::Set(text) => text,
                    Field::Absent => "",
                    Field::WrongType | Field::Malformed(_) => continue,
                };
                match parse(text) {
                    Ok(value) => parsed.push(value),
                    Err(detail) => problems.push(
                        FieldError::new(element.path(), Cause::Invalid, detail)
                            .showing(&text.into()),
                    ),
                }
            }
            Some((parsed, problems))
        })
        .map(|(parsed, problems)| {
            self.problems.extend(problems);
            parsed
        })
    }

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

    fn note(&mut self, mismatches: Mismatches) {
        self.problems
            .extend(mismatches.kept.into_iter().map(FieldError::from));
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

    fn contradiction(&mut self, key: &str, detail: &str) {
        self.problem(key, detail.to_owned());
    }
}

/// The severity that one entry of `rules` sets. An unknown code is compared with the known ones
/// where `is_compared`.
fn severity(
    entry: &Cursor<'_, '_>,
    is_compared: bool,
) -> Result<(&'static str, Severity), FieldError> {
    let path = entry.path();
    let code = path.names().last().unwrap_or_default();
    let Some(rule) = catalogue::find(code) else {
        let known = || catalogue::rules().map(|rule| rule.code);
        let close = is_compared.then(|| nearest(code, known())).flatten();
        let detail = match close {
            Some(close) => format!("unknown rule, did you mean '{close}'?"),
            None => "unknown rule, must be a code of the rules table".to_owned(),
        };
        return Err(FieldError::new(path, Cause::Forbidden, detail));
    };
    let severity = match entry.text(&mut Mismatches::default()) {
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
                supported_values(&["deny", "warn", "allow"]),
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

fn name(text: &str) -> Result<String, String> {
    SubdomainName::parse(text)
        .map(|_| text.to_owned())
        .map_err(|problem| problem.to_string())
}

fn host_pattern(text: &str) -> Result<HostPattern, String> {
    HostPattern::parse(text).map_err(|problem| problem.to_string())
}

fn audience(text: &str) -> Result<String, String> {
    audience::parse(text)
        .map(str::to_owned)
        .map_err(|problem| problem.to_string())
}

fn audience_pattern(text: &str) -> Result<AudiencePattern, String> {
    AudiencePattern::parse(text).map_err(|problem| problem.to_string())
}

fn bound_kind(text: &str) -> Result<String, String> {
    let is_kind = |(version, kind): (&str, &str)| {
        !version.is_empty() && !kind.is_empty() && !text.contains(char::is_whitespace)
    };
    if text.rsplit_once('/').is_some_and(is_kind) {
        return Ok(text.to_owned());
    }
    Err("must be 'apiVersion/kind', such as 'v1/Pod'".to_owned())
}

fn any_text(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(text.to_owned())
}
