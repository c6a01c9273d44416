//! The links of a site as people and programs read them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use skupper_access_policy::printable::printable;

use super::{ABSENT, columns, print_as, time};
use crate::args::Format;
use crate::commands::{Failure, print};
use crate::redeemer::keeper::{KeepProblem, Noted, Seen, SeenCertificate};

/// A link in `links`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeptReport<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    /// The end of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    /// Time from which it is renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_renewal: Option<String>,
    /// The certificate that its router was told of is this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    /// Reason it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl<'a> KeptReport<'a> {
    fn of(seen: &'a Seen, now: DateTime<Utc>) -> Self {
        let certificate = seen.certificate.as_ref();
        let care = seen.care.as_ref().ok();
        Self {
            name: &seen.name.name,
            namespace: seen.name.namespace.as_deref(),
            link: certificate
                .and_then(SeenCertificate::link)
                .map(|link| link.to_string()),
            subject: certificate.and_then(|certificate| certificate.subject.as_deref()),
            state: state(seen, now),
            serial: certificate
                .and_then(|certificate| certificate.serial)
                .map(|serial| serial.to_string()),
            end: certificate.map(|certificate| time(certificate.times.end())),
            next_renewal: certificate
                .filter(|certificate| care.is_some() && certificate.ended.is_none())
                .map(|certificate| time(certificate.times.due())),
            told: care.map(|care| match care.telling {
                Noted::First => "with the link",
                Noted::Untold => "no",
                Noted::Unreported => "router",
                Noted::All => "yes",
                Noted::NoRouter => "no router",
            }),
            server: care.map(|care| care.server.as_str()),
            problem: seen.care.as_ref().err().map(ToString::to_string),
        }
    }
}

/// State of a link as far as its Secret and the clock tell.
fn state(seen: &Seen, now: DateTime<Utc>) -> &'static str {
    match (&seen.certificate, &seen.care) {
        (Some(certificate), _) if certificate.ended.is_some() => "ended",
        (Some(_), Err(KeepProblem::NotKept(_))) => "not kept",
        (None, _) | (_, Err(_)) => "broken",
        (Some(certificate), Ok(_)) if certificate.times.due() <= now => "due",
        (Some(_), Ok(_)) => "kept",
    }
}

/// Prints links, and below them why some are not kept.
pub(in crate::commands) fn print_kept(
    links: &[Seen],
    format: Format,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let reports: Vec<_> = links.iter().map(|seen| KeptReport::of(seen, now)).collect();
    if format != Format::Table {
        return print_as(&reports, format);
    }
    if reports.is_empty() {
        return print("no links\n");
    }
    print(table(&reports))
}

fn table(links: &[KeptReport<'_>]) -> String {
    let printed = links.iter().map(|link| {
        let name = match link.namespace {
            Some(namespace) => format!("{namespace}/{}", link.name),
            None => link.name.to_owned(),
        };
        // Any text can be a subject.
        (
            name,
            link.subject.map(|subject| printable(subject).to_string()),
        )
    });
    let printed: Vec<_> = printed.collect();
    let mut rows = vec![[
        "NAME",
        "LINK",
        "SUBJECT",
        "STATE",
        "END",
        "NEXT RENEWAL",
        "TOLD",
    ]];
    rows.extend(links.iter().zip(&printed).map(|(link, (name, subject))| {
        [
            name.as_str(),
            link.link.as_deref().unwrap_or(ABSENT),
            subject.as_deref().unwrap_or(ABSENT),
            link.state,
            link.end.as_deref().unwrap_or(ABSENT),
            link.next_renewal.as_deref().unwrap_or(ABSENT),
            link.told.unwrap_or(ABSENT),
        ]
    }));
    let mut text = columns(&rows);
    let problems = links.iter().filter_map(|link| link.problem.as_deref());
    for problem in problems {
        text.push_str(problem);
        text.push('\n');
    }
    text
}
