//! The floor: the same status write as a redemption's in a bare loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use kube::Api;
use kube::api::{ListParams, PostParams};
use redemption_bench::Fault;
use redemption_sidecar::kubernetes::AccessGrant;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::room::Room;

/// Writes the status of each grant of this prefix once, from so many clients, and says how many
/// writes there were in a second.
pub(crate) async fn writes(room: &Room, prefix: &str, clients: usize) -> Result<f64, Fault> {
    let listed = room.grants.list(&ListParams::default()).await?;
    let is_one = |object: &AccessGrant| {
        let name = object.metadata.name.as_deref();
        name.is_some_and(|name| name.starts_with(&format!("{prefix}-")))
    };
    let objects: Vec<_> = listed
        .items
        .into_iter()
        .filter(is_one)
        .map(counted)
        .collect();
    let (objects, next) = (Arc::new(objects), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (grants, objects, next) =
            (room.grants.clone(), Arc::clone(&objects), Arc::clone(&next));
        tasks.spawn(write(grants, objects, next));
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let count = u32::try_from(objects.len())?;
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

async fn write(
    grants: Api<AccessGrant>,
    objects: Arc<Vec<AccessGrant>>,
    next: Arc<AtomicUsize>,
) -> Result<(), Fault> {
    while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        grants
            .replace_status(name, &PostParams::default(), object)
            .await?;
    }
    Ok(())
}

/// The object as a redemption leaves it.
fn counted(mut object: AccessGrant) -> AccessGrant {
    object.metadata.managed_fields = None;
    if let Some(status) = object.status.as_object_mut() {
        status.insert("redemptions".to_owned(), 1.into());
        let keys = json!({"type": "redemption-sidecar/keys", "status": "True", "reason": "Counted",
            "message": "PFCfrxhvQY9zCjnRlzPzRw 1785000000 1942680000 mYp3Zw",
            "lastTransitionTime": "2026-11-22T00:00:00Z"});
        if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
            conditions.push(keys);
        }
    }
    object
}
