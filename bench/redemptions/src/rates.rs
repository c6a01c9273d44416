//! What a redemption costs, and how many there are in a second.

use std::net::Ipv4Addr;

use crate::bench::{Bench, CONNECTIONS, count};
use crate::costs::Costs;
use crate::room::{self, Site};
use redemption_bench::Fault;
use redemption_bench::load::Load;
use redemption_bench::table::{Figure, Goal, Table};

/// Own keys, EC issuer, kept-alive.
pub(crate) async fn kept_alive(
    bench: &Bench,
    costs: &Costs,
    table: &mut Table,
) -> Result<(), Fault> {
    let service = bench.service(Site::Ec, &[]).await?;
    let mut measured = service.measure(service.load(bench)).await?;
    let limit = costs.redemption();
    table.see_beside(KEPT_ALIVE_CPU, measured.cpu, limit);
    table.see_beside(KEPT_ALIVE_RATE, measured.rate(), measured.rate_at(limit));
    table.see(KEPT_ALIVE_P99, measured.seen.times.p99());
    table.see(RESIDENT, service.sidecar.memory()?.peak);
    service.sidecar.stop()?;
    Ok(())
}

/// Own keys, EC issuer, a handshake each.
pub(crate) async fn new_handshake(
    bench: &Bench,
    costs: &Costs,
    table: &mut Table,
) -> Result<(), Fault> {
    let service = bench.service(Site::Ec, &[]).await?;
    let load = service.load_of_handshakes(bench);
    let measured = service.measure(load).await?;
    let limit = costs.new_redemption();
    table.see_beside(HANDSHAKE_CPU, measured.cpu, limit);
    table.see_beside(HANDSHAKE_RATE, measured.rate(), measured.rate_at(limit));
    service.sidecar.stop()?;
    Ok(())
}

/// Own keys, RSA issuer, kept-alive.
pub(crate) async fn rsa_issuer(
    bench: &Bench,
    costs: &Costs,
    table: &mut Table,
) -> Result<(), Fault> {
    let service = bench.service(Site::Rsa, &[]).await?;
    let measured = service.measure(service.load(bench)).await?;
    let limit = costs.rsa_redemption();
    table.see_beside(RSA_CPU, measured.cpu, limit);
    table.see_beside(RSA_RATE, measured.rate(), measured.rate_at(limit));
    service.sidecar.stop()?;
    Ok(())
}

/// 500 in a second, whether they are answered or not.
pub(crate) async fn offered(bench: &Bench, costs: &Costs, table: &mut Table) -> Result<(), Fault> {
    let service = bench.service(Site::Ec, &[]).await?;
    let before = service.sidecar.cpu()?;
    let mut seen = service.load(bench).offered(500).await?.only_redeemed()?;
    let cpu = service.sidecar.cpu()? - before;
    let limit = costs.lone_redemption();
    table.see_beside(OFFERED_P50, seen.times.median(), limit);
    table.see_beside(OFFERED_P99, seen.times.p99(), limit);
    table.see(OFFERED_CPU, cpu / count(seen.redeemed));
    service.sidecar.stop()?;
    Ok(())
}

/// Skupper's clients, whose keys are made by the service.
pub(crate) async fn plain(bench: &Bench, costs: &Costs, table: &mut Table) -> Result<(), Fault> {
    let service = bench.service(Site::Ec, &[]).await?;
    let load = Load {
        requests: service.requests(room::plain_request),
        ..service.load(bench)
    };
    let measured = service.measure(load).await?;
    let limit = costs.plain_redemption();
    table.see_beside(PLAIN_CPU, measured.cpu, limit);
    table.see_beside(PLAIN_RATE, measured.rate(), measured.rate_at(limit));
    service.sidecar.stop()?;

    let service = bench.service(Site::Ec, &["--key=rsa-2048"]).await?;
    let load = Load {
        requests: service.requests(room::plain_request),
        requests_at_most: 400,
        ..service.load(bench)
    };
    let measured = service.measure(load).await?;
    let limit = costs.plain_rsa_redemption();
    table.see_beside(PLAIN_RSA_CPU, measured.cpu, limit);
    table.see_beside(PLAIN_RSA_RATE, measured.rate(), measured.rate_at(limit));
    service.sidecar.stop()?;
    Ok(())
}

/// Own keys, 100 in a second, beside Skupper's clients whose RSA keys are made here.
pub(crate) async fn beside_rsa_keys(bench: &Bench, table: &mut Table) -> Result<(), Fault> {
    let service = bench.service(Site::Ec, &["--key=rsa-2048"]).await?;
    let plain = Load {
        requests: service.requests(room::plain_request),
        from: vec![Ipv4Addr::new(127, 0, 0, 2); CONNECTIONS],
        requests_at_most: usize::MAX,
        ..service.load(bench)
    };
    let plain = tokio::spawn(plain.closed());
    let mut own = service.load(bench).offered(100).await?.only_redeemed()?;
    let plain = plain.await??;
    table.see(BESIDE_P50, own.times.median());
    table.see(BESIDE_P99, own.times.p99());
    table.see(BESIDE_REFUSED, count(plain.other + plain.broken));
    service.sidecar.stop()?;
    Ok(())
}

const KEPT_ALIVE_CPU: Figure = Figure {
    name: "server CPU per redemption, kept-alive, EC issuer",
    unit: "ms",
    goal: Goal::AtMost(0.45),
};
const HANDSHAKE_CPU: Figure = Figure {
    name: "server CPU per redemption, new handshake each",
    unit: "ms",
    goal: Goal::AtMost(0.9),
};
const RSA_CPU: Figure = Figure {
    name: "server CPU per redemption, kept-alive, RSA issuer",
    unit: "ms",
    goal: Goal::Free,
};
const KEPT_ALIVE_RATE: Figure = Figure {
    name: "durable redemptions, kept-alive, EC issuer",
    unit: "1/s",
    goal: Goal::AtLeast(3000.0),
};
const KEPT_ALIVE_P99: Figure = Figure {
    name: "  their p99 at that rate, 64 at once",
    unit: "ms",
    goal: Goal::Free,
};
const RESIDENT: Figure = Figure {
    name: "  resident at most",
    unit: "MiB",
    goal: Goal::Free,
};
const RSA_RATE: Figure = Figure {
    name: "durable redemptions, kept-alive, RSA-2048 issuer",
    unit: "1/s",
    goal: Goal::AtLeast(1800.0),
};
const HANDSHAKE_RATE: Figure = Figure {
    name: "durable redemptions, new handshake each, EC issuer",
    unit: "1/s",
    goal: Goal::AtLeast(1000.0),
};
const OFFERED_P50: Figure = Figure {
    name: "500/s offered, p50 from the intended start",
    unit: "ms",
    goal: Goal::Free,
};
const OFFERED_P99: Figure = Figure {
    name: "500/s offered, p99 from the intended start",
    unit: "ms",
    goal: Goal::AtMost(10.0),
};
const OFFERED_CPU: Figure = Figure {
    name: "  server CPU per redemption, few share a commit",
    unit: "ms",
    goal: Goal::Free,
};
const PLAIN_CPU: Figure = Figure {
    name: "Skupper's clients, P-256 made here: server CPU",
    unit: "ms",
    goal: Goal::Free,
};
const PLAIN_RATE: Figure = Figure {
    name: "  durable redemptions",
    unit: "1/s",
    goal: Goal::Free,
};
const PLAIN_RSA_CPU: Figure = Figure {
    name: "Skupper's clients, RSA-2048 made here: server CPU",
    unit: "ms",
    goal: Goal::Free,
};
const PLAIN_RSA_RATE: Figure = Figure {
    name: "  durable redemptions, RSA-2048 made here",
    unit: "1/s",
    goal: Goal::Free,
};
const BESIDE_P50: Figure = Figure {
    name: "own keys beside 64 clients whose RSA keys are made: p50",
    unit: "ms",
    goal: Goal::Free,
};
const BESIDE_P99: Figure = Figure {
    name: "  p99",
    unit: "ms",
    goal: Goal::Free,
};
const BESIDE_REFUSED: Figure = Figure {
    name: "  clients that are to try again",
    unit: "",
    goal: Goal::Free,
};
