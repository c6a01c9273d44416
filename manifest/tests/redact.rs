//! Texts that are given away hold no secret, and everything else.

use skupper_access_manifest::redact::{Redacted, redact};

const HEAD: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessToken\nmetadata:\n  name: west\n";

/// Every secret is CANARY, in whatever letters; `true` for what must not be left out.
const TABLE: [(&str, &str, bool); 43] = [
    ("plain", "spec:\n  code: CANARY\n", true),
    (
        "in quotes",
        "spec:\n  code: \"CANARY\"\n  ca: 'CANARY'\n",
        true,
    ),
    (
        "a block",
        "spec:\n  ca: |\n    CANARY\n    CANARY\n  linkCost: 1\n",
        true,
    ),
    (
        "a folded block at the end",
        "spec:\n  ca: >-\n    CANARY",
        true,
    ),
    ("flow style", "spec: {code: CANARY, ca: CANARY}\n", true),
    ("status", "status:\n  code: CANARY\n  ca: CANARY\n", true),
    ("in other letters", "spec:\n  Code: CANARY\n", true),
    (
        "in the wrong place",
        "code: CANARY\nmetadata2: {token: CANARY}\n",
        true,
    ),
    ("misspelled", "spec:\n  cod: CANARY\n", true),
    (
        "misspelled twice",
        "spec:\n  cod: CANARY\n  cod: CANARY\n",
        true,
    ),
    (
        "a list under a secret",
        "spec:\n  code: [CANARY, {a: CANARY}]\n",
        true,
    ),
    (
        "a mapping under a secret",
        "spec:\n  code:\n    a: CANARY\n",
        true,
    ),
    (
        "user information of a URL",
        "spec:\n  url: https://CANARY@east.example/x\n",
        true,
    ),
    (
        "query of a URL",
        "spec:\n  url: https://east.example/x?CANARY#CANARY\n",
        true,
    ),
    ("a URL that cannot be read", "spec:\n  url: CANARY\n", true),
    (
        "a URL elsewhere",
        "spec:\n  audiences: [\"https://a:CANARY@vault.example\"]\n",
        true,
    ),
    (
        "the last applied object",
        "status:\n  kubectl.kubernetes.io/last-applied-configuration: |\n    {\"spec\":{\"code\":\"CANARY\"}}\n",
        true,
    ),
    (
        "a last applied text",
        "status: {kubectl.kubernetes.io/last-applied-configuration: CANARY}\n",
        true,
    ),
    ("in a key", "status: {\"u:CANARY@h\": x}\n", true),
    ("a comment", "# CANARY\nspec: {} # CANARY\n# CANARY\n", true),
    (
        "a comment behind a sign",
        "spec:\n  ca: | # CANARY\n    x\n",
        true,
    ),
    (
        "a comment behind a sign that stays",
        "spec:\n  issuer: | # CANARY\n    x\n",
        true,
    ),
    (
        "a comment in flow style",
        "spec: {issuer: b, # CANARY\n  settings: d}\n",
        true,
    ),
    (
        "a comment behind nothing",
        "spec: # CANARY\nstatus:\n# CANARY\n",
        true,
    ),
    (
        "a comment between",
        "spec:\n# CANARY: \"\n  # CANARY: '\n  issuer: a\n",
        true,
    ),
    (
        "the first of two keys",
        "spec:\n  code: CANARY\n  code: x\n",
        true,
    ),
    (
        "the first of two mappings",
        "spec:\n  code: CANARY\n  issuer: {b: CANARY}\nspec:\n  issuer: 1\n",
        true,
    ),
    (
        "an alias of a secret",
        "spec:\n  code: &c CANARY\n  issuer: *c\n",
        false,
    ),
    (
        "a secret by an alias",
        "spec:\n  issuer: &c CANARY\n  code: *c\n",
        false,
    ),
    (
        "a merged secret",
        "status: &b {code: CANARY}\nspec:\n  <<: *b\n",
        true,
    ),
    (
        "an alias of a mapping",
        "status: &b {code: CANARY}\nspec: *b\n",
        true,
    ),
    (
        "a secret merged in place",
        "spec:\n  <<: {code: CANARY}\n",
        true,
    ),
    (
        "a secret merged in place and replaced",
        "spec:\n  <<: {code: CANARY, issuer: CANARY}\n  issuer: a\n  code: x\n",
        true,
    ),
    (
        "a merged URL",
        "status: &b \"https://u:CANARY@h.example\"\nspec: {issuer: *b}\n",
        false,
    ),
    ("binary", "spec:\n  code: !!binary Q0FOQVJZ\n", false),
    ("a tagged secret", "spec:\n  code: !!str CANARY\n", true),
    ("an explicit key", "spec:\n  ? code\n  : CANARY\n", true),
    (
        "escapes in the key",
        "spec:\n  \"c\\u006fde\": CANARY\n",
        true,
    ),
    (
        "behind the end of the document",
        "spec: {}\n...\nCANARY\n",
        true,
    ),
    (
        "another document of kubectl",
        "spec: {}\n--- # CANARY\n",
        true,
    ),
    (
        "a scalar of several lines",
        "spec:\n  code: CANARY\n    CANARY\n",
        true,
    ),
    (
        "a sign in a text",
        "spec:\n  issuer: \"a # b\"\n  code: \"CANARY # CANARY\"\n",
        true,
    ),
    (
        "Windows line ends",
        "spec:\r\n  code: CANARY\r\n  ca: |\r\n    CANARY\r\n# CANARY\r\n",
        true,
    ),
];

#[test]
fn no_secret_leaves() {
    for (name, text, is_kept) in TABLE {
        let unix = text.replace("\r\n", "\n");
        let windows = (HEAD.to_owned() + &unix).replace('\n', "\r\n");
        for text in [HEAD.to_owned() + text, windows] {
            let Redacted { text, left_out } = redact(&text);
            assert!(
                !text.contains("CANARY") && !text.contains("Q0FO"),
                "{name}: {text}"
            );
            assert_eq!(left_out == 0, is_kept, "{name}: {text}");
        }
    }
}

#[test]
fn what_is_in_a_list_is_known_by_the_list() {
    let text = "apiVersion: skupper.io/v2alpha1\nkind: AccessTokenList\nitems:\n- metadata: {name: a, password2: CANARY}\n  spec: {cod: CANARY}\n  cod: CANARY\n";
    let expected = "apiVersion: skupper.io/v2alpha1\nkind: AccessTokenList\nitems:\n- metadata: {name: a, password2: \"***\"}\n  spec: {cod: \"***\"}\n  cod: \"***\"\n";
    assert_eq!(redact(text).text, expected);
}

#[test]
fn what_cannot_be_read_and_what_no_rule_knows_is_left_out() {
    let text = format!(
        "a: \"CANARY\n---\n{HEAD}spec: {{}}\n---\nkind: Secret\napiVersion: v1\ndata: {{a: CANARY}}\n"
    );
    let expected = Redacted {
        text: format!("{HEAD}spec: {{}}\n"),
        left_out: 2,
    };
    assert_eq!(redact(&text), expected);
}

#[test]
fn the_rest_stays_as_it_is_written() {
    let text = format!(
        "---\n{HEAD}spec:   # why\n  code: \"s3cret\"\n  linkCost: 0x1F\n\n  settings: {{ a: 'b' ,c: \"d\" }}\n  url: https://u:p@east.example/x\n"
    );
    let expected = format!(
        "{HEAD}spec:\n  code: \"***\"\n  linkCost: 0x1F\n\n  settings: {{ a: 'b' ,c: \"d\" }}\n  url: \"https://east.example/x\"\n"
    );
    assert_eq!(redact(&text).text, expected);
}

#[test]
fn json_stays_json() {
    let text = "{\"kind\": \"AccessToken\", \"spec\": {\"code\": \"CANARY # a\"}}\n{\"spec\": {}}";
    let expected =
        "{\"kind\": \"AccessToken\", \"spec\": {\"code\": \"***\"}}\n---\n{\"spec\": {}}\n";
    assert_eq!(redact(text).text, expected);
}
