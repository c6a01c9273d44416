//! URLs of tokens: what is the same, what is refused, what may be printed.

use proptest::prelude::*;

use std::num::NonZeroU16;

use skupper_access_policy::value::host::{Host, HostProblem};
use skupper_access_policy::value::redemption_url::{RedemptionUrl, UrlProblem, mended, printable};

#[test]
fn urls_are_equal_when_they_name_the_same_resource() {
    let table = [
        (
            "as it is",
            "https://a.example/x",
            "https://a.example/x",
            true,
        ),
        (
            "scheme in upper case",
            "HTTPS://a.example/x",
            "https://a.example/x",
            true,
        ),
        (
            "host in upper case",
            "https://A.Example/x",
            "https://a.example/x",
            true,
        ),
        (
            "trailing dot",
            "https://a.example./x",
            "https://a.example/x",
            true,
        ),
        (
            "port of https",
            "https://a.example:443/x",
            "https://a.example/x",
            true,
        ),
        (
            "leading zeros",
            "https://a.example:09090/x",
            "https://a.example:9090/x",
            true,
        ),
        (
            "IPv6 spelling",
            "https://[2001:DB8:0::1]/x",
            "https://[2001:db8::1]/x",
            true,
        ),
        (
            "port of https in http",
            "http://a.example:443/x",
            "http://a.example/x",
            false,
        ),
        ("scheme", "http://a.example/x", "https://a.example/x", false),
        (
            "port",
            "https://a.example:9090/x",
            "https://a.example/x",
            false,
        ),
        (
            "path in upper case",
            "https://a.example/X",
            "https://a.example/x",
            false,
        ),
        (
            "slash last",
            "https://a.example/x/",
            "https://a.example/x",
            false,
        ),
    ];
    for (name, left, right, equal) in table {
        let left = RedemptionUrl::parse(left).expect(name);
        let right = RedemptionUrl::parse(right).expect(name);
        assert_eq!(left == right, equal, "{name}");
    }
}

#[test]
fn a_url_is_read_part_by_part() {
    let url = RedemptionUrl::parse("Http://Grants.Example:9090//a/%62~").unwrap();
    assert_eq!(url.scheme(), "http");
    assert!(!url.is_https());
    assert_eq!(url.host(), &Host::parse("grants.example").unwrap());
    assert_eq!(url.port(), NonZeroU16::new(9090));
    assert_eq!(url.path(), "//a/%62~");
}

#[test]
fn the_longest_url_has_2048_bytes() {
    let url = |bytes: usize| format!("https://a/{}", "b".repeat(bytes - 10));
    assert!(RedemptionUrl::parse(&url(2048)).is_ok());
    assert_eq!(RedemptionUrl::parse(&url(2049)), Err(UrlProblem::TooLong));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_url_that_could_be_read_in_two_ways_is_refused() {
    use HostProblem::{NotAName, NotAnAddress, Number};
    let table = [
        ("empty", "", UrlProblem::NotAbsolute),
        ("no scheme", "grants.example/x", UrlProblem::NoScheme),
        (
            "host and port",
            "grants.example:9090/x",
            UrlProblem::NoScheme,
        ),
        (
            "scheme left out",
            "//grants.example/x",
            UrlProblem::NoScheme,
        ),
        ("a path without a host", "x/y", UrlProblem::NotAbsolute),
        ("path", "/x", UrlProblem::NotAbsolute),
        ("one slash", "https:/a.example/x", UrlProblem::NotAbsolute),
        ("no host", "https:///x", UrlProblem::NotAbsolute),
        (
            "no host but a port",
            "https://:9090/x",
            UrlProblem::NotAbsolute,
        ),
        (
            "blank first",
            " https://a.example/x",
            UrlProblem::Surrounded,
        ),
        (
            "line end last",
            "https://a.example/x\n",
            UrlProblem::Surrounded,
        ),
        ("quotes", "\"https://a.example/x\"", UrlProblem::Surrounded),
        (
            "quote last",
            "https://a.example/x\"",
            UrlProblem::Surrounded,
        ),
        ("brackets", "<https://a.example/x>", UrlProblem::Surrounded),
        (
            "quotes and no scheme",
            "'a.example/x'",
            UrlProblem::Surrounded,
        ),
        ("blank", "https://a.example/x y", UrlProblem::Syntax),
        (
            "tab in the scheme",
            "ht\ttps://a.example/x",
            UrlProblem::Syntax,
        ),
        (
            "backslash",
            "https://a.example\\@b.example/x",
            UrlProblem::Syntax,
        ),
        (
            "not ASCII",
            "https://münchen.example/x",
            UrlProblem::NotAscii,
        ),
        ("path not ASCII", "https://a.example/ü", UrlProblem::Syntax),
        (
            "broken encoding",
            "https://a.example/%zz",
            UrlProblem::Syntax,
        ),
        (
            "encoding cut off",
            "https://a.example/%6",
            UrlProblem::Syntax,
        ),
        ("two '@'", "https://a@b@c.example/x", UrlProblem::Syntax),
        (
            "IPv6 without brackets",
            "https://2001:db8::1/x",
            UrlProblem::NoBrackets,
        ),
        (
            "IPv6 and a port without brackets",
            "https://2001:db8:0:0:0:0:0:1:9090/x",
            UrlProblem::NoBrackets,
        ),
        (
            "port in letters",
            "https://a.example:https/x",
            UrlProblem::Syntax,
        ),
        ("name", "https://a@b.example/x", UrlProblem::UserInformation),
        (
            "name and password",
            "https://a:b@c.example/x",
            UrlProblem::UserInformation,
        ),
        (
            "empty name",
            "https://@c.example/x",
            UrlProblem::UserInformation,
        ),
        (
            "name that looks like a host",
            "https://good.example:443@evil.example/x",
            UrlProblem::UserInformation,
        ),
        (
            "percent-encoded host",
            "https://%65vil.example/x",
            UrlProblem::Host(NotAName),
        ),
        (
            "two dots last",
            "https://a.example../x",
            UrlProblem::Host(NotAName),
        ),
        (
            "sub-delimiter",
            "https://a;b.example/x",
            UrlProblem::Host(NotAName),
        ),
        ("short IPv4", "https://127.1/x", UrlProblem::Host(Number)),
        (
            "hexadecimal IPv4",
            "https://0x7f.1/x",
            UrlProblem::Host(Number),
        ),
        (
            "hexadecimal label last",
            "https://127.0x1/x",
            UrlProblem::Host(Number),
        ),
        ("number", "https://2130706433/x", UrlProblem::Host(Number)),
        (
            "IPv4 with a dot",
            "https://127.0.0.1./x",
            UrlProblem::Host(Number),
        ),
        (
            "octal IPv4",
            "https://0177.0.0.1/x",
            UrlProblem::Host(Number),
        ),
        (
            "zone",
            "https://[fe80::1%25eth0]/x",
            UrlProblem::Host(NotAnAddress),
        ),
        (
            "IPvFuture",
            "https://[v1.a]/x",
            UrlProblem::Host(NotAnAddress),
        ),
        ("empty port", "https://a.example:/x", UrlProblem::Port),
        ("port 0", "https://a.example:0/x", UrlProblem::Port),
        ("port 65536", "https://a.example:65536/x", UrlProblem::Port),
        ("no path", "https://a.example", UrlProblem::NoPath),
        ("root", "https://a.example/", UrlProblem::NoPath),
        ("slashes", "https://a.example///", UrlProblem::NoPath),
        ("query", "https://a.example/x?code=1", UrlProblem::Query),
        ("empty query", "https://a.example/x?", UrlProblem::Query),
        ("fragment", "https://a.example/x#y", UrlProblem::Fragment),
        (
            "empty fragment",
            "https://a.example/x#",
            UrlProblem::Fragment,
        ),
    ];
    for (name, text, problem) in table {
        assert_eq!(RedemptionUrl::parse(text), Err(problem), "{name}");
    }
}

#[test]
fn the_usual_slips_are_mended_where_the_meaning_is_certain() {
    let url = "https://a.example:9090/x";
    let table = [
        ("white space", " https://a.example:9090/x\n", Some(url)),
        ("quotes", "\"https://a.example:9090/x\"", Some(url)),
        ("brackets", "<https://a.example:9090/x>", Some(url)),
        ("a comma", "https://a.example:9090/x,", Some(url)),
        ("no scheme", "a.example:9090/x", Some(url)),
        ("no name of a scheme", "//a.example:9090/x", Some(url)),
        ("quotes and no scheme", "'a.example:9090/x'", Some(url)),
        ("nothing wrong", url, None),
        ("a name and a password", " https://u:p@a.example/x", None),
        ("a query", " https://a.example/x?code=1", None),
        ("a path", "x/y", None),
        ("a file", "/etc/x", None),
        ("nothing", "", None),
    ];
    for (name, text, expected) in table {
        assert_eq!(mended(text).as_deref(), expected, "{name}");
    }
}

#[test]
fn an_underscore_is_read_and_known() {
    let url = RedemptionUrl::parse("https://My_Cluster.example:9090/x").unwrap();
    assert!(matches!(url.host(), Host::Name(name) if name.has_underscore()));
}

#[test]
fn only_what_holds_no_secret_is_printed() {
    let table = [
        (
            "plain",
            "https://a.example:9090/b-c",
            Some("https://a.example:9090/b-c"),
        ),
        (
            "IPv6",
            "HTTPS://[2001:db8::1]:1/x",
            Some("HTTPS://[2001:db8::1]:1/x"),
        ),
        (
            "password",
            "https://u:p@a.example/x",
            Some("https://a.example/x"),
        ),
        (
            "encoded '@' in the password",
            "https://u:p%40q@a.example/x",
            Some("https://a.example/x"),
        ),
        (
            "query and fragment",
            "https://a.example/x?code=1#y",
            Some("https://a.example/x"),
        ),
        (
            "other problems",
            "http://127.1:99999/",
            Some("http://127.1:99999/"),
        ),
        ("slash in the password", "https://u:1/2@a.example/x", None),
        ("'?' in the password", "https://u:1?2@a.example/x", None),
        ("'#' in the password", "https://u:1#2@a.example/x", None),
        (
            "'?' in the password, '@' encoded",
            "https://u:1?2%40a.example/x",
            None,
        ),
        ("two '@'", "https://u:p@q@a.example/x", None),
        ("backslash", "https://a.example\\u:p@b.example/x", None),
        ("encoded '?'", "https://a.example/x%3Fcode=1", None),
        ("parameters in the path", "https://a.example/x;code=1", None),
        ("control character", "https://u:p@a.example/\u{7f}", None),
        ("no scheme", "u:p@a.example/x", None),
        ("no slashes", "https:u:p@a.example/x", None),
        ("scheme twice", "https://https://u:p@a.example/x", None),
        ("not a URL", "code", None),
        ("empty", "", None),
    ];
    for (name, text, expected) in table {
        assert_eq!(printable(text).as_deref(), expected, "{name}");
    }
}

const CANARY: &str = "Canary";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn user_information_is_never_printed(
        before in "[a-z0-9:/?#@%\\\\\\[\\]. \t;=40]{0,6}",
        after in "[a-z0-9:/?#@%\\\\\\[\\]. \t;=40]{0,6}",
        at in prop::sample::select(vec!["@", "%40"]),
        rest in "[a-z0-9:/?#@%.]{0,8}",
    ) {
        let text = format!("https://{before}{CANARY}{after}{at}{rest}");
        let printed = printable(&text).unwrap_or_default();
        prop_assert!(!printed.contains(CANARY), "{} for {}", printed, text);
    }

    #[test]
    fn query_and_fragment_are_never_printed(
        place in "[a-z0-9:/@%\\\\.]{0,12}",
        (mark, before) in prop_oneof![
            ("[?#]", "[a-z0-9:/?#@%&=]{0,6}"),
            ("%3[fF]|%23", "[a-z0-9:/?#%&=]{0,6}"),
        ],
    ) {
        let text = format!("https://{place}{mark}{before}{CANARY}");
        let printed = printable(&text).unwrap_or_default();
        prop_assert!(!printed.contains(CANARY), "{} for {}", printed, text);
    }

    #[test]
    fn no_text_panics_and_nothing_printed_is_longer(
        text in prop_oneof![any::<String>(), "[a-z]{0,3}://[a-z0-9:/?#@%.\\[\\]]{0,20}"],
    ) {
        let _ = RedemptionUrl::parse(&text);
        prop_assert!(printable(&text).unwrap_or_default().len() <= text.len());
    }
}
