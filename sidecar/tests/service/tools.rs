//! Programs of others that tests need.

use std::io::ErrorKind;
use std::process::{Command, Output, Stdio};

/// A command that runs a tool. Debian's package has the tool's name.
pub(crate) fn tool(name: &str) -> Command {
    let mut probe = Command::new(name);
    let probe = probe.arg("--version").stdout(Stdio::null());
    if let Err(error) = probe.stderr(Stdio::null()).status() {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error}");
        panic!("'{name}' is missing: install it with 'apt-get install {name}'");
    }
    Command::new(name)
}

/// What a command prints; it must go well.
pub(crate) fn printed(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let errors = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {errors}");
    String::from_utf8(stdout).unwrap()
}
