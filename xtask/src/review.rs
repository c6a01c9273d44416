//! Reviews manifests with the module that ships, as a host does, and prints what happens to them. The
//! same reader as the checker's reads them, so that both find the same objects.

mod screen;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use manifest_files::{Excluded, Input, Surroundings, Unread};
use policy_host::{Environment, Module};
use serde::Deserialize;
use serde_json::{Value, json};
use skupper_access_manifest::context::{Context, Identity};
use skupper_access_manifest::edit::{Edit, applied_within};
use skupper_access_manifest::fix::stored;
use skupper_access_manifest::judge::{Contents, Document, Judged, names_ours};
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader::node::Span;
use skupper_access_manifest::redact;
use skupper_access_policy::admission_request;
use skupper_access_policy::printable::printable;
use skupper_access_policy::settings::Settings;

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
        Some(path) => manifest_files::settings::read(&Input::named(path))
            .map_err(|problems| problems.join("\n"))?,
        None => (json!({}), Settings::default()),
    };
    let reviewer = Reviewer::load(module, json, settings)?;
    let paths: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    let inputs = manifest_files::expand(&paths, &Excluded::default());
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
    /// module, or by a check of any object.
    ///
    /// # Errors
    ///
    /// Says why the file cannot be read, or how the guest failed.
    pub(crate) fn review(
        &self,
        input: &Input,
        surroundings: &Surroundings,
    ) -> Result<usize, String> {
        let text = match manifest_files::read(input) {
            Ok(file) => file.text,
            Err(Unread::TooLarge(text) | Unread::Unmarked(text))
                if !input.is_named && !names_ours(&text) =>
            {
                return Ok(0);
            }
            Err(unread) => return Err(unread.line(input)),
        };
        let context = Context::new(&self.settings, self.now);
        let mut contents = surroundings.judge(input, &text, &context);
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
        let comment = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let objects = contents
            .documents
            .iter()
            .flat_map(|document| &document.objects);
        let comment = comment.filter(|_| objects.count() == 1 && contents.skipped == 0);
        let mut refused = 0;
        for document in &contents.documents {
            let page = Page {
                text: &text,
                document,
                hidden: redact::edits(&text, &document.tree, &document.value),
            };
            let written = page.with(&[]);
            for (number, judged) in document.objects.iter().enumerate() {
                let answer = self
                    .answer(&judged.object.value)
                    .map_err(|why| format!("cannot review {name}: {why}"))?;
                let title = comment.map_or_else(|| title(judged), str::to_owned);
                self.screen.title(&title);
                self.screen.aside(&at(&judged.span));
                if number == 0 {
                    self.screen.block(&written);
                }
                self.show(&answer);
                if let Some(after) = &answer.mutated_object {
                    let (tree, object) = (&document.tree, &judged.object);
                    let edits = stored(&text, tree, &object.pointer, &object.value, after);
                    self.screen.diff(&written, &page.with(&edits));
                }
                refused += usize::from(!(answer.accepted && judged.is_allowed()));
            }
            self.show_checks(document, at);
            // What is nearly of ours is refused by a check alone.
            let unknown = document.unknown.iter();
            refused += unknown.filter(|unknown| unknown.refusal.is_some()).count();
        }
        self.show_rest(&contents, at);
        Ok(refused)
    }

    fn show_checks(&self, document: &Document, at: impl Fn(&Span) -> String) {
        for placed in &document.checks {
            let text = placed.finding.to_string();
            if placed.denies() {
                self.screen.refused(&at(&placed.span), &text);
            } else {
                self.screen.warning(&at(&placed.span), &text);
            }
        }
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

    fn answer(&self, object: &Value) -> Result<Answer, String> {
        let payload = json!({ "request": request(object), "settings": self.json });
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

    fn show(&self, answer: &Answer) {
        let screen = self.screen;
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
    }
}

/// A document, and the edits that take its secrets and comments out.
struct Page<'a> {
    text: &'a str,
    document: &'a Document,
    hidden: Vec<Edit>,
}

impl Page<'_> {
    /// Its text as it may be shown, with more edits.
    fn with(&self, edits: &[Edit]) -> String {
        let edits = [&self.hidden, edits].concat();
        let text = applied_within(self.text, &self.document.tree.span, &edits);
        let text = text.trim_start_matches("---\n").trim_matches('\n');
        text.to_owned() + "\n"
    }
}

/// Answer of a guest to `validate`.
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

/// Kind and name of an object.
fn title(judged: &Judged) -> String {
    let Identity { kind, name, .. } = Identity::of(&judged.object.value);
    format!("{} {}", printable(&kind), printable(&name))
}

/// The request of a user without privileges to create an object. The name of a `TokenRequest` is that of
/// its service account and part of the address; the object that the API server hands on has none.
fn request(object: &Value) -> Value {
    let user = json!({ "username": "alice", "groups": ["system:authenticated"] });
    let mut request = admission_request(object.clone(), None, Some(user));
    if Identity::of(object).kind == "TokenRequest"
        && let Some(Value::Object(metadata)) = request.pointer_mut("/object/metadata")
    {
        metadata.remove("name");
    }
    request
}
