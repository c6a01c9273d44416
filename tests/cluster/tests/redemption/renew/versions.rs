//! Every version that the Secrets of links ever have: the API server tells each of them.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Versions as they come. Nobody is told any more when this is dropped.
pub(super) struct Versions {
    received: mpsc::UnboundedReceiver<Secret>,
    task: JoinHandle<()>,
}

impl Versions {
    /// Those from now on.
    pub(super) async fn new(secrets: &Api<Secret>) -> Self {
        let listed = secrets.list(&ListParams::default()).await.unwrap();
        let now = listed.metadata.resource_version.unwrap();
        Self::since(secrets, &now)
    }

    /// Those behind a version.
    pub(super) fn since(secrets: &Api<Secret>, version: &str) -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let (secrets, mut version) = (secrets.clone(), version.to_owned());
        let task = tokio::spawn(async move {
            let of_links = WatchParams::default().fields(OF_LINKS);
            let all = ListParams::default().fields(OF_LINKS);
            // A watch that breaks goes on where it was.
            loop {
                let Ok(events) = secrets.watch(&of_links, &version).await else {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let mut events = pin!(events);
                while let Some(Ok(event)) = events.next().await {
                    match event {
                        WatchEvent::Added(secret) | WatchEvent::Modified(secret) => {
                            version = secret.metadata.resource_version.clone().unwrap();
                            let _ = sender.send(secret);
                        }
                        // An API server that has just begun knows no earlier version.
                        WatchEvent::Error(status) if status.code == 410 => {
                            let Ok(listed) = secrets.list(&all).await else {
                                break;
                            };
                            version = listed.metadata.resource_version.unwrap();
                            listed
                                .items
                                .into_iter()
                                .for_each(|secret| drop(sender.send(secret)));
                            break;
                        }
                        _ => {}
                    }
                }
            }
        });
        Self { received, task }
    }

    /// All of them, when no more has come for a while.
    pub(super) async fn until_quiet(mut self) -> Vec<Secret> {
        let mut all = Vec::new();
        while let Ok(Some(secret)) = timeout(QUIET, self.received.recv()).await {
            all.push(secret);
        }
        assert!(!self.task.is_finished(), "not all versions were seen");
        all
    }
}

impl Drop for Versions {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const QUIET: Duration = Duration::from_secs(1);

const OF_LINKS: &str = "type=kubernetes.io/tls";
