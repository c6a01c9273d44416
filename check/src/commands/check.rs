//! Judges every file and reports.

use chrono::{DateTime, Utc};
use manifest_files::{Excluded, Input, Surroundings, settings as settings_file};
use skupper_access_policy::settings::Settings;

use super::output::{self, Progress};
use super::{REFUSED, UNREADABLE, tell};
use crate::args::{CommandLine, OutputFormat};
use crate::report::{Report, Style, Summary};
use crate::root::Root;
use crate::work::{Check, Outcome};

pub(super) fn run(line: &CommandLine) -> u8 {
    let is_filter = line.fix && line.paths.iter().any(|path| path.as_os_str() == "-");
    if is_filter && (line.paths.len() > 1 || line.output != OutputFormat::Text) {
        tell("error: '--fix -' prints the fixed text: give no other path and no form of output");
        return UNREADABLE;
    }
    if line.show_secrets && line.output != OutputFormat::Json {
        tell("error: '--show-secrets' shows them in the answers of '-o json' only: add that");
        return UNREADABLE;
    }
    let root = match Root::find(line.root.as_deref()) {
        Ok(root) => root,
        Err(problem) => {
            tell(format_args!("error: {problem}"));
            return UNREADABLE;
        }
    };
    let settings = match settings(line) {
        Ok(settings) => settings,
        Err(problems) => {
            for problem in problems {
                tell(format_args!("error: {problem}"));
            }
            return UNREADABLE;
        }
    };
    let check = Check {
        settings,
        now: line.now.unwrap_or_else(now),
        style: Style {
            format: line.output,
            is_coloured: output::is_coloured(line.color),
            shows_secrets: line.show_secrets,
        },
        root,
        skips_others: line.skip_others,
        is_fixing: line.fix,
    };
    let inputs = manifest_files::expand(&line.paths, &Excluded::new(&line.exclude));
    let surroundings = Surroundings::new(inputs.kustomizations);
    let (mut report, head) = Report::begin(&check.style, &check.root);
    let mut summary = Summary::default();
    let mut written = output::print(&head);
    for (input, problem) in &inputs.problems {
        let outcome = check.problem(input, problem);
        written = written.max(take(outcome, &mut report, &mut summary));
    }
    let progress = Progress::of(inputs.files.len());
    for (number, batch) in inputs.files.chunks(BATCH).enumerate() {
        progress.show(number * BATCH);
        let outcomes = check.all(batch, &surroundings);
        progress.clear();
        for outcome in outcomes {
            written = written.max(take(outcome, &mut report, &mut summary));
        }
    }
    written = written.max(output::print(&report.end(&summary)));
    match line.output {
        OutputFormat::Text if !is_filter => {
            written = written.max(output::print(&(summary.line() + "\n")));
        }
        _ => tell(summary.line()),
    }
    let is_refused =
        summary.refused + summary.denials > 0 || line.deny_warnings && summary.warnings > 0;
    match (summary.unreadable, is_refused || summary.unwritten > 0) {
        (1.., _) => UNREADABLE,
        (0, true) => written.max(REFUSED),
        (0, false) => written,
    }
}

/// Files that are judged before any of them is reported: what is in memory at once.
const BATCH: usize = 256;

fn settings(line: &CommandLine) -> Result<Settings, Vec<String>> {
    let Some(path) = &line.settings else {
        return Ok(Settings::default());
    };
    let (_, settings) = settings_file::read(&Input::named(path))?;
    Ok(settings)
}

fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

/// Prints what is about one file; where its fixed text is printed, to standard error.
fn take(outcome: Outcome, report: &mut Report, summary: &mut Summary) -> u8 {
    for note in outcome.notes {
        tell(note);
    }
    summary.add(&outcome.summary);
    let text = report.add(outcome.pieces);
    let Some(fixed) = outcome.fixed else {
        return output::print(&text);
    };
    if !text.is_empty() {
        tell(text.trim_end_matches('\n'));
    }
    output::print(&fixed)
}
