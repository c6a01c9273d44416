//! Redemptions in a second, on many grants and on one.

use std::net::Ipv4Addr;
use std::sync::Arc;

use redemption_bench::Fault;
use redemption_bench::load::Load;
use redemption_bench::table::{Figure, Goal, Table};
use redemption_sidecar::redemption::GrantUid;

use crate::replicas::Replica;
use crate::room::Room;
use crate::{bare, writes};

/// 16 clients, each redemption of another grant, beside the bare write of a status.
pub(crate) async fn distinct_grants(
    room: &Room,
    run: usize,
    table: &mut Table,
) -> Result<(), Fault> {
    let count = if room.is_quick { 400 } else { 3000 };
    let bare_prefix = format!("bare-{run}");
    room.make_grants(&bare_prefix, count, 1).await?;
    let grants = room
        .make_grants(&format!("distinct-{run}"), count, 1)
        .await?;
    let replica = Replica::start(room).await?;

    let floor = bare::writes(room, &bare_prefix, CLIENTS).await?;
    let before = writes::so_far(&room.user).await?;
    let load = load(room, &replica, grants, CLIENTS, count);
    let seen = load.closed().await?.only_redeemed()?;
    let written = writes::so_far(&room.user).await? - before;

    let redeemed = u32::try_from(seen.redeemed)?;
    let rate = f64::from(redeemed) / seen.elapsed.as_secs_f64();
    table.see_beside(DISTINCT_RATE, rate, floor);
    table.see(DISTINCT_SHARE, rate / floor * 100.0);
    table.see(DISTINCT_WRITES, f64::from(written) / f64::from(redeemed));
    replica.sidecar.stop()?;
    Ok(())
}

/// 50 clients of one grant that allows as many redemptions as they want.
pub(crate) async fn one_grant(room: &Room, run: usize, table: &mut Table) -> Result<(), Fault> {
    for (replicas, [rate_figure, p99_figure, writes_figure]) in [(1, ONE), (3, THREE)] {
        let name = format!("one-{run}-{replicas}");
        let grants = room.make_grants(&name, 1, ALLOWED).await?;
        let mut services = Vec::new();
        for _ in 0..replicas {
            services.push(Replica::start(room).await?);
        }
        let before = writes::so_far(&room.user).await?;
        let mut loads = tokio::task::JoinSet::new();
        for (number, replica) in services.iter().enumerate() {
            let clients = MANY_CLIENTS / replicas + usize::from(number < MANY_CLIENTS % replicas);
            let share = load(room, replica, grants.clone(), clients, usize::MAX);
            let requests = Arc::clone(&share.requests);
            let share = Load {
                // No key twice.
                requests: Arc::new(move |key| requests(key * replicas + number)),
                ..share
            };
            loads.spawn(share.closed());
        }
        let (mut redeemed, mut longest, mut p99) = (0, 0.0_f64, 0.0_f64);
        while let Some(seen) = loads.join_next().await {
            let mut seen = seen??.only_redeemed()?;
            redeemed += u32::try_from(seen.redeemed)?;
            longest = longest.max(seen.elapsed.as_secs_f64());
            p99 = p99.max(seen.times.p99());
        }
        let written = writes::so_far(&room.user).await? - before;
        let counted = room.redemptions(&format!("{name}-0")).await?;
        if counted != u64::from(redeemed) {
            return Err(format!("{counted} were counted, {redeemed} answered").into());
        }
        table.see(rate_figure, f64::from(redeemed) / longest);
        table.see(p99_figure, p99);
        table.see(writes_figure, f64::from(written) / f64::from(redeemed));
        for replica in services {
            replica.sidecar.stop()?;
        }
    }
    Ok(())
}

/// Redemptions at a service, with keys of their own, from kept-alive connections.
pub(crate) fn load(
    room: &Room,
    replica: &Replica,
    grants: Vec<GrantUid>,
    clients: usize,
    requests_at_most: usize,
) -> Load {
    let keys = Arc::clone(&room.keys);
    Load {
        client: replica.client.clone(),
        requests: Arc::new(move |number| {
            let grant = grants.get(number % grants.len().max(1));
            grant.map_or_else(Vec::new, |uid| keys.request(uid, number))
        }),
        from: vec![Ipv4Addr::LOCALHOST; clients],
        is_kept_alive: true,
        requests_at_most,
        time_at_most: room.time,
    }
}

/// Clients of distinct grants.
const CLIENTS: usize = 16;

/// Clients of one grant.
const MANY_CLIENTS: usize = 50;

/// More redemptions than a load asks for.
const ALLOWED: u32 = 1_000_000;

const DISTINCT_RATE: Figure = Figure {
    name: "distinct grants, 16 clients (limit: a bare status write)",
    unit: "1/s",
    goal: Goal::Free,
};

const DISTINCT_SHARE: Figure = Figure {
    name: "  of the bare status writes",
    unit: "%",
    goal: Goal::AtLeast(70.0),
};

const DISTINCT_WRITES: Figure = Figure {
    name: "  API writes per redemption",
    unit: "",
    goal: Goal::AtMost(1.0),
};

const ONE: [Figure; 3] = [
    Figure {
        name: "one grant, 50 clients",
        unit: "1/s",
        goal: Goal::AtLeast(300.0),
    },
    Figure {
        name: "  p99",
        unit: "ms",
        goal: Goal::AtMost(1000.0),
    },
    Figure {
        name: "  API writes per redemption, 50 clients",
        unit: "",
        goal: Goal::AtMost(1.0),
    },
];

const THREE: [Figure; 3] = [
    Figure {
        name: "one grant, 50 clients, three replicas",
        unit: "1/s",
        goal: Goal::Free,
    },
    Figure {
        name: "  p99 with three replicas",
        unit: "ms",
        goal: Goal::Free,
    },
    Figure {
        name: "  API writes per redemption, three replicas",
        unit: "",
        goal: Goal::AtMost(1.0),
    },
];
