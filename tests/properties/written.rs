//! JSON text of a value with everything that JSON allows: white space, escapes, and fields that stand
//! twice, of which the last counts.

use serde_json::{Map, Value};

/// Writes a value; the choices, used over and over, say how.
pub(crate) fn written(value: &Value, choices: &[u8]) -> String {
    let mut writer = Writer {
        text: String::new(),
        choices: choices.iter().cycle(),
    };
    writer.value(value);
    writer.text
}

struct Writer<'a, I: Iterator<Item = &'a u8>> {
    text: String,
    choices: I,
}

impl<'a, I: Iterator<Item = &'a u8>> Writer<'a, I> {
    fn value(&mut self, value: &Value) {
        self.space();
        match value {
            Value::String(text) => self.string(text),
            Value::Array(elements) => {
                self.text.push('[');
                for (position, element) in elements.iter().enumerate() {
                    self.text.push_str(if position > 0 { "," } else { "" });
                    self.value(element);
                }
                self.space();
                self.text.push(']');
            }
            Value::Object(fields) => self.object(fields),
            other => self.text.push_str(&other.to_string()),
        }
        self.space();
    }

    /// Writes some fields with another value first, and then all of them, from any of them on.
    fn object(&mut self, fields: &Map<String, Value>) {
        self.text.push('{');
        let mut comma = "";
        for name in fields.keys() {
            if self.choice(5) == 0 {
                let decoy = DECOYS[self.choice(DECOYS.len())];
                self.name(comma, name);
                self.text.push_str(decoy);
                comma = ",";
            }
        }
        let first = self.choice(fields.len().max(1));
        let rotated = fields.iter().cycle().skip(first).take(fields.len());
        for (name, value) in rotated {
            self.name(comma, name);
            self.value(value);
            comma = ",";
        }
        self.space();
        self.text.push('}');
    }

    fn name(&mut self, comma: &str, name: &str) {
        self.text.push_str(comma);
        self.space();
        self.string(name);
        self.space();
        self.text.push(':');
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            match (self.choice(8), character) {
                (choice @ 0..2, _) => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let lower = format!("{unit:04x}");
                        let upper = lower.to_ascii_uppercase();
                        self.text.push_str("\\u");
                        self.text.push_str([&lower, &upper][choice]);
                    }
                }
                (2, '/') => self.text.push_str("\\/"),
                _ => {
                    let quoted = Value::from(character.to_string()).to_string();
                    let inner = quoted.strip_prefix('"').unwrap().strip_suffix('"');
                    self.text.push_str(inner.unwrap());
                }
            }
        }
        self.text.push('"');
    }

    fn space(&mut self) {
        let spaces = ["", "", "", "", "", " ", "\n\t", "\r\n "];
        let space = spaces[self.choice(spaces.len())];
        self.text.push_str(space);
    }

    fn choice(&mut self, number: usize) -> usize {
        usize::from(*self.choices.next().unwrap()) % number
    }
}

/// Values of fields that stand again behind them.
const DECOYS: [&str; 8] = [
    "null",
    "true",
    "-1.5e3",
    r#""decoy}""#,
    "{}",
    r#"[[{"spec": null}], 1]"#,
    r#"{"spec": {"code": "decoy"}, "metadata": null, "kind": "AccessToken"}"#,
    r#"{"redemptionsAllowed": 0, "expirationWindow": "1 day", "url": 7}"#,
];
