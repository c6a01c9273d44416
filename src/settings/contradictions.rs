//! Settings that are good each by itself, and not together.

use serde_json::{Map, Value};

use super::table::{DEFAULT_LIFETIME, EXTENDED_LIFETIME};
use super::{Overlong, Settings};

/// The keys that contradict others, each with the reason.
pub(super) fn contradictions(
    settings: &Settings,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let grant = &settings.access_grant;
    let token = &settings.access_token;
    let request = &settings.token_request;
    let (min, max) = (grant.min_expiration_window, grant.max_expiration_window);
    let window = grant.default_window();
    let is_crossed = min.zip(max).is_some_and(|(min, max)| min > max);
    let is_short = !is_crossed && min.is_some_and(|min| window < min);
    let is_long = !is_crossed && max.is_some_and(|max| window > max);
    let is_clamped = |overlong: Overlong| overlong == Overlong::Clamp;
    let lifetime = request.max_expiration_seconds;
    let rows = [
        (
            grant
                .max_redemptions_allowed
                .is_some_and(|max| grant.default_redemptions_allowed > max),
            "accessGrant.defaultRedemptionsAllowed",
            "must be at most accessGrant.maxRedemptionsAllowed",
        ),
        (
            is_crossed,
            "accessGrant.minExpirationWindow",
            "must be at most accessGrant.maxExpirationWindow",
        ),
        (
            is_short,
            "accessGrant.defaultExpirationWindow",
            "must be at least accessGrant.minExpirationWindow",
        ),
        (
            is_long,
            "accessGrant.defaultExpirationWindow",
            "must be at most accessGrant.maxExpirationWindow",
        ),
        (
            is_clamped(grant.overlong) && max.is_none(),
            "accessGrant.overlong",
            "may not be 'clamp' without accessGrant.maxExpirationWindow: there is nothing to lower a window to",
        ),
        (
            is_clamped(grant.overlong) && !settings.defaulting,
            "accessGrant.overlong",
            CLAMP_WITHOUT_DEFAULTING,
        ),
        (
            token
                .max_link_cost
                .is_some_and(|max| token.default_link_cost > max),
            "accessToken.defaultLinkCost",
            "must be at most accessToken.maxLinkCost",
        ),
        (
            !request
                .default_audiences
                .iter()
                .all(|audience| request.is_allowed(audience)),
            "tokenRequest.defaultAudiences",
            "must be matched by tokenRequest.allowedAudiences",
        ),
        // What is filled in must give no finding when it is reviewed again.
        (
            has_duplicates(&request.default_audiences),
            "tokenRequest.defaultAudiences",
            "must name each audience once",
        ),
        (
            lifetime == Some(EXTENDED_LIFETIME),
            "tokenRequest.maxExpirationSeconds",
            "may not be 3607: the API server extends a token of that lifetime to one year, write 3600",
        ),
        (
            !is_clamped(request.overlong) && lifetime.is_some_and(|max| max < DEFAULT_LIFETIME),
            "tokenRequest.maxExpirationSeconds",
            "must be at least 3600, which the API server writes where the user names no lifetime, or tokenRequest.overlong must be 'clamp'",
        ),
        (
            is_clamped(request.overlong) && !settings.defaulting,
            "tokenRequest.overlong",
            CLAMP_WITHOUT_DEFAULTING,
        ),
    ];
    rows.into_iter()
        .filter_map(|(is_wrong, key, detail)| is_wrong.then_some((key, detail)))
}

const CLAMP_WITHOUT_DEFAULTING: &str =
    "may not be 'clamp' where defaulting is false: nothing can be lowered without an edit";

fn has_duplicates(texts: &[String]) -> bool {
    // Of all sets this one is in the module already.
    let mut seen = Map::new();
    let mut texts = texts.iter();
    texts.any(|text| seen.insert(text.clone(), Value::Null).is_some())
}
