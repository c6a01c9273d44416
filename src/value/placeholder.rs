//! Text that stands where a value was to be filled in.
//!
//! ```
//! use skupper_access_policy::value::placeholder::Placeholder;
//!
//! assert_eq!(Placeholder::of("<no value>"), Some(Placeholder::NoValue));
//! assert_eq!(Placeholder::of("${CODE}"), Some(Placeholder::Template));
//! assert_eq!(Placeholder::of("yGjWKJmEJ4jRbz7BzZ2dnbQm"), None);
//! ```
//!
//! Source: what Go's text/template, jq, kubectl and JavaScript print for nothing; the delimiters of
//! Helm, Jinja, envsubst, Flux, Concourse and Azure Pipelines; SOPS, Ansible Vault and eyaml; vals,
//! 1Password and Vault.

use std::fmt;

/// Source of a text that is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `<no value>`, `<nil>`, `null`: printed for a value that is not there.
    NoValue,
    /// `<secret-code>`, `CHANGEME`: to be replaced by hand.
    Example,
    /// `${CODE}`, `{{ .code }}`: to be replaced by a template engine.
    Template,
    /// `ENC[...]`: to be decrypted.
    Encrypted,
    /// `ref+vault://...`: to be looked up.
    Reference,
    /// `***`: taken out of a log or a report.
    Redacted,
}

impl Placeholder {
    /// Reads `text` as a whole, or the host of a URL in it; `None` for a value. White space around it
    /// does not count. `${...}` and `{{...}}` may stand anywhere in it.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let text = text.trim();
        match text.as_bytes() {
            [] => None,
            [first, .., _, _] if is_blank(*first) && is_all(text, *first) => Some(Self::Redacted),
            // Most values are a word or a number that is none of these.
            letters if letters.iter().all(u8::is_ascii_alphanumeric) => by_letters(text),
            _ => by_word(text)
                .or_else(|| by_mark(text))
                .or_else(|| is_instruction(text).then_some(Self::Example))
                .or_else(|| Self::of(host(text)?)),
        }
    }

    /// The same for text that some grammar has refused: it may be longer, one of its lines may be a
    /// placeholder, and `<...>` may stand anywhere in it.
    #[must_use]
    pub fn within(text: &str) -> Option<Self> {
        let line = || text.lines().find_map(Self::of);
        Self::of(text)
            .or_else(|| by_mark(text))
            .or_else(line)
            .or_else(|| {
                let (_, opened) = text.split_once('<')?;
                let (inner, _) = opened.split_once('>')?;
                is_example(inner.as_bytes()).then_some(Self::Example)
            })
    }
}

/// The detail of a finding about text that its grammar refuses: a placeholder is named, and else the
/// problem.
#[cold]
pub(crate) fn named_or(text: &str, problem: &dyn fmt::Display) -> String {
    match Placeholder::within(text) {
        Some(placeholder) => placeholder.to_string(),
        None => problem.to_string(),
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("must be filled in: this is ")?;
        formatter.write_str(match self {
            Self::NoValue => {
                "what a template prints for a value that is not there, such as the code of a grant \
                 that is not Ready yet"
            }
            Self::Example => "a placeholder that was not replaced",
            Self::Template => "a template that was not rendered",
            Self::Encrypted => "an encrypted value that was not decrypted",
            Self::Reference => "a reference to a secret that was not looked up",
            Self::Redacted => "what stands for a hidden value in logs and reports",
        })
    }
}

/// Longest text, in bytes, that can be a placeholder as a whole.
const LONGEST: usize = 512;

/// Words in angle brackets. A URL in them is a URL with something around it.
fn is_example(inner: &[u8]) -> bool {
    !inner.is_empty()
        && inner.len() <= 64
        && !inner.windows(3).any(|three| three == b"://")
        && !inner
            .iter()
            .any(|byte| byte.is_ascii_control() || matches!(byte, b'<' | b'>'))
}

/// A byte that stands for a hidden one.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b'*' | b'x' | b'X')
}

fn is_all(text: &str, byte: u8) -> bool {
    text.bytes().all(|other| other == byte)
}

fn by_word(text: &str) -> Option<Placeholder> {
    let is = |shape: &Shape, word: &str| match shape {
        Shape::Whole => text == word,
        Shape::Word => spells(text, word),
        Shape::Start => text.starts_with(word),
    };
    let mut words = WORDS.iter();
    if let Some((_, placeholder, _)) =
        words.find(|(shape, _, words)| words.iter().any(|word| is(shape, word)))
    {
        return Some(*placeholder);
    }
    if let [b'<', inner @ .., b'>'] = text.as_bytes()
        && is_example(inner)
    {
        return Some(Placeholder::Example);
    }
    let is_delimited = DELIMITERS.iter().any(|(open, close)| {
        let inner = text.strip_prefix(open);
        inner.is_some_and(|inner| inner.strip_suffix(close).is_some_and(is_name))
    });
    is_delimited.then_some(Placeholder::Template)
}

/// For text of letters and digits alone.
fn by_letters(text: &str) -> Option<Placeholder> {
    let first = text.bytes().next()?.to_ascii_lowercase();
    let may_be_word = (3..=11).contains(&text.len()) && b"nucrtfpm".contains(&first);
    may_be_word.then(|| by_word(text))?
}

fn by_mark(text: &str) -> Option<Placeholder> {
    if !text.contains('{') {
        return None;
    }
    MARKS
        .iter()
        .any(|(open, close)| {
            let opened = text.split_once(open);
            opened.is_some_and(|(_, behind)| behind.contains(close))
        })
        .then_some(Placeholder::Template)
}

/// True for words that tell a person what to write: `your-code`, `code goes here`, `REPLACE_WITH_CODE`.
fn is_instruction(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || b" -_[]()".contains(&byte);
    if text.len() > 64 || !text.bytes().all(is_letter) {
        return false;
    }
    let text = text.to_ascii_lowercase();
    let mut words = text.split(|c: char| !c.is_ascii_lowercase());
    let mut next = || words.find(|word| !word.is_empty());
    let (Some(first), Some(second)) = (next(), next()) else {
        return false;
    };
    let is_order = || {
        matches!(
            first,
            "change" | "replace" | "insert" | "set" | "put" | "enter" | "paste"
        ) && matches!(second, "me" | "this" | "with" | "your")
    };
    let last = words.rfind(|word| !word.is_empty()).unwrap_or(second);
    first == "your" || is_order() || last == "here"
}

/// The host of a URL.
fn host(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let end = rest.find(['/', ':', '?', '#']);
    rest.get(..end.unwrap_or(rest.len()))
}

/// True where the text is the word, in any case and with any punctuation.
fn spells(text: &str, word: &str) -> bool {
    text.len() >= word.len()
        && text.len() <= word.len() + 4
        && text
            .bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|byte| byte.to_ascii_lowercase())
            .eq(word.bytes())
}

/// The name of a variable.
fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let text = text.trim_ascii();
    let is_number = text.starts_with(|first: char| first.is_ascii_digit());
    !text.is_empty() && !is_number && text.bytes().all(is_part)
}

/// Place of a word of [`WORDS`] in a text.
enum Shape {
    /// It is the text.
    Whole,
    /// It is the text, in any case and with any punctuation.
    Word,
    /// The text begins with it.
    Start,
}

const WORDS: [(Shape, Placeholder, &[&str]); 8] = [
    (
        Shape::Whole,
        Placeholder::NoValue,
        &[
            "<no value>",
            "<nil>",
            "<none>",
            "<null>",
            "<unset>",
            "<unknown>",
            "null",
            "(null)",
            "nil",
            "None",
            "undefined",
            "%!s(<nil>)",
            "n/a",
            "N/A",
            "[object Object]",
            "(known after apply)",
        ],
    ),
    (Shape::Whole, Placeholder::Redacted, &["(sensitive value)"]),
    (Shape::Whole, Placeholder::Example, &["..."]),
    (
        Shape::Word,
        Placeholder::Example,
        &[
            "changeme",
            "changethis",
            "replacethis",
            "changeit",
            "replaceme",
            "todo",
            "fixme",
            "tbd",
            "placeholder",
        ],
    ),
    (Shape::Word, Placeholder::Redacted, &["redacted", "masked"]),
    (
        Shape::Start,
        Placeholder::Redacted,
        &["\u{2022}\u{2022}\u{2022}"],
    ),
    (
        Shape::Start,
        Placeholder::Encrypted,
        &[
            "ENC[",
            "ENC(",
            "$ANSIBLE_VAULT;",
            "vault:v1:",
            "-----BEGIN PGP MESSAGE",
            "-----BEGIN AGE ENCRYPTED",
        ],
    ),
    (
        Shape::Start,
        Placeholder::Reference,
        &["ref+", "secretref+", "op://", "vault:", "arn:aws:"],
    ),
];

/// Around a name as the whole text.
const DELIMITERS: [(&str, &str); 12] = [
    ("$", ""),
    ("$$", ""),
    ("{", "}"),
    ("%(", ")s"),
    ("@@", "@@"),
    ("$(", ")"),
    ("((", "))"),
    ("[[", "]]"),
    ("<<", ">>"),
    ("__", "__"),
    ("@", "@"),
    ("%", "%"),
];

/// Anywhere in the text.
const MARKS: [(&str, &str); 4] = [("${", "}"), ("{{", "}}"), ("#{", "}"), ("{%", "%}")];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Placeholder::{Encrypted, Example, NoValue, Redacted, Reference, Template};
    use super::*;

    #[test]
    fn a_text_that_was_to_be_filled_in_is_known_and_where_it_comes_from() {
        let table = [
            ("Go's template", "<no value>", NoValue),
            ("Go's nil", "<nil>", NoValue),
            ("kubectl's column", "<none>", NoValue),
            ("jq", "null", NoValue),
            ("Python", "None", NoValue),
            ("JavaScript", "undefined", NoValue),
            ("Go's nil as a string", "%!s(<nil>)", NoValue),
            ("with a line end", "<no value>\n", NoValue),
            ("angle brackets", "<secret-code>", Example),
            ("words in angle brackets", "<paste the code here>", Example),
            ("a vault plugin", "<path:secret/data/west#code>", Example),
            ("change me", "CHANGEME", Example),
            ("change me with a line", "change-me", Example),
            ("replace me in brackets", "[REPLACE_ME]", Example),
            ("to do", "TODO", Example),
            ("an ellipsis", "...", Example),
            ("envsubst", "${CODE}", Template),
            ("envsubst with a default", "${CODE:-none}", Template),
            ("envsubst without braces", "$CODE", Template),
            ("envsubst amid text", "https://${HOST}:9090/x", Template),
            ("Helm", "{{ .Values.code }}", Template),
            ("Helm amid text", "a-{{ .Release.Name }}-b", Template),
            ("Jinja", "{% if code %}x{% endif %}", Template),
            ("OpenShift", "$(CODE)", Template),
            ("Concourse", "((code))", Template),
            ("Azure Pipelines", "#{CODE}#", Template),
            ("Azure DevOps", "__CODE__", Template),
            ("autoconf", "@CODE@", Template),
            ("a batch file", "%CODE%", Template),
            ("a build system", "@@CODE@@", Template),
            ("a format of Python", "{code}", Template),
            ("another format of Python", "%(code)s", Template),
            ("an escaped variable", "$$CODE", Template),
            ("the host of a URL", "https://undefined:9090/x", NoValue),
            ("a variable as host", "https://$HOST/x", Template),
            ("stars as host", "https://***/x", Redacted),
            ("Terraform", "(known after apply)", NoValue),
            ("Terraform's secrets", "(sensitive value)", Redacted),
            ("an object of JavaScript", "[object Object]", NoValue),
            ("not available", "n/a", NoValue),
            ("change this", "changeThis", Example),
            ("yours", "YOUR_CODE", Example),
            ("what to put where", "put-the-code-here", Example),
            ("what to replace", "REPLACE_WITH_CODE", Example),
            ("a request in brackets", "[insert your code]", Example),
            ("SOPS", "ENC[AES256_GCM,data:abc,type:str]", Encrypted),
            ("eyaml", "ENC[PKCS7,MIIB]", Encrypted),
            ("Jasypt", "ENC(abc)", Encrypted),
            ("Ansible Vault", "$ANSIBLE_VAULT;1.1;AES256", Encrypted),
            ("Vault's transit", "vault:v1:abc", Encrypted),
            ("vals", "ref+vault://secret/west#/code", Reference),
            ("1Password", "op://west/grant/code", Reference),
            ("bank-vaults", "vault:secret/data/west#code", Reference),
            ("our own", "***", Redacted),
            ("more of them", "********", Redacted),
            ("a word", "[REDACTED]", Redacted),
            ("crosses", "XXXXXXXX", Redacted),
            ("dots", "•••••", Redacted),
        ];
        for (name, text, expected) in table {
            assert_eq!(Placeholder::of(text), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_value_is_no_placeholder() {
        let table = [
            ("nothing", ""),
            ("a generated code", "yGjWKJmEJ4jRbz7BzZ2dnbQm"),
            ("a passphrase", "correct horse battery staple"),
            ("one star", "*"),
            ("angle brackets inside", "a<b>c"),
            ("a URL in angle brackets", "<https://grants.example/x>"),
            ("a dollar inside", "pa$$word"),
            ("braces", "{\"a\": 1}"),
            ("a name", "null-island"),
            ("a host", "todo.example"),
            ("a URL", "https://null.example:9090/undefined"),
            ("a change", "change-management"),
            ("a passphrase with a place", "here comes the sun"),
            ("an audience", "https://vault.example.com"),
            ("a pattern", "system:serviceaccount:a:b"),
        ];
        for (name, text) in table {
            assert_eq!(Placeholder::of(text), None, "{name}");
        }
        assert_eq!(Placeholder::of(&"<".repeat(1 << 20)), None);
    }

    #[test]
    fn in_refused_text_a_placeholder_may_stand_anywhere() {
        let table = [
            ("in a URL", "https://<host>:9090/x", Some(Example)),
            (
                "in PEM",
                "-----BEGIN CERTIFICATE-----\n<ca>\n-----END CERTIFICATE-----",
                Some(Example),
            ),
            (
                "as a line of PEM",
                "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----",
                Some(Example),
            ),
            ("a URL in brackets", "<https://grants.example/x> ", None),
            ("nothing of the kind", "https://a b/x", None),
        ];
        for (name, text, expected) in table {
            assert_eq!(Placeholder::within(text), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_skupper_generates_is_a_value(code in "[a-zA-Z0-9]{24}") {
            prop_assume!(!is_all(&code, b'x') && !is_all(&code, b'X'));
            prop_assert_eq!(Placeholder::of(&code), None);
        }

        #[test]
        fn no_text_panics(text in prop_oneof![any::<String>(), "[<>{}$%*. a-z]{0,12}"]) {
            let _ = Placeholder::within(&text);
        }
    }
}
