//! The addresses that tokens in the field carry: a service that moves must go on answering for them.

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::URL;
use super::queries::{keep, kept, last_end};
use super::rows::time;
use crate::ledger::EarlierUrl;
use crate::wire::advertised::AdvertisedUrl;

/// The key in `meta`: a line for each address, with the end of its last grant in microseconds.
const EARLIER: &str = "earlier_urls";

/// Notes the published address when another one takes its place, and returns those that are still
/// carried.
pub(super) fn note_earlier(
    connection: &Connection,
    next: &AdvertisedUrl,
    now: DateTime<Utc>,
) -> rusqlite::Result<Vec<EarlierUrl>> {
    let text = kept(connection, EARLIER)?.unwrap_or_default();
    let mut all: Vec<EarlierUrl> = text.lines().filter_map(read).collect();
    let published = kept(connection, URL)?.and_then(|url| url.parse().ok());
    if let Some(url) = published.filter(|url| url != next)
        && let Some(until) = last_end(connection, now)?
    {
        all.retain(|earlier| earlier.url != url);
        all.push(EarlierUrl { url, until });
    }
    all.retain(|earlier| earlier.until >= now && earlier.url != *next);
    let lines = all.iter().map(|EarlierUrl { url, until }| {
        let until = until.timestamp_micros();
        format!("{url} {until}\n")
    });
    keep(connection, EARLIER, &lines.collect::<String>())?;
    Ok(all)
}

fn read(line: &str) -> Option<EarlierUrl> {
    let (url, until) = line.split_once(' ')?;
    Some(EarlierUrl {
        url: url.parse().ok()?,
        until: time(until.parse().ok()?).ok()?,
    })
}
