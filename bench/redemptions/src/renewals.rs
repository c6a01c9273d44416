//! The cost of a renewal beside that of a redemption.

use std::sync::Arc;

use crate::bench::{Bench, KEYS, WARM_UP};
use crate::costs::Costs;
use crate::room::{self, Site};
use redemption_bench::Fault;
use redemption_bench::client::Client;
use redemption_bench::links::Link;
use redemption_bench::load::Load;
use redemption_bench::table::{Figure, Goal, Table};

/// A handshake each, with the certificate of a link, EC issuer; and redemptions just before.
pub(crate) async fn renewals(bench: &Bench, costs: &Costs, table: &mut Table) -> Result<(), Fault> {
    let service = bench.service(Site::Ec, &[]).await?;
    let redemptions = service.measure(service.load_of_handshakes(bench)).await?;
    service.sidecar.stop()?;

    let service = bench.service(Site::Ec, &[]).await?;
    let uid = service.grants.first().ok_or("no grant")?;
    let issuer = bench.room.issuer(Site::Ec)?;
    let links = (0..LINKS).map(|_| Ok(Link::make(&issuer, uid)?.certified));
    let links = links.collect::<Result<Vec<_>, Fault>>()?;
    let keys = Arc::clone(&bench.keys);
    let load = Load {
        client: Client::showing(service.sidecar.address, links)?,
        requests: Arc::new(move |number| keys.renewal(number)),
        ..service.load_of_handshakes(bench)
    };
    let (mut measured, _) = service.run(load).await?;
    let counted = room::counted(&service.data, uid).await?;
    if counted > 0 {
        return Err(format!("{counted} renewals were counted").into());
    }
    let limit = costs.renewal();
    table.see_beside(CPU, measured.cpu, limit);
    table.see(TIMES, measured.cpu / redemptions.cpu);
    table.see_beside(RATE, measured.rate(), measured.rate_at(limit));
    table.see(P99, measured.seen.times.p99());
    table.see(OTHERS, redemptions.cpu);
    service.sidecar.stop()?;
    Ok(())
}

const CPU: Figure = Figure {
    name: "server CPU per renewal, new handshake each",
    unit: "ms",
    goal: Goal::Free,
};
const TIMES: Figure = Figure {
    name: "  times that of a redemption",
    unit: "",
    goal: Goal::AtMost(1.3),
};
const RATE: Figure = Figure {
    name: "renewals, new handshake each, EC issuer",
    unit: "1/s",
    goal: Goal::AtLeast(1000.0),
};
const P99: Figure = Figure {
    name: "  their p99 at that rate, 64 at once",
    unit: "ms",
    goal: Goal::Free,
};
const OTHERS: Figure = Figure {
    name: "  server CPU per redemption just before",
    unit: "ms",
    goal: Goal::Free,
};
/// As many as it takes for each to renew at most 5 times.
const LINKS: usize = (KEYS + WARM_UP) / 5;
