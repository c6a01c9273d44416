//! Reviews manifests with the module that ships, as a host does, and prints what happens to them. The
//! checker's reader reads them, so that both find the same objects.

mod manifest;
mod screen;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use policy_host::{Environment, Module};
use serde::Deserialize;
use serde_json::{Value, json};
use skupper_access_check::exclude::Excluded;
use skupper_access_check::files::{self, Input, Unread};
use skupper_access_check::surroundings::Surroundings;
use skupper_access_check::work::examine;
use skupper_access_manifest::context::Context;
use skupper_access_manifest::judge::{Contents, Document, names_ours};
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader::node::Span;
use skupper_access_policy::redaction::redacted;
use skupper_access_policy::settings::Settings;

use manifest::Manifest;
use screen::Screen;

/// Reviews `files` with the module and the settings at these paths and prints the outcome. Folders and
/// patterns are searched as the checker does.
///
/// # Errors
///
/// Says which file cannot be read, what is wrong with the settings, how the guest failed, or how
/// many objects are refused.
pub(crate) fn run(module: &Path, settings: Option<&Path>, files: &[&str]) -> Result<(), String> {
    let (json, settings) = match settings {
        Some(path) => skupper_access_check::settings::read(&Input::named(path))
            .map_err(|problems| problems.join("\n"))?,
        None => (json!({}), Settings::default()),
    };
    let reviewer = Reviewer::load(module, json, settings)?;
    let paths: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    let inputs = files::expand(&paths, &Excluded::default());
    if let Some((_, problem)) = inputs.problems.into_iter().next() {
        return Err(problem);
    }
    let surroundings = Surroundings::new(inputs.kustomizations);
    let mut refused = 0;
    for input in &inputs.files {
        refused += reviewer.review(input, &surroundings)?;
    }
    match refused {
        0 => Ok(()),
        1 => Err("one object is refused".to_owned()),
        _ => Err(format!("{refused} objects are refused")),
    }
}

/// A policy with its settings, and where its verdicts are printed.
pub(crate) struct Reviewer {
    module: Module,
    json: Value,
    settings: Settings,
    now: DateTime<Utc>,
    screen: Screen,
}

impl Reviewer {
    /// Loads the module at `path`, with settings as JSON and checked.
    ///
    /// # Errors
    ///
    /// Says why it cannot be read.
    pub(crate) fn load(path: &Path, json: Value, settings: Settings) -> Result<Self, String> {
        let unreadable = |why: String| format!("cannot read {}: {why}", path.display());
        let wasm = fs::read(path).map_err(|why| unreadable(why.to_string()))?;
        Ok(Self {
            module: Module::load(&wasm).map_err(|why| unreadable(why.to_string()))?,
            json,
            settings,
            now: SystemTime::now().into(),
            screen: Screen::stdout(),
        })
    }

    /// The size of the module in bytes.
    pub(crate) fn module_size(&self) -> usize {
        self.module.size()
    }

    /// Reviews every object of a file, prints the outcomes and returns how many are refused: by the
    /// module, or by the checker's own rules.
    ///
    /// # Errors
    ///
    /// Says why the file cannot be read, or how the guest failed.
    pub(crate) fn review(
        &self,
        input: &Input,
        surroundings: &Surroundings,
    ) -> Result<usize, String> {
        let file = match files::read(input) {
            Ok(file) => file,
            Err(Unread::TooLarge(text) | Unread::Unmarked(text))
                if !input.is_named && !names_ours(&text) =>
            {
                return Ok(0);
            }
            Err(unread) => return Err(unread.line(input)),
        };
        let text = file.text;
        let context = Context::new(&self.settings, self.now);
        let mut contents = examine(input, &text, surroundings, &context);
        if !input.is_named {
            contents.skip_unreadable_of_others(&text);
        }
        let name = input.name();
        let lines = Lines::of(&text);
        let at = |span: &Span| format!("{name}:{}", lines.place(span.start).line);
        if let Some(why) = contents.unreadable.first() {
            return Err(format!("cannot read {}: {}", at(&why.span), why.problem));
        }
        if contents.is_of_others() && contents.skipped == 0 && input.is_named {
            return Err(format!("cannot read {name}: no object found"));
        }
        let mut refused = 0;
        for manifest in Manifest::all(&text, &contents) {
            let answer = self
                .answer(&manifest)
                .map_err(|why| format!("cannot review {name}: {why}"))?;
            self.show(&name, &manifest, &answer)?;
            refused += usize::from(!(answer.accepted && manifest.is_allowed));
        }
        for placed in contents
            .documents
            .iter()
            .flat_map(|document| &document.checks)
        {
            let text = placed.finding.to_string();
            if placed.denies() {
                self.screen.refused(&at(&placed.span), &text);
            } else {
                self.screen.warning(&at(&placed.span), &text);
            }
        }
        // What is nearly of ours is refused by the checker alone.
        refused += contents
            .documents
            .iter()
            .map(refused_unknown)
            .sum::<usize>();
        self.show_rest(&contents, at);
        Ok(refused)
    }

    /// Prints what is not reviewed.
    fn show_rest(&self, contents: &Contents, at: impl Fn(&Span) -> String) {
        for note in &contents.notes {
            self.screen.title(&at(&note.span));
            self.screen.aside(&format!("not reviewed: {}", note.reason));
        }
        match contents.skipped {
            0 => {}
            1 => self.screen.aside("not reviewed: an object of another kind"),
            count => self
                .screen
                .aside(&format!("not reviewed: {count} objects of other kinds")),
        }
    }

    fn answer(&self, manifest: &Manifest) -> Result<Answer, String> {
        let payload = json!({ "request": manifest.request(), "settings": self.json });
        let environment = Environment {
            unix_nanos: u64::try_from(self.now.timestamp_nanos_opt().unwrap_or_default())
                .unwrap_or_default(),
            ..Environment::default()
        };
        let answer = self
            .module
            .instantiate_in(&environment)
            .and_then(|mut instance| instance.call("validate", payload.to_string().as_bytes()))
            .map_err(|error| error.to_string())?;
        serde_json::from_slice(&answer.bytes)
            .map_err(|error| format!("the answer is no answer: {error}"))
    }

    fn show(&self, file: &str, manifest: &Manifest, answer: &Answer) -> Result<(), String> {
        let screen = self.screen;
        screen.title(&manifest.title);
        screen.aside(file);
        screen.block(&yaml(&manifest.object)?);
        if !answer.accepted {
            let code = answer.code.map(|code| format!(" with code {code}"));
            screen.refused(
                &format!("refused{}", code.unwrap_or_default()),
                answer.message.as_deref().unwrap_or("no message"),
            );
        } else if answer.mutated_object.is_some() {
            screen.accepted("accepted and completed");
        } else {
            screen.accepted("accepted as it is");
        }
        for warning in answer.warnings.iter().flatten() {
            screen.warning("warning", warning);
        }
        if let Some(object) = &answer.mutated_object {
            screen.diff(&yaml(&manifest.sent())?, &yaml(object)?);
        }
        Ok(())
    }
}

/// What a guest answers to `validate`.
#[derive(Deserialize)]
struct Answer {
    accepted: bool,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code: Option<u16>,
    #[serde(default)]
    mutated_object: Option<Value>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

/// One for a document in which the checker refuses something and every object of ours is allowed: what
/// it refuses is then nearly of ours.
fn refused_unknown(document: &Document) -> usize {
    let unknown = document.unknown.iter();
    unknown.filter(|unknown| unknown.refusal.is_some()).count()
}

/// The object as YAML for people, its secrets hidden.
fn yaml(object: &Value) -> Result<String, String> {
    serde_saphyr::to_string(&redacted(object)).map_err(|error| error.to_string())
}
