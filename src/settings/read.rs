//! JSON -> checked settings. Every problem is found, not only the first.

use serde_json::{Map, Value};

use super::reader::Reader;
use super::table::{DEFAULT_LIFETIME, EXTENDED_LIFETIME};
use super::{Overlong, Settings, SettingsProblems};
use crate::value::audience::{self, AudiencePattern};
use crate::value::duration::GoDuration;
use crate::value::name::SubdomainName;

pub(super) fn read(value: &Value) -> Result<Settings, SettingsProblems> {
    match value {
        Value::Null => return Ok(Settings::default()),
        // Every request brings the settings along, and most administrators set nothing.
        Value::Object(keys) if keys.is_empty() => return Ok(Settings::default()),
        Value::Object(_) => {}
        _ => return Err(SettingsProblems::unreadable()),
    }
    let mut reader = Reader::new(value);
    reader.refuse_unknown_keys();
    let settings = settings(&mut reader);
    refuse_contradictions(&mut reader, &settings);
    match reader.into_problems() {
        problems if problems.problems().is_empty() => Ok(settings),
        problems => Err(problems),
    }
}

fn settings(reader: &mut Reader<'_>) -> Settings {
    let mut settings = Settings::default();
    set(&mut settings.defaulting, reader.boolean("defaulting"));
    settings.severities = reader.severities();

    let grant = &mut settings.access_grant;
    let default_redemptions = reader.integer("accessGrant.defaultRedemptionsAllowed");
    set(&mut grant.default_redemptions_allowed, default_redemptions);
    grant.max_redemptions_allowed = reader.integer("accessGrant.maxRedemptionsAllowed");
    let default_window = reader.duration("accessGrant.defaultExpirationWindow");
    grant.min_expiration_window = reader.duration("accessGrant.minExpirationWindow");
    grant.max_expiration_window = reader.duration("accessGrant.maxExpirationWindow");
    let nearest_window = within(
        grant.default_expiration_window,
        grant.min_expiration_window,
        grant.max_expiration_window,
    );
    grant.default_expiration_window = default_window.unwrap_or(nearest_window);
    grant.overlong = overlong(reader, "accessGrant.overlong");
    set(
        &mut grant.rewrite_windows,
        reader.boolean("accessGrant.rewriteWindows"),
    );
    set(
        &mut grant.min_code_length,
        reader.integer("accessGrant.minCodeLength"),
    );
    set(
        &mut grant.allowed_issuers,
        reader.texts("accessGrant.allowedIssuers", name),
    );

    let token = &mut settings.access_token;
    set(
        &mut token.default_link_cost,
        reader.integer("accessToken.defaultLinkCost"),
    );
    token.max_link_cost = reader.integer("accessToken.maxLinkCost");
    token.allowed_hosts = reader.host_patterns("accessToken.allowedHosts");
    token.denied_hosts = reader.host_patterns("accessToken.deniedHosts");
    token.reserved_names = reader.texts("accessToken.reservedNames", name);

    let request = &mut settings.token_request;
    set(
        &mut request.default_audiences,
        reader.texts("tokenRequest.defaultAudiences", audience),
    );
    reader.list("tokenRequest.allowedAudiences", &mut |text| {
        let pattern = AudiencePattern::parse(text).map_err(|problem| problem.to_string())?;
        request.allowed_audiences.push(pattern);
        Ok(())
    });
    set(
        &mut request.api_server_audiences,
        reader.texts("tokenRequest.apiServerAudiences", audience),
    );
    request.max_expiration_seconds = reader.integer("tokenRequest.maxExpirationSeconds");
    request.overlong = overlong(reader, "tokenRequest.overlong");
    set(
        &mut request.allowed_bound_kinds,
        reader.texts("tokenRequest.allowedBoundKinds", bound_kind),
    );
    set(
        &mut request.exempt_usernames,
        reader.texts("tokenRequest.exemptUsernames", whole_name),
    );
    set(
        &mut request.exempt_groups,
        reader.texts("tokenRequest.exemptGroups", whole_name),
    );
    settings
}

fn overlong(reader: &mut Reader<'_>, key: &'static str) -> Overlong {
    match reader.choice(key) {
        Some("clamp") => Overlong::Clamp,
        _ => Overlong::Deny,
    }
}

/// What each key allows by itself, and the keys together do not.
fn refuse_contradictions(reader: &mut Reader<'_>, settings: &Settings) {
    let grant = &settings.access_grant;
    if let Some(max) = grant.max_redemptions_allowed
        && grant.default_redemptions_allowed > max
    {
        reader.contradiction(
            "accessGrant.defaultRedemptionsAllowed",
            "must be at most accessGrant.maxRedemptionsAllowed",
        );
    }
    match (grant.min_expiration_window, grant.max_expiration_window) {
        (Some(min), Some(max)) if min > max => reader.contradiction(
            "accessGrant.minExpirationWindow",
            "must be at most accessGrant.maxExpirationWindow",
        ),
        (Some(min), _) if grant.default_expiration_window < min => reader.contradiction(
            "accessGrant.defaultExpirationWindow",
            "must be at least accessGrant.minExpirationWindow",
        ),
        (_, Some(max)) if grant.default_expiration_window > max => reader.contradiction(
            "accessGrant.defaultExpirationWindow",
            "must be at most accessGrant.maxExpirationWindow",
        ),
        _ => {}
    }
    if grant.overlong == Overlong::Clamp {
        if grant.max_expiration_window.is_none() {
            reader.contradiction(
                "accessGrant.overlong",
                "may not be 'clamp' without accessGrant.maxExpirationWindow: there is nothing to lower a window to",
            );
        }
        refuse_clamp_without_defaulting(reader, settings, "accessGrant.overlong");
    }
    if let Some(max) = settings.access_token.max_link_cost
        && settings.access_token.default_link_cost > max
    {
        reader.contradiction(
            "accessToken.defaultLinkCost",
            "must be at most accessToken.maxLinkCost",
        );
    }
    refuse_token_request_contradictions(reader, settings);
}

fn refuse_token_request_contradictions(reader: &mut Reader<'_>, settings: &Settings) {
    let request = &settings.token_request;
    let is_allowed = |audience: &String| {
        request.allowed_audiences.is_empty()
            || request
                .allowed_audiences
                .iter()
                .any(|pattern| pattern.matches(audience))
    };
    if !request.default_audiences.iter().all(is_allowed) {
        reader.contradiction(
            "tokenRequest.defaultAudiences",
            "must be matched by tokenRequest.allowedAudiences",
        );
    }
    // What is filled in must give no finding when it is reviewed again.
    let mut seen = Map::new();
    let mut audiences = request.default_audiences.iter();
    if audiences.any(|audience| seen.insert(audience.clone(), Value::Null).is_some()) {
        reader.contradiction(
            "tokenRequest.defaultAudiences",
            "must name each audience once",
        );
    }
    match (request.max_expiration_seconds, request.overlong) {
        (Some(EXTENDED_LIFETIME), _) => reader.contradiction(
            "tokenRequest.maxExpirationSeconds",
            "may not be 3607: the API server extends a token of that lifetime to one year, write 3600",
        ),
        (Some(max), Overlong::Deny) if max < DEFAULT_LIFETIME => reader.contradiction(
            "tokenRequest.maxExpirationSeconds",
            "must be at least 3600, which the API server writes where the user names no lifetime, or tokenRequest.overlong must be 'clamp'",
        ),
        _ => {}
    }
    if request.overlong == Overlong::Clamp {
        refuse_clamp_without_defaulting(reader, settings, "tokenRequest.overlong");
    }
}

fn refuse_clamp_without_defaulting(
    reader: &mut Reader<'_>,
    settings: &Settings,
    key: &'static str,
) {
    if !settings.defaulting {
        reader.contradiction(
            key,
            "may not be 'clamp' where defaulting is false: nothing can be lowered without an edit",
        );
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

fn name(text: &str) -> Result<(), String> {
    let name = SubdomainName::parse(text);
    name.map(drop).map_err(|problem| problem.to_string())
}

fn audience(text: &str) -> Result<(), String> {
    let audience = audience::parse(text);
    audience.map(drop).map_err(|problem| problem.to_string())
}

/// A version, or a group and a version, and the name of a kind. The core group has no name.
fn bound_kind(text: &str) -> Result<(), String> {
    let is_kind = |(version, kind): (&str, &str)| {
        kind.starts_with(|first: char| first.is_ascii_uppercase())
            && !text.contains(char::is_whitespace)
            && version.split('/').count() <= 2
            && version.split('/').all(|part| !part.is_empty())
            && !version.starts_with("core/")
    };
    if text.rsplit_once('/').is_some_and(is_kind) {
        return Ok(());
    }
    Err("must be 'apiVersion/kind', such as 'v1/Pod'".to_owned())
}

/// The name of a user or a group, which is compared as a whole.
fn whole_name(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.contains('*') {
        return Err("must be a whole name: '*' stands for nothing else here".to_owned());
    }
    Ok(())
}
