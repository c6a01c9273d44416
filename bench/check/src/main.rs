//! What it costs to check many manifests: time and memory of the built command, beside the goals.
//!
//! ```text
//! check-bench ./skupper-access-check
//! ```

mod manifests;

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Manifests in the large folder; a tenth of them are in the small one.
const MANIFESTS: usize = 10_000;

/// Longest time for the large folder, in seconds.
const SECONDS: f64 = 2.0;

/// Most memory, in MiB: the paths of the files and one batch of reports.
const MEBIBYTES: f64 = 16.0;

/// Runs of each folder; the median counts.
const RUNS: usize = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command] = arguments.as_slice() else {
        eprintln!("name the command: check-bench ./skupper-access-check");
        return ExitCode::from(2);
    };
    match measure(Path::new(command)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Measures, prints, and says whether every goal is met.
fn measure(command: &Path) -> Outcome<bool> {
    let command = command.canonicalize()?;
    let folder = tempfile::tempdir()?;
    let bytes = manifests::write(&folder.path().join("large"), MANIFESTS)?;
    manifests::write(&folder.path().join("small"), MANIFESTS / 10)?;
    let cores = thread::available_parallelism()?;
    println!(
        "{MANIFESTS} manifests of {} bytes on average, {cores} cores, median of {RUNS} runs",
        bytes / MANIFESTS
    );
    println!("output    seconds    goal         peak MiB    goal          MiB for a tenth");
    let mut is_met = true;
    for output in ["text", "json", "sarif", "github"] {
        let large = median(&command, &folder.path().join("large"), output)?;
        let small = median(&command, &folder.path().join("small"), output)?;
        let (is_fast, is_flat) = (large.seconds <= SECONDS, large.mebibytes <= MEBIBYTES);
        is_met &= is_fast && is_flat;
        println!(
            "{output:6} {:>10.2}    {SECONDS}: {:8} {:>10.1}    {MEBIBYTES}: {:8} {:>10.1}",
            large.seconds,
            said(is_fast),
            large.mebibytes,
            said(is_flat),
            small.mebibytes,
        );
    }
    Ok(is_met)
}

fn said(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

/// What a run cost.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    mebibytes: f64,
}

fn median(command: &Path, folder: &Path, output: &str) -> Outcome<Cost> {
    let runs: Vec<Cost> = (0..RUNS)
        .map(|_| run(command, folder, output))
        .collect::<Outcome<_>>()?;
    let middle = |of: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().ok_or("no runs")
    };
    Ok(Cost {
        seconds: middle(|cost| cost.seconds)?,
        mebibytes: middle(|cost| cost.mebibytes)?,
    })
}

fn run(command: &Path, folder: &Path, output: &str) -> Outcome<Cost> {
    let start = Instant::now();
    let mut child = Command::new(command)
        .args(["--output", output])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut written = child.stdout.take().ok_or("no output")?;
    let reader = thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while matches!(written.read(&mut buffer), Ok(1..)) {}
    });
    let status = format!("/proc/{}/status", child.id());
    let mut kibibytes = 0.0;
    let ended = loop {
        // The peak is a number that the kernel only ever raises.
        if let Some(peak) = peak(&status) {
            kibibytes = peak;
        }
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        thread::sleep(Duration::from_millis(2));
    };
    let seconds = start.elapsed().as_secs_f64();
    let _ = reader.join();
    // Some of the manifests are refused.
    if ended.code() != Some(1) {
        return Err(format!("{} ended with {ended}", command.display()).into());
    }
    Ok(Cost {
        seconds,
        mebibytes: kibibytes / 1024.0,
    })
}

/// The most memory that a process has had, in KiB.
fn peak(status: &str) -> Option<f64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
