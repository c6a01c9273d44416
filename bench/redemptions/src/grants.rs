//! A ledger with many grants: the start, the memory, and a redemption as if they were few.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use redemption_sidecar::redemption::GrantUid;

use crate::bench::{Bench, Measured, Service};
use crate::room::{self, Site};
use redemption_bench::Fault;
use redemption_bench::load::Load;
use redemption_bench::table::{Figure, Goal, Table};

/// Ledgers with few and with many grants, made once.
pub(crate) struct Ledgers {
    few: (PathBuf, Vec<GrantUid>),
    many: (PathBuf, Vec<GrantUid>),
}

impl Ledgers {
    pub(crate) async fn make(bench: &Bench) -> Result<Self, Fault> {
        let (few, many) = (bench.room.data(), bench.room.data());
        Ok(Self {
            few: (few.clone(), room::grants(&few, FEW).await?),
            many: (many.clone(), room::grants(&many, MANY).await?),
        })
    }

    /// Redeems in both, each redemption of another grant than the one before.
    pub(crate) async fn redeem(
        &self,
        bench: &Bench,
        run: usize,
        table: &mut Table,
    ) -> Result<(), Fault> {
        let (data, grants) = self.many.clone();
        let service = bench.service_of(data, grants, Site::Ec, &[]).await?;
        table.see(START, service.sidecar.first_answer.as_secs_f64());
        table.see(RESIDENT, service.sidecar.memory()?.resident);
        let mut many = measure(bench, &service, run).await?;
        table.see(RESIDENT_LOADED, service.sidecar.memory()?.peak);
        service.sidecar.stop()?;

        let (data, grants) = self.few.clone();
        let service = bench.service_of(data, grants, Site::Ec, &[]).await?;
        let mut few = measure(bench, &service, run).await?;
        service.sidecar.stop()?;

        table.see_beside(CPU, many.together.cpu, few.together.cpu);
        let (many, few) = (&mut many.alone.seen.times, &mut few.alone.seen.times);
        table.see_beside(TIME, many.median(), few.median());
        Ok(())
    }
}

struct Redeemed {
    together: Measured,
    alone: Measured,
}

/// Redeems on 64 connections, then on one.
async fn measure(bench: &Bench, service: &Service, run: usize) -> Result<Redeemed, Fault> {
    let (keys, grants) = (Arc::clone(&bench.keys), service.grants.clone());
    // In another run the same number means another pair of grant and key.
    let load = service.load_of(bench, move |number| {
        let grant = grants.get(number * STRIDE % grants.len().max(1));
        grant.map_or_else(Vec::new, |uid| keys.request(uid, number + run))
    });
    let together = Load {
        requests_at_most: TOGETHER,
        ..load.clone()
    };
    let requests = Arc::clone(&load.requests);
    let alone = Load {
        requests: Arc::new(move |number| requests(number + 2 * TOGETHER)),
        from: vec![Ipv4Addr::LOCALHOST],
        requests_at_most: ALONE,
        ..load
    };
    Ok(Redeemed {
        together: service.measure(together).await?,
        alone: service.measure(alone).await?,
    })
}

const START: Figure = Figure {
    name: "100,000 grants: start, to the first answer",
    unit: "s",
    goal: Goal::AtMost(0.2),
};
const RESIDENT: Figure = Figure {
    name: "100,000 grants: resident after the start",
    unit: "MiB",
    goal: Goal::AtMost(32.0),
};
const RESIDENT_LOADED: Figure = Figure {
    name: "100,000 grants: resident at most under load",
    unit: "MiB",
    goal: Goal::AtMost(32.0),
};
const CPU: Figure = Figure {
    name: "100,000 grants: server CPU per redemption (limit: 10)",
    unit: "ms",
    goal: Goal::AtMost(0.45),
};
const TIME: Figure = Figure {
    name: "100,000 grants: a lone redemption, p50 (limit: 10)",
    unit: "ms",
    goal: Goal::Free,
};

const FEW: usize = 10;
const MANY: usize = 100_000;

/// From one grant to the next: they lie far apart, and all have their turn.
const STRIDE: usize = 7919;

/// How many redemptions at most.
const TOGETHER: usize = 5000;
const ALONE: usize = 1000;
