//! Links as people and programs read them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use skupper_access_policy::printable::printable;

use super::{ABSENT, columns, print_as, time};
use crate::args::Format;
use crate::commands::{Failure, print};
use crate::ledger::LinkRecord;
use crate::renewal::AuthorityId;

/// A link in `list --links`, `show` and `revoke`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinkReport<'a> {
    link: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redeemed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renewed: Option<String>,
    renewals: u32,
    /// The end of the last certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    /// The latest end, where an earlier certificate outlives the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_end: Option<String>,
    told: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
}

impl<'a> LinkReport<'a> {
    pub(super) fn new(link: &'a LinkRecord, now: DateTime<Utc>) -> Self {
        let is_renewed = link.renewals > 0;
        Self {
            link: link.link.to_string(),
            state: link.state(now).as_str(),
            subject: link.subject.as_deref(),
            grant: link.grant.map(|grant| grant.to_string()),
            grant_name: link.grant_name.as_deref(),
            serial: link.serial.map(|serial| serial.to_string()),
            issuer: link.authority.as_ref().map(AuthorityId::as_str),
            redeemed: link.first.map(time),
            renewed: link.last.filter(|_| is_renewed).map(time),
            renewals: link.renewals,
            end: link.certificate_end.map(time),
            latest_end: link
                .latest_end
                .filter(|_| link.latest_end != link.certificate_end)
                .map(time),
            told: link.is_told(),
            revoked: link.revoked.map(time),
        }
    }
}

/// Prints links.
pub(in crate::commands) fn print_links(
    links: &[LinkRecord],
    format: Format,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let reports: Vec<_> = links
        .iter()
        .map(|link| LinkReport::new(link, now))
        .collect();
    if format != Format::Table {
        return print_as(&reports, format);
    }
    if reports.is_empty() {
        return print("no links\n");
    }
    print(table(&reports))
}

/// Links in columns. Any text can be a subject.
pub(super) fn table(links: &[LinkReport<'_>]) -> String {
    let printed = links.iter().map(|link| {
        let subject = link.subject.map(|subject| printable(subject).to_string());
        (subject, link.renewals.to_string())
    });
    let printed: Vec<_> = printed.collect();
    let mut rows = vec![[
        "LINK", "SUBJECT", "GRANT", "STATE", "END", "RENEWALS", "ISSUER", "TOLD",
    ]];
    rows.extend(
        links
            .iter()
            .zip(&printed)
            .map(|(link, (subject, renewals))| {
                [
                    link.link.as_str(),
                    subject.as_deref().unwrap_or(ABSENT),
                    link.grant_name.unwrap_or(ABSENT),
                    link.state,
                    link.end.as_deref().unwrap_or(ABSENT),
                    renewals,
                    link.issuer.unwrap_or(ABSENT),
                    if link.told { "yes" } else { "no" },
                ]
            }),
    );
    columns(&rows)
}
