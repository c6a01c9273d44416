//! Fields of a document that are left out.

use std::collections::BTreeMap;

use serde_json::Value;

/// Fields that are not known, by name.
pub(super) type Others = BTreeMap<String, Value>;

/// The fields of a document that are left out, as far as they hold anything.
#[derive(Default)]
pub(super) struct LeftOut(Vec<String>);

impl LeftOut {
    pub(super) fn fields(&mut self, path: &str, others: &Others) {
        for (name, value) in others {
            self.field(path, name, value);
        }
    }

    pub(super) fn field(&mut self, path: &str, name: &str, value: &Value) {
        let is_empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(values) => values.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        };
        if is_empty {
            return;
        }
        // A server chooses the name, and nothing but a name is repeated.
        let is_name =
            name.len() <= MAX_FIELD_BYTES && name.bytes().all(|b| b.is_ascii_alphabetic());
        let name = if is_name { name } else { "(another field)" };
        self.0.push(format!("{path}{name}"));
    }

    pub(super) fn present(&mut self, name: &str, is_present: bool) {
        if is_present {
            self.0.push(name.to_owned());
        }
    }

    pub(super) fn of_kind(self, kind: &str) -> Vec<String> {
        let paths = self.0.into_iter();
        paths.map(|path| format!("{kind} {path}")).collect()
    }
}

/// Longest name of a field that is repeated, in bytes.
const MAX_FIELD_BYTES: usize = 32;
