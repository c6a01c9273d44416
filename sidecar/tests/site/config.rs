//! `redemption.yaml`: what is read, and what is refused with which words.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use proptest::prelude::*;
use redemption_sidecar::site::config::{Config, ConfigCause, IssuerFiles};
use redemption_sidecar::wire::manifest;
use redemption_sidecar::wire::objects::{Endpoint, Role, read_endpoint_host};

const WEST: &str = "\
name: west
url: https://west.example:9090/
issuers:
  default: {cert: ca.crt, key: /keys/ca.key}
  partners: {cert: p.crt, key: p.key}
endpoints:
- name: inter-router
  host: West.Example
  port: 55671
  group: west
- {name: edge, host: '2001:db8::1', port: \"45671\"}
";

fn endpoint(role: Role, host: &str, port: u16, group: &str) -> Endpoint {
    Endpoint {
        role,
        host: read_endpoint_host(host).unwrap(),
        port: NonZeroU16::new(port).unwrap(),
        group: group.to_owned(),
    }
}

#[test]
fn a_configuration_is_read_field_by_field() {
    let files = |cert: &str, key: &str| IssuerFiles {
        cert: cert.into(),
        key: key.into(),
        previous: Vec::new(),
    };
    let expected = Config {
        name: "west".to_owned(),
        url: Some("https://west.example:9090".parse().unwrap()),
        issuers: BTreeMap::from([
            ("default".to_owned(), files("ca.crt", "/keys/ca.key")),
            ("partners".to_owned(), files("p.crt", "p.key")),
        ]),
        endpoints: vec![
            endpoint(Role::InterRouter, "west.example", 55671, "west"),
            endpoint(Role::Edge, "[2001:db8::1]", 45671, ""),
        ],
    };
    assert_eq!(Config::parse(WEST), Ok(expected));
}

#[test]
fn a_problem_names_its_line_its_field_and_what_is_allowed() {
    use ConfigCause::{Malformed, Missing, TooLong, Unknown};
    let edge = "- {name: edge, host: a.example, port: 1}\n";
    let long = format!("{WEST}# {}", "x".repeat(manifest::MAX_BYTES));
    let invalid = |start: &str| ConfigCause::Invalid(start.to_owned());
    let malformed = |start: &str| Malformed(start.to_owned());
    let swap = |from: &str, to: &str| {
        assert!(WEST.contains(from), "{from}");
        WEST.replacen(from, to, 1)
    };
    let cases = [
        ("nothing", String::new(), None, "name", Missing),
        (
            "a text",
            "west".to_owned(),
            Some(1),
            "",
            malformed("must be a mapping"),
        ),
        (
            "a list",
            "- west".to_owned(),
            Some(1),
            "",
            malformed("must be a mapping"),
        ),
        (
            "two documents",
            format!("{WEST}---\n{WEST}"),
            Some(13),
            "",
            Malformed("must be one".to_owned()),
        ),
        ("too long", long, None, "", TooLong),
        (
            "an open quote",
            swap("west\n", "'west\n"),
            Some(2),
            "",
            malformed(""),
        ),
        (
            "an alias to nothing",
            swap("west\n", "*west\n"),
            Some(1),
            "",
            malformed(""),
        ),
        (
            "a typo",
            swap("url:", "uri:"),
            Some(2),
            "uri",
            Unknown(vec!["name", "url", "issuers", "endpoints"]),
        ),
        (
            "a typo in an issuer",
            swap("cert: ca.crt", "crt: ca.crt"),
            Some(4),
            "issuers.default.crt",
            Unknown(vec!["cert", "key", "previous"]),
        ),
        (
            "one file for a list of issuers before",
            swap("cert: ca.crt", "previous: old.crt, cert: ca.crt"),
            Some(4),
            "issuers.default.previous",
            malformed("must be a list"),
        ),
        (
            "an issuer before that is no file",
            swap(
                "cert: ca.crt",
                "previous: [old.crt, {cert: a}], cert: ca.crt",
            ),
            Some(4),
            "issuers.default.previous[1]",
            malformed("must be a text"),
        ),
        (
            "an issuer before without a name",
            swap("cert: ca.crt", "previous: ['', b], cert: ca.crt"),
            Some(4),
            "issuers.default.previous[0]",
            invalid("must be the path of a file"),
        ),
        (
            "a typo in an endpoint",
            swap("  group: west", "  groups: west"),
            Some(10),
            "endpoints[0].groups",
            Unknown(vec!["name", "host", "port", "group"]),
        ),
        (
            "a key twice",
            swap("url: ", "name: "),
            Some(2),
            "",
            malformed("name: Duplicate value"),
        ),
        (
            "an issuer twice",
            swap("partners", "default"),
            Some(5),
            "",
            malformed("issuers.default: Duplicate value"),
        ),
        ("no name", swap("name: west", ""), None, "name", Missing),
        (
            "an empty name",
            swap("west\n", "''\n"),
            Some(1),
            "name",
            invalid(""),
        ),
        (
            "no name at all",
            swap("west\n", "~\n"),
            None,
            "name",
            Missing,
        ),
        (
            "a list for a name",
            swap("west\n", "[west]\n"),
            Some(1),
            "name",
            malformed("must be a text"),
        ),
        (
            "http",
            swap("https://west", "http://west"),
            Some(2),
            "url",
            invalid("scheme must be 'https'"),
        ),
        (
            "no default issuer",
            swap("default", "other"),
            Some(4),
            "issuers.default",
            Missing,
        ),
        (
            "an issuer without a key",
            swap(", key: p.key", ""),
            Some(5),
            "issuers.partners.key",
            Missing,
        ),
        (
            "an issuer with an empty path",
            swap("p.key", "''"),
            Some(5),
            "issuers.partners.key",
            invalid("must be the path"),
        ),
        (
            "an issuer with a line end in its path",
            swap("p.key", "\"p\\nkey\""),
            Some(5),
            "issuers.partners.key",
            invalid("must be the path"),
        ),
        (
            "an issuer's name with a slash",
            swap("partners", "../partners"),
            Some(5),
            "issuers.../partners",
            invalid("the name of an issuer"),
        ),
        (
            "an issuer of nothing",
            swap("{cert: p.crt, key: p.key}", ""),
            Some(5),
            "issuers.partners",
            malformed("must be a mapping"),
        ),
        (
            "another kind of endpoint",
            swap("name: edge", "name: normal"),
            Some(11),
            "endpoints[1].name",
            invalid("must be 'inter-router' or 'edge'"),
        ),
        (
            "a host with a port",
            swap("West.Example", "west.example:55671"),
            Some(8),
            "endpoints[0].host",
            invalid("must be a DNS name"),
        ),
        (
            "no host",
            swap("host: '2001:db8::1', ", ""),
            Some(11),
            "endpoints[1].host",
            Missing,
        ),
        (
            "an endpoint twice",
            format!("{WEST}{edge}"),
            Some(12),
            "endpoints[2]",
            { invalid("endpoints[1] is the 'edge'") },
        ),
        (
            "no endpoint",
            "name: west\nissuers: {default: {cert: a, key: b}}\nendpoints: []\n".to_owned(),
            None,
            "endpoints",
            Missing,
        ),
    ];
    for (name, text, line, field, cause) in cases {
        let problem = Config::parse(&text).expect_err(name);
        assert_eq!(
            (problem.line, problem.field.as_str()),
            (line, field),
            "{name}"
        );
        match (&problem.cause, &cause) {
            (Malformed(text), Malformed(start))
            | (ConfigCause::Invalid(text), ConfigCause::Invalid(start)) => {
                assert!(text.starts_with(start.as_str()), "{name}: {text}");
            }
            (cause, expected) => assert_eq!(cause, expected, "{name}"),
        }
    }
}

#[test]
fn a_port_is_written_in_decimal_digits() {
    for (text, expected) in [
        ("1", Some(1)),
        ("'65535'", Some(65535)),
        ("0", None),
        ("65536", None),
        ("055671", None),
        ("0xd977", None),
        ("55_671", None),
        ("55671.0", None),
        ("+1", None),
        ("-1", None),
        ("' 1'", None),
        ("''", None),
        ("amqps", None),
    ] {
        let config = Config::parse(&WEST.replace("55671", text));
        let read = config.ok().map(|config| config.endpoints[0].port.get());
        assert_eq!(read, expected, "{text}");
    }
}

#[test]
fn a_problem_is_one_line() {
    let problem = Config::parse("name: west\nur\\l: a\n").unwrap_err();
    let known = "no such key: use 'name', 'url', 'issuers', 'endpoints'";
    assert_eq!(problem.to_string(), format!("line 2: ur\\\\l: {known}"));
    let problem = Config::parse("name: 1_\nissuers: {}").unwrap_err();
    assert!(!problem.to_string().contains('\n'), "{problem}");
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), yaml in "([ \\-a-z:*&!?|>{}\\[\\],'\"#%\n]|name|: |- |\n  ){0,60}") {
        let _ = Config::parse(&text);
        let _ = Config::parse(&yaml);
    }

    #[test]
    fn no_damage_panics(at in 0..WEST.len(), junk in "[\\PC\n\t]{0,3}") {
        let text = format!("{}{junk}{}", &WEST[..at], &WEST[at + 1..]);
        if let Err(problem) = Config::parse(&text) {
            prop_assert!(!problem.to_string().contains('\n'));
        }
    }
}
