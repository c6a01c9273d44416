//! Settings as the manual of `deploy/` has them.

use std::fs;

use crate::folder::Folder;

#[test]
fn the_settings_of_an_overlay_are_checked_before_they_are_applied() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/README.md");
    let manual = fs::read_to_string(manual).unwrap();
    let block = |info: &str| {
        let (_, block) = manual.split_once(&format!("```{info}\n")).unwrap();
        block.split("```").next().unwrap().to_owned()
    };
    let command = block("console check");
    let arguments = command.trim().strip_prefix("skupper-access-check ");
    let arguments: Vec<&str> = arguments.unwrap().split(' ').collect();
    let settings = block("yaml settings");
    let misspelled = settings.replace("maxExpirationWindow", "maxExpirationWindows");
    for (settings, code) in [(settings, 0), (misspelled, 2)] {
        let folder = Folder::with(&[
            ("policies/settings.yaml", settings.as_str()),
            ("grant.yaml", GRANT),
        ]);
        let ended = folder.run(&arguments);
        assert_eq!(ended.code, code, "{}{}", ended.output, ended.errors);
        let is_placed = ended.errors.contains("policies/settings.yaml:8:7: ");
        assert_eq!(is_placed, code == 2, "{}", ended.errors);
    }
}

const GRANT: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata:\n  name: west\n";
