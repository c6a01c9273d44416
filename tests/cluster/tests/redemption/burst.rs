//! Many who redeem at once, and what they received.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redemption_sidecar::redemption::GrantUid;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::service::Services;

/// Those who redeem one grant, each in a task.
#[derive(Default)]
pub(crate) struct Burst {
    own: JoinSet<Option<String>>,
    plain: JoinSet<Option<String>>,
}

/// The serials of the certificates that arrived, each once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) own: BTreeSet<String>,
    pub(crate) plain: BTreeSet<String>,
}

impl Burst {
    /// Adds redeemers with keys of their own, who ask as often as they must.
    pub(crate) fn own(&mut self, services: &Arc<Services>, port: u16, uid: GrantUid, many: usize) {
        for number in 0..many {
            let services = Arc::clone(services);
            self.own.spawn(async move {
                let name = format!("own-{number}");
                services.redeem(port, &uid, &name).await
            });
        }
    }

    /// Adds clients without, as Skupper's: who gets no answer does not know whether it was counted.
    /// They ask on until they have a certificate or are refused for good.
    pub(crate) fn plain(
        &mut self,
        services: &Arc<Services>,
        port: u16,
        uid: GrantUid,
        many: usize,
    ) {
        for _ in 0..many {
            let services = Arc::clone(services);
            self.plain.spawn(async move {
                let start = Instant::now();
                loop {
                    let answer = services.ask(port, &uid).await;
                    match answer.as_ref().map(|answer| answer.status) {
                        Some(200) => return answer.map(|answer| answer.serial()),
                        Some(404) => return None,
                        Some(503) | None => {}
                        other => unreachable!("{other:?}"),
                    }
                    assert!(start.elapsed() < Duration::from_mins(2), "{answer:?}");
                    sleep(Duration::from_millis(100)).await;
                }
            });
        }
    }

    /// Their answers, when all are done. No two of them may have the same certificate.
    pub(crate) async fn end(self) -> Received {
        let own = self.own.join_all().await;
        let plain = self.plain.join_all().await;
        let certificates = own.iter().chain(&plain).flatten().count();
        let received = Received {
            own: own.into_iter().flatten().collect(),
            plain: plain.into_iter().flatten().collect(),
        };
        let all: BTreeSet<_> = received.own.union(&received.plain).collect();
        assert_eq!(all.len(), certificates, "{received:?}");
        received
    }
}
