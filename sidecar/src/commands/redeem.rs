//! `redeem`: redeems a token file and makes Secret and Link, as files or in a cluster.

mod waiting;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::signal;

use self::waiting::Waiting;
use super::report::time;
use super::{Failure, cluster, data, tell};
use crate::args::Redeem;
use crate::redeemer::token::{Token, TokenProblem};
use crate::redeemer::{
    ClusterOrder, Order, RedeemProblem, Redeemed, Spot, redeem, redeem_in_cluster,
};
use crate::redemption::KeyOrigin;
use crate::site::choice::check_namespace;
use crate::{clock, wording};

pub(super) async fn run(options: Redeem) -> Result<(), Failure> {
    let now = clock::now();
    if options.kubernetes {
        return in_cluster(&options, now).await;
    }
    let folder = folder(&options)?;
    let token = token(&options, now)?;
    let order = Order {
        token: &token,
        subject: options.subject.as_deref(),
        folder: &folder,
        force: options.force,
        timeout: options.timeout.to_std().unwrap_or(Duration::MAX),
        now,
    };
    let mut waiting = Waiting::default();
    let redeemed = unless_stopped(redeem(&order, &mut waiting)).await;
    waiting.end();
    let redeemed = redeemed?;
    report(&redeemed, "")?;
    if let Some(namespace) = written_namespace(&options, &redeemed) {
        tell(format_args!(
            "reload the site: skupper system reload -n {namespace}"
        ));
    }
    Ok(())
}

async fn in_cluster(options: &Redeem, now: DateTime<Utc>) -> Result<(), Failure> {
    let (client, namespace) = cluster::connect(options.namespace.as_deref()).await?;
    let token = token(options, now)?;
    let order = ClusterOrder {
        token: &token,
        subject: options.subject.as_deref(),
        client,
        namespace: &namespace,
        force: options.force,
        timeout: options.timeout.to_std().unwrap_or(Duration::MAX),
        now,
    };
    let mut waiting = Waiting::default();
    let redeemed = unless_stopped(redeem_in_cluster(&order, &mut waiting)).await;
    waiting.end();
    report(&redeemed?, &format!(" in namespace '{namespace}'"))
}

/// The result of a redemption, or that it was stopped.
async fn unless_stopped<S>(
    redemption: impl Future<Output = Result<Redeemed<S>, RedeemProblem>>,
) -> Result<Redeemed<S>, Failure> {
    tokio::select! {
        redeemed = redemption => redeemed.map_err(|problem| Failure {
            exit_code: problem.exit_code(),
            message: problem.to_string(),
        }),
        Ok(()) = signal::ctrl_c() => Err(Failure {
            exit_code: STOPPED,
            message: "stopped: run the same command again".to_owned(),
        }),
    }
}

/// Says what is there now, on standard error, and prints where.
fn report<S: Spot>(redeemed: &Redeemed<S>, place: &str) -> Result<(), Failure> {
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
    for spot in [&redeemed.secret].into_iter().chain(&redeemed.links) {
        super::print(format!("{}\n", spot.words()))?;
    }
    Ok(())
}

/// The namespace whose site does not know yet what was written.
fn written_namespace<'a>(options: &'a Redeem, redeemed: &Redeemed) -> Option<&'a str> {
    let is_written = options.out.is_none() && redeemed.key_made_by.is_some();
    is_written.then(|| namespace(options))
}

fn namespace(options: &Redeem) -> &str {
    options.namespace.as_deref().unwrap_or("default")
}

fn token(options: &Redeem, now: DateTime<Utc>) -> Result<Token, Failure> {
    let (input, from) = input(&options.token)?;
    let token = Token::read_from(input, options.name.as_deref(), now);
    token.map_err(|problem| match problem {
        TokenProblem::Name(_) => Failure::usage(format!("--name: {problem}")),
        _ => Failure::usage(format!("{from}: {problem}")),
    })
}

/// What the token is read from, and its name in messages.
fn input(path: &Path) -> Result<(Box<dyn Read>, String), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), "standard input".to_owned()));
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok((Box::new(file), name)),
        Err(error) => Err(Failure::usage(format!("{name}: {}", wording::io(&error)))),
    }
}

/// The folder of the option, or the one that the Skupper namespace reads.
fn folder(options: &Redeem) -> Result<PathBuf, Failure> {
    match &options.out {
        Some(folder) => Ok(folder.clone()),
        None => namespace_folder(namespace(options), data::namespaces_folder()),
    }
}

/// Where a namespace reads what it is given. It must be there: nothing reads what is written into
/// another one.
fn namespace_folder(name: &str, namespaces: Option<PathBuf>) -> Result<PathBuf, Failure> {
    check_namespace(name).map_err(|problem| Failure::usage(problem.to_string()))?;
    let namespaces = namespaces
        .ok_or_else(|| Failure::usage("neither XDG_DATA_HOME nor HOME is set: name --out"))?;
    let namespace = namespaces.join(name);
    if !namespace.is_dir() {
        let namespaces = namespaces.display();
        return Err(Failure::usage(format!(
            "there is no Skupper namespace '{name}' in {namespaces}: start its site first, or name \
             a folder with --out"
        )));
    }
    Ok(namespace.join("input/resources"))
}

/// Source: POSIX shells, 128 and the number of SIGINT.
const STOPPED: u8 = 130;

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Command, CommandLine};

    #[test]
    fn a_site_is_to_be_reloaded_when_its_namespace_was_written_to() {
        let namespace = |arguments: &[&str], key_made_by| {
            let words = [&["redemption-sidecar", "redeem", "a"], arguments].concat();
            let Command::Redeem(options) = CommandLine::parse_from(words).command else {
                unreachable!("it is 'redeem'");
            };
            let redeemed = Redeemed {
                name: "a".to_owned(),
                secret: PathBuf::new(),
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

    #[test]
    fn only_a_namespace_that_is_there_is_written_to() {
        let base = tempfile::tempdir().unwrap();
        let namespaces = base.path().join("namespaces");
        std::fs::create_dir_all(namespaces.join("west")).unwrap();
        std::fs::create_dir_all(base.path().join("other")).unwrap();
        std::fs::write(namespaces.join("file"), "").unwrap();
        let folder = |name| namespace_folder(name, Some(namespaces.clone()));
        assert_eq!(folder("west"), Ok(namespaces.join("west/input/resources")));
        let table = [
            ("defualt", "there is no Skupper namespace 'defualt' in /"),
            ("file", "there is no Skupper namespace 'file' in /"),
            ("../other", "--namespace may not be '../other'"),
            ("/", "--namespace may not be '/'"),
            ("", "--namespace may not be ''"),
            ("West", "--namespace may not be 'West'"),
        ];
        for (name, expected) in table {
            let failure = folder(name).unwrap_err();
            assert_eq!(failure.exit_code, 2, "{name}: {failure}");
            assert!(failure.to_string().starts_with(expected), "{failure}");
        }
        assert!(namespace_folder("west", None).is_err());
        assert_eq!(std::fs::read_dir(&namespaces).unwrap().count(), 2);
    }
}
