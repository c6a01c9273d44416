//! `serve`: the redemption service of a site.

mod health;
mod identity;
mod issuers;
mod presented;
mod site_watch;
pub(super) mod start;
mod upkeep;
mod waiting;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use chrono::{DateTime, Utc};
use skupper_access_policy::value::host::Host;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{Failure, data, tell};
use crate::args::Serve;
use crate::ledger::{EarlierUrl, Ledger, LedgerFault, Published, Register};
use crate::redemption::LONG_CODE_BYTES;
use crate::server::{Limits, Server, ServerCertificate, listen, within_file_limit};
use crate::service::handler::Redemptions;
use crate::service::operations;
use crate::service::{KeyGenerator, Service};
use crate::site::cluster_sites::SiteNotice;
use crate::system::clock::Reading;
use crate::system::wording;
use crate::telemetry::log;
use crate::telemetry::metrics::Metrics;
use crate::wire::advertised::AdvertisedUrl;
use crate::wire::protocol::RenewalOffer;
use health::Health;
use identity::Identity;
use issuers::SaidIssuers;
use start::Started;
use upkeep::{Problems, Upkeep};

/// Begins to log, and returns the data folder.
pub(super) fn begin(options: &Serve) -> Result<PathBuf, Failure> {
    log::start(options.log_format, &options.log_level).map_err(Failure::usage)?;
    let folder = data::folder(&options.data)?;
    data::keep_private(&folder);
    Ok(folder)
}

/// Serves the grants of a ledger, as soon as it is there, until a signal ends it.
pub(super) async fn run<L: Ledger + Register>(
    options: &Serve,
    folder: &Path,
    start: impl Future<Output = Result<Started<L>, Failure>>,
) -> Result<(), Failure> {
    let stopped = stopped()?;
    let Started { ledger, sites, url } = tokio::select! {
        started = start => started?,
        () = until(stopped.clone()) => {
            info!("stopped");
            return Ok(());
        }
    };
    let ledger = Arc::new(ledger);
    let reading = Reading::now();
    let now = reading.wall;
    start::warn_of(&url, options, folder);
    let mut identity = Identity::open(options, folder, now)?;
    let seen = identity.fingerprint();
    let hosts = hosts(&*ledger, &url, now).await?;
    let shown = identity.certificate(&hosts, &sites.current(), now)?;

    let limits = within_file_limit(Limits::default()).map_err(Failure::usage)?;
    let (listener, address) = listening(options.listen, "--listen")?;
    let (operations_listener, operations_address) =
        listening(options.metrics_listen, "--metrics-listen")?;
    ledger.follow_sites(&sites.current()).await;
    let life = options.renewed_certificate_duration;
    ledger.expect_life(life).await?;
    // What tokens carry is said only by a service that has its port.
    let published = Published {
        url,
        ca: shown.ca.clone(),
    };
    ledger.publish(&published).await?;
    let url = published.url;
    info!("listening on {address} (redemptions) and {operations_address} (operations)");
    info!("tokens of this service carry {url}");

    let metrics = Arc::new(Metrics::new());
    let current = Arc::new(ArcSwap::from_pointee(sites.current()));
    let offer = RenewalOffer::new(&url, &shown.ca).map(Arc::new);
    let offer = Arc::new(ArcSwapOption::new(offer));
    let redemptions = Redemptions::new(Service {
        ledger: Arc::clone(&ledger),
        sites: Arc::clone(&current),
        keys: KeyGenerator::new(options.key),
        certificate_duration: options.certificate_duration,
        renewed_certificate_duration: options.renewed_certificate_duration,
        offer: Arc::clone(&offer),
    });
    let redemptions = Arc::new(if options.redeem_by_name {
        info!(
            "grants whose codes have at least {LONG_CODE_BYTES} bytes are redeemed at \
             {url}/NAMESPACE/NAME, too"
        );
        redemptions.by_name()
    } else {
        redemptions
    });
    let certificate = ServerCertificate::new(shown.certified_key.clone());
    let tls = certificate
        .configuration()
        .map_err(|error| Failure::usage(format_args!("cannot set up TLS: {error}")))?;

    let shown = Arc::new(ArcSwap::from_pointee(shown));
    let health = Health::new(
        Arc::clone(&ledger),
        Arc::clone(&current),
        Arc::clone(&shown),
    );
    let operations = operations::server(Arc::new(health), Arc::clone(&metrics));
    tokio::spawn(operations.serve(operations_listener, until(stopped.clone())));
    tokio::spawn(
        Upkeep {
            ledger,
            watch: sites,
            current,
            identity,
            certificate,
            offer,
            shown,
            metrics: Arc::clone(&metrics),
            keep: options.keep,
            folder: folder.to_owned(),
            is_url_given: options.url.is_some(),
            url,
            last: reading,
            pruned: None,
            seen,
            said: Problems::default(),
            issuers: SaidIssuers::new(options),
        }
        .run(),
    );

    let server = Server::redemptions(tls, redemptions, metrics, limits);
    let cut = server.serve(listener, until(stopped)).await;
    if cut > 0 {
        warn!("{cut} connections did not end in time and were cut");
    }
    info!("stopped");
    Ok(())
}

/// A value that becomes true when a signal ends the service.
fn stopped() -> Result<watch::Receiver<bool>, Failure> {
    let mut terminate = listening_for(SignalKind::terminate())?;
    let mut interrupt = listening_for(SignalKind::interrupt())?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM: finishing what runs"),
            _ = interrupt.recv() => info!("SIGINT: finishing what runs"),
        }
        let _ = stop.send(true);
    });
    Ok(stopped)
}

pub(super) async fn until(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the end, too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// The host of the address that tokens are to carry, and those that tokens in the field carry: the
/// certificate must be for all of them.
async fn hosts<L: Ledger>(
    ledger: &L,
    url: &AdvertisedUrl,
    now: DateTime<Utc>,
) -> Result<Vec<Host>, LedgerFault> {
    let mut hosts = vec![url.host().clone()];
    for EarlierUrl {
        url: earlier,
        until,
    } in ledger.earlier(url, now).await?
    {
        let until = wording::time(until);
        info!(
            "tokens in the field carry {earlier}, the last of them until {until}: that address \
             must go on leading here, and the certificate of the server is for its host, too"
        );
        if !hosts.contains(earlier.host()) {
            hosts.push(earlier.host().clone());
        }
    }
    Ok(hosts)
}

/// A port, and the address that it has. `option` can name another.
pub(super) fn listening(
    address: SocketAddr,
    option: &str,
) -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = listen(address).map_err(|problem| {
        let message = format_args!("{problem} with {option}");
        if problem.is_final() {
            Failure::usage(message)
        } else {
            Failure::try_again(message)
        }
    })?;
    let bound = listener.local_addr().unwrap_or(address);
    Ok((listener, bound))
}

pub(super) fn listening_for(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| {
        Failure::try_again(format_args!(
            "cannot wait for signals: {}",
            wording::io(&error)
        ))
    })
}

fn say(said: &[SiteNotice]) {
    for (namespace, notice) in said {
        if notice.is_problem() {
            warn!(namespace, "{notice}");
        } else {
            info!(namespace, "{notice}");
        }
    }
}
