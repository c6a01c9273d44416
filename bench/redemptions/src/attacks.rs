//! Clients that mean no good, beside some that do.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::bench::{Bench, CONNECTIONS, KEYS, Service, WARM_UP, count};
use crate::room::{self, Site};
use redemption_bench::Fault;
use redemption_bench::client::Client;
use redemption_bench::load::{Load, Seen};
use redemption_bench::table::{Figure, Goal, Table};

/// 10,000 wrong codes in a second from eight peers, for the grant that others redeem.
pub(crate) async fn wrong_codes(bench: &Bench, table: &mut Table) -> Result<(), Fault> {
    let service = bench.service(Site::Ec, &[]).await?;
    let before = warmed_up(bench, &service).await?;
    let wrong = Load {
        requests: service.requests(room::wrong_request),
        from: (2..=9).flat_map(|last| [peer(last); 8]).collect(),
        requests_at_most: usize::MAX,
        ..service.load(bench)
    };
    let cpu = service.sidecar.cpu()?;
    let flood = tokio::spawn(wrong.offered(10_000));
    let mut good = redeemers(bench, &service).await?.only_redeemed()?;
    let flood = flood.await??;
    let cpu = service.sidecar.cpu()? - cpu;
    if flood.redeemed + flood.other + flood.broken > 0 {
        return Err("a wrong code was answered as if it were not".into());
    }
    table.see(FLOOD_P99, good.times.p99());
    table.see(FLOOD_MEMORY, service.sidecar.memory()?.peak - before);
    table.see(
        FLOOD_RATE,
        count(flood.refused) / flood.elapsed.as_secs_f64(),
    );
    // The good ones are in it, one to a hundred.
    table.see(FLOOD_CPU, cpu / count(flood.refused));
    service.sidecar.stop()?;
    Ok(())
}

/// 2,000 idle connections, endless bodies and one byte in a second, all at once.
pub(crate) async fn slow_and_large(bench: &Bench, table: &mut Table) -> Result<(), Fault> {
    let service = bench.service(Site::Ec, &[]).await?;
    let before = warmed_up(bench, &service).await?;
    let attacker = |last| Attacker {
        client: service.client.clone(),
        from: peer(last),
    };
    let mut attackers = JoinSet::new();
    for last in (100..).take(IDLE / CONNECTIONS) {
        for number in 0..CONNECTIONS {
            attackers.spawn(attacker(last).idle(number % 2 == 0));
        }
    }
    for _ in 0..LARGE {
        attackers.spawn(attacker(10).large(ANNOUNCED));
        attackers.spawn(attacker(11).large(CHUNKED));
    }
    for _ in 0..CONNECTIONS {
        attackers.spawn(attacker(12).slow(b"POST /"));
        attackers.spawn(attacker(13).slow(b"POST / HTTP/1.1\r\ncontent-length: 4000\r\n\r\n"));
    }
    // Until as many are connected as the service admits.
    sleep(SETTLED).await;
    let settled = service.sidecar.memory()?.peak;
    let mut good = redeemers(bench, &service).await?;
    let memory = service.sidecar.memory()?.peak;
    attackers.shutdown().await;
    if good.refused + good.other > 0 {
        return Err("a good request was refused".into());
    }
    table.see(HOSTILE_P99, good.times.p99());
    table.see(HOSTILE_LOST, count(good.broken));
    table.see(HOSTILE_AGAIN, count(good.again) / count(good.redeemed));
    table.see(HOSTILE_MEMORY, settled - before);
    table.see(HOSTILE_GROWTH, memory - settled);
    service.sidecar.stop()?;
    Ok(())
}

/// The memory of a service that has done its work for a moment, in MiB.
async fn warmed_up(bench: &Bench, service: &Service) -> Result<f64, Fault> {
    let keys = Arc::clone(&bench.keys);
    let uid = *service.grants.first().ok_or("no grant")?;
    let load = Load {
        requests_at_most: WARM_UP,
        // Not the keys of those who come later.
        ..service.load_of(bench, move |number| keys.request(&uid, number + KEYS / 2))
    };
    load.closed().await?.only_redeemed()?;
    Ok(service.sidecar.memory()?.peak)
}

/// 100 redemptions in a second, each on a connection of its own.
async fn redeemers(bench: &Bench, service: &Service) -> Result<Seen, Fault> {
    let load = Load {
        from: vec![Ipv4Addr::LOCALHOST; CONNECTIONS / 2],
        is_kept_alive: false,
        ..service.load(bench)
    };
    load.offered(100).await
}

fn peer(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

/// One who connects again and again, a moment after each end.
struct Attacker {
    client: Client,
    from: Ipv4Addr,
}

impl Attacker {
    /// Says nothing, before or after the handshake.
    async fn idle(self, is_handshaken: bool) {
        loop {
            if is_handshaken {
                if let Ok(mut connection) = self.client.connect(self.from).await {
                    // The end of the connection, or an answer to nothing.
                    let _ = connection.answer().await;
                }
            } else if let Ok(mut stream) = self.client.dial(self.from).await {
                let _ = stream.read(&mut [0]).await;
            }
            sleep(AGAIN).await;
        }
    }

    /// Sends 512 MiB, as far as the service lets it.
    async fn large(self, head: &'static [u8]) {
        loop {
            let _ = self.send_large(head).await;
            sleep(AGAIN).await;
        }
    }

    async fn send_large(&self, head: &[u8]) -> io::Result<()> {
        let mut connection = self.client.connect(self.from).await?;
        connection.send(head).await?;
        // One chunk where the body is chunked.
        let chunk = [b"10000\r\n", [b'a'; 0x4000].repeat(4).as_slice(), b"\r\n"].concat();
        for _ in 0..LARGE_BYTES / chunk.len() {
            connection.send(&chunk).await?;
        }
        Ok(())
    }

    /// Sends a beginning, then a byte in each second.
    async fn slow(self, beginning: &'static [u8]) {
        loop {
            if let Ok(mut connection) = self.client.connect(self.from).await {
                let mut bytes = beginning;
                while connection.send(bytes).await.is_ok() {
                    bytes = b"a";
                    sleep(Duration::from_secs(1)).await;
                }
            }
            sleep(AGAIN).await;
        }
    }
}

const FLOOD_P99: Figure = Figure {
    name: "10,000 wrong codes/s offered: p99 of good ones",
    unit: "ms",
    goal: Goal::AtMost(25.0),
};
const FLOOD_MEMORY: Figure = Figure {
    name: "  memory that they take",
    unit: "MiB",
    goal: Goal::AtMost(FLAT),
};
const FLOOD_RATE: Figure = Figure {
    name: "  wrong codes answered",
    unit: "1/s",
    goal: Goal::Free,
};
const FLOOD_CPU: Figure = Figure {
    name: "  server CPU for each",
    unit: "ms",
    goal: Goal::Free,
};
const HOSTILE_P99: Figure = Figure {
    name: "2,000 idle, 512 MiB bodies, slow: p99 of good ones",
    unit: "ms",
    goal: Goal::Free,
};
const HOSTILE_LOST: Figure = Figure {
    name: "  good ones without an answer",
    unit: "",
    goal: Goal::AtMost(0.0),
};
const HOSTILE_AGAIN: Figure = Figure {
    name: "  connections broken, for each good one",
    unit: "",
    goal: Goal::Free,
};
const HOSTILE_MEMORY: Figure = Figure {
    name: "  memory that 1,024 connections take",
    unit: "MiB",
    goal: Goal::AtMost(48.0),
};
const HOSTILE_GROWTH: Figure = Figure {
    name: "  memory that time adds",
    unit: "MiB",
    goal: Goal::AtMost(FLAT),
};

/// What counts as no growth, in MiB.
const FLAT: f64 = 4.0;

/// Connections that say nothing, in whole peers: about 2,000.
const IDLE: usize = 2048;

/// Connections that send endless bodies, of each kind.
const LARGE: usize = 8;
const LARGE_BYTES: usize = 512 << 20;
const ANNOUNCED: &[u8] = b"POST / HTTP/1.1\r\nhost: bench\r\ncontent-length: 536870912\r\n\r\n";
const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nhost: bench\r\ntransfer-encoding: chunked\r\n\r\n";

/// Until an attacker connects again.
const AGAIN: Duration = Duration::from_secs(2);

/// Until the attack is as large as it gets.
const SETTLED: Duration = Duration::from_secs(3);
