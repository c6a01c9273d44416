//! Files -> what is reported about each, on all cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use chrono::{DateTime, Utc};
use manifest_files::{Input, Surroundings, Unread};
use skupper_access_policy::settings::Settings;

use crate::report::{Judged, Pieces, Style, Summary};
use crate::root::Root;
use crate::write;
use skupper_access_manifest::context::Context;
use skupper_access_manifest::fix::{Fixed, fix};
use skupper_access_manifest::judge::names_ours;

/// Settings and switches with which files are judged.
#[derive(Debug)]
pub struct Check {
    /// The policy's settings.
    pub settings: Settings,
    /// The time of the review.
    pub now: DateTime<Utc>,
    /// Form of the report.
    pub style: Style,
    /// Folder from which reports name files.
    pub root: Root,
    /// True where a file that is named may be unreadable, too, if it names none of our kinds.
    pub skips_others: bool,
    /// True where fixes and defaults are written into the files.
    pub is_fixing: bool,
}

/// Report, notes and numbers of one file.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Its part of the report.
    pub pieces: Pieces,
    /// Lines for standard error.
    pub notes: Vec<String>,
    /// Its numbers.
    pub summary: Summary,
    /// The text of standard input with fixes and defaults, where that is asked for.
    pub fixed: Option<String>,
}

impl Check {
    /// Judges files on all cores; the outcomes stand in their order.
    #[must_use]
    pub fn all(&self, inputs: &[Input], surroundings: &Surroundings) -> Vec<Outcome> {
        let next = AtomicUsize::new(0);
        let outcomes: Vec<Mutex<Outcome>> = inputs.iter().map(|_| Mutex::default()).collect();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let (Some(input), Some(slot)) = (inputs.get(number), outcomes.get(number)) else {
                    return;
                };
                let outcome = self.file(input, surroundings);
                if let Ok(mut slot) = slot.lock() {
                    *slot = outcome;
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..cores.min(inputs.len()) {
                scope.spawn(work);
            }
            work();
        });
        let outcomes = outcomes.into_iter();
        outcomes
            .map(|slot| slot.into_inner().unwrap_or_default())
            .collect()
    }

    /// Judges one file, and writes into it where that is asked for.
    #[must_use]
    pub fn file(&self, input: &Input, surroundings: &Surroundings) -> Outcome {
        let name = input.name();
        let skips_others = self.skips_others || !input.is_named;
        let mut outcome = Outcome::default();
        let file = match manifest_files::read(input) {
            Ok(file) => file,
            Err(Unread::TooLarge(text) | Unread::Unmarked(text))
                if skips_others && !names_ours(&text) =>
            {
                outcome.summary.skipped = 1;
                return outcome;
            }
            Err(unread) => return self.problem(input, &unread.line(input)),
        };
        let mut text = file.text;
        let context = Context::new(&self.settings, self.now);
        let mut contents = surroundings.judge(input, &text, &context);
        if self.is_fixing {
            let mut fixed = fix(&text, &contents, &context);
            if !file.is_exact {
                fixed = fixed.unwritten();
            }
            if let Some(new) = fixed.text.take() {
                if !input.is_standard()
                    && let Err(problem) = write::replace(&input.path, &text, &new)
                {
                    return self.problem(input, &problem);
                }
                contents = surroundings.judge(input, &new, &context);
                text = new;
            }
            tell_fixed(&name, &fixed, &mut outcome);
        }
        if skips_others {
            contents.skip_unreadable_of_others(&text);
        }
        outcome.summary.count(&contents);
        outcome.pieces = self.style.file(&Judged {
            name: &name,
            path: self.root.name_of(input).as_deref(),
            text: &text,
            contents: &contents,
        });
        outcome.fixed = (self.is_fixing && input.is_standard()).then_some(text);
        outcome
    }

    /// Reports a file that cannot be read or written: a line that says why.
    #[must_use]
    pub fn problem(&self, input: &Input, problem: &str) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.summary.unreadable = 1;
        let path = self.root.name_of(input);
        let piece = self.style.problem(path.as_deref(), problem);
        outcome.pieces.unreadable.extend(piece);
        outcome.notes.push(format!("error: {problem}"));
        outcome
    }
}

/// Says what was written, and shows what could not be.
fn tell_fixed(name: &str, fixed: &Fixed, outcome: &mut Outcome) {
    outcome.summary.fixed += fixed.written.len();
    outcome.summary.unwritten += fixed.unwritten.len();
    for written in &fixed.written {
        let (line, field) = (written.line, &written.field);
        outcome.notes.push(format!("fixed {name}:{line}: {field}"));
    }
    for object in &fixed.unwritten {
        outcome.notes.push(format!(
            "error: cannot write into {name} and keep everything else as it is: \
             change it to this yourself\n---\n{object}"
        ));
    }
}
