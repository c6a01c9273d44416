//! The units in `deploy/systemd`.

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Parser as _;
use redemption_sidecar::args::CommandLine;

#[test]
fn units_are_what_systemd_reads_and_start_commands_that_there_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/systemd");
    for (part, option) in [("", "--system"), ("user", "--user")] {
        let copies = tempfile::tempdir().unwrap();
        let mut names = Vec::new();
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let unit = fs::read_to_string(&path).unwrap();
            for command in unit
                .lines()
                .filter_map(|line| line.strip_prefix("ExecStart="))
            {
                let words = command.split(' ');
                let parsed = CommandLine::try_parse_from(words);
                assert!(parsed.is_ok(), "{}: {command}", path.display());
            }
            let unit = unit.replace("/usr/local/bin/redemption-sidecar", "/bin/true");
            let copy = copies.path().join(path.file_name().unwrap());
            fs::write(&copy, unit).unwrap();
            names.push(copy);
        }
        assert_eq!(names.len(), 3, "{part}");
        let verified = Command::new("systemd-analyze")
            .args([option, "verify", "--man=no"])
            .env("XDG_RUNTIME_DIR", copies.path())
            .args(&names)
            .output();
        // Not every machine has systemd.
        let Ok(verified) = verified else {
            continue;
        };
        let said = String::from_utf8_lossy(&verified.stderr);
        let of_ours: Vec<_> = said
            .lines()
            .filter(|line| line.contains("redemption"))
            .collect();
        assert!(of_ours.is_empty(), "{of_ours:?}");
    }
}
