//! `redeem`: redeems a token file and makes Secret and Link, as files or in a cluster.

mod progress;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::signal;

use self::progress::Waiting;
use super::report::time;
use super::{Failure, cluster, data, tell};
use crate::args::Redeem;
use crate::redeemer::token::{Token, TokenProblem};
use crate::redeemer::{
    ClusterTarget, FolderTarget, Order, Proxies, RedeemProblem, Redeemed, redeem, redeem_in_cluster,
};
use crate::redemption::KeyOrigin;
use crate::site::choice::check_namespace;
use crate::system::clock;
use crate::system::wording;

pub(super) async fn run(options: Redeem) -> Result<(), Failure> {
    let now = clock::now();
    let mut waiting = Waiting::default();
    if options.kubernetes {
        let (client, namespace) = cluster::connect(options.namespace.as_deref()).await?;
        let target = ClusterTarget {
            client,
            namespace: &namespace,
        };
        let token = token(&options, now)?;
        let proxies = proxies();
        let order = order(&options, &token, target, &proxies, now);
        let redeemed = unless_stopped(redeem_in_cluster(&order, &mut waiting)).await;
        end(redeemed, &waiting, &format!(" in namespace '{namespace}'"))?;
        return Ok(());
    }
    let folder = folder(&options)?;
    let target = FolderTarget {
        path: &folder,
        namespace: skupper_namespace(&options),
    };
    let token = token(&options, now)?;
    let proxies = proxies();
    let order = order(&options, &token, target, &proxies, now);
    let redeemed = unless_stopped(redeem(&order, &mut waiting)).await;
    let redeemed = end(redeemed, &waiting, "")?;
    if let Some(namespace) = written_namespace(&options, &redeemed) {
        tell(next_step(namespace, &folder));
    }
    Ok(())
}

fn order<'a, T>(
    options: &'a Redeem,
    token: &'a Token,
    target: T,
    proxies: &'a Proxies,
    now: DateTime<Utc>,
) -> Order<'a, T> {
    Order {
        token,
        subject: options.subject.as_deref(),
        target,
        renews: !options.no_renew,
        force: options.force,
        timeout: options.timeout.to_std().unwrap_or(Duration::MAX),
        proxies,
        now,
    }
}

/// Ends the line about waiting, and reports the result.
fn end(
    redeemed: Result<Redeemed, Failure>,
    waiting: &Waiting,
    place: &str,
) -> Result<Redeemed, Failure> {
    waiting.end();
    let reported = redeemed.and_then(|redeemed| {
        report(&redeemed, place)?;
        Ok(redeemed)
    });
    waiting.say_remarks();
    reported
}

/// The result of a redemption, or that it was stopped.
async fn unless_stopped(
    redemption: impl Future<Output = Result<Redeemed, RedeemProblem>>,
) -> Result<Redeemed, Failure> {
    tokio::select! {
        redeemed = redemption => redeemed.map_err(|problem| match problem.exit_code() {
            1 => Failure::refused(problem),
            2 => Failure::usage(problem),
            _ => Failure::try_again(problem),
        }),
        Ok(()) = signal::ctrl_c() => Err(Failure::Stopped),
    }
}

/// Tells the result on standard error, and prints the locations.
fn report(redeemed: &Redeemed, place: &str) -> Result<(), Failure> {
    let state = match redeemed.key_made_by {
        None => "redeemed already",
        Some(_) => "redeemed",
    };
    tell(format_args!(
        "{state}: '{}'{place}, valid until {}",
        redeemed.name,
        time(redeemed.not_after)
    ));
    if redeemed.key_made_by == Some(KeyOrigin::Service) {
        tell("the private key was made by the server");
    }
    redeemed.unapplied.iter().for_each(tell);
    for location in [&redeemed.secret].into_iter().chain(&redeemed.links) {
        super::print(format!("{location}\n"))?;
    }
    Ok(())
}

/// The namespace whose site does not know the new files yet.
fn written_namespace<'a>(options: &'a Redeem, redeemed: &Redeemed) -> Option<&'a str> {
    let is_written = options.out.is_none() && redeemed.key_made_by.is_some();
    is_written.then(|| namespace(options))
}

fn namespace(options: &Redeem) -> &str {
    options.namespace.as_deref().unwrap_or("default")
}

/// The Skupper namespace that the files name: none in a folder that no namespace is said to read.
fn skupper_namespace(options: &Redeem) -> Option<&str> {
    match &options.out {
        Some(_) => options.namespace.as_deref(),
        None => Some(namespace(options)),
    }
}

/// Command after which the site of a namespace knows the link.
fn next_step(namespace: &str, resources: &Path) -> String {
    let namespace_folder = resources.ancestors().nth(2);
    let has_run = namespace_folder.is_some_and(|folder| folder.join("runtime").is_dir());
    if has_run {
        format!("reload the site: skupper system reload -n {namespace}")
    } else {
        format!(
            "no site has run in namespace '{namespace}': when 'skupper site create' has made one, \
             start it: skupper system start -n {namespace}"
        )
    }
}

/// The proxies that the environment names.
pub(super) fn proxies() -> Proxies {
    Proxies::read(|variable| std::env::var(variable).ok())
}

fn token(options: &Redeem, now: DateTime<Utc>) -> Result<Token, Failure> {
    let (input, from) = input(&options.token)?;
    let token = Token::read_from(input, options.name.as_deref(), now);
    token.map_err(|problem| match problem {
        TokenProblem::Name(_) => Failure::usage(format_args!("--name: {problem}")),
        _ => Failure::usage(format_args!("{from}: {problem}")),
    })
}

/// Source of the token, and its name in messages.
fn input(path: &Path) -> Result<(Box<dyn Read>, String), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), "standard input".to_owned()));
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok((Box::new(file), name)),
        Err(error) => Err(Failure::usage(format_args!(
            "{name}: {}",
            wording::io(&error)
        ))),
    }
}

/// The folder of the option, or the one that the Skupper namespace reads.
fn folder(options: &Redeem) -> Result<PathBuf, Failure> {
    let folder = folder_of(options.out.as_deref(), options.namespace.as_deref());
    folder.map(|(folder, _)| folder)
}

/// The folder of links that an option names, or the one that a Skupper namespace reads, and that namespace.
pub(super) fn folder_of(
    out: Option<&Path>,
    namespace: Option<&str>,
) -> Result<(PathBuf, Option<String>), Failure> {
    let namespace = match out {
        Some(_) => namespace,
        None => Some(namespace.unwrap_or("default")),
    };
    if let Some(namespace) = namespace {
        check_namespace(namespace).map_err(Failure::usage)?;
    }
    let folder = match (out, namespace) {
        (Some(folder), _) => folder.to_owned(),
        (None, namespace) => {
            namespace_folder(namespace.unwrap_or_default(), data::namespaces_folder())?
        }
    };
    Ok((folder, namespace.map(str::to_owned)))
}

/// Folder that a namespace reads its resources from. It need not be there: Skupper's own command makes it,
/// too.
fn namespace_folder(name: &str, namespaces: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let namespaces = namespaces
        .ok_or_else(|| Failure::usage("neither XDG_DATA_HOME nor HOME is set: name --out"))?;
    Ok(namespaces.join(name).join("input/resources"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Command, CommandLine};

    #[test]
    fn a_site_is_to_be_reloaded_when_its_namespace_was_written_to() {
        let namespace = |arguments: &[&str], key_made_by| {
            let options = options(arguments);
            let redeemed = Redeemed {
                name: "a".to_owned(),
                secret: String::new(),
                links: Vec::new(),
                not_after: clock::now(),
                key_made_by,
                unapplied: Vec::new(),
            };
            written_namespace(&options, &redeemed).map(str::to_owned)
        };
        let by_us = Some(KeyOrigin::Redeemer);
        assert_eq!(namespace(&[], by_us).as_deref(), Some("default"));
        assert_eq!(namespace(&["-n", "west"], by_us).as_deref(), Some("west"));
        assert_eq!(namespace(&["-n", "west"], None), None, "done before");
        assert_eq!(namespace(&["--out", "b"], by_us), None);
    }

    fn options(arguments: &[&str]) -> Redeem {
        let words = [&["redemption-sidecar", "redeem", "a"], arguments].concat();
        let Command::Redeem(options) = CommandLine::parse_from(words).command else {
            unreachable!("it is 'redeem'");
        };
        options
    }

    #[test]
    fn files_name_the_namespace_that_reads_them() {
        let table: [(&[&str], Option<&str>); 4] = [
            (&[], Some("default")),
            (&["-n", "west"], Some("west")),
            (&["--out", "b"], None),
            (&["--out", "b", "-n", "west"], Some("west")),
        ];
        for (arguments, expected) in table {
            assert_eq!(
                skupper_namespace(&options(arguments)),
                expected,
                "{arguments:?}"
            );
        }
    }

    #[test]
    fn a_name_that_is_no_namespace_leads_to_no_folder() {
        let namespaces = PathBuf::from("/namespaces");
        let folder_of = |name| namespace_folder(name, Some(namespaces.clone()));
        assert_eq!(
            folder_of("west"),
            Ok(namespaces.join("west/input/resources"))
        );
        for name in ["../other", "/", "", "West", "a.b"] {
            for out in [&[][..], &["--out", "b"]] {
                let failure = folder(&options(&[&["-n", name], out].concat())).unwrap_err();
                assert_eq!(failure.exit_code(), 2, "{name}: {failure}");
                let expected = format!("--namespace may not be '{name}'");
                assert!(failure.to_string().starts_with(&expected), "{failure}");
            }
        }
        assert!(namespace_folder("west", None).is_err());
    }

    #[test]
    fn a_site_that_never_ran_is_started_and_another_one_reloaded() {
        let base = tempfile::tempdir().unwrap();
        let resources = base.path().join("input/resources");
        assert!(next_step("west", &resources).contains("skupper system start -n west"));
        std::fs::create_dir(base.path().join("runtime")).unwrap();
        assert!(next_step("west", &resources).contains("skupper system reload -n west"));
    }
}
