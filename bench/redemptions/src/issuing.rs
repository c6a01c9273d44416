//! `issue` beside a burst of redemptions: both write to one ledger.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::bench::{Bench, count};
use crate::room::{self, Site};
use redemption_bench::Fault;
use redemption_bench::load::Load;
use redemption_bench::samples::Samples;
use redemption_bench::table::{Figure, Goal, Table};

/// 30 grants, one after the other, while redemptions come as fast as they go.
pub(crate) async fn beside_a_burst(bench: &Bench, table: &mut Table) -> Result<(), Fault> {
    let service = bench.service(Site::Ec, &[]).await?;
    let burst = Load {
        // Each makes the service write. It lasts longer than the grants take and ends with them.
        requests: service.requests(room::plain_request),
        time_at_most: bench.time * 10,
        requests_at_most: usize::MAX,
        ..service.load(bench)
    };
    let burst = tokio::spawn(burst.closed());
    let (binary, data) = (bench.binary.clone(), service.data.clone());
    let issued = tokio::task::spawn_blocking(move || {
        let mut times = Samples::default();
        let mut failed = 0;
        for number in 0..GRANTS {
            let begun = Instant::now();
            let status = Command::new(&binary)
                .args(["issue", &format!("beside-{number}"), "--data"])
                .arg(&data)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
            times.add(begun.elapsed());
            failed += usize::from(!status.success());
        }
        std::io::Result::Ok((times, failed))
    });
    let (mut times, failed) = issued.await??;
    if burst.is_finished() {
        return Err("the burst was over before the last grant".into());
    }
    burst.abort();
    table.see(FAILED, count(failed));
    table.see(MEDIAN, times.median());
    table.see(LONGEST, times.longest());
    service.sidecar.stop()?;
    Ok(())
}

const FAILED: Figure = Figure {
    name: "30 grants issued beside a burst: failed",
    unit: "",
    goal: Goal::AtMost(0.0),
};
const MEDIAN: Figure = Figure {
    name: "  each, p50",
    unit: "ms",
    goal: Goal::Free,
};
const LONGEST: Figure = Figure {
    name: "  the longest",
    unit: "ms",
    goal: Goal::Free,
};

const GRANTS: usize = 30;
