//! `--fix` writes into files, and leaves the others alone.

use crate::examples::NOW;
use crate::folder::Folder;

const GRANT: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\n";

#[test]
fn what_cannot_be_written_is_shown_and_the_file_left_alone() {
    let text = format!("{GRANT}base: &base {{expirationWindow: 1 day}}\nspec: *base\n");
    let folder = Folder::with(&[("grant.yml", &text)]);
    let ended = folder.run(&["--fix", NOW, "grant.yml"]);
    assert_eq!(ended.code, 1);
    assert_eq!(folder.text("grant.yml"), text);
    assert!(
        ended.errors.contains("cannot write into grant.yml"),
        "{}",
        ended.errors
    );
    assert!(
        ended.errors.contains("  expirationWindow: 24h\n"),
        "{}",
        ended.errors
    );
}

#[cfg(unix)]
#[test]
fn mode_and_links_stay_and_other_files_are_not_touched() {
    use std::os::unix::fs::PermissionsExt as _;
    let text = format!("{GRANT}spec: {{expirationWindow: 1 day}}\n");
    let clean = format!("{GRANT}spec: {{expirationWindow: 1h, redemptionsAllowed: 1}}\n");
    let folder = Folder::with(&[("real/grant.yml", &text), ("clean.yml", &clean)]);
    let real = folder.path().join("real/grant.yml");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link.yml");
    std::os::unix::fs::symlink("real/grant.yml", &link).unwrap();
    let before = std::fs::metadata(folder.path().join("clean.yml"))
        .unwrap()
        .modified()
        .unwrap();
    let ended = folder.run(&["--fix", NOW, "link.yml", "clean.yml"]);
    assert_eq!(ended.code, 0, "{}", ended.errors);
    assert!(link.is_symlink());
    assert!(folder.text("real/grant.yml").contains("24h"));
    let mode = std::fs::metadata(&real).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let after = std::fs::metadata(folder.path().join("clean.yml"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(before, after);
    let names = std::fs::read_dir(folder.path().join("real"))
        .unwrap()
        .count();
    assert_eq!(names, 1, "a temporary file was left");
}
