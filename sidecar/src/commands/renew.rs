//! `renew`: renews the certificates of links that are due, once or for ever.

mod adopt;
mod daemon;

use std::time::{Duration, Instant};

use super::link_places::homes;
use super::redeem::proxies;
use super::report::time;
use super::{Failure, tell};
use crate::args::Renew;
use crate::redeemer::Proxies;
use crate::redeemer::keeper::{
    Done, Home, KeepProblem, LinkName, Renewal, RenewalOrder, Seen, Told, schedule,
};
use crate::redemption::Serial;
use crate::system::{clock, random};

pub(super) async fn run(options: &Renew) -> Result<(), Failure> {
    if options.watch {
        return daemon::run(options).await;
    }
    if let Some(name) = &options.adopt {
        return adopt::run(options, name).await;
    }
    let homes = homes(&options.places, options.exec.as_ref()).await?;
    let (chosen, mut problems) = choose(&homes, &options.names).await;
    if chosen.is_empty() && problems.is_empty() {
        tell("no link here is one that is kept: 'redemption-sidecar links' shows those there are");
    }
    let run = Run::of(options);
    for (home, name) in chosen {
        match run.renew(home, &name).await {
            Ok(done) => problems.extend(say(&name, done)),
            Err(problem) => problems.push((Some(name), problem)),
        }
    }
    end(&problems)
}

/// A link, or none of a place, and the reason it is not renewed.
type Problems = Vec<(Option<LinkName>, KeepProblem)>;

/// The links of these names, or all that are kept, each with its home.
async fn choose<'a>(homes: &'a [Home], names: &[String]) -> (Vec<(&'a Home, LinkName)>, Problems) {
    let now = clock::now();
    let (mut chosen, mut problems) = (Vec::new(), Vec::new());
    for home in homes {
        if let Some(links) = named(home, names) {
            chosen.extend(links.map(|name| (home, name)));
            continue;
        }
        match home.links(now).await {
            Ok(links) => {
                let is_chosen = |seen: &&_| is_chosen(seen, names);
                let links = links.iter().filter(is_chosen);
                chosen.extend(links.map(|seen| (home, seen.name.clone())));
            }
            Err(problem) => problems.push((None, problem)),
        }
    }
    let is_there = |name: &&String| chosen.iter().any(|(_, there)| there.name == **name);
    if problems.is_empty() {
        let missing = names.iter().filter(|name| !is_there(name));
        problems.extend(missing.map(|name| (None, KeepProblem::NotThere(name.clone()))));
    }
    (chosen, problems)
}

/// The links of these names in a namespace of a cluster, which may forbid to list.
fn named<'a>(home: &'a Home, names: &'a [String]) -> Option<impl Iterator<Item = LinkName> + 'a> {
    let Home::Cluster(home) = home else {
        return None;
    };
    let namespace = home.namespace.as_ref().filter(|_| !names.is_empty())?;
    Some(names.iter().map(|name| LinkName {
        namespace: Some(namespace.clone()),
        name: name.clone(),
    }))
}

fn is_chosen(seen: &Seen, names: &[String]) -> bool {
    if names.is_empty() {
        !matches!(seen.care, Err(KeepProblem::NotKept(_)))
    } else {
        names.contains(&seen.name.name)
    }
}

/// The renewals of one call.
struct Run<'a> {
    options: &'a Renew,
    proxies: Proxies,
    begun: Instant,
    time: Duration,
}

impl<'a> Run<'a> {
    fn of(options: &'a Renew) -> Self {
        Self {
            options,
            proxies: proxies(),
            begun: Instant::now(),
            time: options.timeout.to_std().unwrap_or(Duration::MAX),
        }
    }

    /// An order for an attempt that begins now.
    fn order<'o>(&'o self, name: &'o str) -> RenewalOrder<'o> {
        RenewalOrder {
            name,
            force: self.options.force,
            timeout: self.left(),
            proxies: &self.proxies,
            pace: None,
            now: clock::now(),
        }
    }

    /// Tries once, and again while there is time for what may pass.
    async fn renew(&self, home: &Home, name: &LinkName) -> Result<Done, KeepProblem> {
        let mut attempts = 0;
        loop {
            let result = home.renew(self.order(&name.name), name).await;
            let problem = match &result {
                Ok(done) => done.told.problem(),
                Err(problem) => Some(problem),
            };
            let Some(problem) = problem.filter(|problem| problem.passes()) else {
                return result;
            };
            attempts += 1;
            let chance = u32::from_be_bytes(random::bytes());
            let pause = schedule::pause_of_run(attempts, problem.retry_after(), chance);
            if pause > self.left() {
                return result;
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn left(&self) -> Duration {
        self.time.saturating_sub(self.begun.elapsed())
    }
}

/// Says how a renewal ended, and returns the reason the router or the granting site was not told.
fn say(name: &LinkName, done: Done) -> Option<(Option<LinkName>, KeepProblem)> {
    let link = Named(name);
    match done.renewal {
        Renewal::NotDue { due, not_after } => tell(format_args!(
            "not due: {link}, valid until {}, is renewed from {} on",
            time(not_after),
            time(due)
        )),
        Renewal::Renewed {
            from,
            to,
            not_after,
            has_moved,
            new_server,
        } => {
            let digits =
                |serial: Option<Serial>| serial.map_or_else(String::new, |it| it.to_string());
            tell(format_args!(
                "renewed: {link}, valid until {}, serial {} -> {}",
                time(not_after),
                digits(from),
                digits(to)
            ));
            if let Some(server) = new_server {
                tell(format_args!(
                    "{link} is renewed by {server} from now on: the granting site says so"
                ));
            }
            if has_moved {
                tell(format_args!(
                    "the endpoints of {link} have moved: Skupper takes them by itself on Kubernetes and where \
                     it reloads by itself; else 'skupper system reload' does, and breaks all streams of the site"
                ));
            }
        }
    }
    match done.told {
        Told::All | Told::NoRouter => None,
        Told::NoTelling(problem) | Told::NoReport(problem) => Some((Some(name.clone()), problem)),
    }
}

/// Says each problem. The end of the call is that of the worst: final ones before those that may pass.
fn end(problems: &Problems) -> Result<(), Failure> {
    let worst = problems
        .iter()
        .min_by_key(|(_, problem)| problem.exit_code());
    let Some((_, worst)) = worst else {
        return Ok(());
    };
    if let [(_, problem)] = problems.as_slice() {
        return Err(failure(problem));
    }
    for (name, problem) in problems {
        match name {
            Some(name) => tell(format_args!("failed: {}: {problem}", Named(name))),
            None => tell(format_args!("failed: {problem}")),
        }
    }
    let count = problems.len();
    let message = format_args!("{count} links or places failed, as said above");
    Err(of_code(worst.exit_code(), message))
}

/// The end of a command that stops at a problem.
pub(super) fn failure(problem: &KeepProblem) -> Failure {
    of_code(problem.exit_code(), problem)
}

fn of_code(exit_code: u8, message: impl std::fmt::Display) -> Failure {
    match exit_code {
        1 => Failure::refused(message),
        2 => Failure::usage(message),
        _ => Failure::try_again(message),
    }
}

/// A link in a message.
struct Named<'a>(&'a LinkName);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0.namespace {
            Some(namespace) => write!(formatter, "'{}' in namespace '{namespace}'", self.0.name),
            None => write!(formatter, "'{}'", self.0.name),
        }
    }
}
