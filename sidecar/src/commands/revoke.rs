//! `revoke`: ends the grants of a name at once, retries included, and takes their links back; or takes
//! single links back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use skupper_access_policy::printable::printable;

use super::report::{print_grants, print_links, time};
use super::store::Store;
use super::{Failure, tell};
use crate::args::{Format, Revoke};
use crate::ledger::{GrantRecord, Grants, LinkChoice, LinkRecord, LinkState, Links, Redeemed};
use crate::redemption::GrantState;
use crate::system::clock;

pub(super) async fn run(options: Revoke) -> Result<(), Failure> {
    let now = clock::now();
    let store = Store::of(&options.store)?;
    match (&options.name, options.link, &options.subject) {
        (Some(name), ..) => of_name(name, &options, &store, now).await,
        (_, Some(link), _) => of_choice(LinkChoice::Link(link), &options, &store, now).await,
        (_, _, Some(subject)) => {
            of_choice(LinkChoice::Subject(subject.clone()), &options, &store, now).await
        }
        (None, None, None) => Err(Failure::usage("name a grant, a link or a subject")),
    }
}

/// Ends the grants of a name, and their links, as far as there are any.
async fn of_name(
    name: &str,
    options: &Revoke,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let grants = store.grants().await?;
    if options.keep_links {
        return of_grant_alone(name, &*grants, options, store, now).await;
    }
    let links = store.links().await?;
    let choice = LinkChoice::Grant(name.to_owned());
    // Before the grant, because on a cluster nobody knows afterwards which one had the name; and after it
    // once more, for what was redeemed meanwhile.
    let mut revoked = links.revoke_links(&choice, now).await?;
    let ended = grants.revoke(name, now).await?;
    let of_meanwhile = links.revoke_links(&choice, now).await;
    revoked.extend(of_meanwhile.map_err(|fault| {
        let failure = Failure::from(fault);
        if ended.is_empty() {
            return failure;
        }
        failure.after(&format!(
            "the grant '{name}' is ended, and not all of its links are taken back: run the same command \
             again"
        ))
    })?);
    if ended.is_empty() && revoked.is_empty() {
        let known = grants.find(name).await?;
        let ending = ending(name, known.first(), store);
        return Err(Failure::refused(match known.first() {
            Some(_) => format!("{ending}, and no link of it is live"),
            None => format!("{ending}, and no live link of one"),
        }));
    }
    let revoked = as_noted(revoked, &*links, &choice).await;
    let shown = with_grants_of(&revoked, ended, &*grants, name).await?;
    print_grants(name, &shown, &revoked, options.output, now)?;
    if options.output == Format::Table {
        advise(&revoked, store);
    }
    Ok(())
}

/// Ends the grants of a name, and lets their links go on.
async fn of_grant_alone(
    name: &str,
    grants: &dyn Grants,
    options: &Revoke,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let ended = grants.revoke(name, now).await?;
    if ended.is_empty() {
        let known = grants.find(name).await?;
        return Err(Failure::refused(ending(name, known.first(), store)));
    }
    print_grants(name, &ended, &[], options.output, now)?;
    if options.output == Format::Table && ended.iter().any(is_redeemed) {
        tell(format_args!(
            "the links are kept, and are renewed as before: {} takes them back, too",
            store.command(&format!("revoke {name}"))
        ));
    }
    Ok(())
}

/// Takes links back.
async fn of_choice(
    choice: LinkChoice,
    options: &Revoke,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let links = store.links().await?;
    let revoked = links.revoke_links(&choice, now).await?;
    if revoked.is_empty() {
        let known = links.links(&choice).await?;
        return Err(nothing_to_take_back(&choice, &known, store, now));
    }
    let revoked = as_noted(revoked, &*links, &choice).await;
    print_links(&revoked, options.output, now)?;
    if options.output == Format::Table {
        advise(&revoked, store);
        warn_of_tokens(&revoked, store, now).await;
    }
    Ok(())
}

/// Says which tokens make another link of whoever has them.
async fn warn_of_tokens(links: &[LinkRecord], store: &Store, now: DateTime<Utc>) {
    let grants = match store.grants().await {
        Ok(grants) => grants.list().await.ok(),
        Err(_) => None,
    };
    let Some(grants) = grants else {
        tell(format_args!(
            "the grants cannot be read: whoever has a token that can still be redeemed can link again \
             ({} shows those there are)",
            store.command("list")
        ));
        return;
    };
    let is_of_links = |record: &&GrantRecord| links.iter().any(|it| it.grant == Some(record.uid));
    for record in grants.iter().filter(is_of_links) {
        let grant = record.grant.as_ref();
        let Some(grant) = grant.filter(|grant| grant.state(now) == GrantState::Live) else {
            continue;
        };
        let name = printable(&record.name);
        tell(format_args!(
            "warning: the grant '{name}' can still be redeemed until {}: whoever has its token can link \
             again; {} ends it and leaves its other links alone",
            time(grant.expiration_time),
            store.command(&format!("revoke {name} --keep-links"))
        ));
    }
}

/// Links that were taken back, with what services certified just before.
async fn as_noted(
    revoked: Vec<LinkRecord>,
    links: &dyn Links,
    choice: &LinkChoice,
) -> Vec<LinkRecord> {
    if revoked.is_empty() {
        return revoked;
    }
    tokio::time::sleep(NOTING).await;
    let mut noted = links.links(choice).await.unwrap_or_default();
    noted.retain(|link| revoked.iter().any(|revoked| revoked.link == link.link));
    if noted.len() == revoked.len() {
        noted
    } else {
        revoked
    }
}

/// The grants that were ended, and those of the links that had ended before.
async fn with_grants_of(
    links: &[LinkRecord],
    ended: Vec<GrantRecord>,
    grants: &dyn Grants,
    name: &str,
) -> Result<Vec<GrantRecord>, Failure> {
    let is_ended = |grant| ended.iter().any(|record| Some(record.uid) == grant);
    if links.iter().all(|link| is_ended(link.grant)) {
        return Ok(ended);
    }
    let mut shown = grants.find(name).await?;
    shown.retain(|record| links.iter().any(|link| link.grant == Some(record.uid)));
    shown.retain(|record| !is_ended(Some(record.uid)));
    Ok([ended, shown].concat())
}

/// Says who is shut out from when on, and what ends an open connection.
fn advise(links: &[LinkRecord], store: &Store) {
    if links.is_empty() {
        return;
    }
    let bound = store.revocation_bound();
    let ends = links.iter().map(|link| link.latest_end);
    let ends: Option<Vec<_>> = ends.collect();
    let end = ends.and_then(|ends| ends.into_iter().max());
    match end {
        Some(end) => tell(format_args!(
            "{bound} no service renews these links; their last certificate ends at {}: \
             until then the other site can connect again whenever it likes",
            time(end)
        )),
        None => tell(format_args!(
            "{bound} no service renews these links; when their last certificate ends is not known"
        )),
    }
    let from = end.map_or_else(|| "that end".to_owned(), time);
    tell(format_args!(
        "a connection that is open outlives its certificate; to close it after {from}, at the site that \
         accepts the links:"
    ));
    tell(
        "- all links, for some seconds: in Kubernetes give the Secret 'skupper-site-server' new data, with \
         the annotation 'skupper.io/tls-prior-valid-revisions: \"0\"', and take the annotation away \
         afterwards; elsewhere run 'skupper system reload'",
    );
    tell(
        "- one link, without a pause for others: in the network of the router, find the address of the \
         peer with 'skstat -c' by its subject, and run 'ss -K dst ADDRESS'; the subjects are:",
    );
    for link in links {
        let subject = link.subject.as_deref();
        let subject = subject.map_or_else(String::new, |name| format!("CN={}, ", escaped(name)));
        tell(format_args!("    {subject}OU={}", link.link));
    }
}

/// A common name as routers show it: whoever redeems chooses it, and must not write other parts of a name
/// into it.
///
/// Source: RFC 2253 section 2.4.
fn escaped(name: &str) -> String {
    let mut text = String::new();
    for character in printable(name).to_string().chars() {
        if matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

/// Reason there is no link to take back. Takes those that are known.
fn nothing_to_take_back(
    choice: &LinkChoice,
    known: &[LinkRecord],
    store: &Store,
    now: DateTime<Utc>,
) -> Failure {
    let name = match choice {
        LinkChoice::Link(link) => format!("link {link}"),
        LinkChoice::Subject(subject) => format!("every link of '{}'", printable(subject)),
        LinkChoice::All | LinkChoice::Grant(_) => "every link".to_owned(),
    };
    let revoked = known
        .iter()
        .filter(|link| link.state(now) == LinkState::Revoked);
    if let Some(at) = revoked.filter_map(|link| link.revoked).max() {
        return Failure::refused(format_args!(
            "{name} was taken back already, at {}",
            time(at)
        ));
    }
    if let Some(end) = known.iter().filter_map(|link| link.latest_end).max() {
        return Failure::refused(format_args!(
            "{name} has ended, with its last certificate at {}",
            time(end)
        ));
    }
    let of = match choice {
        LinkChoice::Subject(subject) => format!(" of '{}'", printable(subject)),
        _ => String::new(),
    };
    Failure::refused(format_args!(
        "there is no link{of}: {} shows those there are",
        store.command("list --links")
    ))
}

/// Reason there is no grant to end. Takes the newest grant of the name.
fn ending(name: &str, newest: Option<&GrantRecord>, store: &Store) -> String {
    let Some(grant) = newest.and_then(|record| record.grant.as_ref()) else {
        return format!(
            "there is no live grant '{name}' ({} shows those there are)",
            store.command("list")
        );
    };
    match grant.revoked {
        Some(at) => format!("'{name}' was revoked at {}", time(at)),
        None => format!("'{name}' expired at {}", time(grant.expiration_time)),
    }
}

fn is_redeemed(record: &GrantRecord) -> bool {
    match &record.redeemed {
        Redeemed::Redemptions(redemptions) => !redemptions.is_empty(),
        Redeemed::Keys(keys) => !keys.is_empty(),
    }
}

/// Time in which a service notes what it certified just before.
const NOTING: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_cannot_pass_for_another_part_of_the_subject() {
        for (name, expected) in [
            ("west", "west"),
            ("x,OU=0123456789abcdef0123", "x\\,OU=0123456789abcdef0123"),
            ("a+b;c", "a\\+b\\;c"),
        ] {
            assert_eq!(escaped(name), expected);
        }
    }
}
