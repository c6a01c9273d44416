//! Takes the objects out of a list while it arrives, so that never more than one is in memory.
//!
//! ```text
//! {"kind": "AList", "items": [{..}, {..}], "metadata": {"resourceVersion": "7"}}
//!                             ^^^^  ^^^^  taken out          the rest is read at the end
//! ```
//!
//! Only where an object begins and ends is found here; reading it is serde's.
//!
//! Source: Kubernetes API conventions, "Lists".

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use serde::Deserialize;

/// A list that arrives.
#[derive(Default)]
pub(super) struct Items {
    /// The list without its objects.
    rest: Vec<u8>,
    /// The object that arrives.
    object: Vec<u8>,
    /// Number of objects and arrays that are open.
    depth: u32,
    is_among_objects: bool,
    is_in_text: bool,
    is_escaped: bool,
}

impl Items {
    /// Goes on with what has arrived. Each object that is complete with it is handed over.
    ///
    /// # Errors
    /// That of an object, or something is too long.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), ListProblem>,
    ) -> Result<(), ListProblem> {
        for &byte in bytes {
            let before = self.depth;
            self.step(byte);
            if !self.is_among_objects {
                self.rest.push(byte);
                self.is_among_objects =
                    byte == b'[' && before == 1 && self.depth == 2 && self.is_items();
            } else if self.depth < IN_ITEMS {
                self.rest.push(byte);
                self.is_among_objects = false;
            } else if before.max(self.depth) > IN_ITEMS {
                self.object.push(byte);
                if self.depth == IN_ITEMS {
                    take(&self.object)?;
                    self.object.clear();
                }
            }
        }
        if self.rest.len().max(self.object.len()) > MAX_BYTES {
            return Err(ListProblem);
        }
        Ok(())
    }

    /// The list's own metadata, when all of it has arrived.
    ///
    /// # Errors
    /// It is no list, or not a whole one.
    pub(super) fn end(self) -> Result<ListMeta, ListProblem> {
        #[derive(Deserialize)]
        struct Rest {
            metadata: ListMeta,
        }
        let rest: Rest = serde_json::from_slice(&self.rest).map_err(|_| ListProblem)?;
        Ok(rest.metadata)
    }

    fn step(&mut self, byte: u8) {
        if self.is_in_text {
            let is_escape = byte == b'\\' && !self.is_escaped;
            self.is_in_text = byte != b'"' || self.is_escaped;
            self.is_escaped = is_escape;
            return;
        }
        match byte {
            b'"' => self.is_in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// True when the array that has just begun is that of the objects.
    fn is_items(&self) -> bool {
        let before = self.rest.strip_suffix(b"[").map(<[u8]>::trim_ascii_end);
        let before = before.and_then(|before| before.strip_suffix(b":"));
        before.is_some_and(|before| before.trim_ascii_end().ends_with(b"\"items\""))
    }
}

/// The bytes that have arrived are no list that can be read. Nothing of them is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListProblem;

/// The depth between two objects.
const IN_ITEMS: u32 = 2;

/// The longest object, in bytes. etcd takes 1.5 MiB, and JSON may escape each byte.
const MAX_BYTES: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The objects and the version of a list that arrives in pieces of so many bytes.
    fn read(text: &str, piece: usize) -> Result<(Vec<Value>, Option<String>), ListProblem> {
        let mut items = Items::default();
        let mut objects = Vec::new();
        for piece in text.as_bytes().chunks(piece) {
            items.read(piece, |object| {
                objects.push(serde_json::from_slice(object).map_err(|_| ListProblem)?);
                Ok(())
            })?;
        }
        Ok((objects, items.end()?.resource_version))
    }

    #[test]
    fn objects_are_those_of_the_list_however_it_arrives() {
        let objects = json!([
            {"metadata": {"name": "a"}, "items": [{"not": "one"}], "empty": {}},
            {"text": "} ] \" \\ \\\" {\"items\":[{", "deep": [[[{"a": [1, {}]}]]]},
            {},
            {"ä\u{1f600}": "\n\u{0}"},
        ]);
        let list = json!({"kind": "AList", "metadata": {"resourceVersion": "7"}, "items": objects,
            "after": {"items": [{"not": "one"}]}, "text": "\"items\":["});
        let expected = (objects.as_array().unwrap().clone(), Some("7".to_owned()));
        for text in [
            list.to_string(),
            serde_json::to_string_pretty(&list).unwrap(),
        ] {
            for piece in [1, 2, 3, 7, 64, text.len()] {
                assert_eq!(read(&text, piece), Ok(expected.clone()), "{piece}: {text}");
            }
        }
    }

    #[test]
    fn a_list_without_objects_has_none() {
        for items in ["", "\"items\": [],", "\"items\": null,", "\"items\": [ ],"] {
            let text = format!("{{{items} \"metadata\": {{\"resourceVersion\": \"7\"}}}}");
            assert_eq!(
                read(&text, 5),
                Ok((vec![], Some("7".to_owned()))),
                "{items}"
            );
        }
    }

    #[test]
    fn what_is_cut_off_or_no_list_is_a_problem_and_never_a_shorter_list() {
        let list = json!({"items": [{"a": 1}, {"b": "]}"}], "metadata": {"resourceVersion": "7"}});
        let text = list.to_string();
        for end in 0..text.len() {
            assert_eq!(read(text.get(..end).unwrap(), 9), Err(ListProblem), "{end}");
        }
        for text in ["[]", "<html>", "]]]{}", "{\"items\":[{]}"] {
            assert_eq!(read(text, 2), Err(ListProblem), "{text}");
        }
    }

    #[test]
    fn what_does_not_end_takes_no_more_room() {
        let long = vec![b'x'; MAX_BYTES + 1];
        for begin in ["\"", "{\"items\":[{\""] {
            let mut items = Items::default();
            assert_eq!(items.read(begin.as_bytes(), |_| Ok(())), Ok(()));
            assert_eq!(items.read(&long, |_| Ok(())), Err(ListProblem), "{begin}");
        }
    }
}
