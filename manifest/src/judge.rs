//! The text of a file -> what the policy says to every object in it.

mod review;

use serde_json::Value;
use skupper_access_policy::finding::{Finding, Severity};

use crate::checks::{self, LineNumbers};
use crate::context::{Context, Identity};
use crate::kinds::{Type, types};
use crate::reader::node::{Span, Target, Tree};
use crate::reader::objects::{Object, of_document};
use crate::reader::text::count_of_types;
use crate::reader::{Unreadable, read};
use crate::unfinished::{self, Note, Reason};
use review::Review;

/// Contents of a file.
#[derive(Debug, Default)]
pub struct Contents {
    /// The documents with objects of ours, or with what is nearly one, in order.
    pub documents: Vec<Document>,
    /// Documents that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Notes about what is of ours and is not judged.
    pub notes: Vec<Note>,
    /// Objects of other kinds, and the stretches with which they begin.
    pub others: Vec<(Identity, Span)>,
    /// Number of objects of other kinds, those included that cannot be read.
    pub skipped: usize,
}

/// A document with objects of ours, or with what is nearly one.
#[derive(Debug)]
pub struct Document {
    /// Its number in the file, from 0, empty ones left out.
    pub index: usize,
    /// The tree, with the place of everything.
    pub tree: Tree,
    /// The whole document.
    pub value: Value,
    /// Its objects.
    pub objects: Vec<Judged>,
    /// Findings of the checker's own rules.
    pub checks: Vec<Placed>,
    /// Objects that are nearly of ours.
    pub unknown: Vec<Unknown>,
}

impl Document {
    /// Everything that was found, the policy's findings first.
    pub fn findings(&self) -> impl Iterator<Item = &Placed> {
        let judged = self.objects.iter().flat_map(|judged| &judged.findings);
        judged.chain(&self.checks)
    }
}

/// An object, judged.
#[derive(Debug)]
pub struct Judged {
    /// The object and its place in the document.
    pub object: Object,
    /// The stretch with which it begins.
    pub span: Span,
    /// The policy's answer, without what it says about values that are filled in later. It holds the
    /// user's own values, secrets included.
    pub answer: Value,
    /// The words of the refusal, where something denies it: the policy's, or those of a check.
    pub refusal: Option<String>,
    /// True where it replaces a stored object.
    pub is_update: bool,
    /// Findings of the policy's rules, with their places.
    pub findings: Vec<Placed>,
}

impl Judged {
    /// True where nothing denies it.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.refusal.is_none()
    }

    /// The object that is stored in its place, with the user's own values; `None` where the policy denies it or
    /// changes nothing.
    #[must_use]
    pub fn stored(&self) -> Option<&Value> {
        self.answer.get("mutatedObject")
    }
}

/// An object that is nearly of ours.
#[derive(Debug)]
pub struct Unknown {
    /// JSON pointer from the document to the object.
    pub pointer: String,
    /// The words of the refusal, where a check denies it.
    pub refusal: Option<String>,
}

/// A finding and where it is shown.
#[derive(Debug)]
pub struct Placed {
    /// The finding.
    pub finding: Finding,
    /// JSON pointer from the document to the object that it is about.
    pub object: String,
    /// The key or value that it is about.
    pub span: Span,
}

impl Placed {
    fn new(finding: Finding, tree: &Tree, object: &str) -> Self {
        let pointer = object.to_owned() + &finding.pointer();
        Self {
            span: tree.span(&pointer, finding.target),
            finding,
            object: object.to_owned(),
        }
    }

    /// True where it refuses the object.
    #[must_use]
    pub fn denies(&self) -> bool {
        self.finding.severity == Severity::Deny
    }
}

/// Judges every object of a text.
#[must_use]
pub fn judge(text: &str, context: &Context<'_>) -> Contents {
    let mut contents = Contents::default();
    let lines = LineNumbers::of(text);
    for (index, document) in read(text).into_iter().enumerate() {
        let read = document.and_then(|tree| tree.readable_value().map(|value| (tree, value)));
        match read {
            Ok((tree, value)) => {
                let document = Document {
                    index,
                    tree,
                    value,
                    objects: Vec::new(),
                    checks: Vec::new(),
                    unknown: Vec::new(),
                };
                contents.take(document, text, &lines, context);
            }
            Err(unreadable) => contents.take_unreadable(unreadable, text),
        }
    }
    contents
}

impl Contents {
    /// True where nothing is of ours, and everything could be read.
    #[must_use]
    pub fn is_of_others(&self) -> bool {
        self.documents.is_empty() && self.unreadable.is_empty() && self.notes.is_empty()
    }

    /// Takes the whole text for a part of something that is not checked here.
    pub fn set_aside(&mut self, text: &str, reason: Reason) {
        let objects = self.documents.iter().map(|document| {
            // What is nearly one of ours counts as one.
            document.objects.len() + document.unknown.len()
        });
        let noted = self.notes.iter().map(|note| note.count);
        let unreadable = self.unreadable.iter();
        let unreadable = unreadable.map(|unreadable| count(text, &unreadable.document));
        let count: usize = objects.chain(noted).chain(unreadable).sum();
        *self = Self {
            skipped: self.skipped,
            others: std::mem::take(&mut self.others),
            ..Self::default()
        };
        if count > 0 {
            let span = 0..0;
            self.notes.push(Note {
                span,
                reason,
                count,
            });
        }
    }

    /// Skips what cannot be read where nothing in the text is of ours. Beside an object of ours it is an
    /// error: kubectl does not get past it.
    pub fn skip_unreadable_of_others(&mut self, text: &str) {
        let mut unreadable = self.unreadable.iter();
        let is_ours = unreadable.any(|unreadable| count(text, &unreadable.document) > 0);
        if self.documents.is_empty() && !is_ours {
            self.skipped += self.unreadable.len();
            self.unreadable.clear();
        }
    }

    fn take_unreadable(&mut self, unreadable: Unreadable, text: &str) {
        let document = text.get(unreadable.document.clone()).unwrap_or_default();
        if document.trim_start().starts_with('[')
            && let Ok(list) = serde_json::from_str::<Value>(document)
        {
            // kubectl takes no list of JSON for a manifest, whatever is in it.
            self.skipped += 1;
            self.notes
                .extend(unfinished::embedded(&list).map(|(_, count)| Note {
                    span: unreadable.document.start..unreadable.document.start,
                    reason: Reason::Embedded(String::new()),
                    count,
                }));
            return;
        }
        let count = count(text, &unreadable.document);
        match (unfinished::is_template(text, &unreadable), count) {
            (false, _) => self.unreadable.push(unreadable),
            (true, 0) => self.skipped += 1,
            (true, count) => self.notes.push(Note {
                span: unreadable.span,
                reason: Reason::Template,
                count,
            }),
        }
    }

    fn take(
        &mut self,
        mut document: Document,
        text: &str,
        lines: &LineNumbers<'_>,
        context: &Context<'_>,
    ) {
        let letters = text.get(document.tree.span.clone()).unwrap_or_default();
        let may_embed = types().iter().any(|(group, _)| letters.contains(group));
        for object in of_document(&document.value) {
            let is_ours = Type::of(&object.value).judged().is_some();
            let mistake = checks::of_type(&object);
            let unfinished = (is_ours || mistake.is_some())
                .then(|| unfinished::reason(&object.value))
                .flatten();
            if let Some(reason) = unfinished {
                self.notes.push(Note {
                    span: document.tree.span(&object.pointer, Target::Key),
                    reason,
                    count: 1,
                });
                continue;
            }
            let mistake =
                mistake.map(|finding| Placed::new(finding, &document.tree, &object.pointer));
            if is_ours {
                let review = Review {
                    lines,
                    tree: &document.tree,
                    object,
                    mistake,
                };
                let (judged, checks, note) = review.judge(context);
                document.objects.push(judged);
                document.checks.extend(checks);
                self.notes.extend(note);
            } else if let Some(mistake) = mistake {
                let refusal = mistake.denies().then(|| mistake.finding.to_string());
                document.checks.push(mistake);
                document.unknown.push(Unknown {
                    pointer: object.pointer,
                    refusal,
                });
            } else {
                self.skipped += 1;
                let span = document.tree.span(&object.pointer, Target::Key);
                self.others.push((Identity::of(&object.value), span));
                if may_embed {
                    self.notes.extend(embedded(&document.tree, &object));
                }
            }
        }
        let is_list = document
            .objects
            .iter()
            .any(|judged| !judged.object.pointer.is_empty());
        if is_list {
            let findings = checks::of_list(lines, &document.tree).into_iter();
            let placed = findings.map(|finding| Placed::new(finding, &document.tree, ""));
            document.checks.extend(placed);
        }
        if !(document.objects.is_empty() && document.checks.is_empty()) {
            self.documents.push(document);
        }
    }
}

/// True where the letters of a text name an object of ours, whether it can be read or not.
#[must_use]
pub fn names_ours(text: &str) -> bool {
    count(text, &(0..text.len())) > 0
}

/// Number of objects of ours that a stretch of the text names.
fn count(text: &str, span: &Span) -> usize {
    count_of_types(text.get(span.clone()).unwrap_or_default(), &types())
}

fn embedded(tree: &Tree, object: &Object) -> Option<Note> {
    let (pointer, count) = unfinished::embedded(&object.value)?;
    let pointer = object.pointer.clone() + &pointer;
    Some(Note {
        span: tree.span(&pointer, Target::Key),
        reason: Reason::Embedded(unfinished::kind_around(&object.value)),
        count,
    })
}
