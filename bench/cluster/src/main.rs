//! Prints what redemptions and renewals cost on a cluster's own store and what the policy adds to a
//! create, next to what cannot be avoided, and whether each goal is met.
//!
//! ```text
//! cluster-bench [--quick] [--check] [--only SCENARIO] [--folder FOLDER] [BINARY]
//! ```
//!
//! etcd, which waits for its disk, the API server, the service and the load generator run on loopback
//! and share the cores. Every load ends after some seconds or some thousand requests. `--check` makes
//! the exit status 1 when a goal is missed.

mod admission;
mod bare;
mod burst;
mod leases;
mod many_grants;
mod many_links;
mod rates;
mod renewals;
mod replicas;
mod revocations;
mod room;
mod writes;

use std::process::ExitCode;

use redemption_bench::Fault;
use redemption_bench::options::Options;
use redemption_bench::table::Table;
use tokio::signal::unix::{SignalKind, signal};

use room::Room;

#[tokio::main(flavor = "multi_thread")]
async fn main() -> ExitCode {
    let outcome = tokio::select! {
        outcome = run() => outcome,
        () = interrupted() => Err("interrupted".into()),
    };
    match outcome {
        Ok(status) => status,
        Err(why) => {
            eprintln!("cluster-bench: {why}");
            ExitCode::from(2)
        }
    }
}

/// Ends the run as an error does, so that the processes and their folder go, too.
async fn interrupted() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
}

async fn run() -> Result<ExitCode, Fault> {
    let options = Options::read("redemption-sidecar")?;
    let is_wanted = |scenario: &str| options.only.as_ref().is_none_or(|only| only == scenario);
    if !SCENARIOS.iter().any(|scenario| is_wanted(scenario)) {
        return Err(format!("the scenario must be one of '{}'", SCENARIOS.join("', '")).into());
    }
    println!(
        "{}; {} cores, shared with etcd, the API server and the load generator",
        options.binary.display(),
        std::thread::available_parallelism()?,
    );
    let mut figures = Table::default();
    let room = Room::make(&options.folder, &options.binary, options.is_quick).await?;
    for run in 1..=if options.is_quick { 1 } else { RUNS } {
        for scenario in SCENARIOS.into_iter().filter(|scenario| is_wanted(scenario)) {
            // They fill the cluster, so they are the last ones, and once is enough for counts of 20,000.
            if [MANY_GRANTS, MANY_LINKS].contains(&scenario) {
                continue;
            }
            eprintln!("run {run}: {scenario}");
            match scenario {
                "distinct-grants" => rates::distinct_grants(&room, run, &mut figures).await?,
                "one-grant" => rates::one_grant(&room, run, &mut figures).await?,
                "burst" => burst::bursts(&room, run, &mut figures).await?,
                "renewals" => renewals::renewals(&room, run, &mut figures).await?,
                "revocations" => revocations::revocations(&room, run, &mut figures).await?,
                "admission" => admission::creates(&room, run, &mut figures).await?,
                _ => {}
            }
        }
    }
    if is_wanted(MANY_GRANTS) {
        eprintln!("{MANY_GRANTS}");
        many_grants::serve(&room, &mut figures).await?;
    }
    if is_wanted(MANY_LINKS) {
        eprintln!("{MANY_LINKS}");
        many_links::serve(&room, &mut figures).await?;
    }
    println!("\n{}", figures.to_text("figure"));
    let missed = figures.missed();
    if missed == 0 {
        println!("every goal is met");
    } else {
        println!("goals missed: {missed}");
    }
    Ok(ExitCode::from(u8::from(options.is_checked && missed > 0)))
}

const SCENARIOS: [&str; 8] = [
    "distinct-grants",
    "one-grant",
    "burst",
    "renewals",
    "revocations",
    "admission",
    MANY_GRANTS,
    MANY_LINKS,
];

const MANY_GRANTS: &str = "many-grants";
const MANY_LINKS: &str = "many-links";

/// How often everything but the many grants and links is measured.
const RUNS: usize = 3;
