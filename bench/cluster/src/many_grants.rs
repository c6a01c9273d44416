//! 20,000 grants: the start, the memory, and a redemption among them.

use redemption_bench::Fault;
use redemption_bench::table::{Figure, Goal, Table};

use crate::rates::load;
use crate::replicas::Replica;
use crate::room::Room;

/// Starts a service three times, and redeems at it.
pub(crate) async fn serve(room: &Room, table: &mut Table) -> Result<(), Fault> {
    let count = if room.is_quick { 2000 } else { 20_000 };
    let grants = room.make_grants("many", count, 10).await?;
    for run in 0..RUNS {
        let replica = Replica::start(room).await?;
        table.see(READY, replica.ready_after.as_secs_f64());
        table.see(RESIDENT, replica.sidecar.memory()?.resident);
        // Each run redeems with other grants.
        let some = grants.iter().skip(run).step_by(STRIDE).copied().collect();
        let mut alone = load(room, &replica, some, 1, ALONE)
            .closed()
            .await?
            .only_redeemed()?;
        table.see(P50, alone.times.median());
        table.see(P99, alone.times.p99());
        let memory = replica.sidecar.memory()?;
        table.see(PEAK, memory.peak);
        replica.sidecar.stop()?;
    }
    Ok(())
}

const RUNS: usize = 3;

/// Redemptions one after the other.
const ALONE: usize = 500;

/// Grants that lie between two redemptions.
const STRIDE: usize = 37;

const READY: Figure = Figure {
    name: "20,000 grants: from the start until ready",
    unit: "s",
    goal: Goal::AtMost(5.0),
};

const RESIDENT: Figure = Figure {
    name: "  resident",
    unit: "MiB",
    goal: Goal::AtMost(96.0),
};

const PEAK: Figure = Figure {
    name: "  resident at most, redemptions included",
    unit: "MiB",
    goal: Goal::AtMost(96.0),
};

const P50: Figure = Figure {
    name: "  a lone redemption, p50",
    unit: "ms",
    goal: Goal::Free,
};

const P99: Figure = Figure {
    name: "  a lone redemption, p99",
    unit: "ms",
    goal: Goal::Free,
};
