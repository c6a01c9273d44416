//! Takes the pages and the published address into the crate.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let metadata = root.join("policy-metadata.yml");
    println!("cargo::rerun-if-changed={}", metadata.display());

    let mut code = String::from(
        "/// Every page, those of the policy first, sorted by code.\npub static PAGES: &[Source] = &[\n",
    );
    for folder in ["rules", "rules/manifest"] {
        let pages = root.join(folder);
        println!("cargo::rerun-if-changed={}", pages.display());
        let mut files = fs::read_dir(pages)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()?;
        files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
        files.sort();
        for file in files {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let path = file.display().to_string();
            writeln!(
                code,
                "    Source {{ code: {name:?}, folder: {folder:?}, text: include_str!({path:?}) }},"
            )?;
        }
    }
    code.push_str("];\n");
    let metadata = fs::read_to_string(metadata)?;
    let source = metadata
        .lines()
        .find_map(|line| line.trim().strip_prefix("io.kubewarden.policy.source: "))
        .ok_or("policy-metadata.yml must name the address of the source")?;
    code.push_str("/// Where the source is published.\n");
    writeln!(code, "pub const REPOSITORY: &str = {:?};", source.trim())?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("pages.rs"), code)?;
    Ok(())
}
