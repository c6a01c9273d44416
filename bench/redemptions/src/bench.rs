//! What every scenario needs, and the runs of a service that they measure.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use redemption_sidecar::redemption::GrantUid;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::room::{self, Room, Site};
use redemption_bench::Fault;
use redemption_bench::client::Client;
use redemption_bench::keys::Keys;
use redemption_bench::load::{Load, Requests, Seen};
use redemption_bench::sidecar::Sidecar;

/// What stays the same from run to run.
pub(crate) struct Bench {
    pub(crate) binary: PathBuf,
    pub(crate) room: Room,
    pub(crate) keys: Arc<Keys>,
    /// How long each load lasts at most.
    pub(crate) time: Duration,
}

/// A service with one grant or with many, and a client of it.
pub(crate) struct Service {
    pub(crate) sidecar: Sidecar,
    pub(crate) client: Client,
    pub(crate) data: PathBuf,
    pub(crate) grants: Vec<GrantUid>,
}

/// What a load cost.
pub(crate) struct Measured {
    pub(crate) seen: Seen,
    /// Milliseconds of a core that the service spent on each redemption.
    pub(crate) cpu: f64,
    /// The same of the load generator.
    pub(crate) own_cpu: f64,
}

impl Measured {
    /// Redemptions in a second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.seen.redeemed) / self.seen.elapsed.as_secs_f64()
    }

    /// The rate at which both cores would be busy if a redemption cost the service this many
    /// milliseconds.
    pub(crate) fn rate_at(&self, cpu: f64) -> f64 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        count(cores) * 1000.0 / (cpu + self.own_cpu)
    }
}

impl Bench {
    /// Starts a service on a new ledger with one grant.
    pub(crate) async fn service(&self, site: Site, options: &[&str]) -> Result<Service, Fault> {
        let data = self.room.data();
        let grants = room::grants(&data, 1).await?;
        self.service_of(data, grants, site, options).await
    }

    /// Starts a service on a ledger.
    pub(crate) async fn service_of(
        &self,
        data: PathBuf,
        grants: Vec<GrantUid>,
        site: Site,
        options: &[&str],
    ) -> Result<Service, Fault> {
        let site = self.room.site(site);
        let mut serve = Command::new(&self.binary);
        serve.arg("serve").arg("--data").arg(&data);
        serve.arg("--site").arg(site).args(options);
        let sidecar = Sidecar::start(serve).await?;
        let client = Client::new(sidecar.address)?;
        Ok(Service {
            sidecar,
            client,
            data,
            grants,
        })
    }
}

impl Service {
    /// Redemptions with keys of their own, from 64 kept-alive connections of one peer, for as long
    /// as keys and time last. Each takes the next grant.
    pub(crate) fn load(&self, bench: &Bench) -> Load {
        let (keys, grants) = (Arc::clone(&bench.keys), self.grants.clone());
        self.load_of(bench, move |number| {
            let grant = grants.get(number % grants.len().max(1));
            grant.map_or_else(Vec::new, |uid| keys.request(uid, number))
        })
    }

    /// The same with any requests.
    pub(crate) fn load_of(
        &self,
        bench: &Bench,
        requests: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
    ) -> Load {
        Load {
            client: self.client.clone(),
            requests: Arc::new(requests),
            from: vec![Ipv4Addr::LOCALHOST; CONNECTIONS],
            is_kept_alive: true,
            requests_at_most: KEYS,
            time_at_most: bench.time,
        }
    }

    /// Requests for the grant of this service.
    pub(crate) fn requests(&self, request: fn(&GrantUid) -> Vec<u8>) -> Requests {
        let request = self.grants.first().map(request).unwrap_or_default();
        Arc::new(move |_| request.clone())
    }

    /// The same, one connection for each request.
    pub(crate) fn load_of_handshakes(&self, bench: &Bench) -> Load {
        Load {
            is_kept_alive: false,
            // Two peers: the server may learn late that a connection is closed.
            from: [1, 2]
                .repeat(CONNECTIONS / 2)
                .into_iter()
                .map(|last| Ipv4Addr::new(127, 0, 0, last))
                .collect(),
            ..self.load(bench)
        }
    }

    /// Runs a load of redemptions as fast as it goes, after a short one whose time does not count.
    pub(crate) async fn measure(&self, load: Load) -> Result<Measured, Fault> {
        let (measured, warmed) = self.run(load).await?;
        if let [uid] = self.grants.as_slice() {
            let (counted, answered) = (
                room::counted(&self.data, uid).await?,
                warmed + measured.seen.redeemed,
            );
            if counted as usize != answered {
                return Err(format!(
                    "the ledger counted {counted} redemptions, {answered} were answered"
                )
                .into());
            }
        }
        Ok(measured)
    }

    /// Runs any load in the same way. The second value is the number of answers before the clock
    /// starts.
    pub(crate) async fn run(&self, load: Load) -> Result<(Measured, usize), Fault> {
        let (requests, first) = (Arc::clone(&load.requests), load.requests_at_most);
        let warm_up = Load {
            requests: Arc::new(move |number| requests(first + number)),
            requests_at_most: WARM_UP.min(first / 4),
            ..load.clone()
        };
        let warmed = warm_up.closed().await?.only_redeemed()?.redeemed;
        let (before, own_before) = (self.sidecar.cpu()?, own_cpu());
        let seen = load.closed().await?.only_redeemed()?;
        let (cpu, own_cpu) = (self.sidecar.cpu()? - before, own_cpu() - own_before);
        let redeemed = count(seen.redeemed);
        let measured = Measured {
            cpu: cpu / redeemed,
            own_cpu: own_cpu / redeemed,
            seen,
        };
        Ok((measured, warmed))
    }
}

/// What this process has spent on cores, in milliseconds.
fn own_cpu() -> f64 {
    milliseconds(clock_gettime(ClockId::ProcessCPUTime))
}

/// The reading of a clock, in milliseconds.
pub(crate) fn milliseconds(time: Timespec) -> f64 {
    let seconds = u32::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    f64::from(seconds) * 1e3 + f64::from(nanoseconds) / 1e6
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what is counted here is far below 2^52"
)]
pub(crate) fn count(value: usize) -> f64 {
    value as f64
}

/// The size of a file, in MiB.
pub(crate) fn mebibytes(file: &Path) -> Result<f64, Fault> {
    let bytes = usize::try_from(std::fs::metadata(file)?.len())?;
    Ok(count(bytes) / 1024.0 / 1024.0)
}

/// Connections of a load, and the most that a peer may have.
pub(crate) const CONNECTIONS: usize = 64;

/// Keys that a load uses, each once.
pub(crate) const KEYS: usize = 20_000;

/// Redemptions before the clock starts.
pub(crate) const WARM_UP: usize = 500;
