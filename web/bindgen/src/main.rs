//! Generates the JavaScript and the TypeScript declarations around a module: the generator of
//! wasm-bindgen as a library, so that `Cargo.lock` pins both to one version.
//!
//! `bindgen IN.wasm FOLDER` writes `FOLDER/policy.js`, `policy.d.ts`, `policy_bg.wasm` and
//! `policy_bg.wasm.d.ts`.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder] = arguments.as_slice() else {
        eprintln!("bindgen: give the module and the folder to write to: bindgen IN.wasm FOLDER");
        return ExitCode::FAILURE;
    };
    match generate(module, folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bindgen: cannot generate from {module}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn generate(module: &str, folder: &str) -> Result<(), String> {
    let mut generator = Bindgen::new();
    generator
        .web(true)
        .and_then(|generator| {
            generator
                .input_path(module)
                .out_name("policy")
                .typescript(true)
                .reset_state_function(true)
                .remove_name_section(true)
                .remove_producers_section(true)
                .generate(folder)
        })
        .map_err(|why| format!("{why:#}"))
}
