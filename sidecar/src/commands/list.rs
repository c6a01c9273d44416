//! `list`: every grant, or every link.

use chrono::{DateTime, Utc};

use super::report::{print_links, print_list};
use super::store::Store;
use super::{Failure, tell};
use crate::args::{Format, List};
use crate::ledger::{LinkChoice, LinkRecord, LinkState};
use crate::renewal::{Authorities, AuthorityId};
use crate::system::clock;

pub(super) async fn run(options: List) -> Result<(), Failure> {
    let store = Store::of(&options.store)?;
    if options.links {
        let choice = options.name.map_or(LinkChoice::All, LinkChoice::Grant);
        let (store, now) = (store.links().await?, clock::now());
        let links = store.links(&choice).await?;
        print_links(&links, options.output, now)?;
        if options.output == Format::Table
            && let Some(authorities) = store.authorities().await?
            && let Some(progress) = progress(&links, &authorities, now)
        {
            tell(progress);
        }
        return Ok(());
    }
    let records = store.grants().await?.list().await?;
    print_list(&records, options.output, clock::now())
}

/// The course of a change of the CA, as far as these links go. `None` while there is none.
fn progress(links: &[LinkRecord], authorities: &Authorities, now: DateTime<Utc>) -> Option<String> {
    if authorities.previous.is_empty() {
        return None;
    }
    let live = || {
        links
            .iter()
            .filter(|link| link.state(now) == LinkState::Live)
    };
    let is_of_previous = |link: &&LinkRecord| {
        let authority = link.authority.as_ref();
        authority.is_none_or(|authority| !authorities.current.contains(authority))
    };
    let current: Vec<_> = authorities
        .current
        .iter()
        .map(AuthorityId::as_str)
        .collect();
    let (old, untold) = (
        live().filter(is_of_previous).count(),
        live().filter(|link| !link.is_told()).count(),
    );
    Some(format!(
        "the CA of the links changes: of {} live links {old} have a certificate of another CA than {}, and \
         {untold} a router that was not told of the last one",
        live().count(),
        current.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::redemption::Serial;

    #[test]
    fn the_course_of_a_change_counts_links_that_live_and_are_not_there_yet() {
        let now = clock::EARLIEST;
        let [old, new] = ["0123456789abcdef", "fedcba9876543210"].map(AuthorityId::from_stored);
        let link = |authority: Option<&AuthorityId>, is_told: bool| {
            let serial = Serial::from_bytes([7; 16]);
            LinkRecord {
                link: serial.link(),
                grant: None,
                grant_name: None,
                subject: None,
                serial: Some(serial),
                authority: authority.cloned(),
                first: None,
                last: None,
                certificate_end: Some(now + TimeDelta::days(1)),
                latest_end: Some(now + TimeDelta::days(1)),
                renewals: 1,
                told: is_told.then_some(serial),
                revoked: None,
            }
        };
        let ended = LinkRecord {
            certificate_end: Some(now - TimeDelta::days(1)),
            latest_end: Some(now - TimeDelta::days(1)),
            ..link(Some(&old), false)
        };
        let revoked = LinkRecord {
            revoked: Some(now),
            ..link(Some(&old), false)
        };
        let change = Authorities {
            current: [new.clone()].into(),
            previous: [old.clone()].into(),
        };
        let no_change = Authorities {
            previous: [].into(),
            ..change.clone()
        };
        let rows = [
            ("no change", vec![link(Some(&old), false)], &no_change, None),
            ("no link", vec![], &change, Some((0, 0, 0))),
            (
                "all there",
                vec![link(Some(&new), true)],
                &change,
                Some((1, 0, 0)),
            ),
            (
                "not told",
                vec![link(Some(&new), false)],
                &change,
                Some((1, 0, 1)),
            ),
            (
                "not renewed",
                vec![link(Some(&old), true)],
                &change,
                Some((1, 1, 0)),
            ),
            (
                "not known",
                vec![link(None, true)],
                &change,
                Some((1, 1, 0)),
            ),
            (
                "ended and taken back",
                vec![ended, revoked],
                &change,
                Some((0, 0, 0)),
            ),
        ];
        for (name, links, authorities, expected) in rows {
            let expected = expected.map(|(live, old, untold)| {
                format!(
                    "the CA of the links changes: of {live} live links {old} have a certificate of \
                     another CA than fedcba9876543210, and {untold} a router that was not told of the \
                     last one"
                )
            });
            assert_eq!(progress(&links, authorities, now), expected, "{name}");
        }
    }
}
