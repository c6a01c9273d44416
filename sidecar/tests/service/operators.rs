//! What an operator gets wrong, and what the service then says.

use std::process::{Command, Output};

use crate::sidecar::BINARY;

#[test]
fn a_password_in_a_url_is_not_repeated() {
    let url = "https://user:canary@grants.example:9090";
    let rows: [(&str, &[&str], &str); 5] = [
        ("--url", &["serve", "--url", url], "user name or a password"),
        (
            "--url without a scheme",
            &["serve", "--url", "user:canary@grants.example"],
            "--url",
        ),
        ("no option", &["serve", url], "unexpected argument 'a URL'"),
        ("a name", &["issue", url], "invalid value 'a URL'"),
        ("a command", &[url], "unrecognized subcommand 'a URL'"),
    ];
    for (name, arguments, says) in rows {
        let (code, line) = failed(arguments);
        assert_eq!(code, Some(2), "{name}");
        assert!(line.contains(says), "{name}: {line}");
        assert!(!line.contains("canary"), "{name}: {line}");
    }
    let of_environment = Command::new(BINARY)
        .arg("serve")
        .env("SKUPPER_GRANT_SERVER_BASE_URL", url)
        .output()
        .unwrap();
    let line = one_line(&of_environment);
    assert!(!line.contains("canary"), "{line}");
}

#[test]
fn one_line_says_what_is_wrong_without_the_hints_of_the_parser() {
    let (code, line) = failed(&["serv"]);
    assert_eq!(code, Some(2));
    assert_eq!(line, "error: unrecognized subcommand 'serv': try '--help'");
}

/// The exit code of a command that fails, and the one line it says.
fn failed(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    (output.status.code(), one_line(&output))
}

fn one_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim_end().to_owned()
}
