//! `serve`: the redemption service of a site.

mod health;
mod identity;
mod presented;
mod site_watch;
mod start;
mod store;
mod upkeep;
mod waiting;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use skupper_access_policy::value::host::Host;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{Failure, data, tell};
use crate::args::Serve;
use crate::ledger::{Earlier, LedgerFault};
use crate::redemption::LONG_CODE_BYTES;
use crate::server::{Limits, Server, ServerCertificate, listen, within_file_limit};
use crate::service::handler::Redemptions;
use crate::service::operations;
use crate::service::{KeyGenerator, Service};
use crate::site::Sites;
use crate::site::cluster_sites::SiteNotice;
use crate::system::clock::{self, Reading};
use crate::system::wording;
use crate::telemetry::log;
use crate::telemetry::metrics::Metrics;
use crate::wire::advertised::AdvertisedUrl;
use health::Health;
use identity::Identity;
use site_watch::SiteWatch;
use store::Store;
use upkeep::{Problems, Upkeep};

pub(super) async fn run(options: Serve) -> Result<(), Failure> {
    log::start(options.log_format, &options.log_level)
        .map_err(|problem| Failure::usage(problem.to_string()))?;
    let folder = data::folder(&options.data)?;
    data::keep_private(&folder);
    let stopped = stopped()?;
    tokio::select! {
        () = start::wait_for_clock(&folder, options.metrics_listen) => {}
        () = until(stopped.clone()) => {
            info!("stopped");
            return Ok(());
        }
    }
    let now = clock::now();
    if let Some(url) = &options.url
        && let Some(mut files) = Identity::files(&options)
    {
        files.certificate(std::slice::from_ref(url.host()), &Sites::Unread, now)?;
    }
    if options.kubernetes {
        let url = options.url.clone().ok_or_else(start::no_url)?;
        let (ledger, sites) = tokio::select! {
            started = start::cluster(&options, now) => started?,
            () = until(stopped.clone()) => {
                info!("stopped");
                return Ok(());
            }
        };
        let sites = SiteWatch::Cluster(Box::new(sites));
        return serve(&options, &folder, ledger, sites, url, stopped).await;
    }
    let source = start::source(&options, &folder).await?;
    let ledger = data::open(&folder)?;
    start::accept_loss(&options, &ledger)?;
    let site = start::watch(&options, source, &folder, now)?;
    let url = start::url(&options, &site, &ledger).await?;
    let site = SiteWatch::Files(Box::new(site));
    serve(&options, &folder, ledger, site, url, stopped).await
}

/// Serves the grants of a ledger until a signal ends it.
async fn serve<S: Store>(
    options: &Serve,
    folder: &Path,
    ledger: S,
    sites: SiteWatch,
    url: AdvertisedUrl,
    stopped: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let reading = Reading::now();
    let now = reading.wall;
    start::warn_of(&url, options, folder);
    let mut identity = Identity::open(options, folder, now)?;
    let seen = identity.fingerprint();
    let hosts = hosts(&ledger, &url, now).await?;
    let shown = identity.certificate(&hosts, &sites.current(), now)?;

    let limits = within_file_limit(Limits::default())
        .map_err(|problem| Failure::usage(problem.to_string()))?;
    let (listener, address) = listening(options.listen, "--listen")?;
    let (operations_listener, operations_address) =
        listening(options.metrics_listen, "--metrics-listen")?;
    ledger.follow_sites(&sites.current()).await;
    // What tokens carry is said only by a service that has its port.
    ledger.publish(&url, &shown.ca).await?;
    info!("listening on {address} (redemptions) and {operations_address} (operations)");
    info!("tokens of this service carry {url}");

    let metrics = Arc::new(Metrics::new());
    let current = Arc::new(ArcSwap::from_pointee(sites.current()));
    let redemptions = Redemptions::new(Service {
        ledger,
        sites: Arc::clone(&current),
        keys: KeyGenerator::new(options.key),
        certificate_duration: options.certificate_duration,
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
        .map_err(|error| Failure::usage(format!("cannot set up TLS: {error}")))?;

    let shown = Arc::new(ArcSwap::from_pointee(shown));
    let operations = operations::server(
        Arc::new(Health::new(Arc::clone(&redemptions), Arc::clone(&shown))),
        Arc::clone(&metrics),
    );
    tokio::spawn(operations.serve(operations_listener, until(stopped.clone())));
    tokio::spawn(
        Upkeep {
            redemptions: Arc::clone(&redemptions),
            watch: sites,
            current,
            identity,
            certificate,
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

/// What becomes true when a signal ends the service.
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

async fn until(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the end, too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// The host of the address that tokens are to carry, and those that tokens in the field carry: the
/// certificate must be for all of them.
async fn hosts<S: Store>(
    ledger: &S,
    url: &AdvertisedUrl,
    now: DateTime<Utc>,
) -> Result<Vec<Host>, LedgerFault> {
    let mut hosts = vec![url.host().clone()];
    for Earlier {
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
fn listening(address: SocketAddr, option: &str) -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = listen(address).map_err(|problem| {
        let message = format!("{problem} with {option}");
        if problem.is_final() {
            Failure::usage(message)
        } else {
            Failure::try_again(message)
        }
    })?;
    let bound = listener.local_addr().unwrap_or(address);
    Ok((listener, bound))
}

fn listening_for(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| {
        Failure::try_again(format!("cannot wait for signals: {}", wording::io(&error)))
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
