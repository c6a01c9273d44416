//! Every version that the grants of a room had, in their order, as a watch tells it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use redemption_sidecar::kubernetes::{AccessGrant, Course, News, Selection, follow};
use redemption_sidecar::redemption::GrantUid;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::room::{Room, noted};

/// Complete for as long as the API server is not restarted.
pub(crate) struct History {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    versions: Vec<AccessGrant>,
    /// The uids of those that were deleted.
    deleted: Vec<Option<String>>,
}

impl History {
    /// Of all that happens from now on.
    pub(crate) async fn begin(room: &Room) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (api, of_task) = (room.grants.clone(), Arc::clone(&seen));
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let course = Course::of("the AccessGrants");
            follow(api, Selection::default(), &course, |event| {
                let mut seen = of_task.lock().unwrap();
                match event {
                    News::ListBegins => {}
                    News::ListEnds => begun.send(()).unwrap(),
                    News::Listed(object) | News::Changed(object) => seen.versions.push(object),
                    News::Gone(object) => {
                        seen.deleted.push(object.metadata.uid.clone());
                        seen.versions.push(object);
                    }
                }
            })
            .await;
        });
        begins.recv().await.unwrap();
        Self { seen, task }
    }

    /// The versions of a grant so far. The last one is that which it has now, or had last.
    pub(crate) async fn of(&self, room: &Room, name: &str, uid: &GrantUid) -> Vec<AccessGrant> {
        let uid = Some(uid.to_string());
        let start = Instant::now();
        loop {
            let now = room.grants.get_opt(name).await.unwrap();
            let now = now.filter(|object| object.metadata.uid == uid);
            {
                let seen = self.seen.lock().unwrap();
                let of_grant = seen.versions.iter();
                let of_grant = of_grant.filter(|one| one.metadata.uid == uid);
                let last = of_grant.clone().next_back();
                let is_whole = match (&now, last) {
                    (Some(now), Some(last)) => {
                        now.metadata.resource_version == last.metadata.resource_version
                    }
                    (None, _) => seen.deleted.contains(&uid),
                    (Some(_), None) => false,
                };
                if is_whole {
                    return of_grant.cloned().collect();
                }
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{name}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The count of the last version, after a look whether each version followed from the one before: the
/// count never falls, and grows to what was allowed in that moment at most.
pub(crate) fn lawful_count(versions: &[AccessGrant]) -> u64 {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let mut counted = 0;
    for version in versions {
        let redemptions = number(&version.status["redemptions"]);
        let allowed = number(&version.spec["redemptionsAllowed"]);
        assert!(redemptions >= counted, "{redemptions} after {counted}");
        assert!(
            redemptions == counted || redemptions <= allowed,
            "{redemptions} of {allowed}"
        );
        assert!(noted(version) <= redemptions, "{redemptions}");
        counted = redemptions;
    }
    counted
}
