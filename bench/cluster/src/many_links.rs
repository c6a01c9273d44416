//! 20,000 links: the start, the memory, a list of them, and how far the register is behind.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use redemption_bench::Fault;
use redemption_bench::client::Client;
use redemption_bench::links::Link;
use redemption_bench::load::Load;
use redemption_bench::table::{Figure, Goal, Table};
use redemption_sidecar::redemption::{GrantUid, Serial};
use redemption_sidecar::system::{clock, random};
use tokio::process::Command;

use crate::replicas::{self, LOOK, START};
use crate::room::{NAMESPACE, Room};
use crate::{leases, renewals};

/// Starts a service, lists the links, and renews some of them as often as they may in a minute.
pub(crate) async fn serve(room: &Room, table: &mut Table) -> Result<(), Fault> {
    let grants = room.make_grants("links", 2, 1).await?;
    let [of_many, of_some] = grants.as_slice() else {
        return Err("two grants were to be made".into());
    };
    let some = make(room, of_many, of_some).await?;
    let first = some.first().ok_or("no link was made")?;

    let begun = Instant::now();
    let sidecar = replicas::launch(room, &room.administrator()).await?;
    let client = Client::showing(sidecar.address, vec![Arc::clone(&first.certified)])?;
    let renewal = room.keys.renewal(0);
    loop {
        let mut connection = client.connect([127, 0, 0, 1].into()).await?;
        match connection.ask(&renewal).await?.status {
            200 => break,
            503 if begun.elapsed() < START => tokio::time::sleep(LOOK).await,
            status => return Err(format!("a renewal after the start got {status}").into()),
        }
    }
    table.see(ANSWERED, begun.elapsed().as_secs_f64());
    table.see(RESIDENT, sidecar.memory()?.resident);
    table.see(LIST, list(room).await?.as_secs_f64());

    // The first one has renewed already.
    let others = some.get(1..).unwrap_or_default();
    let load = Load {
        time_at_most: PATIENCE,
        ..renewals::load(room, &sidecar, others, others.len() * ALLOWED)?
    };
    let seen = load.closed().await?.only_redeemed()?;
    let leases = leases::all(room)?;
    let behind = leases::written(&leases, of_some, others.len(), i32::try_from(ALLOWED)?).await?;
    table.see(LAG, behind.as_secs_f64());
    let renewed = f64::from(u32::try_from(seen.redeemed)?);
    table.see(LAG_RATE, renewed / seen.elapsed.as_secs_f64());
    if !replicas::is_answered(sidecar.operations, "/metrics").await {
        return Err("there are no metrics".into());
    }
    table.see(PEAK, sidecar.memory()?.peak);
    sidecar.stop()?;
    Ok(())
}

/// Makes the Leases of all links. Those of some have certificates that can be shown.
async fn make(room: &Room, of_many: &GrantUid, of_some: &GrantUid) -> Result<Vec<Link>, Fault> {
    let leases = leases::all(room)?;
    let some = renewals::make(room, of_some, SOME + 1).await?;
    let end = clock::now() + TimeDelta::days(6);
    let many = (0..LINKS - some.len()).map(|_| (serial(), end)).collect();
    leases::make(&leases, of_many, many).await?;
    let shown = some.iter().map(|link| (link.serial, link.end)).collect();
    leases::make(&leases, of_some, shown).await?;
    Ok(some)
}

/// A serial number of its own.
fn serial() -> Serial {
    let number = u128::from_be_bytes(random::bytes());
    // The top bit of a serial number is clear.
    Serial::from_bytes((number >> 1).to_be_bytes())
}

/// Lists the links by command, and returns how long that took.
async fn list(room: &Room) -> Result<Duration, Fault> {
    let begun = Instant::now();
    let output = Command::new(&room.binary)
        .env("KUBECONFIG", room.administrator())
        .args(["list", "--links", "--kubernetes", "--namespace", NAMESPACE])
        .stdin(Stdio::null())
        .output()
        .await?;
    let elapsed = begun.elapsed();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let lines = String::from_utf8_lossy(&output.stdout).lines().count();
    if lines < LINKS {
        return Err(format!("{lines} lines list {LINKS} links").into());
    }
    Ok(elapsed)
}

const LINKS: usize = 20_000;

/// Links that renew.
const SOME: usize = 200;

/// How often a link may renew in a minute.
const ALLOWED: usize = 10;

/// How long the renewals may take.
const PATIENCE: Duration = Duration::from_secs(50);

const ANSWERED: Figure = Figure {
    name: "20,000 links: from the start until renewals are answered",
    unit: "s",
    goal: Goal::Free,
};

const RESIDENT: Figure = Figure {
    name: "  resident then",
    unit: "MiB",
    goal: Goal::AtMost(96.0),
};

const PEAK: Figure = Figure {
    name: "  resident at most, renewals and metrics included",
    unit: "MiB",
    goal: Goal::AtMost(96.0),
};

const LIST: Figure = Figure {
    name: "  list --links",
    unit: "s",
    goal: Goal::Free,
};

const LAG: Figure = Figure {
    name: "  200 links as fast as they may: the register is behind",
    unit: "s",
    goal: Goal::AtMost(10.0),
};

const LAG_RATE: Figure = Figure {
    name: "  renewals in that time",
    unit: "1/s",
    goal: Goal::Free,
};
