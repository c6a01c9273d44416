//! The rules for AccessTokens.

use super::AccessToken;
use crate::field::{Cursor, Field};
use crate::finding::{Cause, Severity};
use crate::kind::{Kind, Row};
use crate::live_credential::live_credential;
use crate::placeholder::placeholder;
use crate::printable::printable;
use crate::report::Report;
use crate::request::Origin;
use crate::review::Review;
use crate::skupper_object::{
    code_format, name_format, name_missing, range_problem, settings_too_many, wrong_type,
};
use crate::unknown_field::unknown_field;
use crate::value::certificate::{self, BundleProblem};
use crate::value::host::Host;
use crate::value::redemption_url::{self, UrlProblem};

type TokenReview<'a> = Review<'a, AccessToken>;

/// Every rule, in the order in which findings are reported.
pub(super) const RULES: &[Row<AccessToken>] = &[
    settings_too_many(),
    wrong_type(),
    name_missing(),
    name_format(),
    unknown_field(),
    Row::new(
        "token-name-reserved",
        "/metadata/name",
        Severity::Deny,
        "a name in `reservedNames`",
        "the redeemed Secret takes the token's name; Skupper only creates it, fails for ever where one is there, and each try uses up a redemption",
        name_reserved,
    ),
    Row::fixed(
        "spec-missing",
        "/spec",
        "no `spec`: Skupper's CRD forgets to require it",
        "Skupper's CRD accepts an AccessToken without spec",
        |review, report| {
            if !review.new.has_spec {
                report.find(Cause::Required, "url, code and ca are required");
                report.settle(report.path());
            }
        },
    ),
    Row::new(
        "token-url-missing",
        "/spec/url",
        Severity::Deny,
        "no `url`, or an empty one",
        "Skupper's CRD requires it and accepts an empty string",
        |review, report| {
            if review.new.spec.url.is_absent() {
                report.find(Cause::Required, "");
            }
        },
    ),
    Row::new(
        "token-url-format",
        "/spec/url",
        Severity::Deny,
        "a `url` that is not an absolute URL of a host and a path, with nothing else",
        "RFC 3986; `127.1`, `0x7f.1` and `2130706433` all reach 127.0.0.1",
        |review, report| match review.new.spec.url.problem() {
            Some(problem @ UrlProblem::TooLong) => report.find(Cause::TooLong, problem.to_string()),
            Some(problem) => report.find_malformed(problem, redemption_url::mended),
            None => {}
        },
    ),
    Row::new(
        "token-url-scheme",
        "/spec/url",
        Severity::Deny,
        "a `url` whose scheme is not `https`",
        "the code would travel in the clear",
        |review, report| {
            let is_https = match (&review.new.spec.url, unread_url(review)) {
                (Field::Set(url), _) => url.is_https(),
                (_, Some(text)) => has_https(text),
                _ => true,
            };
            if !is_https {
                report.find(Cause::Invalid, "scheme must be 'https'");
            }
        },
    ),
    Row::new(
        "token-url-host",
        "/spec/url",
        Severity::Deny,
        "a host that is not in `allowedHosts`, or is in `deniedHosts`",
        "the controller connects to whatever host a token names",
        url_host_listed,
    ),
    Row::new(
        "token-url-private",
        "/spec/url",
        Severity::Allow,
        "an address that is not globally reachable: loopback, private, link-local, shared, multicast, documentation and so on, in every spelling; a name in `localhost`",
        "IANA special-purpose address registries (RFC 6890); load balancers often have such addresses",
        |review, report| {
            let detail = match url_host(review) {
                Some(UrlHost::Read(host)) if host.is_private() => format!(
                    "host '{}' must be globally reachable, not a loopback, private, link-local or other special-purpose address",
                    printable(&host.to_string())
                ),
                Some(UrlHost::Unreadable) => "must have a host that can be read, because addresses are limited: mend the URL first".to_owned(),
                _ => return,
            };
            report.find(Cause::Forbidden, detail);
        },
    ),
    Row::new(
        "token-url-underscore",
        "/spec/url",
        Severity::Warn,
        "a host with an underscore, which DNS and Go take and RFC 1123 does not",
        "RFC 1123 section 2.1; certificates and some clients refuse such a name",
        |review, report| {
            if let Field::Set(url) = &review.new.spec.url
                && let Host::Name(name) = url.host()
                && name.has_underscore()
            {
                report.find(
                    Cause::Invalid,
                    "the host has an underscore, which not every client and certificate takes: use '-' where the name can be chosen",
                );
            }
        },
    ),
    Row::new(
        "token-code-missing",
        "/spec/code",
        Severity::Deny,
        "no `code`, or an empty one",
        "Skupper's CRD requires it and accepts an empty string",
        |review, report| {
            if review.new.spec.code.is_absent() {
                report.find(Cause::Required, "");
            }
        },
    ),
    Row::new(
        "token-code-format",
        "/spec/code",
        Severity::Deny,
        "a `code` with control characters, with white space at either end, in quotes, behind `Bearer`, or longer than 1024 bytes",
        "the redemption request carries the code as its raw body",
        |review, report| code_format(&review.new.spec.code, report),
    ),
    Row::new(
        "token-ca-missing",
        "/spec/ca",
        Severity::Warn,
        "no `ca`, or an empty one, with which Skupper after 2.2.1 does not redeem the token",
        "Skupper's documentation calls it optional; its CRD requires it, and its command line sends an empty one",
        |review, report| {
            if review.new.spec.ca.is_absent() {
                report.find(
                    Cause::Required,
                    "Skupper after 2.2.1 does not redeem a token without it: copy status.ca of the AccessGrant",
                );
            }
        },
    ),
    Row::new(
        "token-ca-format",
        "/spec/ca",
        Severity::Deny,
        "a `ca` over 64 KiB, without a PEM block, or with one that is no readable certificate",
        "RFC 7468 and RFC 5280; Go's encoding/pem and crypto/x509",
        |review, report| match review.new.spec.ca.problem() {
            None => {}
            Some(BundleProblem::PrivateKey) if review.denies("token-ca-private-key") => {}
            Some(problem @ BundleProblem::TooLong) => {
                report.find(Cause::TooLong, problem.to_string());
            }
            Some(problem) => report.find_malformed(problem, certificate::mended),
        },
    ),
    Row::new(
        "token-ca-private-key",
        "/spec/ca",
        Severity::Deny,
        "a private key in `ca`",
        "whoever may read the token could sign with it",
        |review, report| {
            if let Some(problem @ BundleProblem::PrivateKey) = review.new.spec.ca.problem() {
                report.find(Cause::Forbidden, problem.to_string());
            }
        },
    ),
    Row::new(
        "token-ca-expired",
        "/spec/ca",
        Severity::Warn,
        "no certificate in `ca` is valid now",
        "the redemption server's certificate cannot be verified with it",
        |review, report| {
            let now = review.now.timestamp();
            let ca = review.new.spec.ca.set();
            if ca.is_some_and(|ca| !ca.is_any_valid_at(now)) && !is_redeemed_in_store(review) {
                report.find(
                    Cause::Invalid,
                    "no certificate in it is valid now: copy status.ca of the AccessGrant",
                );
            }
        },
    ),
    Row::new(
        "token-cost-range",
        "/spec/linkCost",
        Severity::Deny,
        "`linkCost` outside 1 to 2147483647, or above `maxLinkCost`",
        "Skupper's controller ignores 0 and below, and wraps from 2147483648 on",
        |review, report| {
            let max = review.settings.access_token.max_link_cost;
            let cost = review.new.spec.link_cost.set();
            let problem =
                cost.and_then(|cost| range_problem(*cost, max, "accessToken.maxLinkCost"));
            if let Some(detail) = problem {
                report.find(Cause::Invalid, detail);
            }
        },
    ),
    Row::new(
        "token-redeemed-frozen",
        "/spec",
        Severity::Deny,
        "spec changed after the token was redeemed",
        "Skupper's AccessToken reference, status.redeemed: once a token is redeemed, it cannot be used again",
        redeemed_frozen,
    ),
    live_credential(),
    placeholder(),
];

/// True where a scanner asks about a stored token that was redeemed. Only then is the status of the
/// object under review Skupper's own.
fn is_redeemed_in_store(review: &TokenReview<'_>) -> bool {
    if review.request.origin != Origin::Audit {
        return false;
    }
    let object = review.request.whole_object();
    AccessToken::is_processed(&Cursor::root(&object).field("status"))
}

fn name_reserved(review: &TokenReview<'_>, report: &mut Report<'_>) {
    let Some(name) = review.new.name.set() else {
        return;
    };
    // With a new credential Skupper would try the name once more.
    let is_tried = !review.is_name_stored() || review.comparison.is_credential_changed;
    if review.settings.access_token.is_reserved(name) && is_tried {
        report.find(
            Cause::Forbidden,
            "the name is reserved (accessToken.reservedNames): the redeemed Secret takes it, Skupper only creates Secrets and fails where one of its own is there, and each try uses up a redemption",
        );
    }
}

/// The host of a URL that is accepted as far as `token-url-format` is concerned.
enum UrlHost {
    Read(Host),
    /// It cannot be told, so no list of hosts may let it pass.
    Unreadable,
}

fn url_host(review: &TokenReview<'_>) -> Option<UrlHost> {
    match &review.new.spec.url {
        Field::Set(url) => Some(UrlHost::Read(url.host().clone())),
        _ => unread_url(review)
            .map(|text| redemption_url::host(text).map_or(UrlHost::Unreadable, UrlHost::Read)),
    }
}

/// A URL that cannot be read, where the settings have `token-url-format` let it pass.
fn unread_url<'a>(review: &TokenReview<'a>) -> Option<&'a str> {
    review.new.spec.url.problem()?;
    if review.denies("token-url-format") {
        return None;
    }
    review.object.get("spec")?.get("url")?.as_str()
}

fn has_https(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

const UNREADABLE_HOST: &str = "must have a host that can be read, because hosts are limited (accessToken.allowedHosts, accessToken.deniedHosts): mend the URL first";

fn url_host_listed(review: &TokenReview<'_>, report: &mut Report<'_>) {
    let settings = &review.settings.access_token;
    if settings.allowed_hosts.is_empty() && settings.denied_hosts.is_empty() {
        return;
    }
    let host = match url_host(review) {
        Some(UrlHost::Read(host)) => host,
        Some(UrlHost::Unreadable) => return report.find(Cause::Forbidden, UNREADABLE_HOST),
        None => return,
    };
    let shown = || printable(&host.to_string()).to_string();
    if settings
        .denied_hosts
        .iter()
        .any(|pattern| pattern.matches(&host))
    {
        report.find(
            Cause::Forbidden,
            format!(
                "host '{}' is in the denied hosts (accessToken.deniedHosts)",
                shown()
            ),
        );
        return;
    }
    let allowed = &settings.allowed_hosts;
    if !allowed.is_empty() && !allowed.iter().any(|pattern| pattern.matches(&host)) {
        report.find(
            Cause::Forbidden,
            format!(
                "host '{}' is not in the allowed hosts (accessToken.allowedHosts)",
                shown()
            ),
        );
    }
}

fn redeemed_frozen(review: &TokenReview<'_>, report: &mut Report<'_>) {
    let old = review.old.as_ref();
    let is_redeemed = old.is_some_and(|old| old.with_status(AccessToken::is_processed));
    if is_redeemed && review.comparison.is_changed {
        report.find(
            Cause::Forbidden,
            if review.settings.defaulting {
                "may not be changed: once a token is redeemed, it cannot be used again, create a new token"
            } else {
                "may not be changed, and what is left out is not written back (defaulting): once a token is redeemed, it cannot be used again, create a new token"
            },
        );
    }
}
