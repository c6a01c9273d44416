//! 50 at once on a grant of 10.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use redemption_bench::Fault;
use redemption_bench::client::Client;
use redemption_bench::table::{Figure, Goal, Table};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::replicas::Replica;
use crate::room::Room;

/// At one service and at three.
pub(crate) async fn bursts(room: &Room, run: usize, table: &mut Table) -> Result<(), Fault> {
    for (replicas, figures) in [(1, ONE), (3, THREE)] {
        let mut services = Vec::new();
        for _ in 0..replicas {
            services.push(Replica::start(room).await?);
        }
        let clients: Vec<_> = services
            .iter()
            .map(|replica| replica.client.clone())
            .collect();
        let mut worst = Outcome::default();
        for burst in 0..BURSTS {
            let name = format!("burst-{run}-{replicas}-{burst}");
            let outcome = burst_of(room, &clients, &name).await?;
            worst.take_over(&outcome);
        }
        let Outcome {
            certificates: (fewest, most),
            refused: (least, _),
            unanswered,
            asked_again,
        } = worst;
        for (figure, value) in figures.into_iter().zip([fewest, most, least, unanswered]) {
            table.see(figure, f64::from(value));
        }
        table.see(ASKED_AGAIN, f64::from(asked_again));
        for replica in services {
            replica.sidecar.stop()?;
        }
    }
    Ok(())
}

/// What came of bursts: the fewest and the most of each.
#[derive(Default)]
struct Outcome {
    certificates: (u32, u32),
    refused: (u32, u32),
    /// Those who gave up.
    unanswered: u32,
    /// 503 with Retry-After that a patient client took.
    asked_again: u32,
}

impl Outcome {
    fn take_over(&mut self, other: &Self) {
        let is_first = self.certificates.1 + self.refused.1 + self.unanswered == 0;
        let merge = |own: (u32, u32), other: (u32, u32)| {
            if is_first {
                other
            } else {
                (own.0.min(other.0), own.1.max(other.1))
            }
        };
        self.certificates = merge(self.certificates, other.certificates);
        self.refused = merge(self.refused, other.refused);
        self.unanswered += other.unanswered;
        self.asked_again += other.asked_again;
    }
}

async fn burst_of(room: &Room, clients: &[Client], name: &str) -> Result<Outcome, Fault> {
    let grants = room.make_grants(name, 1, ALLOWED).await?;
    let uid = *grants.first().ok_or("no grant was made")?;
    let start = Arc::new(Barrier::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (number, client) in clients.iter().cycle().take(AT_ONCE).enumerate() {
        let (client, start) = (client.clone(), Arc::clone(&start));
        let request = room.keys.request(&uid, number);
        tasks.spawn(async move {
            start.wait().await;
            patient(&client, &request).await
        });
    }
    let (mut certificates, mut refused, mut unanswered, mut asked_again) = (0, 0, 0, 0);
    while let Some(task) = tasks.join_next().await {
        let (status, again) = task?;
        asked_again += again;
        match status {
            Ok(200) => certificates += 1,
            Ok(404) => refused += 1,
            _ => unanswered += 1,
        }
    }
    let counted = room.redemptions(&format!("{name}-0")).await?;
    if counted != u64::from(certificates) {
        return Err(format!("{counted} were counted, {certificates} have a certificate").into());
    }
    Ok(Outcome {
        certificates: (certificates, certificates),
        refused: (refused, refused),
        unanswered,
        asked_again,
    })
}

/// Asks as redeemers do: again, when the answer is 503. Says how often that was.
async fn patient(client: &Client, request: &[u8]) -> (io::Result<u16>, u32) {
    for again in 0..PATIENCE {
        match ask(client, request).await {
            Ok(503) => tokio::time::sleep(RETRY_AFTER).await,
            answer => return (answer, again),
        }
    }
    (Ok(503), PATIENCE)
}

async fn ask(client: &Client, request: &[u8]) -> io::Result<u16> {
    let mut connection = client.connect(Ipv4Addr::LOCALHOST).await?;
    Ok(connection.ask(request).await?.status)
}

/// Bursts of each kind in a run.
const BURSTS: usize = 10;

/// Who redeems at once.
const AT_ONCE: usize = 50;

/// What the grant allows.
const ALLOWED: u32 = 10;

/// What a 503 of the service asks for.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// How often somebody asks again.
const PATIENCE: u32 = 10;

const ONE: [Figure; 4] = [
    Figure {
        name: "50 at once on a grant of 10: certificates, fewest",
        unit: "",
        goal: Goal::AtLeast(10.0),
    },
    Figure {
        name: "  certificates, most",
        unit: "",
        goal: Goal::AtMost(10.0),
    },
    Figure {
        name: "  refused, fewest",
        unit: "",
        goal: Goal::AtLeast(40.0),
    },
    Figure {
        name: "  without an answer",
        unit: "",
        goal: Goal::AtMost(0.0),
    },
];

const THREE: [Figure; 4] = [
    Figure {
        name: "the same at three replicas: certificates, fewest",
        unit: "",
        goal: Goal::AtLeast(10.0),
    },
    Figure {
        name: "  certificates of three replicas, most",
        unit: "",
        goal: Goal::AtMost(10.0),
    },
    Figure {
        name: "  refused by three replicas, fewest",
        unit: "",
        goal: Goal::AtLeast(40.0),
    },
    Figure {
        name: "  without an answer of three replicas",
        unit: "",
        goal: Goal::AtMost(0.0),
    },
];

const ASKED_AGAIN: Figure = Figure {
    name: "  503 that a patient client asked again after",
    unit: "",
    goal: Goal::Free,
};
