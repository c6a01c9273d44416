//! A stand-in of Skupper's controller, as far as it has to do with the Secrets of links.
//!
//! It remembers a digest of each Secret's data in memory only. When that changes, it raises the number in its
//! annotation, with an update of the whole object. What it sees for the first time it only remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The annotation in which it shows its numbers.
pub(super) const CONTEXT: &str = "internal.skupper.io/tls-profile-context";

/// An annotation that it writes again and again.
pub(super) const CHATTER: &str = "example.com/chatter";

/// A running controller. It ends when this is dropped.
pub(super) struct Controller {
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    digests: BTreeMap<String, u64>,
    /// Secrets with the right number.
    settled: BTreeSet<String>,
    ordinals: BTreeMap<String, u64>,
    is_away: bool,
    chats: bool,
    /// The number of its last word in each Secret.
    chatter: BTreeMap<String, u64>,
}

impl Controller {
    pub(super) fn start(secrets: &Api<Secret>) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (secrets, known) = (secrets.clone(), Arc::clone(&state));
        let task = tokio::spawn(async move {
            loop {
                look(&secrets, &known).await;
                let pause = if known.lock().unwrap().chats { 1 } else { 20 };
                sleep(Duration::from_millis(pause)).await;
            }
        });
        Self { state, task }
    }

    /// Waits until it has seen a Secret, and shows its number there.
    pub(super) async fn knows(&self, name: &str) {
        while !self.state.lock().unwrap().settled.contains(name) {
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Nothing is noticed from now on.
    pub(super) async fn goes(&self) {
        self.state.lock().unwrap().is_away = true;
        // What it does now comes to its end.
        sleep(Duration::from_millis(300)).await;
    }

    /// It begins anew: its numbers are those of the routers' configuration.
    pub(super) fn comes_back(&self) {
        let mut state = self.state.lock().unwrap();
        state.digests.clear();
        state.settled.clear();
        state.is_away = false;
    }

    /// Sets the number of a Secret, as a changed Link does.
    pub(super) fn count_from(&self, name: &str, ordinal: u64) {
        let mut state = self.state.lock().unwrap();
        state.ordinals.insert(name.to_owned(), ordinal);
    }

    /// Writes a word into every Secret as often as it can, or stops that.
    pub(super) fn chat(&self, chats: bool) {
        self.state.lock().unwrap().chats = chats;
    }

    /// The number of its last word in a Secret.
    pub(super) fn last_word(&self, name: &str) -> u64 {
        let state = self.state.lock().unwrap();
        state.chatter.get(name).copied().unwrap_or_default()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn look(secrets: &Api<Secret>, state: &Mutex<State>) {
    let of_links = ListParams::default().fields("type=kubernetes.io/tls");
    // The API server may be away.
    let Ok(listed) = secrets.list(&of_links).await else {
        return;
    };
    for mut secret in listed {
        let name = secret.metadata.name.clone().unwrap();
        let (shown, word) = {
            let mut state = state.lock().unwrap();
            if state.is_away {
                return;
            }
            let digest = digest(&secret);
            let before = state.digests.insert(name.clone(), digest);
            let ordinal = state.ordinals.entry(name.clone()).or_default();
            if before.is_some_and(|before| before != digest) {
                *ordinal += 1;
            }
            let profile = format!("{name}-profile");
            let shown =
                json!([{"profileName": "a"}, {"profileName": profile, "ordinal": *ordinal}]);
            let chats = state.chats;
            let word = state.chatter.get(&name).copied().unwrap_or_default() + 1;
            (shown.to_string(), chats.then_some(word))
        };
        let annotations = secret.metadata.annotations.get_or_insert_default();
        let before = annotations.insert(CONTEXT.to_owned(), shown.clone());
        if let Some(word) = word {
            annotations.insert(CHATTER.to_owned(), word.to_string());
        }
        if before == Some(shown) && word.is_none() {
            state.lock().unwrap().settled.insert(name);
            continue;
        }
        let written = secrets
            .replace(&name, &PostParams::default(), &secret)
            .await;
        if let (Ok(_), Some(word)) = (written, word) {
            state.lock().unwrap().chatter.insert(name, word);
        }
    }
}

fn digest(secret: &Secret) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, bytes) in secret.data.iter().flatten() {
        (name, &bytes.0).hash(&mut hasher);
    }
    hasher.finish()
}
