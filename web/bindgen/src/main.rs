//! Generates the JavaScript and the TypeScript declarations around a module: the generator of
//! wasm-bindgen as a library, so that `Cargo.lock` pins both to one version.
//!
//! `bindgen IN.wasm FOLDER NAME` writes `FOLDER/NAME.js`, `NAME.d.ts`, `NAME_bg.wasm` and
//! `NAME_bg.wasm.d.ts`.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder, name] = arguments.as_slice() else {
        eprintln!(
            "bindgen: give the module, the folder to write to and a name: bindgen IN.wasm FOLDER NAME"
        );
        return ExitCode::FAILURE;
    };
    match generate(module, folder, name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bindgen: cannot generate from {module}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn generate(module: &str, folder: &str, name: &str) -> Result<(), String> {
    let mut generator = Bindgen::new();
    generator
        .web(true)
        .and_then(|generator| {
            generator
                .input_path(module)
                .out_name(name)
                .typescript(true)
                .reset_state_function(true)
                .remove_name_section(true)
                .remove_producers_section(true)
                .generate(folder)
        })
        .map_err(|why| format!("{why:#}"))
}
