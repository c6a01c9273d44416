//! Steps of make that need a program. Paths are relative to the current
//! directory, which make sets to the top of the repository.

mod annotate;
mod demo;
mod generate;
mod metadata;
mod review;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["annotate", module, annotated] => annotate::run(Path::new(module), Path::new(annotated)),
        ["demo", module] => demo::run(Path::new(module)),
        ["generate"] => generate::run(Path::new(".")),
        ["review", module, "--settings", settings, files @ ..] if !files.is_empty() => {
            review::run(Path::new(module), Some(Path::new(settings)), files)
        }
        ["review", module, files @ ..] if !files.is_empty() => {
            review::run(Path::new(module), None, files)
        }
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "the task must be one of
  annotate IN.wasm OUT.wasm   adds the metadata of policy-metadata.yml and usage.md to a module
  demo ANNOTATED.wasm         reviews the manifests of examples/ and prints what happens to them
  generate                    writes questions-ui.yml, artifacthub-pkg.yml, the head of
                              web/npm/package.json and the tables of docs/reference.md
  review ANNOTATED.wasm [--settings FILE] FILE...
                              reviews your own manifests and prints what happens to them";
