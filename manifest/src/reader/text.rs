//! Signs in the letters of a text, for what cannot be read.

use std::ops::Range;

/// Number of times that a text names one of `types`, each a group and a kind: a line `kind:` with the
/// kind, and the group anywhere in the text. A word alone names nothing.
pub(crate) fn count_of_types(text: &str, types: &[(&str, &str)]) -> usize {
    let kinds = types.iter().filter(|(group, _)| text.contains(group));
    kinds.map(|(_, kind)| count_of_kind(text, kind)).sum()
}

fn count_of_kind(text: &str, kind: &str) -> usize {
    let places = text.match_indices(kind);
    let is_named = |at: usize| {
        let before = text.get(..at).unwrap_or_default();
        let behind = text.get(at + kind.len()..).unwrap_or_default();
        let is_whole =
            !behind.starts_with(|next: char| next.is_alphanumeric() || "-_./".contains(next));
        is_whole && ends_with_key(before, "kind")
    };
    places.filter(|(at, _)| is_named(*at)).count()
}

/// True where `before` ends with a key and its colon: at the beginning of a line, or behind a brace, a
/// comma or a dash.
fn ends_with_key(before: &str, key: &str) -> bool {
    const QUOTES: [char; 3] = ['"', '\'', '\\'];
    const BLANKS: [char; 2] = [' ', '\t'];
    let colon = before.trim_end_matches(QUOTES).trim_end_matches(BLANKS);
    let behind_key = colon
        .strip_suffix(':')
        .map(|key| key.trim_end_matches(BLANKS));
    let behind_key = behind_key.map(|key| key.trim_end_matches(QUOTES));
    let Some(before) = behind_key.and_then(|text| text.strip_suffix(key)) else {
        return false;
    };
    let before = before.trim_end_matches(QUOTES).trim_end_matches(BLANKS);
    before.is_empty() || before.ends_with(['\n', '\r', '{', ',', '-'])
}

/// The same text without the actions of a template: `{{ ... }}`, `{% ... %}`, `<% ... %>`, `${...}`. A line of
/// nothing else becomes empty, anything else a word. `None` where there is no action.
///
/// A text that can be read only so is the source of a manifest, not one.
pub(crate) fn without_actions(text: &str) -> Option<String> {
    let mut rest = String::with_capacity(text.len());
    let mut has_action = false;
    for line in text.split_inclusive('\n') {
        let (mut at, mut words) = (0, String::new());
        let mut is_bare = true;
        for action in actions(line) {
            let before = line.get(at..action.start).unwrap_or_default();
            is_bare &= before.trim().is_empty();
            words.push_str(before);
            words.push('x');
            at = action.end;
        }
        let behind = line.get(at..).unwrap_or_default();
        has_action |= at > 0;
        if !(is_bare && behind.trim().is_empty()) {
            rest.push_str(&words);
        }
        rest.push_str(behind);
    }
    has_action.then_some(rest)
}

fn actions(line: &str) -> Vec<Range<usize>> {
    // Behind its last end no action is looked for, so that work stays linear.
    let lasts = ACTIONS.map(|(_, end)| line.rfind(end).unwrap_or_default());
    let mut actions: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for (start, _) in line.match_indices(['{', '<', '$']) {
        if start < at {
            continue;
        }
        let rest = line.get(start..).unwrap_or_default();
        let is_begin = |begin: &str| rest.starts_with(begin) && !rest.starts_with("${{");
        let mut kinds = ACTIONS.iter().zip(lasts);
        let kind = kinds.find(|((begin, _), last)| is_begin(begin) && *last >= start + 2);
        let Some(((_, end), _)) = kind else {
            continue;
        };
        if let Some(length) = rest.get(2..).and_then(|inside| inside.find(end)) {
            at = start + 2 + length + end.len();
            actions.push(start..at);
        }
    }
    actions
}

/// Beginning, of two letters, and end of actions: Go and Helm, Jinja, ERB, envsubst.
const ACTIONS: [(&str, &str); 5] = [
    ("{{", "}}"),
    ("{%", "%}"),
    ("{#", "#}"),
    ("<%", "%>"),
    ("${", "}"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: [(&str, &str); 2] = [
        ("skupper.io", "AccessToken"),
        ("authentication.k8s.io", "TokenRequest"),
    ];

    #[test]
    fn a_kind_is_named_by_a_line_and_its_group() {
        let table = [
            ("YAML", "apiVersion: skupper.io/v1\nkind: AccessToken\n", 1),
            (
                "YAML with blanks",
                "kind :  \"AccessToken\" # skupper.io",
                1,
            ),
            (
                "JSON",
                "{\"kind\":\"AccessToken\",\"apiVersion\":\"skupper.io/v1\"}",
                1,
            ),
            (
                "JSON in JSON",
                "{\\\"kind\\\":\\\"AccessToken\\\",\\\"apiVersion\\\":\\\"skupper.io/v1\\\"}",
                1,
            ),
            (
                "flow style",
                "{apiVersion: skupper.io/v1, kind: AccessToken}",
                1,
            ),
            (
                "an element",
                "- kind: AccessToken\n  apiVersion: skupper.io/v1\n",
                1,
            ),
            (
                "two",
                "kind: AccessToken\n---\nkind: AccessToken # skupper.io\n",
                2,
            ),
            ("no group", "kind: AccessToken\n", 0),
            (
                "the group of another kind",
                "kind: AccessToken\na: authentication.k8s.io\n",
                0,
            ),
            ("a word", "useAccessToken: true # skupper.io\n", 0),
            ("a longer kind", "kind: AccessTokenList # skupper.io\n", 0),
            ("another key", "subkind: AccessToken # skupper.io\n", 0),
            ("a comment", "# kind: AccessToken\n# skupper.io\n", 0),
            ("a value", "name: AccessToken # skupper.io\n", 0),
        ];
        for (name, text, expected) in table {
            assert_eq!(count_of_types(text, &TYPES), expected, "{name}");
        }
    }

    #[test]
    fn the_actions_of_templates_are_taken_out() {
        let table = [
            ("none", "a: {b: c}\n", None),
            (
                "a line",
                "{{- if .x }}\na: 1\n{{ end -}}\n",
                Some("\na: 1\n\n"),
            ),
            ("a value", "a: {{ .x }}\n", Some("a: x\n")),
            (
                "two in a value",
                "a: {{ .x }}-{{ .y }}b\n",
                Some("a: x-xb\n"),
            ),
            ("Jinja", "{% if x %}\na: {{ x }}\n", Some("\na: x\n")),
            (
                "a variable",
                "a: {b: ${B:=1}, c: {d: $E}}\n",
                Some("a: {b: x, c: {d: $E}}\n"),
            ),
            ("one of GitHub", "a: ${{ b }}\n", Some("a: $x\n")),
            ("an action without an end", "a: {{ .x\n", None),
        ];
        for (name, text, expected) in table {
            assert_eq!(without_actions(text).as_deref(), expected, "{name}");
        }
    }
}
