//! Appends a policy's metadata to its module, as `kwctl annotate` does, without kwctl.
//!
//! Nothing else in the module changes: its bytes are the beginning of the annotated one.

use std::fs;
use std::path::Path;

use policy_host::Module;
use wasm_encoder::{CustomSection, Section};

use crate::metadata::{Metadata, PROTOCOL_VERSION};

/// Reads `module`, `policy-metadata.yml` and `usage.md`, and writes `annotated` in one step.
///
/// # Errors
///
/// Says which file cannot be read or written, or why the module cannot be annotated.
pub(crate) fn run(module: &Path, annotated: &Path) -> Result<(), String> {
    let yaml = read_text(METADATA_FILE)?;
    let usage = read_text(USAGE_FILE)?;
    let metadata = Metadata::read(&yaml, &usage)
        .map_err(|why| format!("cannot read {METADATA_FILE}: {why}"))?;
    let wasm =
        fs::read(module).map_err(|why| format!("cannot read {}: {why}", module.display()))?;
    let bytes = annotate(&wasm, &metadata)
        .map_err(|why| format!("cannot annotate {}: {why}", module.display()))?;
    write_at_once(annotated, &bytes)
        .map_err(|why| format!("cannot write {}: {why}", annotated.display()))
}

/// The module `wasm` with `metadata` in a section at its end.
///
/// # Errors
///
/// Says why `wasm` is no guest of Kubewarden, or that it has metadata already.
fn annotate(wasm: &[u8], metadata: &Metadata) -> Result<Vec<u8>, String> {
    let module = Module::load(wasm).map_err(|error| error.to_string())?;
    if module
        .custom_sections()
        .any(|section| section.name == SECTION)
    {
        return Err(format!(
            "it already has the section '{SECTION}', and hosts read the first one: annotate the \
             module as the compiler made it"
        ));
    }
    ask_protocol_version(&module)?;
    let section = CustomSection {
        name: SECTION.into(),
        data: metadata.to_json()?.into(),
    };
    let mut annotated = wasm.to_vec();
    section.append_to(&mut annotated);
    Ok(annotated)
}

fn ask_protocol_version(module: &Module) -> Result<(), String> {
    let answer = module
        .instantiate()
        .and_then(|mut instance| instance.call("protocol_version", b""))
        .map_err(|error| format!("it does not answer 'protocol_version': {error}"))?;
    let version: Result<&str, _> = serde_json::from_slice(&answer.bytes);
    match version {
        Ok(PROTOCOL_VERSION) => Ok(()),
        _ => Err(format!(
            "it must answer 'protocol_version' with \"{PROTOCOL_VERSION}\""
        )),
    }
}

/// Readers see the old file or the whole new one.
fn write_at_once(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, bytes)?;
    fs::rename(&unfinished, path)
}

fn read_text(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|why| format!("cannot read {path}: {why}"))
}

const METADATA_FILE: &str = "policy-metadata.yml";
const USAGE_FILE: &str = "usage.md";

/// Source: Kubewarden's `policy-evaluator`, `KUBEWARDEN_CUSTOM_SECTION_METADATA`.
const SECTION: &str = "io.kubewarden.metadata";

#[cfg(test)]
mod tests {
    use super::*;

    /// A guest that answers everything with `answer`.
    fn guest(answer: &str) -> Vec<u8> {
        let len = answer.len();
        let answer = answer.replace('"', "\\22");
        wat::parse_str(format!(
            r#"(module
                (import "wapc" "__guest_response" (func $response (param i32 i32)))
                (memory (export "memory") 1)
                (data (i32.const 0) "{answer}")
                (func (export "__guest_call") (param i32 i32) (result i32)
                    i32.const 0 i32.const {len} call $response i32.const 1))"#
        ))
        .unwrap()
    }

    fn metadata() -> Metadata {
        Metadata::read(include_str!("../../policy-metadata.yml"), "# Usage").unwrap()
    }

    #[test]
    fn the_module_keeps_its_bytes_and_gets_one_section() {
        let wasm = guest(r#""v1""#);
        let annotated = annotate(&wasm, &metadata()).unwrap();
        assert!(annotated.starts_with(&wasm));
        let module = Module::load(&annotated).unwrap();
        let sections: Vec<_> = module
            .custom_sections()
            .filter(|section| section.name == SECTION)
            .collect();
        assert_eq!(sections.len(), 1);
        assert_eq!(sections[0].data, metadata().to_json().unwrap());
    }

    #[test]
    fn what_hosts_would_misread_is_refused() {
        let rows = [
            (
                "a file of another kind",
                b"\x7fELF".to_vec(),
                "cannot load the module",
            ),
            (
                "another protocol",
                guest(r#""v2""#),
                "must answer 'protocol_version'",
            ),
            ("no JSON", guest("v1"), "must answer 'protocol_version'"),
            (
                "annotated before",
                annotate(&guest(r#""v1""#), &metadata()).unwrap(),
                "already has the section",
            ),
        ];
        for (name, wasm, expected) in rows {
            let error = annotate(&wasm, &metadata()).unwrap_err();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}
