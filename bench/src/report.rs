//! The tables.

use std::error::Error;
use std::time::Duration;

use policy_host::Module;
use serde_json::Value;

use crate::cases::{self, Case};
use crate::engine::Guest;
use crate::measure::{self, Samples};

/// Measures everything, prints it and returns how many goals were missed.
pub(crate) fn print(noop: &[u8], policy: &[u8], rounds: usize) -> Result<usize, Box<dyn Error>> {
    let missed = [
        modules(noop, policy)?,
        everyday(noop, policy, rounds)?,
        hostile(policy)?,
    ];
    Ok(missed.iter().sum())
}

fn modules(noop: &[u8], policy: &[u8]) -> Result<usize, Box<dyn Error>> {
    let mut goals = Goals::default();
    let metadata: usize = Module::load(policy)?
        .custom_sections()
        .filter(|section| section.name == "io.kubewarden.metadata")
        .map(|section| section.data.len())
        .sum();
    let noop_compile = milliseconds(measure::compile(noop)?.median());
    let compile = milliseconds(measure::compile(policy)?.median());
    let ratio = compile / noop_compile;
    println!("module                     no-op     policy      ratio    goal");
    println!(
        "size, KB              {:>10.1} {:>10.1} {:>10.1}    at most {MODULE_KB} KB: {}",
        kilobytes(noop.len()),
        kilobytes(policy.len()),
        kilobytes(policy.len()) / kilobytes(noop.len()),
        goals.judge(kilobytes(policy.len()) <= MODULE_KB),
    );
    println!("  of it metadata, KB  {:>21.1}", kilobytes(metadata));
    println!(
        "compile, ms           {noop_compile:>10.1} {compile:>10.1} {ratio:>10.2}    at most \
         {COMPILE_RATIO}: {}",
        goals.judge(ratio <= COMPILE_RATIO),
    );
    Ok(goals.missed)
}

fn everyday(noop: &[u8], policy: &[u8], rounds: usize) -> Result<usize, Box<dyn Error>> {
    let mut goals = Goals::default();
    let noop_guest = Guest::compile(noop)?;
    let guest = Guest::compile(policy)?;
    let interpreted = Module::load(policy)?;
    println!("\na fresh instance for every request, {rounds} rounds, times in us");
    println!(
        "case                      bytes    no-op      p99   policy      p99    ratio    goal"
    );
    // Answered without looking at a request: what the instance alone takes.
    let (mut noops, mut policies) =
        measure::in_turn(&noop_guest, &guest, "protocol_version", b"", rounds)?;
    let (line, _) = compare("no request", 0, &mut noops, &mut policies);
    println!("{line}");
    for case in cases::everyday()? {
        let (mut noops, mut policies) =
            measure::in_turn(&noop_guest, &guest, "validate", &case.payload, rounds)?;
        let (line, ratio) = compare(case.name, case.payload.len(), &mut noops, &mut policies);
        println!(
            "{line}    at most {}: {}",
            case.ratio,
            goals.judge(ratio <= case.ratio),
        );
        check_answer(&guest, &case, &mut goals)?;
    }
    println!("\nmemory of an instance, MiB");
    for case in cases::everyday()? {
        let memory = memory(&interpreted, &case.payload)?;
        println!(
            "{:<24} {memory:>6.2}    at most {MEMORY_MIB}: {}",
            case.name,
            goals.judge(memory <= MEMORY_MIB)
        );
    }
    Ok(goals.missed)
}

/// A line of the table, and the ratio of the medians.
fn compare(name: &str, bytes: usize, noops: &mut Samples, policies: &mut Samples) -> (String, f64) {
    let ratio = policies.median().as_secs_f64() / noops.median().as_secs_f64();
    let line = format!(
        "{name:<24} {bytes:>6} {:>8.1} {:>8.1} {:>8.1} {:>8.1} {ratio:>8.2}",
        microseconds(noops.median()),
        microseconds(noops.p99()),
        microseconds(policies.median()),
        microseconds(policies.p99()),
    );
    (line, ratio)
}

/// A fast wrong answer is worth nothing.
fn check_answer(guest: &Guest, case: &Case, goals: &mut Goals) -> Result<(), Box<dyn Error>> {
    let answer: Value = serde_json::from_slice(&guest.call("validate", &case.payload)?.0)?;
    let changed = answer
        .get("mutated_object")
        .is_some_and(|object| !object.is_null());
    if answer.get("accepted") != Some(&Value::Bool(true)) || changed != case.changed {
        println!(
            "  the answer is not the expected one: {}",
            goals.judge(false)
        );
    }
    Ok(())
}

fn hostile(policy: &[u8]) -> Result<usize, Box<dyn Error>> {
    let mut goals = Goals::default();
    let guest = Guest::compile(policy)?;
    let interpreted = Module::load(policy)?;
    println!("\nhostile input                KB       ms      MiB    goal");
    for case in cases::hostile()? {
        print!("{:<24} {:>6.0} ", case.name, kilobytes(case.payload.len()));
        let took = measure::alone(&guest, &case.payload)
            .and_then(|mut samples| Ok((samples.median(), memory(&interpreted, &case.payload)?)));
        let (time, memory) = match took {
            Ok((time, memory)) => (milliseconds(time), memory),
            Err(why) => {
                println!("{}: no answer: {why}", goals.judge(false));
                continue;
            }
        };
        println!(
            "{time:>8.1} {memory:>8.1}    at most {} ms, {HOSTILE_MIB} MiB: {}",
            case.milliseconds,
            goals.judge(time <= case.milliseconds && memory <= HOSTILE_MIB),
        );
    }
    Ok(goals.missed)
}

/// Linear memory after the call, in MiB. The interpreter of the tests tells it; a guest grows its
/// memory the same way on every engine.
fn memory(module: &Module, payload: &[u8]) -> Result<f64, Box<dyn Error>> {
    let answer = module.instantiate()?.call("validate", payload)?;
    Ok(number(answer.memory_bytes) / f64::from(1 << 20))
}

/// Counts the goals that were missed.
#[derive(Default)]
struct Goals {
    missed: usize,
}

impl Goals {
    fn judge(&mut self, met: bool) -> &'static str {
        self.missed += usize::from(!met);
        if met { "met" } else { "MISSED" }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn kilobytes(bytes: usize) -> f64 {
    number(bytes) / 1e3
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes of files and memories are far below 2^52"
)]
fn number(value: usize) -> f64 {
    value as f64
}

/// Largest annotated module, in KB of 1000 bytes.
const MODULE_KB: f64 = 300.0;

/// Longest compilation, as a multiple of the no-op's.
const COMPILE_RATIO: f64 = 5.0;

/// Largest memory of an instance for an everyday request, in MiB.
const MEMORY_MIB: f64 = 2.0;

/// Largest memory of an instance for a hostile request, in MiB.
const HOSTILE_MIB: f64 = 32.0;
