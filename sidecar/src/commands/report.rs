//! Grants and redemptions as people and programs read them.

mod kept;
mod links;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Failure, print};
use crate::args::Format;
use crate::ledger::{GrantRecord, LinkRecord, NotedKey, Redeemed};
use crate::redemption::{GrantUid, KeyOrigin, Redemption};
use links::LinkReport;

pub(super) use crate::system::wording::time;
pub(super) use kept::print_kept;
pub(super) use links::print_links;

/// A grant in `list`, `show` and `revoke`. Never its code.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GrantReport<'a> {
    name: &'a str,
    uid: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redemptions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redemptions_allowed: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<Vec<CertificateReport<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<KeyReport<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Vec<LinkReport<'a>>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyReport<'a> {
    key: &'a str,
    issued: String,
    end: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateReport<'a> {
    serial: String,
    subject: &'a str,
    issued: String,
    end: String,
    key_made_by: &'static str,
}

impl<'a> GrantReport<'a> {
    /// A grant in a list.
    fn new(record: &'a GrantRecord, now: DateTime<Utc>) -> Self {
        let grant = record.grant.as_ref();
        Self {
            name: &record.name,
            uid: record.uid.to_string(),
            state: grant.map_or("pending", |grant| grant.state(now).as_str()),
            redemptions: grant.map(|grant| grant.redemptions),
            redemptions_allowed: grant.map(|grant| grant.redemptions_allowed),
            created: grant.map(|grant| time(grant.created)),
            expiration_time: grant.map(|grant| time(grant.expiration_time)),
            revoked: grant.and_then(|grant| grant.revoked).map(time),
            issuer: grant.and_then(|grant| grant.issuer.as_deref()),
            certificates: None,
            keys: None,
            links: None,
        }
    }

    /// A grant that is not kept any more, of which links are.
    fn deleted(name: &'a str, uid: String) -> Self {
        Self {
            name,
            uid,
            state: "deleted",
            redemptions: None,
            redemptions_allowed: None,
            created: None,
            expiration_time: None,
            revoked: None,
            issuer: None,
            certificates: None,
            keys: None,
            links: None,
        }
    }

    /// The same with its links.
    fn with_links(self, links: &[&'a LinkRecord], now: DateTime<Utc>) -> Self {
        let links = links.iter().map(|link| LinkReport::new(link, now));
        Self {
            links: Some(links.collect()),
            ..self
        }
    }

    /// A grant with what was redeemed of it.
    fn whole(record: &'a GrantRecord, now: DateTime<Utc>) -> Self {
        let mut report = Self::new(record, now);
        match &record.redeemed {
            Redeemed::Redemptions(redemptions) => {
                report.certificates = Some(redemptions.iter().map(CertificateReport::of).collect());
            }
            Redeemed::Keys(keys) => report.keys = Some(keys.iter().map(KeyReport::of).collect()),
        }
        report
    }

    /// The grant as lines for people.
    fn text(&self) -> String {
        let rows = [
            ("name", Some(self.name)),
            ("uid", Some(self.uid.as_str())),
            ("state", Some(self.state)),
            ("redemptions", Some(&*self.redemptions_text())),
            ("created", self.created.as_deref()),
            ("expires", self.expiration_time.as_deref()),
            ("revoked", self.revoked.as_deref()),
            ("issuer", self.issuer),
        ];
        let rows = rows.into_iter();
        let rows: Vec<_> = rows
            .filter_map(|(name, value)| Some([name, value?]))
            .collect();
        let mut text = columns(&rows);
        if let Some([first, more @ ..]) = self.certificates.as_deref() {
            let mut rows = vec![
                ["SERIAL", "SUBJECT", "ISSUED", "END", "KEY MADE BY"],
                first.row(),
            ];
            rows.extend(more.iter().map(CertificateReport::row));
            text = format!("{text}\n{}", columns(&rows));
        }
        if let Some([first, more @ ..]) = self.keys.as_deref() {
            let mut rows = vec![["KEY", "ISSUED", "END"], first.row()];
            rows.extend(more.iter().map(KeyReport::row));
            text = format!("{text}\n{}", columns(&rows));
        }
        if let Some(links @ [_, ..]) = self.links.as_deref() {
            text = format!("{text}\n{}", links::table(links));
        }
        text
    }

    fn redemptions_text(&self) -> String {
        match (self.redemptions, self.redemptions_allowed) {
            (Some(redemptions), Some(allowed)) => format!("{redemptions} of {allowed}"),
            _ => ABSENT.to_owned(),
        }
    }
}

impl<'a> CertificateReport<'a> {
    fn of(redemption: &'a Redemption) -> Self {
        Self {
            serial: redemption.serial.to_string(),
            subject: &redemption.subject,
            issued: time(redemption.at),
            end: time(redemption.certificate_end),
            key_made_by: match redemption.origin {
                KeyOrigin::Redeemer => "redeemer",
                KeyOrigin::Service => "service",
            },
        }
    }

    fn row(&self) -> [&str; 5] {
        [
            &self.serial,
            self.subject,
            &self.issued,
            &self.end,
            self.key_made_by,
        ]
    }
}

impl<'a> KeyReport<'a> {
    fn of(noted: &'a NotedKey) -> Self {
        Self {
            key: &noted.key,
            issued: time(noted.at),
            end: time(noted.certificate_end),
        }
    }

    fn row(&self) -> [&str; 3] {
        [self.key, &self.issued, &self.end]
    }
}

/// Prints a list of grants.
pub(super) fn print_list(
    records: &[GrantRecord],
    format: Format,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let reports = records.iter().map(|record| GrantReport::new(record, now));
    let reports: Vec<_> = reports.collect();
    if format != Format::Table {
        return print_as(&reports, format);
    }
    if reports.is_empty() {
        return print("no grants\n");
    }
    let redemptions = reports.iter().map(GrantReport::redemptions_text);
    let redemptions: Vec<_> = redemptions.collect();
    let mut rows = vec![["NAME", "STATE", "REDEMPTIONS", "EXPIRES"]];
    rows.extend(
        reports
            .iter()
            .zip(&redemptions)
            .map(|(report, redemptions)| {
                let expires = report.expiration_time.as_deref().unwrap_or(ABSENT);
                [report.name, report.state, redemptions, expires]
            }),
    );
    print(columns(&rows))
}

/// Prints grants of one name, the newest first, each with links that were redeemed from it. Links whose
/// grant is not among them stand behind.
pub(super) fn print_grants(
    name: &str,
    records: &[GrantRecord],
    links: &[LinkRecord],
    format: Format,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let mut by_grant: BTreeMap<Option<GrantUid>, Vec<&LinkRecord>> = BTreeMap::new();
    for link in links {
        by_grant.entry(link.grant).or_default().push(link);
    }
    let mut reports: Vec<_> = records
        .iter()
        .map(|record| {
            let links = by_grant.remove(&Some(record.uid)).unwrap_or_default();
            GrantReport::whole(record, now).with_links(&links, now)
        })
        .collect();
    reports.extend(by_grant.into_iter().map(|(grant, links)| {
        let uid = grant.map_or_else(|| ABSENT.to_owned(), |grant| grant.to_string());
        GrantReport::deleted(name, uid).with_links(&links, now)
    }));
    if format != Format::Table {
        return print_as(&reports, format);
    }
    let texts: Vec<String> = reports.iter().map(GrantReport::text).collect();
    print(texts.join("\n"))
}

fn print_as(value: &impl Serialize, format: Format) -> Result<(), Failure> {
    let text = match format {
        Format::Yaml => serde_saphyr::to_string(value).map_err(|error| error.to_string()),
        Format::Json | Format::Table => serde_json::to_string_pretty(value)
            .map(|text| text + "\n")
            .map_err(|error| error.to_string()),
    };
    print(text.map_err(|error| Failure::try_again(format_args!("cannot print: {error}")))?)
}

/// Left-aligned columns, two blanks apart.
fn columns<const N: usize>(rows: &[[&str; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Stands for something unknown in a column.
const ABSENT: &str = "-";
