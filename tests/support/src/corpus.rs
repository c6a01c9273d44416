//! The inputs that the fuzzer found.

use std::path::Path;

/// Gives every input of a fuzz target's corpus to a check.
pub fn replay(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let files = std::fs::read_dir(folder.join(target)).unwrap();
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target}");
    for path in paths {
        // Printed only when a check fails: it names the input that fails.
        println!("{}", path.display());
        check(&std::fs::read(&path).unwrap());
    }
}
