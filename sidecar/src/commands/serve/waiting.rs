//! The operations port of a service that waits: it lives, so nobody need start it again, and it is not
//! ready.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::until;
use crate::ledger::LinkTally;
use crate::redemption::GrantState;
use crate::server::listen;
use crate::service::operations::{self, Probe};
use crate::telemetry::metrics::Metrics;

struct Waiting;

impl Probe for Waiting {
    type Unready = &'static str;

    async fn readiness(&self) -> Result<(), &'static str> {
        Err("waiting until the clock of this machine is set")
    }

    async fn tally(&self) -> Option<Vec<(GrantState, u64)>> {
        None
    }

    async fn tally_links(&self) -> Option<LinkTally> {
        None
    }
}

/// Answers at the operations port until the wait ends. A port that cannot be opened is said by the
/// service, which needs it, too.
pub(super) async fn answer_during(wait: impl Future<Output = ()>, address: SocketAddr) {
    let Ok(listener) = listen(address) else {
        return wait.await;
    };
    let (stop, stopped) = watch::channel(false);
    let server = operations::server(Arc::new(Waiting), Arc::new(Metrics::new()));
    let serving = tokio::spawn(server.serve(listener, until(stopped)));
    wait.await;
    drop(stop);
    // The port is free at once. Whoever is slow to read is not waited for.
    let _ = timeout(LAST_ANSWERS, serving).await;
}

const LAST_ANSWERS: Duration = Duration::from_secs(1);
