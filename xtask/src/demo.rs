//! Shows the policy at work: every manifest of `examples/` goes through the module that ships, and
//! what happens to it is printed.

mod example;
mod redaction;
mod screen;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use policy_host::{Environment, Module};
use serde::Deserialize;
use serde_json::{Value, json};

use example::Example;
use redaction::redacted;
use screen::Screen;

/// Reviews every example with the module at `path` and prints the outcome.
///
/// # Errors
///
/// Says which file cannot be read, or how the guest failed.
pub(crate) fn run(path: &Path) -> Result<(), String> {
    let wasm = fs::read(path).map_err(|why| format!("cannot read {}: {why}", path.display()))?;
    let module = Module::load(&wasm).map_err(|error| error.to_string())?;
    let screen = Screen::stdout();
    let size = module.size().div_ceil(1024);
    println!(
        "{} ({size} KiB) reviews the manifests of {EXAMPLES}/",
        path.display()
    );
    for file in manifests()? {
        let example =
            Example::read(&file).map_err(|why| format!("cannot read {}: {why}", file.display()))?;
        let answer = review(&module, &example)
            .map_err(|why| format!("cannot review {}: {why}", file.display()))?;
        show(screen, &file, &example, &answer)?;
    }
    Ok(())
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

fn review(module: &Module, example: &Example) -> Result<Answer, String> {
    let payload = json!({ "request": example.request()?, "settings": {} }).to_string();
    let environment = Environment {
        unix_nanos: now(),
        ..Environment::default()
    };
    let answer = module
        .instantiate_in(&environment)
        .and_then(|mut instance| instance.call("validate", payload.as_bytes()))
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&answer.bytes)
        .map_err(|error| format!("the answer is no answer: {error}"))
}

fn show(screen: Screen, file: &Path, example: &Example, answer: &Answer) -> Result<(), String> {
    let written = yaml(&example.object)?;
    println!();
    screen.title(&example.headline);
    screen.aside(&file.display().to_string());
    screen.block(&written);
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
        screen.diff(&yaml(&example.sent())?, &yaml(object)?);
    }
    Ok(())
}

/// The object as YAML for people, its secrets hidden.
fn yaml(object: &Value) -> Result<String, String> {
    serde_saphyr::to_string(&redacted(object)).map_err(|error| error.to_string())
}

fn manifests() -> Result<Vec<PathBuf>, String> {
    let unreadable = |why: std::io::Error| format!("cannot read {EXAMPLES}: {why}");
    let mut files = fs::read_dir(EXAMPLES)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    Ok(files)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_nanos()).ok())
        .unwrap_or_default()
}

const EXAMPLES: &str = "examples";
