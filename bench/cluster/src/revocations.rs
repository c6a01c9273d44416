//! From a revocation to the first renewal that is refused, at each of three replicas.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redemption_bench::Fault;
use redemption_bench::client::{Client, Connection};
use redemption_bench::keys::Keys;
use redemption_bench::links::Link;
use redemption_bench::table::{Figure, Goal, Table};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::renewals;
use crate::replicas::Replica;
use crate::room::{NAMESPACE, Room};

/// Takes back links one after the other, while each replica is asked to renew them.
pub(crate) async fn revocations(room: &Room, run: usize, table: &mut Table) -> Result<(), Fault> {
    let grants = room.make_grants(&format!("revoked-{run}"), 1, 1).await?;
    let uid = grants.first().ok_or("no grant was made")?;
    let links = renewals::make(room, uid, REVOKED).await?;
    let mut replicas = Vec::new();
    for _ in 0..REPLICAS {
        replicas.push(Replica::start(room).await?);
    }
    let (mut longest, mut longest_command) = (Duration::ZERO, Duration::ZERO);
    for link in &links {
        let mut askers = Vec::new();
        for replica in &replicas {
            let certificates = vec![Arc::clone(&link.certified)];
            let client = Client::showing(replica.sidecar.address, certificates)?;
            let mut asker = Asker::new(client, Arc::clone(&room.keys));
            let status = asker.ask().await?;
            if status != 200 {
                return Err(format!("a renewal before the revocation got {status}").into());
            }
            askers.push(asker);
        }
        let begun = Instant::now();
        let mut refused = JoinSet::new();
        for asker in askers {
            refused.spawn(asker.until_refused(begun));
        }
        revoke(room, link).await?;
        longest_command = longest_command.max(begun.elapsed());
        while let Some(after) = refused.join_next().await {
            longest = longest.max(after??);
        }
    }
    table.see(REFUSED, longest.as_secs_f64());
    table.see(COMMAND, longest_command.as_secs_f64());
    for replica in replicas {
        replica.sidecar.stop()?;
    }
    Ok(())
}

async fn revoke(room: &Room, link: &Link) -> Result<(), Fault> {
    let id = link.serial.link().to_string();
    let output = Command::new(&room.binary)
        .env("KUBECONFIG", room.administrator())
        .args(["revoke", "--kubernetes", "--namespace", NAMESPACE])
        .args(["--link", &id])
        .stdin(Stdio::null())
        .output()
        .await?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(())
}

/// Somebody who renews a link at a replica again and again.
struct Asker {
    client: Client,
    keys: Arc<Keys>,
    connection: Option<Connection>,
}

impl Asker {
    fn new(client: Client, keys: Arc<Keys>) -> Self {
        Self {
            client,
            keys,
            connection: None,
        }
    }

    /// Returns the time from `begun` until the answer that the link was revoked. Renewals beyond those
    /// that are allowed in a minute get 429 until then: a revocation is looked at first.
    async fn until_refused(mut self, begun: Instant) -> Result<Duration, Fault> {
        loop {
            match self.ask().await? {
                403 => return Ok(begun.elapsed()),
                200 | 429 if begun.elapsed() < PATIENCE => tokio::time::sleep(LOOK).await,
                status => return Err(format!("a renewal got {status}, not 403").into()),
            }
        }
    }

    async fn ask(&mut self) -> Result<u16, Fault> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.client.connect(Ipv4Addr::LOCALHOST).await?,
        };
        let answer = connection.ask(&self.keys.renewal(0)).await?;
        if answer.is_kept_alive {
            self.connection = Some(connection);
        }
        Ok(answer.status)
    }
}

/// Links that are taken back in a run.
const REVOKED: usize = 10;

const REPLICAS: usize = 3;

const LOOK: Duration = Duration::from_millis(10);

/// Longer than any replica may take.
const PATIENCE: Duration = Duration::from_mins(1);

const REFUSED: Figure = Figure {
    name: "revoke: from its start until three replicas refuse",
    unit: "s",
    goal: Goal::AtMost(2.0),
};

const COMMAND: Figure = Figure {
    name: "  the command itself",
    unit: "s",
    goal: Goal::Free,
};
