//! No output holds a secret, whatever is wrong with the manifest and wherever the secret stands.

use crate::examples::NOW;
use crate::folder::Folder;

const GRANT: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\n";
const TOKEN: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessToken\nmetadata: {name: west}\n";
const REQUEST: &str =
    "apiVersion: authentication.k8s.io/v1\nkind: TokenRequest\nmetadata: {name: web}\n";

/// Manifests with a mistake near `canary`, or with one that makes them unreadable.
const CASES: &[(&str, &str, &str)] = &[
    ("a bad code", GRANT, "spec:\n  code: \" canary\"\n"),
    (
        "a comment in the line of a mistake",
        GRANT,
        "spec:\n  expirationWindow: 1 day # was canary\n",
    ),
    (
        "a comment behind a wrong key",
        TOKEN,
        "spec: {linkcost: 2} # canary\n",
    ),
    (
        "a code in the line of a mistake",
        TOKEN,
        "spec: {code: canary-canary-canary, linkCost: 0}\n",
    ),
    (
        "a code in a line before, which is shown with it by nobody",
        TOKEN,
        "spec:\n  code: canary-canary\n  linkCost: 0\n",
    ),
    (
        "a private key",
        TOKEN,
        "spec:\n  code: abc\n  ca: |\n    -----BEGIN PRIVATE KEY-----\n    canary\n    -----END PRIVATE KEY-----\n",
    ),
    (
        "a private key at the margin",
        TOKEN,
        "spec:\n  code: abc\n  ca: |\n-----BEGIN PRIVATE KEY-----\ncanary\n",
    ),
    (
        "an alias of a code",
        GRANT,
        "x: &secret \" canary\"\nspec:\n  code: *secret\n",
    ),
    (
        "an alias of a code in the line of a mistake",
        GRANT,
        "x: [&secret \" canary\"]\nspec: {code: *secret, expirationWindow: 1 day}\n",
    ),
    (
        "a code that looks like an alias",
        GRANT,
        "spec:\n  code: *canary\n  expirationWindow: 1 day\n",
    ),
    (
        "a code that looks like an anchor",
        TOKEN,
        "spec:\n  code: &canary\n  linkCost: 0\n",
    ),
    (
        "a code that looks like a comment",
        TOKEN,
        "spec:\n  code: #canary\n",
    ),
    (
        "a code that looks like a tag",
        TOKEN,
        "spec:\n  code: !canary\n",
    ),
    (
        "a code that looks like a tag of YAML",
        TOKEN,
        "spec:\n  code: !!int canary\n",
    ),
    (
        "a code that looks like a handle",
        TOKEN,
        "spec:\n  code: !canary!canary x\n",
    ),
    (
        "a code that looks like an indicator",
        TOKEN,
        "spec:\n  code: @canary\n",
    ),
    (
        "a code that looks like a directive",
        TOKEN,
        "spec:\n  code: %canary\n",
    ),
    (
        "a code that looks like a block",
        TOKEN,
        "spec:\n  code: |canary\n",
    ),
    (
        "a code that looks like a mapping",
        TOKEN,
        "spec:\n  code: canary: canary\n",
    ),
    (
        "a code whose quotes do not end",
        TOKEN,
        "spec:\n  code: \"canary\n",
    ),
    (
        "a code with a bad escape",
        TOKEN,
        "spec:\n  code: \"canary\\q\"\n",
    ),
    (
        "a code with a JSON escape",
        TOKEN,
        "spec:\n  code: \"canary\\/\"\n",
    ),
    (
        "a code with a question mark in flow style",
        TOKEN,
        "spec: {code: canary?, linkCost: 0}\n",
    ),
    (
        "a code of two lines",
        TOKEN,
        "spec:\n  code: a\n    canary\n  linkCost: 0\n",
    ),
    (
        "a code twice",
        TOKEN,
        "spec:\n  code: canary\n  code: abc\n  linkCost: 0\n",
    ),
    (
        "a code that is a mapping",
        TOKEN,
        "spec:\n  code: {canary: canary}\n",
    ),
    ("a code that is a list", TOKEN, "spec:\n  code: [canary]\n"),
    (
        "a code under a misspelled name",
        GRANT,
        "spec:\n  cod: canary-canary-canary\n",
    ),
    (
        "a code under a misspelled name, in flow style",
        GRANT,
        "spec: {cod: canary-canary-canary, expirationWindow: 1 day}\n",
    ),
    (
        "a code under a misspelled name, behind the mistake",
        GRANT,
        "spec: {expirationWindow: 1 day, cod: canary-canary-canary}\n",
    ),
    (
        "a code under a misspelled name, over lines",
        GRANT,
        "spec:\n  cod: \"canary\n    canary\"\n",
    ),
    (
        "a code in a comment",
        TOKEN,
        "spec:\n  linkCost: 0 # code: canary\n",
    ),
    (
        "a code as a merge",
        TOKEN,
        "spec:\n  <<: {code: canary, linkCost: 0}\n",
    ),
    (
        "a code that cannot be written back",
        GRANT,
        "base: &base {code: canary-canary-canary}\nspec: *base\n",
    ),
    (
        "a code beside a fix",
        GRANT,
        "spec: {code: canary-canary-canary, expirationWindow: 1 day}\n",
    ),
    (
        "a token",
        TOKEN,
        "status: {token: canary}\nspec: {linkCost: 0, token: canary}\n",
    ),
    (
        "a password in a URL",
        TOKEN,
        "spec:\n  url: http://user:canary@a.example/x\n",
    ),
    (
        "a query in a URL",
        TOKEN,
        "spec:\n  url: https://a.example/x?canary\n",
    ),
    ("a URL that cannot be read", TOKEN, "spec:\n  url: canary\n"),
    (
        "a password in an audience",
        REQUEST,
        "spec:\n  audiences: [\"https://user:canary@a.example b\"]\n",
    ),
    (
        "the last applied annotation",
        GRANT,
        "x: {annotations: {kubectl.kubernetes.io/last-applied-configuration: \"{\\\"spec\\\": {\\\"code\\\": \\\"canary\\\"}}\"}}\nspec: {expirationWindow: 1 day}\n",
    ),
    (
        "the last applied annotation in the line of a mistake",
        "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\n",
        "metadata: {name: WEST, annotations: {kubectl.kubernetes.io/last-applied-configuration: canary}}\n",
    ),
    (
        "JSON",
        "",
        "{\"apiVersion\":\"skupper.io/v2alpha1\",\"kind\":\"AccessToken\",\"metadata\":{\"name\":\"west\"},\"spec\":{\"code\":\"canary\",\"linkCost\":0}}",
    ),
    (
        "JSON that cannot be read",
        "",
        "{\"kind\":\"AccessToken\",\"spec\":{\"code\":\"canary\" \"linkCost\":0}}",
    ),
    (
        "JSON in one line, over lines",
        "",
        "{\"apiVersion\":\"skupper.io/v2alpha1\",\"kind\":\"AccessToken\",\n\"spec\":{\"code\":\n\"canary\",\"linkCost\":0}}",
    ),
    (
        "a key that is no string",
        TOKEN,
        "spec:\n  code: canary\n  ? [canary]\n  : 1\n",
    ),
    (
        "a misspelled code twice",
        GRANT,
        "spec: {cod: canary-canary-canary, cod: canary-canary, expirationWindow: 1 day}\n",
    ),
    (
        "a misspelled code in a spec that is replaced",
        "",
        "{apiVersion: skupper.io/v2alpha1, kind: AccessGrant, spec: {cod: canary}, metadata: {name: west}, spec: {expirationWindow: 1 day}}\n",
    ),
    (
        "a code in a kind that nobody knows",
        "",
        "{apiVersion: skupper.io/v2alpha1, kind: AccesGrant, metadata: {name: west}, spec: {cod: canary}}\n",
    ),
    (
        "a code before a kind that nobody knows",
        "",
        "{apiVersion: skupper.io/v2alpha1, spec: {cod: canary}, kind: AccesGrant, metadata: {name: west}}\n",
    ),
    (
        "a code in a kind that nobody knows, in a list",
        "kind: List\napiVersion: v1\nitems:\n",
        "- {spec: {a: canary}, kind: AccessToken, cod: canary}\n- {kind: AccessGrant, apiVersion: skuper.io/v1, x: canary}\n",
    ),
    (
        "a code beside a label that is none",
        "apiVersion: skupper.io/v2alpha1\nkind: AccessToken\n",
        "metadata: {name: west, labels: {a: 1, token: \"canary x\"}, namespace: A}\nspec: {code: canary}\n",
    ),
    (
        "a code inside another object",
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    apiVersion: skupper.io/v2alpha1\n    kind: AccessToken\n",
        "    metadata: {name: west}\n    spec: {code: canary, cod: canary}\n",
    ),
    (
        "a code in a template",
        TOKEN,
        "spec:\n  code: {{ canary }}\n",
    ),
    (
        "a code as a variable",
        TOKEN,
        "spec:\n  code: ${canary}\n  url: ${URL}\n",
    ),
    (
        "a code in a patch",
        TOKEN,
        "$patch: canary\nspec: {code: canary, cod: canary}\n",
    ),
    (
        "a code that SOPS left readable",
        TOKEN,
        "sops: {mac: canary}\nspec: {code: canary, cod: canary}\n",
    ),
    (
        "JSON with comments",
        "",
        "{ // kind: AccessToken canary\n\"kind\": \"AccessToken\", \"apiVersion\": \"skupper.io/v2alpha1\", \"spec\": {\"code\": \"canary\"}}\n",
    ),
    (
        "the token of a ServiceAccount in a file",
        REQUEST,
        "spec: {audiences: [a], expirationSeconds: 3600}\nstatus: {expirationTimestamp: a, token: eyJhbGciOiJub25lIn0.canary}\n",
    ),
    (
        "the code of a grant in a file",
        GRANT,
        "status:\n  url: https://a.example/x?canary\n  code: canary-canary-canary # canary\n",
    ),
    (
        "the code of a grant in one line",
        GRANT,
        "status: {url: \"https://user:canary@a.example/x\", code: canary-canary-canary}\n",
    ),
    (
        "a private key in an annotation",
        "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\n",
        "metadata:\n  name: west\n  annotations:\n    note: |\n      -----BEGIN PRIVATE KEY-----\n      canary\n      -----END PRIVATE KEY-----\n",
    ),
    (
        "a private key in an annotation, in one line",
        "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\n",
        "metadata: {name: west, annotations: {note: \"-----BEGIN PRIVATE KEY-----\\ncanary\\n-----END PRIVATE KEY-----\"}}\n",
    ),
    (
        "a web token in a label",
        "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\n",
        "metadata: {name: west, labels: {jwt: eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.canary}}\n",
    ),
    (
        "a code as a settings file",
        "",
        "code: canary\ntoken: canary\n",
    ),
];

#[test]
fn no_output_holds_a_secret() {
    for (name, head, body) in CASES {
        let text = [*head, *body].concat();
        for output in ["text", "json", "sarif", "github"] {
            for more in [&["--color=always"][..], &["--fix"]] {
                let folder = Folder::with(&[("secret.yml", &text)]);
                let output = format!("-o={output}");
                let arguments = [&[NOW, &output, "secret.yml"], more].concat();
                let ended = folder.run(&arguments);
                let said = ended.output + &ended.errors;
                assert!(!said.contains("canary"), "{name}: {arguments:?}: {said}");
                assert!(
                    said.contains(|letter: char| letter.is_alphabetic()),
                    "{name}: silent"
                );
                assert_eq!(
                    folder.text("secret.yml").matches("canary").count(),
                    text.matches("canary").count()
                );
            }
        }
    }
}

#[test]
fn settings_that_are_a_manifest_by_mistake_are_not_repeated() {
    for (name, head, body) in CASES {
        let text = [*head, *body].concat();
        let folder = Folder::with(&[("secret.yml", &text)]);
        let ended = folder.run(&["-s=secret.yml", "secret.yml"]);
        assert_eq!(ended.code, 2, "{name}");
        let said = ended.output + &ended.errors;
        assert!(!said.contains("canary"), "{name}: {said}");
    }
}

#[test]
fn secrets_stay_readable_in_json_where_that_is_asked_for() {
    let text = [GRANT, "spec: {code: canary-canary-canary}\n"].concat();
    let folder = Folder::with(&[("grant.yml", &text)]);
    let ended = folder.run(&["-o=json", "--show-secrets", "grant.yml"]);
    assert!(ended.output.contains("canary-canary-canary"));
    let ended = folder.run(&["--show-secrets", "grant.yml"]);
    assert!(!ended.output.contains("canary"));
}
