//! Prints what the redemption service costs, next to what cannot be avoided, and whether each goal
//! is met.
//!
//! ```text
//! redemption-bench [--quick] [--check] [--only SCENARIO] [--folder FOLDER] [BINARY]
//! ```
//!
//! The service runs as a process of its own on loopback; the load generator shares its cores. Rates
//! and times vary with whatever else the machine does; the time that the service spends on a core
//! for each redemption varies little, and decides. Every load ends after some seconds or some
//! thousand requests. `--check` makes the exit status 1 when a goal is missed.

mod attacks;
mod bench;
mod costs;
mod grants;
mod issuing;
mod keeping;
mod rates;
mod renewals;
mod room;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use bench::{Bench, KEYS, WARM_UP};
use costs::Costs;
use grants::Ledgers;
use redemption_bench::Fault;
use redemption_bench::keys::Keys;
use redemption_bench::options::Options;
use redemption_bench::table::Table;
use redemption_sidecar::server::{Limits, within_file_limit};
use room::Room;

// One thread for each core, as the service has it.
#[tokio::main(flavor = "multi_thread")]
async fn main() -> ExitCode {
    let outcome = tokio::select! {
        outcome = run() => outcome,
        () = interrupted() => Err("interrupted".into()),
    };
    match outcome {
        Ok(status) => status,
        Err(why) => {
            eprintln!("redemption-bench: {why}");
            ExitCode::from(2)
        }
    }
}

/// Ends the run as an error does, so that the service and its folder go, too.
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
    let options = Options::read("target/release/redemption-sidecar")?;
    let _ = within_file_limit(Limits {
        connections: 4096,
        ..Limits::default()
    });
    let bench = Bench {
        room: Room::make(&options.folder)?,
        keys: Arc::new(Keys::make(KEYS + WARM_UP, room::CODE)),
        time: Duration::from_secs(if options.is_quick { 1 } else { 10 }),
        binary: options.binary,
    };
    println!(
        "{}: {:.1} MiB; {} cores, shared with the load generator; data on {}",
        bench.binary.display(),
        bench::mebibytes(&bench.binary)?,
        std::thread::available_parallelism()?,
        bench.room.file_system,
    );
    let is_wanted = |scenario: &str| options.only.as_ref().is_none_or(|only| only == scenario);
    if !SCENARIOS.iter().any(|scenario| is_wanted(scenario)) {
        return Err(format!("the scenario must be one of '{}'", SCENARIOS.join("', '")).into());
    }
    let (mut unavoidable, mut figures) = (Table::default(), Table::default());
    let ledgers = if is_wanted("grants") {
        Some(Ledgers::make(&bench).await?)
    } else {
        None
    };
    for run in 1..=if options.is_quick { 1 } else { RUNS } {
        let costs = Costs::measure(&bench.room.data(), &mut unavoidable).await?;
        for scenario in SCENARIOS.into_iter().filter(|scenario| is_wanted(scenario)) {
            eprintln!("run {run}: {scenario}");
            match scenario {
                "kept-alive" => rates::kept_alive(&bench, &costs, &mut figures).await?,
                "new-handshake" => rates::new_handshake(&bench, &costs, &mut figures).await?,
                "renewals" => renewals::renewals(&bench, &costs, &mut figures).await?,
                "keeping" => keeping::at_rest(&bench, &mut figures).await?,
                "rsa-issuer" => rates::rsa_issuer(&bench, &costs, &mut figures).await?,
                "offered" => rates::offered(&bench, &costs, &mut figures).await?,
                "wrong-codes" => attacks::wrong_codes(&bench, &mut figures).await?,
                "slow-and-large" => attacks::slow_and_large(&bench, &mut figures).await?,
                "issuing" => issuing::beside_a_burst(&bench, &mut figures).await?,
                "plain" => rates::plain(&bench, &costs, &mut figures).await?,
                "beside-rsa-keys" => rates::beside_rsa_keys(&bench, &mut figures).await?,
                _ => {
                    if let Some(ledgers) = &ledgers {
                        ledgers.redeem(&bench, run, &mut figures).await?;
                    }
                }
            }
        }
    }
    println!("\n{}", unavoidable.to_text("what cannot be avoided"));
    println!("{}", figures.to_text("figure"));
    let missed = figures.missed();
    if missed == 0 {
        println!("every goal is met");
    } else {
        println!("goals missed: {missed}");
    }
    Ok(ExitCode::from(u8::from(options.is_checked && missed > 0)))
}

const SCENARIOS: [&str; 12] = [
    "kept-alive",
    "new-handshake",
    "renewals",
    "keeping",
    "rsa-issuer",
    "offered",
    "grants",
    "wrong-codes",
    "slow-and-large",
    "issuing",
    "plain",
    "beside-rsa-keys",
];

/// How often everything is measured.
const RUNS: usize = 3;
