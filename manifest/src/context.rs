//! The admission requests around the objects of a text: who asks, when, and what is stored already.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use skupper_access_policy::review_object;
use skupper_access_policy::settings::Settings;
use skupper_access_policy::verdict::Verdict;

use crate::kinds::Type;
use crate::reader::objects::of_document;
use crate::reader::{Unreadable, read};

/// Everything that decides about a text beside the text itself. It may hold stored objects with their
/// secrets, so it has no `Debug`.
pub struct Context<'a> {
    /// The policy's settings.
    pub settings: &'a Settings,
    /// The time of the review.
    pub now: DateTime<Utc>,
    /// The `userInfo` of who asks, with `username` and `groups`; nobody in particular without it.
    pub user: Option<Value>,
    /// The objects that are stored already. Without them every object is created.
    pub old: Option<OldObjects>,
}

impl<'a> Context<'a> {
    /// Every object is created, by nobody in particular.
    #[must_use]
    pub fn new(settings: &'a Settings, now: DateTime<Utc>) -> Self {
        Self {
            settings,
            now,
            user: None,
            old: None,
        }
    }

    /// The stored object that an object replaces.
    #[must_use]
    pub fn old_object(&self, object: &Value) -> Option<&Value> {
        let old = self.old.as_ref()?;
        old.objects.get(&Identity::of(object))
    }

    /// The policy's verdict about an object.
    #[must_use]
    pub fn review(&self, object: Value) -> Verdict {
        let old = self.old_object(&object).cloned();
        review_object(object, old, self.user.clone(), self.settings, self.now)
    }
}

/// The objects that are stored already.
#[derive(Default)]
pub struct OldObjects {
    objects: BTreeMap<Identity, Value>,
    /// Documents that cannot be read.
    pub unreadable: Vec<Unreadable>,
}

impl OldObjects {
    /// Reads the stored objects from a text of manifests.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut old = Self::default();
        for document in read(text) {
            match document.and_then(|tree| tree.readable_value()) {
                Ok(document) => old.objects.extend(
                    of_document(&document)
                        .into_iter()
                        .map(|object| (Identity::of(&object.value), object.value)),
                ),
                Err(unreadable) => old.unreadable.push(unreadable),
            }
        }
        old
    }
}

/// Type and name of an object, which it keeps over an update.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The group of its API, empty for Kubernetes' core.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace, empty where the text names none.
    pub namespace: String,
    /// Its name, or the beginning of one that the API server makes.
    pub name: String,
}

impl Identity {
    /// Reads it from an object.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let metadata = |name: &str| {
            let value = object.get("metadata").and_then(|fields| fields.get(name));
            value.and_then(Value::as_str).unwrap_or_default()
        };
        let written = Type::of(object);
        let name = match metadata("name") {
            "" => metadata("generateName"),
            name => name,
        };
        Self {
            group: written.group().to_owned(),
            kind: written.kind.to_owned(),
            namespace: metadata("namespace").to_owned(),
            name: name.to_owned(),
        }
    }

    /// The object as kubectl names it: `accessgrant.skupper.io/west`.
    #[must_use]
    pub fn resource(&self) -> String {
        let dot = if self.group.is_empty() { "" } else { "." };
        let kind = self.kind.to_lowercase();
        format!("{kind}{dot}{}/{}", self.group, self.name)
    }
}
