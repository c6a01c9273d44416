//! Prints what the policy costs on policy-server's own engine, next to a guest that does nothing,
//! and whether each goal is met.
//!
//! ```text
//! policy-bench [--rounds N] [--check] [ANNOTATED.wasm [NOOP.wasm]]
//! ```
//!
//! Times vary from machine to machine and hardly in their ratio: both guests take turns in one
//! process. `--check` makes the exit status 1 when a goal is missed.

mod cases;
mod engine;
mod measure;
mod report;

use std::error::Error;
use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(status) => status,
        Err(why) => {
            eprintln!("policy-bench: {why}");
            ExitCode::from(2)
        }
    }
}

struct Options {
    rounds: usize,
    check: bool,
    policy: String,
    noop: String,
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let options = options()?;
    let policy = read(&options.policy)?;
    let noop = read(&options.noop)?;
    let missed = report::print(&noop, &policy, options.rounds)?;
    if missed == 0 {
        println!("\nevery goal is met");
    } else {
        println!("\ngoals missed: {missed}");
    }
    Ok(ExitCode::from(u8::from(options.check && missed > 0)))
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        rounds: 3000,
        check: false,
        policy: "annotated-policy.wasm".to_owned(),
        noop: "target/wasm32-wasip1/policy/noop_guest.wasm".to_owned(),
    };
    let mut paths = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => options.check = true,
            "--rounds" => {
                options.rounds = arguments
                    .next()
                    .and_then(|rounds| rounds.parse().ok())
                    .filter(|rounds| *rounds > 0)
                    .ok_or("'--rounds' must be followed by a number more than 0")?;
            }
            option if option.starts_with('-') => {
                return Err(format!(
                    "the option '{option}' must be '--rounds N' or '--check'"
                ));
            }
            _ => paths.push(argument),
        }
    }
    let mut paths = paths.into_iter();
    options.policy = paths.next().unwrap_or(options.policy);
    options.noop = paths.next().unwrap_or(options.noop);
    if paths.next().is_some() {
        return Err("at most two modules may be named".to_owned());
    }
    Ok(options)
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|why| format!("cannot read {path}: {why}"))
}
