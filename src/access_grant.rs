//! AccessGrant (`skupper.io/v2alpha1`): permits a number of redemptions within a window.
//!
//! Source: Skupper's AccessGrant reference, and what its controller does with each field.

use chrono::DateTime;
use serde_json::{Map, Value};

use crate::field::{Cursor, Field, Mismatch};
use crate::finding::{Cause, Severity};
use crate::kind::{Edit, Kind, Review, SpecField};
use crate::rules::{Report, Row, Rule};
use crate::settings::{MAX_INT32, Settings};
use crate::skupper_object::{name_format, name_missing, unknown_field, wrong_type};
use crate::value::code::{Code, CodeProblem};
use crate::value::duration::{GoDuration, WindowProblem, read_window};
use crate::value::name::{NameProblem, SubdomainName};

/// The kind.
pub(crate) enum AccessGrant {}

/// The fields of an AccessGrant's `spec`.
pub(crate) struct GrantSpec<'a> {
    redemptions_allowed: Field<i64>,
    expiration_window: Field<GoDuration, WindowProblem>,
    code: Field<Code<'a>, CodeProblem>,
    issuer: Field<SubdomainName<'a>, NameProblem>,
    settings: Field<&'a Map<String, Value>>,
}

impl Kind for AccessGrant {
    type Spec<'a> = GrantSpec<'a>;

    const NAME: &'static str = "AccessGrant.skupper.io";

    const FIELDS: &'static [SpecField<Self>] = &[
        SpecField {
            name: "redemptionsAllowed",
            is_absent: |spec| spec.redemptions_allowed.is_absent(),
            is_same: |new, old, settings| {
                let default = settings.access_grant.default_redemptions_allowed;
                let of = |spec: &GrantSpec<'_>| spec.redemptions_allowed.or_default(default);
                of(new).is_some() && of(new) == of(old)
            },
            default: |settings| Some(settings.access_grant.default_redemptions_allowed.into()),
            is_removable: false,
        },
        SpecField {
            name: "expirationWindow",
            is_absent: |spec| spec.expiration_window.is_absent(),
            is_same: |new, old, settings| {
                let window = new.window(settings);
                window.is_some() && window == old.window(settings)
            },
            default: |settings| {
                let window = settings.access_grant.default_expiration_window;
                Some(window.to_string().into())
            },
            is_removable: false,
        },
        SpecField {
            name: "code",
            is_absent: |spec| spec.code.is_absent(),
            is_same: |_, _, _| false,
            default: |_| None,
            is_removable: true,
        },
        SpecField {
            name: "issuer",
            is_absent: |spec| spec.issuer.is_absent(),
            is_same: |_, _, _| false,
            default: |_| None,
            is_removable: false,
        },
        SpecField {
            name: "settings",
            is_absent: |spec| spec.settings.is_absent(),
            is_same: |_, _, _| false,
            default: |_| None,
            is_removable: false,
        },
    ];

    const RULES: &'static [Row<Self>] = &[
        wrong_type(),
        name_missing(),
        name_format(),
        unknown_field(),
        row(
            "grant-redemptions-range",
            "/spec/redemptionsAllowed",
            Severity::Deny,
            "`redemptionsAllowed` outside 1 to 2147483647, or above `maxRedemptionsAllowed`",
            "Skupper's controller: 0 was dead before 2.2.0, a negative number is Ready and never redeemable",
            |review, report| {
                let allowed = review.new.spec.redemptions_allowed.set().copied();
                let max = review.settings.access_grant.max_redemptions_allowed;
                if let Some(detail) = allowed.and_then(|allowed| beyond(allowed, max)) {
                    report.find(Cause::Invalid, detail);
                }
            },
        ),
        row(
            "grant-redemptions-spent",
            "/spec/redemptionsAllowed",
            Severity::Warn,
            "`redemptionsAllowed` changed to what is redeemed already, or less",
            "Skupper's controller compares `status.redemptions` with `spec.redemptionsAllowed` at every redemption",
            redemptions_spent,
        ),
        Row {
            rule: Rule {
                fixed: true,
                ..rule(
                    "grant-window-format",
                    "/spec/expirationWindow",
                    Severity::Deny,
                    "an `expirationWindow` that Go's `time.ParseDuration` does not read",
                    "Skupper's controller calls Go's time.ParseDuration; the CRD's `format: duration` lets much more through",
                )
            },
            check: window_format,
        },
        row(
            "grant-window-range",
            "/spec/expirationWindow",
            Severity::Deny,
            "an `expirationWindow` of 0 or less, below `minExpirationWindow` or above `maxExpirationWindow`",
            "Skupper's controller: a grant with a window of 0 or less is Ready and expired at birth",
            |review, report| {
                if let Some(detail) = review.new.spec.window_out_of_range(review.settings) {
                    report.find(Cause::Invalid, detail);
                }
            },
        ),
        row(
            "grant-window-rewritten",
            "/spec/expirationWindow",
            Severity::Warn,
            "an `expirationWindow` such as `1 day` was rewritten in Go's form (`rewriteWindows: true`)",
            "a value that differs from the manifest shows as drift in GitOps tools",
            window_rewritten,
        ),
        row(
            "grant-window-frozen",
            "/spec/expirationWindow",
            Severity::Deny,
            "`expirationWindow` changed after Skupper has computed the expiry",
            "Skupper's controller sets `status.expirationTime` once and ignores a later change",
            window_frozen,
        ),
        row(
            "grant-code-format",
            "/spec/code",
            Severity::Deny,
            "a `code` with control characters, with white space at either end, or longer than 1024 bytes",
            "the redemption request carries the code as its raw body",
            |review, report| match review.new.spec.code.problem() {
                Some(CodeProblem::TooLong) => {
                    report.find(Cause::TooLong, CodeProblem::TooLong.to_string());
                }
                Some(problem) => report.find(Cause::Invalid, problem.to_string()),
                None => {}
            },
        ),
        row(
            "grant-code-length",
            "/spec/code",
            Severity::Warn,
            "a `code` shorter than `minCodeLength`",
            "Skupper's redemption server does not limit wrong codes",
            |review, report| {
                let min = review.settings.access_grant.min_code_length;
                let code = review.new.spec.code.set();
                if code.is_some_and(|code| i64::try_from(code.len()).is_ok_and(|len| len < min)) {
                    report.find(
                        Cause::TooShort,
                        format!("must be at least {min} bytes, or left out: Skupper generates one"),
                    );
                }
            },
        ),
        row(
            "grant-code-inline",
            "/spec/code",
            Severity::Allow,
            "any `code` in a spec; set it to `deny` to keep secrets out of manifests",
            "manifests are kept in repositories; Skupper generates a code where there is none",
            |review, report| {
                if review.new.spec.code.set().is_some() {
                    report.find(Cause::Forbidden, "must be left out: Skupper generates one");
                }
            },
        ),
        row(
            "grant-code-frozen",
            "/spec/code",
            Severity::Deny,
            "`code` changed after Skupper has taken another one",
            "Skupper's controller copies the code to `status.code` once and ignores a later change",
            code_frozen,
        ),
        row(
            "grant-issuer-format",
            "/spec/issuer",
            Severity::Deny,
            "an `issuer` that is not a DNS-1123 subdomain",
            "it names a Secret",
            |review, report| {
                if let Some(problem) = review.new.spec.issuer.problem() {
                    report.find(Cause::Invalid, problem.to_string());
                }
            },
        ),
        row(
            "grant-issuer-allowed",
            "/spec/issuer",
            Severity::Deny,
            "an `issuer` that is not in `allowedIssuers`",
            "who may create a grant must not choose any CA key in the namespace",
            issuer_allowed,
        ),
        row(
            "grant-issuer-ignored",
            "/spec/issuer",
            Severity::Warn,
            "any `issuer`: Skupper's own grant service does not read it",
            "Skupper's grant service signs with the Site's default issuer",
            |review, report| {
                if review.new.spec.issuer.set().is_some() {
                    report.find(
                        Cause::Forbidden,
                        "Skupper's own grant service does not read this field and signs with the Site's default issuer",
                    );
                }
            },
        ),
        row(
            "grant-expired",
            "/spec",
            Severity::Warn,
            "spec changed after the grant has expired",
            "Skupper's redemption server refuses every redemption after `status.expirationTime`",
            expired,
        ),
    ];

    fn read<'a>(spec: &Cursor<'_, 'a>, mismatches: &mut Vec<Mismatch>) -> GrantSpec<'a> {
        let settings = spec.field("settings");
        GrantSpec {
            redemptions_allowed: spec.field("redemptionsAllowed").integer(mismatches),
            expiration_window: spec.field("expirationWindow").text(mismatches).parse(read_window),
            code: spec.field("code").text(mismatches).parse(Code::parse),
            issuer: spec.field("issuer").text(mismatches).parse(SubdomainName::parse),
            settings: settings.map_of_texts(mismatches),
        }
    }

    fn is_processed(status: &Cursor<'_, '_>) -> bool {
        status.field("expirationTime").value().is_some()
    }

    /// From 2.2.0 on Skupper's controller itself turns 0, and nothing, into 1.
    fn is_own_change(field: &str, new: &GrantSpec<'_>, old: &GrantSpec<'_>) -> bool {
        field == "redemptionsAllowed"
            && new.redemptions_allowed == Field::Set(1)
            && matches!(old.redemptions_allowed, Field::Absent | Field::Set(0))
    }

    fn replacements(review: &Review<'_, Self>) -> Vec<Edit> {
        let spelled = review.new.spec.spelled_window(review.settings);
        let rewritten = spelled.map(|window| Edit {
            field: "expirationWindow",
            value: window.to_string().into(),
        });
        rewritten.into_iter().collect()
    }
}

impl GrantSpec<'_> {
    /// The window as it will be stored: what is written, what that is rewritten to, or the default.
    fn window(&self, settings: &Settings) -> Option<GoDuration> {
        self.spelled_window(settings).or_else(|| match self.expiration_window {
            Field::Set(window) => Some(window),
            Field::Absent => Some(settings.access_grant.default_expiration_window),
            _ => None,
        })
    }

    /// The window in the human grammar, where the settings have it rewritten.
    fn spelled_window(&self, settings: &Settings) -> Option<GoDuration> {
        match self.expiration_window {
            Field::Malformed(WindowProblem::Spelled(window))
                if settings.access_grant.rewrite_windows =>
            {
                Some(window)
            }
            _ => None,
        }
    }

    fn window_out_of_range(&self, settings: &Settings) -> Option<String> {
        if self.expiration_window.is_absent() {
            return None;
        }
        let window = self.window(settings)?;
        let grant = &settings.access_grant;
        if window <= GoDuration::from_seconds(0) {
            return Some("must be more than 0: the grant would be expired at birth".to_owned());
        }
        if let Some(min) = grant.min_expiration_window.filter(|min| window < *min) {
            return Some(format!("must be at least '{min}'"));
        }
        let max = grant.max_expiration_window.filter(|max| window > *max)?;
        Some(format!("must be at most '{max}'"))
    }
}

type Check = fn(&Review<'_, AccessGrant>, &mut Report<'_>);

fn redemptions_spent(review: &Review<'_, AccessGrant>, report: &mut Report<'_>) {
    let (Some(old), Some(allowed)) = (&review.old, review.new.spec.redemptions_allowed.set()) else {
        return;
    };
    if beyond(*allowed, review.settings.access_grant.max_redemptions_allowed).is_some() {
        return;
    }
    let redeemed = old.with_status(|status| status.field("redemptions").integer(&mut Vec::new()));
    if let Field::Set(redeemed) = redeemed
        && *allowed <= redeemed
    {
        report.find(
            Cause::Invalid,
            format!("{redeemed} redemptions are made already, so none is left: must be more than {redeemed}"),
        );
    }
}

fn window_format(review: &Review<'_, AccessGrant>, report: &mut Report<'_>) {
    let spec = &review.new.spec;
    let Some(problem) = spec.expiration_window.problem() else {
        return;
    };
    if spec.spelled_window(review.settings).is_some() {
        return;
    }
    match problem.suggestion() {
        Some(window) => report.find_with_fix(
            Cause::Invalid,
            problem.to_string(),
            window.to_string().into(),
        ),
        None => report.find(Cause::Invalid, problem.to_string()),
    }
}

fn window_rewritten(review: &Review<'_, AccessGrant>, report: &mut Report<'_>) {
    let spec = &review.new.spec;
    let Some(window) = spec.spelled_window(review.settings) else {
        return;
    };
    if spec.window_out_of_range(review.settings).is_none() {
        let text = window.to_string();
        let detail = format!("rewritten to '{text}': write it like this to keep the manifest and the cluster alike");
        report.find_with_fix(Cause::Invalid, detail, text.into());
    }
}

fn window_frozen(review: &Review<'_, AccessGrant>, report: &mut Report<'_>) {
    let Some(old) = &review.old else { return };
    let spec = &review.new.spec;
    let is_readable = spec.window(review.settings).is_some()
        && spec.window_out_of_range(review.settings).is_none();
    if is_readable && old.with_status(AccessGrant::is_processed) {
        report.find(
            Cause::Forbidden,
            "may not be changed: Skupper has computed the expiry already, create a new grant",
        );
    }
}

fn code_frozen(review: &Review<'_, AccessGrant>, report: &mut Report<'_>) {
    let (Some(old), Some(code)) = (&review.old, review.new.spec.code.set()) else {
        return;
    };
    let taken = old.with_status(|status| status.field("code").text(&mut Vec::new()));
    if let Field::Set(taken) = taken
        && taken != code.reveal()
    {
        report.find(
            Cause::Forbidden,
            "may not be changed: Skupper has taken another code already, create a new grant",
        );
    }
}

fn issuer_allowed(review: &Review<'_, AccessGrant>, report: &mut Report<'_>) {
    let allowed = &review.settings.access_grant.allowed_issuers;
    let Some(issuer) = review.new.spec.issuer.set() else {
        return;
    };
    if allowed.is_empty() || allowed.iter().any(|name| name == issuer.as_str()) {
        return;
    }
    let names: Vec<String> = allowed.iter().map(|name| format!("\"{name}\"")).collect();
    report.find(
        Cause::Unsupported,
        format!("supported values: {}", names.join(", ")),
    );
}

fn expired(review: &Review<'_, AccessGrant>, report: &mut Report<'_>) {
    let Some(old) = review.old.as_ref().filter(|_| review.comparison.is_changed) else {
        return;
    };
    let expiry = old.with_status(|status| status.field("expirationTime").text(&mut Vec::new()));
    if let Field::Set(text) = expiry
        && let Ok(expiry) = DateTime::parse_from_rfc3339(text)
        && expiry < review.now
    {
        report.find(
            Cause::Forbidden,
            "the grant has expired and nothing can be redeemed any more, create a new grant",
        );
    }
}

/// What is wrong with a number of redemptions, if anything is.
fn beyond(allowed: i64, max: Option<i64>) -> Option<String> {
    let max = max.unwrap_or(MAX_INT32);
    (!(1..=max).contains(&allowed)).then(|| format!("must be from 1 to {max}"))
}

const fn row(
    code: &'static str,
    pointer: &'static str,
    severity: Severity,
    summary: &'static str,
    source: &'static str,
    check: Check,
) -> Row<AccessGrant> {
    Row {
        rule: rule(code, pointer, severity, summary, source),
        check,
    }
}

const fn rule(
    code: &'static str,
    pointer: &'static str,
    severity: Severity,
    summary: &'static str,
    source: &'static str,
) -> Rule {
    Rule {
        code,
        pointer,
        severity,
        fixed: false,
        summary,
        source,
    }
}
