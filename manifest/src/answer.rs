//! Reviews and redacted texts as JSON, for JavaScript: offsets are those of its strings.
//!
//! ```text
//! {"objects": [{"kind": "AccessGrant", "name": "west", "resource": "accessgrant.skupper.io/west",
//!               "result": "refused", "operation": "CREATE", "isUnmatched": false, "message": "...",
//!               "warnings": [], "from": 0, "to": 31, "document": {"from": 0, "to": 104}, "stored": []}],
//!  "findings": [{"code": "grant-window-format", "severity": "deny", "target": "value",
//!                "path": "spec.expirationWindow", "text": "...", "from": 80, "to": 85,
//!                "fix": {"from": 80, "to": 85, "insert": "24h", "shown": "24h"}}],
//!  "unreadable": [{"text": "...", "from": 7, "to": 8}],
//!  "notes": [{"text": "...", "count": 1, "from": 0, "to": 1}],
//!  "hidden": [{"from": 60, "to": 66, "insert": "\"***\""}],
//!  "old": {"unreadable": []},
//!  "settings": {"findings": []}}
//! ```
//!
//! Absent fields are left out: `message` of what is allowed, `fix` where none can be written. With
//! settings that cannot be used, `settings` has a `message`, and nothing is judged. `hidden` are the
//! edits that take secrets and comments out of documents with something `stored`; the edits of `stored`
//! hold no secrets, those of a `fix` hold the user's own values.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use skupper_access_policy::finding::Target;
use skupper_access_policy::settings::Settings;

use crate::context::{Context, Identity, OldObjects};
use crate::edit::Edit;
use crate::fix::{edit, stored};
use crate::judge::{Contents, Document, Judged, Placed, judge};
use crate::place::Utf16;
use crate::reader::node::Span;
use crate::reader::{Unreadable, read};
use crate::{redact, settings};

/// Reviews the objects of a text under settings, which are a text, too: each is created, or,
/// where it is among the old ones, updated by `user`, a `userInfo`.
#[must_use]
pub fn review(
    text: &str,
    settings: &str,
    old: Option<&str>,
    user: Option<Value>,
    now: DateTime<Utc>,
) -> Value {
    let old_text = Text::of(old.unwrap_or_default());
    let old = old.map(OldObjects::read);
    let unreadable = old.iter().flat_map(|old| &old.unreadable);
    let unreadable: Vec<Value> = unreadable.map(|why| old_text.unreadable(why)).collect();
    let old_answer = json!({ "unreadable": unreadable });
    let (settings, problems) = match checked(settings) {
        Ok(settings) => (settings, json!({"findings": []})),
        Err(problems) => (Settings::default(), problems),
    };
    let context = Context {
        settings: &settings,
        now,
        user,
        old,
    };
    let mut answer = if problems.get("message").is_none() {
        Text::of(text).review(&judge(text, &context), &context)
    } else {
        let unreadable = read(text).into_iter().filter_map(Result::err);
        let text = Text::of(text);
        let unreadable: Vec<Value> = unreadable.map(|why| text.unreadable(&why)).collect();
        json!({"objects": [], "findings": [], "notes": [], "hidden": [], "unreadable": unreadable})
    };
    if let Value::Object(fields) = &mut answer {
        fields.insert("old".to_owned(), old_answer);
        fields.insert("settings".to_owned(), problems);
    }
    answer
}

/// A text without its secrets: `text`, and how many documents are `leftOut` of it.
#[must_use]
pub fn redacted(text: &str) -> Value {
    let redacted = redact::redact(text);
    json!({"text": redacted.text, "leftOut": redacted.left_out})
}

/// The first document of a text that can be read.
#[must_use]
pub fn first_document(text: &str) -> Option<Value> {
    let mut documents = read(text).into_iter();
    documents.find_map(|document| document.ok()?.value().ok())
}

/// Settings; a text without any means the defaults.
fn checked(text: &str) -> Result<Settings, Value> {
    if read(text).is_empty() {
        return Ok(Settings::default());
    }
    let problems = match settings::read(text) {
        Ok((_, settings)) => return Ok(settings),
        Err(problems) => problems,
    };
    let texts: Vec<&str> = problems
        .iter()
        .map(|problem| problem.text.as_str())
        .collect();
    let message = format!("settings are not valid: {}", texts.join(", "));
    let text = Text::of(text);
    let findings = problems.iter().map(|problem| {
        let span = problem.span.clone().unwrap_or_default();
        text.at(
            &text.visible(span),
            [("text", problem.text.as_str().into())],
        )
    });
    Err(json!({"message": message, "findings": findings.collect::<Vec<_>>()}))
}

/// A text and the offsets of its bytes in JavaScript.
struct Text<'a> {
    text: &'a str,
    utf16: Utf16<'a>,
}

impl<'a> Text<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text,
            utf16: Utf16::of(text),
        }
    }

    fn review(&self, contents: &Contents, context: &Context<'_>) -> Value {
        let (mut objects, mut findings, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
        for document in &contents.documents {
            let mut is_changed = false;
            for judged in &document.objects {
                let object = self.judged(document, judged, context);
                is_changed |= judged.refusal.is_none() && judged.stored().is_some();
                objects.push((judged.span.start, object));
            }
            for unknown in &document.unknown {
                let object = document.value.pointer(&unknown.pointer);
                let identity = Identity::of(object.unwrap_or(&Value::Null));
                let span = document.tree.span(&unknown.pointer, Target::Key);
                let refusal = unknown.refusal.as_deref();
                let object = self.object(&identity, &span, refusal, "not covered");
                objects.push((span.start, object.into()));
            }
            findings.extend(document.findings().map(|placed| {
                let span = self.shown(document, placed);
                (span.start, self.finding(document, placed, &span))
            }));
            if is_changed {
                let edits = redact::edits(self.text, &document.tree, &document.value);
                hidden.extend(edits.iter().map(|edit| self.edit(edit)));
            }
        }
        for (identity, span) in &contents.others {
            let object = self.object(identity, span, None, "not covered");
            objects.push((span.start, object.into()));
        }
        let notes = contents.notes.iter().map(|note| {
            let text = note.reason.to_string().into();
            let fields = [("text", text), ("count", note.count.into())];
            self.at(&self.visible(note.span.clone()), fields)
        });
        let unreadable = contents.unreadable.iter().map(|why| self.unreadable(why));
        json!({
            "objects": in_order(objects),
            "findings": in_order(findings),
            "notes": notes.collect::<Vec<_>>(),
            "unreadable": unreadable.collect::<Vec<_>>(),
            "hidden": hidden,
        })
    }

    fn judged(&self, document: &Document, judged: &Judged, context: &Context<'_>) -> Value {
        let value = &judged.object.value;
        let result = match judged.stored() {
            Some(_) => "changed",
            None => "unchanged",
        };
        let refusal = judged.refusal.as_deref();
        let mut object = self.object(&Identity::of(value), &judged.span, refusal, result);
        let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
        let is_unmatched = context.old.is_some() && !judged.is_update;
        set(
            "operation",
            if judged.is_update { "UPDATE" } else { "CREATE" }.into(),
        );
        set("isUnmatched", is_unmatched.into());
        set(
            "warnings",
            judged.answer.get("warnings").cloned().unwrap_or_default(),
        );
        set("document", self.at(&document.tree.span, []));
        if let (None, Some(after)) = (refusal, judged.stored()) {
            let edits = stored(
                self.text,
                &document.tree,
                &judged.object.pointer,
                value,
                after,
            );
            set("stored", edits.iter().map(|edit| self.edit(edit)).collect());
        }
        object.into()
    }

    /// An object as far as every one has it.
    fn object(
        &self,
        identity: &Identity,
        span: &Span,
        refusal: Option<&str>,
        result: &str,
    ) -> Map<String, Value> {
        let result = if refusal.is_some() { "refused" } else { result };
        let fields = [
            ("kind", identity.kind.as_str().into()),
            ("name", identity.name.as_str().into()),
            ("resource", identity.resource().into()),
            ("result", result.into()),
            ("operation", "CREATE".into()),
            ("isUnmatched", false.into()),
            ("warnings", json!([])),
            ("stored", json!([])),
            ("document", self.at(span, [])),
            ("from", self.utf16.offset(span.start).into()),
            ("to", self.utf16.offset(span.end).into()),
        ];
        let message = refusal.map(|message| ("message", message.into()));
        let fields = fields.into_iter().chain(message);
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    fn finding(&self, document: &Document, placed: &Placed, span: &Span) -> Value {
        let finding = &placed.finding;
        let target = match finding.target {
            Target::Key => "key",
            Target::Value => "value",
        };
        let fields = [
            ("code", finding.code.into()),
            ("severity", finding.severity.name().into()),
            ("target", target.into()),
            ("path", finding.error.path.to_string().into()),
            ("text", finding.error.to_string().into()),
        ];
        let mut answer = self.at(span, fields);
        let edit = finding.fix.as_ref().and_then(|fix| {
            let edit = edit(self.text, &document.tree, &placed.object, fix)?;
            Some((edit, &fix.value))
        });
        if let (Some((edit, value)), Value::Object(fields)) = (edit, &mut answer) {
            let shown = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let mut fix = self.edit(&edit);
            if let Value::Object(fields) = &mut fix {
                fields.insert("shown".to_owned(), shown.into());
            }
            fields.insert("fix".to_owned(), fix);
        }
        answer
    }

    /// Stretch at which a finding is shown: of a value over several lines the key, because nobody reads a page that
    /// is underlined from top to bottom.
    fn shown(&self, document: &Document, placed: &Placed) -> Span {
        let written = self.text.get(placed.span.clone()).unwrap_or_default();
        if !written.contains(['\n', '\r']) {
            return placed.span.clone();
        }
        let pointer = placed.object.clone() + &placed.finding.pointer();
        document.tree.span(&pointer, Target::Key)
    }

    fn unreadable(&self, why: &Unreadable) -> Value {
        let span = self.visible(why.span.clone());
        self.at(&span, [("text", why.problem.as_str().into())])
    }

    /// At least one character, which at the end of a text is the last one that is written, and nothing
    /// of the next line.
    fn visible(&self, span: Span) -> Span {
        let rest = |at: usize| self.text.get(at..).unwrap_or_default();
        let written = self.text.get(..span.start).unwrap_or_default();
        let is_end = rest(span.start).trim_start().is_empty();
        let last = written
            .trim_end()
            .chars()
            .next_back()
            .map_or(0, char::len_utf8);
        let start = if is_end {
            written.trim_end().len() - last
        } else {
            span.start
        };
        let first = rest(start).chars().next().map_or(0, char::len_utf8);
        let line = rest(start).find(['\r', '\n']).unwrap_or(rest(start).len());
        let end = span.end.max(start + first).min(start + line.max(first));
        start..end
    }

    fn edit(&self, edit: &Edit) -> Value {
        self.at(&edit.span, [("insert", edit.text.as_str().into())])
    }

    fn at<const N: usize>(&self, span: &Span, fields: [(&str, Value); N]) -> Value {
        let ends = [
            ("from", self.utf16.offset(span.start).into()),
            ("to", self.utf16.offset(span.end).into()),
        ];
        let fields = fields.into_iter().chain(ends);
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        Value::Object(fields.collect())
    }
}

/// Values in the order of where they stand.
fn in_order(mut values: Vec<(usize, Value)>) -> Vec<Value> {
    values.sort_by_key(|(start, _)| *start);
    values.into_iter().map(|(_, value)| value).collect()
}
