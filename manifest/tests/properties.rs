//! Any text is read or refused, and work grows with the text alone.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::Value;
use skupper_access_manifest::decode;
use skupper_access_manifest::redact::redact;
use skupper_access_policy::redaction::redacted;
use test_support::corpus::replay;
use test_support::invariants::manifest::{PIECES, manifest};

#[test]
fn every_input_of_the_corpus_is_judged_or_refused() {
    replay("manifest", |bytes| manifest(&decode(bytes)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces_are_judged_or_refused(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..24)) {
        manifest(&pieces.concat());
    }

    #[test]
    fn any_text_is_judged_or_refused(text in "\\PC{0,60}") {
        manifest(&text);
        manifest(&format!("apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nspec:\n  {text}\n"));
        manifest(&format!("apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nspec: {{expirationWindow: {text}}}\n"));
    }
}

/// A secret that no other text holds.
const CANARY: &str = "canary-canary-canary";

/// Values as they may be written, and true where a secret stands in them.
const VALUES: &[(&str, bool)] = &[
    (CANARY, true),
    ("\"canary-canary-canary\" # canary-canary-canary", true),
    ("'canary-canary-canary'", true),
    ("|\n    canary-canary-canary\n    b", true),
    ("[canary-canary-canary, {a: canary-canary-canary}]", true),
    ("1", false),
    ("0x1F # why", false),
    ("off", false),
    ("null", false),
    ("\"a # b\"", false),
    ("{a: b,\n    c: d}", false),
    (">-\n    a\n    b", false),
];

/// Fields of a spec whose values are secrets, and fields whose values are none.
const SECRET: &[&str] = &["code", "ca", "token", "cod", "Password", "\"c\\u006fde\""];
const PLAIN: &[&str] = &["linkCost", "issuer", "settings", "redemptionsAllowed"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redacting_takes_every_secret_and_nothing_else(fields in proptest::collection::vec(field(), 1..8)) {
        let lines: Vec<String> = fields.iter().map(|(name, value)| format!("  {name}: {value}\n")).collect();
        let spec = lines.concat();
        let text = format!("# {CANARY}\nkind: AccessToken\nmetadata: {{name: west}}\nspec:\n{spec}");
        let given = redact(&text);
        prop_assert_eq!(given.left_out, 0, "{}", text);
        prop_assert!(!given.text.contains(CANARY), "{}", given.text);
        let value = |text: &str| -> Value { skupper_access_manifest::answer::first_document(text).unwrap() };
        prop_assert_eq!(value(&given.text), redacted(&value(&text)));
        for (name, value) in fields {
            let line = value.split(" #").next().unwrap();
            let is_last = text.rfind(&format!("  {name}: ")) == text.rfind(&format!("  {name}: {value}\n"));
            if PLAIN.contains(&name) && is_last && !value.contains(" # why") {
                prop_assert!(given.text.contains(&format!("  {name}: {line}")), "{}", given.text);
            }
        }
        prop_assert_eq!(&redact(&given.text).text, &given.text);
    }
}

fn field() -> impl Strategy<Value = (&'static str, &'static str)> {
    use proptest::sample::select;
    let secret = (select(SECRET), select(VALUES)).prop_map(|(name, (value, _))| (name, value));
    let plain = VALUES.iter().filter(|(_, is_secret)| !is_secret);
    let plain: Vec<&str> = plain.map(|(value, _)| *value).collect();
    prop_oneof![secret, (select(PLAIN), select(plain))]
}

/// Bytes of a hostile text.
const LENGTH: usize = 1 << 17;

#[test]
#[expect(
    clippy::format_collect,
    clippy::format_push_string,
    clippy::too_many_lines,
    reason = "it is clear, a table, and a test"
)]
fn hostile_texts_cost_no_more_than_their_length() {
    let head = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\nspec: {expirationWindow: 1 day}\n";
    let many = |piece: &str| piece.repeat(LENGTH / piece.len());
    let object = "{apiVersion: skupper.io/v2alpha1, kind: AccessGrant, metadata: {name: west}, spec: {expirationWindow: 1 day}}";
    let mut nested = String::from("a0: &a0 {a: 1}\n");
    for level in 1..2000 {
        let before = level - 1;
        nested += &format!("a{level}: &a{level} {{<<: [*a{before}, *a{before}]}}\n");
    }
    let table = [
        ("brackets", many("[")),
        ("closed brackets", many("[]")),
        ("braces", many("{")),
        ("dashes", many("- ")),
        ("question marks", many("? ")),
        ("documents", many("---\n")),
        ("document ends", many("...\n")),
        ("quotes", many("\"a\" ")),
        ("an open quote", format!("a: \"{}", many("x"))),
        (
            "an open quote of many lines",
            format!("a: \"{}", many("x\n")),
        ),
        ("colons", many("a: ")),
        (
            "keys",
            (0..15_000).map(|key| format!("k{key}: 1\n")).collect(),
        ),
        ("the same key", many("a: 1\n")),
        (
            "anchors",
            (0..10_000)
                .map(|key| format!("k{key}: &a{key} 1\n"))
                .collect(),
        ),
        ("aliases", format!("a: &a 1\nb:\n{}", many("- *a\n"))),
        (
            "as many aliases as anchors",
            (0..60_000)
                .map(|anchor| format!("- &a{anchor} 1\n"))
                .chain((0..60_000).map(|_| "- *a0\n".to_owned()))
                .collect(),
        ),
        (
            "aliases of much",
            format!(
                "a: &a \"{}\"\nb:\n{}",
                "x".repeat(1 << 16),
                "- *a\n".repeat(1 << 14)
            ),
        ),
        ("merges of merges", nested),
        ("comments", many("# comment\n")),
        ("blanks", many(" ")),
        ("tabs", many("\t")),
        ("carriage returns", many("\r")),
        (
            "indented lines",
            (0..1400).map(|depth| " ".repeat(depth) + "a:\n").collect(),
        ),
        ("a block", format!("a: |\n{}", many("  x\n"))),
        ("a folded block", format!("a: >\n{}", many("  x\n\n"))),
        ("escapes", format!("a: \"{}\"", many("\\u0041"))),
        ("JSON braces", many("{\"a\":")),
        ("JSON objects", many("{}")),
        (
            "JSON surrogates",
            format!("{{\"a\":\"{}\"}}", many("\\ud83d")),
        ),
        ("a JSON string", format!("{{\"a\":\"{}", many("\\\\"))),
        ("grants", many(&format!("{head}---\n"))),
        (
            "grants with keys that stand twice",
            many(&format!("{head}a: 1\na: 2\nspec: {{b: 1, b: 2}}\n---\n")),
        ),
        (
            "actions of templates",
            format!("a: [\n{}", many("{{ a }} {% b %}")),
        ),
        (
            "actions without an end",
            format!("a: [\n{}", many("{{{%{#<%")),
        ),
        (
            "kinds",
            format!("a: [ # skupper.io\n{}", many("kind: AccessGrant\n")),
        ),
        (
            "objects inside another one",
            format!("kind: A\na: {{{}b: 1}}", many(&format!("a: {object}, "))),
        ),
        (
            "grants in one line",
            format!(
                "{{kind: List, items: [{object}{}]}}",
                many(&format!(", {object}"))
            ),
        ),
        (
            "grants as aliases",
            format!(
                "kind: List\nx: &x {object}\nitems:\n{}",
                "- *x\n".repeat(5_000)
            ),
        ),
        (
            "a long line before a mistake",
            format!("{head}  # {}\n", many("code ")),
        ),
        (
            "a long value",
            format!(
                "{}\nspec: {{expirationWindow: \"{}\"}}\n",
                head.replace("spec: {expirationWindow: 1 day}\n", ""),
                many("1 day ")
            ),
        ),
    ];
    for (name, text) in table {
        let start = Instant::now();
        manifest(&text);
        let taken = start.elapsed();
        // A hundredth of what anything quadratic would take, without optimisation.
        assert!(
            taken < Duration::from_secs(20),
            "{name}: {taken:?} for {} bytes",
            text.len()
        );
    }
}
