//! The invariants of the settings and of the value types.

use std::time::Duration;

use skupper_access_policy::settings::Settings;
use skupper_access_policy::value::certificate::{BundleProblem, CertificateBundle};
use skupper_access_policy::value::duration::{GoDuration, WindowProblem, read_window};
use skupper_access_policy::value::host::Host;
use skupper_access_policy::value::host_pattern::HostPattern;
use skupper_access_policy::value::redemption_url::{self, RedemptionUrl, UrlProblem};

use super::{MAX_FINDING_LENGTH, MAX_FINDINGS, assert_printable};

/// Settings are read, or refused with a message of bounded length.
pub fn settings(text: &[u8]) {
    let Err(problems) = Settings::from_json(text) else {
        return;
    };
    let message = problems.to_string();
    assert!(!problems.problems().is_empty());
    assert!(message.starts_with("settings are not valid: "));
    assert!(message.len() <= (MAX_FINDINGS + 1) * MAX_FINDING_LENGTH);
    assert_printable(&message);
}

/// A window is what Go reads; what it is displayed as, and what is suggested, read back as the
/// same.
pub fn duration(text: &str) {
    let parsed = GoDuration::parse(text);
    if let Ok(duration) = parsed {
        assert_eq!(GoDuration::parse(&duration.to_string()), Ok(duration));
    }
    let problem = match read_window(text) {
        Ok(window) => return assert_eq!(parsed, Ok(window)),
        Err(problem) => problem,
    };
    assert!(parsed.is_err());
    let message = problem.to_string();
    assert!(message.len() <= 256, "{message}");
    assert_printable(&message);
    if let Some(window) = problem.suggestion() {
        assert_eq!(read_window(&window.to_string()), Ok(window));
        assert!(message.contains(&format!("write '{window}'")));
    }
    if let WindowProblem::Spelled(window) = problem {
        assert_is_spelled(text.trim(), window);
    }
}

/// A text that may be rewritten unasked means the same to Go, or to humantime, which knows the micro sign
/// only.
fn assert_is_spelled(text: &str, window: GoDuration) {
    if GoDuration::parse(text) == Ok(window) {
        return;
    }
    let nanoseconds = u64::try_from(window.nanoseconds()).unwrap();
    let text = text.replace('\u{3bc}', "\u{b5}");
    assert_eq!(
        humantime::parse_duration(&text).ok(),
        Some(Duration::from_nanos(nanoseconds)),
        "{text:?}"
    );
}

/// A URL is what its parts say, and no part that may hold a secret is ever printed.
pub fn url(text: &str) {
    match RedemptionUrl::parse(text) {
        Ok(url) => assert_is_its_parts(&url),
        Err(problem) => assert_printable(&problem.to_string()),
    }
    if let Some(shown) = redemption_url::printable(text) {
        assert!(!shown.contains(['@', '?', '#', '%', '\\']), "{shown}");
        assert_printable(&shown);
        assert_eq!(redemption_url::printable(&shown), Some(shown));
    }
    if text.contains(SECRET) {
        return;
    }
    let place = text.split_once("://").map_or(text, |(_, place)| place);
    let hiding = [
        format!("https://{SECRET}@{place}"),
        format!("https://user:{SECRET}@{place}"),
        format!("https://{place}?{SECRET}"),
        format!("https://{place}#{SECRET}"),
    ];
    for text in &hiding {
        assert!(RedemptionUrl::parse(text).is_err(), "{text:?}");
    }
    // A slash in a password makes a path of what follows: a URL, but none to be printed.
    let guessed = [
        format!("https://{place}{SECRET}@host.example/path"),
        format!("https://user:{place}{SECRET}{place}@host.example/path"),
    ];
    for text in hiding.iter().chain(&guessed) {
        let shown = redemption_url::printable(text);
        assert!(
            !shown.is_some_and(|shown| shown.contains(SECRET)),
            "{text:?}"
        );
    }
}

fn assert_is_its_parts(url: &RedemptionUrl) {
    let (scheme, host, path) = (url.scheme(), url.host(), url.path());
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    let written = format!("{scheme}://{host}{port}{path}");
    match RedemptionUrl::parse(&written) {
        Ok(again) => assert_eq!(again, *url),
        // An IPv6 address can be longer in Rust's spelling than as it was written.
        Err(problem) => assert_eq!(problem, UrlProblem::TooLong),
    }
    assert_is_itself(host);
}

/// A bundle that Go would not trust is refused; text around the blocks changes nothing.
pub fn certificate(text: &str) {
    let parsed = CertificateBundle::parse(text);
    if let Err(problem) = &parsed {
        let message = problem.to_string();
        assert!(message.len() <= 256, "{message}");
        assert_printable(&message);
    }
    if parsed.is_ok() {
        assert!(text.contains("-----BEGIN CERTIFICATE-----"));
        assert!(!text.contains("-----BEGIN PRIVATE KEY-----"));
        let around = format!("before\n{text}\nafter");
        let around = CertificateBundle::parse(&around);
        assert!(around == parsed || around == Err(BundleProblem::TooLong));
    }
    let with_key = format!("-----BEGIN PRIVATE KEY-----\n{text}");
    let problem = CertificateBundle::parse(&with_key).err();
    assert!(matches!(
        problem,
        Some(BundleProblem::PrivateKey | BundleProblem::TooLong)
    ));
}

/// The first line is a pattern, the rest a host: a host matches itself and what it is below,
/// whatever the case of the letters.
pub fn host_pattern(text: &str) {
    let (pattern, host) = text.split_once('\n').unwrap_or((text, text));
    let host = Host::parse(host);
    if let Err(problem) = &host {
        assert_printable(&problem.to_string());
    }
    if let Ok(host) = &host {
        assert_is_itself(host);
    }
    match (HostPattern::parse(pattern), &host) {
        (Ok(parsed), Ok(host)) => {
            let upper = HostPattern::parse(&pattern.to_ascii_uppercase()).unwrap();
            assert_eq!(parsed, upper);
            let is_below = pattern.starts_with("*.");
            if parsed.matches(host) && is_below {
                assert!(matches!(host, Host::Name(_)));
            }
            if parsed.matches(host) && matches!(host, Host::Name(_)) && !is_below {
                assert_eq!(&Host::parse(pattern).unwrap(), host);
            }
        }
        (Ok(_), Err(_)) => {}
        (Err(problem), _) => {
            let message = problem.to_string();
            assert!(message.len() <= 256, "{message}");
            assert_printable(&message);
        }
    }
}

fn assert_is_itself(host: &Host) {
    let written = host.to_string();
    assert_eq!(Host::parse(&written).as_ref(), Ok(host));
    assert!(HostPattern::parse(&written).unwrap().matches(host));
    let below = format!("*.{written}");
    match HostPattern::parse(&below) {
        Ok(below) => {
            assert!(!below.matches(host));
            if let Ok(deeper) = Host::parse(&format!("a.{written}")) {
                assert!(below.matches(&deeper));
            }
        }
        Err(_) => assert!(matches!(host, Host::Ip(_))),
    }
}

/// Stands where a secret may stand. The fuzzer finds out about it sooner or later.
const SECRET: &str = "canary-7c1f0e9d";
