//! `renew --watch`: keeps links until a signal ends it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::args::Renew;
use crate::commands::Failure;
use crate::commands::link_places::{homes, of_machine};
use crate::commands::redeem::proxies;
use crate::commands::serve::{listening, listening_for, until};
use crate::redeemer::keeper::watch::{Keeper, Reporter, Wish};
use crate::redeemer::keeper::{Done, Home, KeepProblem, KeptTally, LinkName};
use crate::service::operations::{self, Operated};
use crate::telemetry::keeping::KeeperMetrics;
use crate::telemetry::log;

/// Keeps the links of the options' places.
pub(super) async fn run(options: &Renew) -> Result<(), Failure> {
    log::start(options.log_format, &options.log_level).map_err(Failure::usage)?;
    let (wish, wishes) = mpsc::channel(8);
    follow_signals(&wish)?;
    // From here on only signals wish.
    drop(wish);
    let homes = places(options).await?;
    let (listener, address) = listening(options.metrics_listen, "--metrics-listen")?;
    let state = Arc::new(State::new());
    let (stop, stopped) = watch::channel(false);
    let operations = operations::server_of(Arc::clone(&state));
    tokio::spawn(operations.serve(listener, until(stopped)));
    info!("keeping links; operations on {address}");
    let timeout = options.timeout.to_std().unwrap_or(Duration::MAX);
    Keeper::new(homes, timeout, proxies(), state)
        .run(wishes)
        .await;
    drop(stop);
    info!("stopped");
    Ok(())
}

/// The homes of the options: asked for again and again, where namespaces may come and go.
async fn places(options: &Renew) -> Result<impl Fn() -> Vec<Home> + Send + 'static, Failure> {
    let fixed = homes(&options.places, options.exec.as_ref()).await?;
    let comes_and_goes = options.places.all_namespaces && !options.places.kubernetes;
    let exec = options.exec.clone();
    Ok(move || {
        if comes_and_goes {
            of_machine(exec.as_ref())
        } else {
            fixed.clone()
        }
    })
}

/// SIGHUP makes the keeper look at once, SIGTERM and SIGINT end it after what runs.
fn follow_signals(wish: &mpsc::Sender<Wish>) -> Result<(), Failure> {
    let wishes = [
        (
            SignalKind::terminate(),
            Wish::Stop,
            "SIGTERM: finishing what runs",
        ),
        (
            SignalKind::interrupt(),
            Wish::Stop,
            "SIGINT: finishing what runs",
        ),
        (
            SignalKind::hangup(),
            Wish::Look,
            "SIGHUP: looking at every link",
        ),
    ];
    for (kind, wanted, text) in wishes {
        tokio::spawn(follow(listening_for(kind)?, wish.clone(), wanted, text));
    }
    Ok(())
}

async fn follow(mut signal: Signal, wish: mpsc::Sender<Wish>, wanted: Wish, text: &'static str) {
    while signal.recv().await.is_some() {
        info!("{text}");
        if wish.send(wanted).await.is_err() {
            return;
        }
    }
}

/// News of the keeper, for log, metrics and readiness.
struct State {
    metrics: KeeperMetrics,
    /// Reason the keeper itself cannot work: the clock is wrong, or a place cannot be looked at. That a
    /// link is not renewed, or its server does not answer, is a matter of the metrics.
    problem: Mutex<Option<String>>,
}

impl State {
    fn new() -> Self {
        Self {
            metrics: KeeperMetrics::new(),
            problem: Mutex::new(Some("no link was looked at yet".to_owned())),
        }
    }
}

impl Reporter for Arc<State> {
    fn ended(&self, name: &LinkName, result: &Result<Done, KeepProblem>, warns: bool) {
        self.metrics.ended(result);
        log::kept(name, result, warns);
    }

    fn broken(&self, name: &LinkName, problem: &KeepProblem) {
        log::broken(name, problem);
    }

    fn stands(&self, tally: &KeptTally, problem: Option<String>) {
        self.metrics.stands(tally);
        let mut known = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = problem.as_ref().filter(|_| *known != problem) {
            warn!("not ready: {problem}");
        }
        *known = problem;
    }
}

impl Operated for State {
    type Unready = String;

    async fn readiness(&self) -> Result<(), String> {
        let problem = self.problem.lock();
        let problem = problem.unwrap_or_else(PoisonError::into_inner).clone();
        problem.map_or(Ok(()), Err)
    }

    async fn metrics(&self) -> String {
        self.metrics.encode()
    }
}
