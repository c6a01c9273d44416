//! Reviews manifests with the module that ships, as a host does, and prints what happens to them.

mod manifest;
mod screen;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use policy_host::{Environment, Module};
use serde::Deserialize;
use serde_json::{Value, json};
use skupper_access_policy::redaction::redacted;
use skupper_access_policy::settings::Settings;

use manifest::Manifest;
use screen::Screen;

/// Reviews `files` with the module and the settings at these paths and prints the outcome.
///
/// # Errors
///
/// Says which file cannot be read, what is wrong with the settings, how the guest failed, or how
/// many objects are refused.
pub(crate) fn run(module: &Path, settings: Option<&Path>, files: &[&str]) -> Result<(), String> {
    let settings = match settings {
        Some(path) => read_settings(path)
            .map_err(|why| format!("cannot read the settings {}: {why}", path.display()))?,
        None => json!({}),
    };
    if let Err(problems) = Settings::read(&settings) {
        return Err(problems.to_string());
    }
    let reviewer = Reviewer::load(module, settings)?;
    let mut refused = 0;
    for file in files {
        refused += reviewer.review(Path::new(file))?;
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
    settings: Value,
    screen: Screen,
}

impl Reviewer {
    /// Loads the module at `path`.
    ///
    /// # Errors
    ///
    /// Says why it cannot be read.
    pub(crate) fn load(path: &Path, settings: Value) -> Result<Self, String> {
        let unreadable = |why: String| format!("cannot read {}: {why}", path.display());
        let wasm = fs::read(path).map_err(|why| unreadable(why.to_string()))?;
        Ok(Self {
            module: Module::load(&wasm).map_err(|why| unreadable(why.to_string()))?,
            settings,
            screen: Screen::stdout(),
        })
    }

    /// The size of the module in bytes.
    pub(crate) fn module_size(&self) -> usize {
        self.module.size()
    }

    /// Reviews every object of a file, prints the outcomes and returns how many are refused.
    ///
    /// # Errors
    ///
    /// Says why the file cannot be read, or how the guest failed.
    pub(crate) fn review(&self, file: &Path) -> Result<usize, String> {
        let manifests = Manifest::read_all(file)
            .map_err(|why| format!("cannot read {}: {why}", file.display()))?;
        let mut refused = 0;
        for manifest in manifests {
            let answer = self
                .answer(&manifest)
                .map_err(|why| format!("cannot review {}: {why}", file.display()))?;
            self.show(file, &manifest, &answer)?;
            refused += usize::from(!answer.accepted);
        }
        Ok(refused)
    }

    fn answer(&self, manifest: &Manifest) -> Result<Answer, String> {
        let payload = json!({ "request": manifest.request(), "settings": self.settings });
        let environment = Environment {
            unix_nanos: now(),
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

    fn show(&self, file: &Path, manifest: &Manifest, answer: &Answer) -> Result<(), String> {
        let screen = self.screen;
        println!();
        screen.title(&manifest.title);
        screen.aside(&file.display().to_string());
        if let Some(request) = answer.not_covered() {
            screen.aside(&format!("not reviewed: no rule is about {request}"));
            return Ok(());
        }
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
            screen.warning(warning);
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
    #[serde(default)]
    audit_annotations: Option<BTreeMap<String, String>>,
}

impl Answer {
    /// The operation and kind of a request that the policy has no rules for.
    fn not_covered(&self) -> Option<&String> {
        self.audit_annotations.as_ref()?.get("not-covered")
    }
}

fn read_settings(path: &Path) -> Result<Value, String> {
    let yaml = fs::read_to_string(path).map_err(|error| error.to_string())?;
    serde_saphyr::from_str(&yaml).map_err(|error| manifest::unreadable(&error))
}

/// The object as YAML for people, its secrets hidden.
fn yaml(object: &Value) -> Result<String, String> {
    serde_saphyr::to_string(&redacted(object)).map_err(|error| error.to_string())
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_nanos()).ok())
        .unwrap_or_default()
}
