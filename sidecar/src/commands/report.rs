//! Grants and redemptions as people and programs read them.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Failure, print};
use crate::args::Format;
use crate::ledger::kubernetes::administration::Listed;
use crate::redemption::{Grant, KeyOrigin, Redemption};

pub(super) use crate::system::wording::time;

/// A grant in `list`, `show` and `revoke`. Never its code.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GrantReport<'a> {
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
    /// What a cluster knows of the certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<KeyReport>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyReport {
    key: String,
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
    pub(super) fn new(grant: &'a Grant, now: DateTime<Utc>) -> Self {
        Self {
            name: &grant.name,
            uid: grant.uid.to_string(),
            state: grant.state(now).as_str(),
            redemptions: Some(grant.redemptions),
            redemptions_allowed: Some(grant.redemptions_allowed),
            created: Some(time(grant.created)),
            expiration_time: Some(time(grant.expiration_time)),
            revoked: grant.revoked.map(time),
            issuer: grant.issuer.as_deref(),
            certificates: None,
            keys: None,
        }
    }

    /// A grant of a cluster in a list.
    pub(super) fn of_cluster(listed: &'a Listed, now: DateTime<Utc>) -> Self {
        match &listed.grant {
            Some(grant) => Self::new(grant, now),
            None => Self {
                name: &listed.name,
                uid: listed.uid.to_string(),
                state: "pending",
                redemptions: None,
                redemptions_allowed: None,
                created: None,
                expiration_time: None,
                revoked: None,
                issuer: None,
                certificates: None,
                keys: None,
            },
        }
    }

    /// A grant of a cluster with the redemptions that are noted in it.
    pub(super) fn of_cluster_with_keys(listed: &'a Listed, now: DateTime<Utc>) -> Self {
        let seconds = |seconds| {
            DateTime::from_timestamp_secs(seconds)
                .map(time)
                .unwrap_or_default()
        };
        let keys = listed.keys.iter().map(|key| KeyReport {
            key: key.name(),
            issued: seconds(key.at),
            end: seconds(key.end),
        });
        Self {
            keys: Some(keys.collect()),
            ..Self::of_cluster(listed, now)
        }
    }

    /// A grant with the certificates that were issued for it.
    pub(super) fn with_certificates(
        grant: &'a Grant,
        redemptions: &'a [Redemption],
        now: DateTime<Utc>,
    ) -> Self {
        let certificates = redemptions.iter().map(|redemption| CertificateReport {
            serial: redemption.serial.to_string(),
            subject: &redemption.subject,
            issued: time(redemption.at),
            end: time(redemption.certificate_end),
            key_made_by: match redemption.origin {
                KeyOrigin::Redeemer => "redeemer",
                KeyOrigin::Service => "service",
            },
        });
        Self {
            certificates: Some(certificates.collect()),
            ..Self::new(grant, now)
        }
    }

    /// The grant as lines for people.
    pub(super) fn text(&self) -> String {
        let mut rows = vec![
            ["name".to_owned(), self.name.to_owned()],
            ["uid".to_owned(), self.uid.clone()],
            ["state".to_owned(), self.state.to_owned()],
            ["redemptions".to_owned(), self.redemptions_text()],
        ];
        let times = [
            ("created", &self.created),
            ("expires", &self.expiration_time),
        ];
        rows.extend(
            times
                .into_iter()
                .filter_map(|(name, time)| Some([name.to_owned(), time.clone()?])),
        );
        rows.extend(
            self.revoked
                .clone()
                .map(|time| ["revoked".to_owned(), time]),
        );
        rows.extend(
            self.issuer
                .map(|name| ["issuer".to_owned(), name.to_owned()]),
        );
        let mut text = columns(&rows);
        if let Some(certificates) = &self.certificates
            && !certificates.is_empty()
        {
            let heading = ["SERIAL", "SUBJECT", "ISSUED", "END", "KEY MADE BY"];
            let mut rows = vec![heading.map(str::to_owned)];
            rows.extend(certificates.iter().map(|certificate| {
                [
                    certificate.serial.clone(),
                    certificate.subject.to_owned(),
                    certificate.issued.clone(),
                    certificate.end.clone(),
                    certificate.key_made_by.to_owned(),
                ]
            }));
            text.push('\n');
            text.push_str(&columns(&rows));
        }
        if let Some(keys) = self.keys.as_ref().filter(|keys| !keys.is_empty()) {
            let mut rows = vec![["KEY", "ISSUED", "END"].map(str::to_owned)];
            let keys = keys.iter();
            rows.extend(keys.map(|key| [key.key.clone(), key.issued.clone(), key.end.clone()]));
            text.push('\n');
            text.push_str(&columns(&rows));
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

/// Prints a list of grants.
pub(super) fn print_list(reports: &[GrantReport<'_>], format: Format) -> Result<(), Failure> {
    if format != Format::Table {
        return print_as(&reports, format);
    }
    if reports.is_empty() {
        return print("no grants\n");
    }
    let heading = ["NAME", "STATE", "REDEMPTIONS", "EXPIRES"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(reports.iter().map(|report| {
        [
            report.name.to_owned(),
            report.state.to_owned(),
            report.redemptions_text(),
            report
                .expiration_time
                .clone()
                .unwrap_or_else(|| ABSENT.to_owned()),
        ]
    }));
    print(columns(&rows))
}

/// Prints grants of one name, the newest first.
pub(super) fn print_grants(reports: &[GrantReport<'_>], format: Format) -> Result<(), Failure> {
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
    print(text.map_err(|error| Failure::try_again(format!("cannot print: {error}")))?)
}

/// Left-aligned columns, two blanks apart.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
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

/// What is not known, in a column.
const ABSENT: &str = "-";
