//! `serve`: the redemption service of a site.

mod identity;
mod upkeep;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{Failure, data, tell};
use crate::advertised::AdvertisedUrl;
use crate::args::Serve;
use crate::ledger::Ledger;
use crate::ledger::SqliteLedger;
use crate::manifest::endpoint_host;
use crate::metrics::Metrics;
use crate::operations::{self, Probe};
use crate::redemption::GrantState;
use crate::redemptions::Redemptions;
use crate::server::{Limits, Server, ServerCertificate, listen, raise_file_limit};
use crate::service::Service;
use crate::site::choice::{Folders, Place, Wanted, choose};
use crate::site::init::Outcome;
use crate::site::reload::{Notice, Watch};
use crate::site::{self, Site};
use crate::{clock, log};
use identity::Identity;
use upkeep::Upkeep;

pub(super) async fn run(options: Serve) -> Result<(), Failure> {
    log::start(options.log_format, &options.log_level)
        .map_err(|problem| Failure::usage(problem.to_string()))?;
    let now = clock::now();
    let folder = data::folder(&options.data)?;
    let ledger = data::open(&folder)?;

    let site = watch(&options, &folder, now)?;
    let url = url(&options, &site, &ledger).await?;
    let identity = Identity::open(&options, &folder, &url, now)?;
    let shown = identity.certificate(now)?;
    ledger.publish(&url.to_string(), &shown.ca).await?;

    let metrics = Arc::new(Metrics::new());
    let current = Arc::new(ArcSwap::new(Arc::clone(&site.current().site)));
    let redemptions = Arc::new(Redemptions::new(Service {
        ledger,
        site: Arc::clone(&current),
        key_kind: options.key,
        certificate_duration: options.certificate_duration,
    }));
    let certificate = ServerCertificate::new(shown.certified_key.clone());
    let tls = certificate
        .configuration()
        .map_err(|error| Failure::usage(format!("cannot set up TLS: {error}")))?;

    let limits = Limits::default();
    raise_file_limit(limits.connections);
    let listener = listening(options.listen)?;
    let operations_listener = listening(options.metrics_listen)?;
    let (stop, stopped) = watch::channel(false);
    let until = |mut stopped: watch::Receiver<bool>| async move {
        // A sender that is gone means the end, too.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let operations = operations::server(
        Arc::new(Health(Arc::clone(&redemptions))),
        Arc::clone(&metrics),
    );
    tokio::spawn(operations.serve(operations_listener, until(stopped.clone())));
    tokio::spawn(
        Upkeep {
            redemptions: Arc::clone(&redemptions),
            watch: site,
            current,
            identity,
            certificate,
            shown,
            metrics: Arc::clone(&metrics),
            keep: options.keep,
            url: url.to_string(),
        }
        .run(),
    );
    let mut terminate = listening_for(SignalKind::terminate())?;
    let mut interrupt = listening_for(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM: finishing what runs"),
            _ = interrupt.recv() => info!("SIGINT: finishing what runs"),
        }
        let _ = stop.send(true);
    });

    info!("tokens of this service carry {url}");
    let server = Server::redemptions(tls, redemptions, metrics, limits);
    let cut = server.serve(listener, until(stopped)).await;
    if cut > 0 {
        warn!("{cut} connections did not end in time and were cut");
    }
    Ok(())
}

/// The site, loaded for the first time.
fn watch(options: &Serve, folder: &Path, now: DateTime<Utc>) -> Result<Watch, Failure> {
    let namespaces = data::namespaces_folder();
    let folders = Folders {
        data: folder,
        namespaces: namespaces.as_deref(),
    };
    if options.init {
        init(options, &folders.own_site(), now)?;
    }
    let path = options.site.clone().map(|path| {
        if path.is_dir() {
            Place::Folder(path)
        } else {
            Place::File(path)
        }
    });
    let wanted = Wanted {
        place: path.or_else(|| options.namespace.clone().map(Place::Namespace)),
        advertise_host: options.advertise_host.clone().filter(|_| !options.init),
        issuers: options.issuers.clone(),
    };
    let source = choose(wanted, folders, Path::exists);
    let source = source.map_err(|problem| Failure::usage(problem.to_string()))?;
    let (watch, notices) = Watch::start(source, now)
        .map_err(|problem| Failure::usage(format!("cannot load the site: {problem}")))?;
    say(&notices);
    let Site {
        name, endpoints, ..
    } = &*watch.current().site;
    for endpoint in endpoints {
        info!(
            site = name,
            "links lead to {} at {} port {}",
            endpoint.role,
            endpoint_host(&endpoint.host),
            endpoint.port
        );
    }
    if endpoints.is_empty() {
        warn!(
            site = name,
            "the site has no endpoint to link to: no token can be redeemed"
        );
    }
    Ok(watch)
}

/// Makes a site unless there is one.
fn init(options: &Serve, folder: &Path, now: DateTime<Utc>) -> Result<(), Failure> {
    let service_host = options.url.as_ref().map(AdvertisedUrl::host);
    match site::init::init(folder, options.advertise_host.as_ref(), service_host, now) {
        Ok(Outcome::Made(next_steps)) => {
            tell(next_steps);
            Ok(())
        }
        Ok(Outcome::Present) => Ok(()),
        Err(problem) => Err(Failure::usage(problem.to_string())),
    }
}

/// The address that tokens carry: of the option, of the site, or that of the last time.
async fn url(
    options: &Serve,
    site: &Watch,
    ledger: &SqliteLedger,
) -> Result<AdvertisedUrl, Failure> {
    if let Some(url) = options.url.clone().or_else(|| site.current().url.clone()) {
        return Ok(url);
    }
    let published = ledger.published().await?;
    published
        .and_then(|published| published.url.parse().ok())
        .ok_or_else(|| {
            Failure::usage(
                "the address that redeemers use is not known: name it with --url, such as \
                 https://192.0.2.1:9090",
            )
        })
}

fn listening(address: SocketAddr) -> Result<TcpListener, Failure> {
    listen(address).map_err(|problem| Failure::try_again(problem.to_string()))
}

fn listening_for(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::try_again(format!("cannot wait for signals: {error}")))
}

fn say(notices: &[Notice]) {
    for notice in notices {
        if notice.is_problem() {
            warn!("{notice}");
        } else {
            info!("{notice}");
        }
    }
}

/// What the operations port says about the service.
struct Health(Arc<Redemptions<SqliteLedger>>);

impl Probe for Health {
    async fn readiness(&self) -> Result<(), String> {
        let service = self.0.service();
        let site = service.site.load_full();
        if site.issuer(None).is_none() {
            return Err("the issuer of the site cannot be used".to_owned());
        }
        if site.endpoints.is_empty() {
            return Err("the site has no endpoint to link to".to_owned());
        }
        let tally = service.ledger.tally(clock::now()).await;
        tally
            .map(drop)
            .map_err(|_| "the ledger cannot be read".to_owned())
    }

    async fn tally(&self) -> Option<Vec<(GrantState, u64)>> {
        self.0.service().ledger.tally(clock::now()).await.ok()
    }
}
