//! The rules for AccessGrants.

use chrono::DateTime;

use super::{AccessGrant, replacement};
use crate::field::{Field, Mismatches};
use crate::finding::{Cause, Severity, supported_values};
use crate::kind::{Kind, Row};
use crate::live_credential::live_credential;
use crate::placeholder::placeholder;
use crate::report::Report;
use crate::review::Review;
use crate::settings::{Overlong, Settings};
use crate::skupper_object::{
    code_format, name_format, name_missing, range_problem, settings_too_many, wrong_type,
};
use crate::unknown_field::unknown_field;
use crate::value::duration::{GoDuration, WindowProblem};
use crate::value::placeholder::Placeholder;

type GrantReview<'a> = Review<'a, AccessGrant>;

/// Every rule, in the order in which findings are reported.
pub(super) const RULES: &[Row<AccessGrant>] = &[
    settings_too_many(),
    wrong_type(),
    name_missing(),
    name_format(),
    unknown_field(),
    Row::new(
        "grant-redemptions-range",
        "/spec/redemptionsAllowed",
        Severity::Deny,
        "`redemptionsAllowed` outside 1 to 2147483647, or above `maxRedemptionsAllowed`",
        "Skupper's controller: 0 was dead before 2.2.0, a negative number is Ready and never redeemable",
        |review, report| {
            let allowed = review.new.spec.redemptions_allowed.set();
            if let Some(detail) = allowed.and_then(|allowed| redemptions_problem(review, *allowed))
            {
                report.find(Cause::Invalid, detail);
            }
        },
    ),
    Row::new(
        "grant-redemptions-spent",
        "/spec/redemptionsAllowed",
        Severity::Warn,
        "`redemptionsAllowed` changed to what is redeemed already, or less",
        "Skupper's controller compares `status.redemptions` with `spec.redemptionsAllowed` at every redemption",
        redemptions_spent,
    ),
    Row::fixed(
        "grant-window-format",
        "/spec/expirationWindow",
        "an `expirationWindow` that Go's `time.ParseDuration` does not read",
        "Skupper's controller calls Go's time.ParseDuration; the CRD's `format: duration` lets much more through",
        window_format,
    ),
    Row::new(
        "grant-window-range",
        "/spec/expirationWindow",
        Severity::Deny,
        "an `expirationWindow` of 0 or less, below `minExpirationWindow` or above `maxExpirationWindow` (with `overlong: clamp` it is lowered instead)",
        "Skupper's controller: a grant with a window of 0 or less is Ready and expired at birth",
        |review, report| {
            if let Some(detail) = window_range_problem(review) {
                report.find(Cause::Invalid, detail);
            }
        },
    ),
    Row::new(
        "grant-window-rewritten",
        "/spec/expirationWindow",
        Severity::Warn,
        "an `expirationWindow` such as `1 day` was rewritten in Go's form (`rewriteWindows: true`)",
        "a value that differs from the manifest shows as drift in GitOps tools",
        window_rewritten,
    ),
    Row::new(
        "grant-window-clamped",
        "/spec/expirationWindow",
        Severity::Warn,
        "an `expirationWindow` was lowered to `maxExpirationWindow` (`overlong: clamp`)",
        "whoever asked must know that the grant ends earlier; a plain `skupper token issue` always asks for 15m0s",
        window_clamped,
    ),
    Row::new(
        "grant-window-frozen",
        "/spec/expirationWindow",
        Severity::Deny,
        "`expirationWindow` changed after Skupper has computed the expiry",
        "Skupper's controller sets `status.expirationTime` once and ignores a later change",
        window_frozen,
    ),
    Row::new(
        "grant-code-format",
        "/spec/code",
        Severity::Deny,
        "a `code` with control characters, with white space at either end, in quotes, behind `Bearer`, or longer than 1024 bytes",
        "the redemption request carries the code as its raw body",
        |review, report| code_format(&review.new.spec.code, report),
    ),
    Row::new(
        "grant-code-length",
        "/spec/code",
        Severity::Warn,
        "a `code` shorter than `minCodeLength`",
        "Skupper's redemption server does not limit wrong codes",
        |review, report| {
            let min = review.settings.access_grant.min_code_length;
            let code = review.new.spec.code.set();
            let is_placeholder = code.is_some_and(|code| Placeholder::of(code.reveal()).is_some());
            if is_placeholder && report.is_at_most(review.severity("placeholder")) {
                return;
            }
            if code.is_some_and(|code| i64::try_from(code.len()).is_ok_and(|len| len < min)) {
                report.find(
                    Cause::TooShort,
                    format!(
                        "must be at least {min} bytes (accessGrant.minCodeLength), or left out: Skupper generates one"
                    ),
                );
            }
        },
    ),
    Row::new(
        "grant-code-inline",
        "/spec/code",
        Severity::Allow,
        "any `code` in a spec; set it to `deny` to keep secrets out of manifests",
        "manifests are kept in repositories; Skupper generates a code where there is none",
        |review, report| {
            if !review.new.spec.code.is_absent() {
                report.find(Cause::Forbidden, "must be left out: Skupper generates one");
            }
        },
    ),
    Row::new(
        "grant-code-frozen",
        "/spec/code",
        Severity::Deny,
        "`code` changed after Skupper has taken another one",
        "Skupper's controller copies the code to `status.code` once and ignores a later change",
        code_frozen,
    ),
    Row::new(
        "grant-issuer-format",
        "/spec/issuer",
        Severity::Deny,
        "an `issuer` that is not a DNS-1123 subdomain",
        "it names a Secret",
        |review, report| {
            if let Some(problem) = review.new.spec.issuer.problem() {
                report.find_malformed(problem, |_| None);
            }
        },
    ),
    Row::new(
        "grant-issuer-allowed",
        "/spec/issuer",
        Severity::Deny,
        "an `issuer` that is not in `allowedIssuers`",
        "who may create a grant must not choose any CA key in the namespace",
        issuer_allowed,
    ),
    Row::new(
        "grant-issuer-ignored",
        "/spec/issuer",
        Severity::Warn,
        "any `issuer`: Skupper's own grant service does not read it",
        "Skupper's grant service signs with the Site's default issuer",
        |review, report| {
            let issuer = &review.new.spec.issuer;
            let is_refused = issuer.problem().is_some() && review.denies("grant-issuer-format");
            if !issuer.is_absent() && !is_refused {
                report.find(
                    Cause::Forbidden,
                    "Skupper's own grant service does not read this field and signs with the Site's default issuer",
                );
            }
        },
    ),
    Row::new(
        "grant-expired",
        "/spec",
        Severity::Warn,
        "spec changed after the grant has expired",
        "Skupper's redemption server refuses every redemption after `status.expirationTime`",
        expired,
    ),
    live_credential(),
    placeholder(),
];

fn redemptions_problem(review: &GrantReview<'_>, allowed: i64) -> Option<String> {
    let max = review.settings.access_grant.max_redemptions_allowed;
    range_problem(allowed, max, "accessGrant.maxRedemptionsAllowed")
}

/// Problem with the length of the window that is asked for.
fn window_range_problem(review: &GrantReview<'_>) -> Option<String> {
    let spec = &review.new.spec;
    if spec.expiration_window.is_absent() {
        return None;
    }
    length_problem(spec.window(review.settings)?, review.settings)
}

/// Problem with a window of this length.
fn length_problem(window: GoDuration, settings: &Settings) -> Option<String> {
    let grant = &settings.access_grant;
    if window <= GoDuration::from_seconds(0) {
        return Some("must be more than 0: the grant would be expired at birth".to_owned());
    }
    if let Some(min) = grant.min_expiration_window.filter(|min| window < *min) {
        let detail = format!("must be at least '{min}' (accessGrant.minExpirationWindow)");
        return Some(detail + &command_line_hint(window, min));
    }
    let max = grant.max_expiration_window.filter(|max| window > *max)?;
    if grant.overlong == Overlong::Clamp {
        return None;
    }
    let detail = format!("must be at most '{max}' (accessGrant.maxExpirationWindow)");
    Some(detail + &command_line_hint(window, max))
}

/// The way out for people who named no window at all.
fn command_line_hint(window: GoDuration, limit: GoDuration) -> String {
    if window != COMMAND_LINE_WINDOW {
        return String::new();
    }
    format!(
        "; 'skupper token issue' always sends 15m0s and 1 unless it is given '--expiration-window {limit}'"
    )
}

/// Source: Skupper's command line, `token issue`.
const COMMAND_LINE_WINDOW: GoDuration = GoDuration::from_seconds(15 * 60);

fn redemptions_spent(review: &GrantReview<'_>, report: &mut Report<'_>) {
    let default = review.settings.access_grant.default_redemptions_allowed;
    let allowed = review.new.spec.redemptions_allowed.or_default(default);
    let (Some(old), Some(allowed)) = (&review.old, allowed) else {
        return;
    };
    let is_beyond = redemptions_problem(review, allowed).is_some();
    if is_beyond && review.denies("grant-redemptions-range") {
        return;
    }
    let redeemed = old.with_status(|status| {
        status
            .field("redemptions")
            .integer(&mut Mismatches::default())
    });
    if let Field::Set(redeemed) = redeemed
        && allowed <= redeemed
    {
        report.find(
            Cause::Invalid,
            format!("{redeemed} redemptions are made already, so none is left: must be more than {redeemed}"),
        );
    }
}

fn is_window_refused(review: &GrantReview<'_>) -> bool {
    window_range_problem(review).is_some() && review.denies("grant-window-range")
}

fn window_format(review: &GrantReview<'_>, report: &mut Report<'_>) {
    let spec = &review.new.spec;
    let Some(problem) = spec.expiration_window.problem() else {
        return;
    };
    if spec.spelled_window(review.settings).is_some() {
        return;
    }
    let Some(window) = problem.suggestion() else {
        return report.find_malformed(problem, |_| None);
    };
    let lowered = review.settings.access_grant.lowered(window);
    match length_problem(window, review.settings) {
        None if lowered < window => {
            let detail = format!(
                "must be a Go duration of at most '{lowered}' (accessGrant.maxExpirationWindow): write '{lowered}'"
            );
            report.find_with_fix(Cause::Invalid, detail, lowered.to_string().into());
        }
        None => {
            let is_rewritten = matches!(problem, WindowProblem::Spelled(_))
                && review.settings.access_grant.rewrite_windows;
            let mut detail = problem.to_string();
            if is_rewritten {
                detail += ", nothing is rewritten (defaulting)";
            }
            report.find_with_fix(Cause::Invalid, detail, window.to_string().into());
        }
        Some(length) => report.find(
            Cause::Invalid,
            format!("must be a Go duration; '{window}', which it means, {length}"),
        ),
    }
}

fn window_rewritten(review: &GrantReview<'_>, report: &mut Report<'_>) {
    let spec = &review.new.spec;
    let window = spec.spelled_window(review.settings);
    let is_lowered = replacement(review) != window;
    let Some(window) = window.filter(|_| !is_lowered && !is_replacement_refused(review)) else {
        return;
    };
    let text = window.to_string();
    let detail = format!(
        "must be a Go duration: write '{text}', as which it is stored (accessGrant.rewriteWindows)"
    );
    report.find_with_fix(Cause::Invalid, detail, text.into());
}

fn window_clamped(review: &GrantReview<'_>, report: &mut Report<'_>) {
    let asked = review.new.spec.window(review.settings);
    let lowered = replacement(review).filter(|window| Some(*window) < asked);
    let Some(window) = lowered.filter(|_| !is_replacement_refused(review)) else {
        return;
    };
    let text = window.to_string();
    let detail = format!(
        "must be at most '{text}' (accessGrant.maxExpirationWindow), to which it is lowered (accessGrant.overlong)"
    );
    report.find_with_fix(Cause::Invalid, detail, text.into());
}

fn is_replacement_refused(review: &GrantReview<'_>) -> bool {
    is_window_refused(review) || (is_window_frozen(review) && review.denies("grant-window-frozen"))
}

fn window_frozen(review: &GrantReview<'_>, report: &mut Report<'_>) {
    if is_window_frozen(review) {
        let is_lost = review.new.spec.expiration_window.is_absent();
        report.find(
            Cause::Forbidden,
            if is_lost {
                "may not be left out where nothing is written back (defaulting): Skupper has computed the expiry already"
            } else {
                "may not be changed: Skupper has computed the expiry already, create a new grant"
            },
        );
    }
}

/// True when there is a window to compare, and Skupper has taken one already. One of the wrong type
/// it cannot have taken.
fn is_window_frozen(review: &GrantReview<'_>) -> bool {
    let is_readable = review.new.spec.window(review.settings).is_some();
    let old = review
        .old
        .as_ref()
        .filter(|_| is_readable && !is_window_refused(review));
    old.is_some_and(|old| {
        !matches!(old.object.spec.expiration_window, Field::WrongType)
            && old.with_status(AccessGrant::is_processed)
    })
}

fn code_frozen(review: &GrantReview<'_>, report: &mut Report<'_>) {
    let code = &review.new.spec.code;
    let Some(old) = review.old.as_ref().filter(|_| !code.is_absent()) else {
        return;
    };
    if let Some(taken) = old.status_text("code")
        && code.set().map(|code| code.reveal()) != Some(taken)
        && !(code.problem().is_some() && review.denies("grant-code-format"))
    {
        report.find(
            Cause::Forbidden,
            "may not be changed: Skupper has taken another code already, create a new grant",
        );
    }
}

fn issuer_allowed(review: &GrantReview<'_>, report: &mut Report<'_>) {
    let allowed = &review.settings.access_grant.allowed_issuers;
    let is_allowed = match &review.new.spec.issuer {
        Field::Set(issuer) => allowed.iter().any(|name| name == issuer.as_str()),
        Field::Malformed(_) => review.denies("grant-issuer-format"),
        Field::Absent | Field::WrongType => true,
    };
    if !is_allowed && !allowed.is_empty() {
        let detail = supported_values(allowed) + " (accessGrant.allowedIssuers)";
        report.find(Cause::Unsupported, detail);
    }
}

fn expired(review: &GrantReview<'_>, report: &mut Report<'_>) {
    let Some(old) = review.old.as_ref().filter(|_| review.comparison.is_changed) else {
        return;
    };
    if let Some(text) = old.status_text("expirationTime")
        && let Ok(expiry) = DateTime::parse_from_rfc3339(text)
        && expiry < review.now
    {
        report.find(
            Cause::Forbidden,
            "the grant has expired and nothing can be redeemed any more, create a new grant",
        );
    }
}
