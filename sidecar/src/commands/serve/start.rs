//! The beginning of `serve`: ledger, sites and address. Options are checked before
//! anything is written.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::slice;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tracing::{error, info, warn};

use super::identity::Identity;
use super::site_watch::{SiteWatch, of_one};
use super::{Failure, data, say, tell, waiting};
use crate::args::Serve;
use crate::commands::{cluster, stamps};
use crate::kubernetes::Scope;
use crate::ledger::KubernetesLedger;
use crate::ledger::SqliteLedger;
use crate::site::choice::{NamedSite, SiteOptions, choose};
use crate::site::cluster_sites::ClusterSites;
use crate::site::config::FILE_NAME;
use crate::site::reload::Watch;
use crate::site::source::SiteSource;
use crate::site::{self, Site, Sites};
use crate::system::clock::{self, Doubt};
use crate::telemetry::log::LogFormat;
use crate::telemetry::outage::Outage;
use crate::wire::advertised::AdvertisedUrl;
use crate::wire::objects::endpoint_host;

/// A ledger to serve, the sites of its grants, and the address that tokens carry.
pub(in crate::commands) struct Started<L> {
    pub(super) ledger: L,
    pub(super) sites: SiteWatch,
    pub(super) url: AdvertisedUrl,
}

/// The ledger of the data folder, with a site of files.
pub(in crate::commands) async fn in_folder(
    options: &Serve,
    folder: &Path,
) -> Result<Started<SqliteLedger>, Failure> {
    let now = begin(options, folder).await?;
    let source = source(options, folder).await?;
    let ledger = SqliteLedger::open(folder)?;
    accept_loss(options, &ledger)?;
    let site = watch(options, source, folder, now)?;
    let url = url(options, &site, &ledger).await?;
    Ok(Started {
        ledger,
        sites: SiteWatch::Files(Box::new(site)),
        url,
    })
}

/// The AccessGrants of a cluster, and the sites they belong to.
pub(in crate::commands) async fn on_cluster(
    options: &Serve,
    folder: &Path,
) -> Result<Started<KubernetesLedger>, Failure> {
    let now = begin(options, folder).await?;
    let url = options.url.clone().ok_or_else(no_url)?;
    let (client, namespace) = cluster::connect(options.namespace.as_deref()).await?;
    let scope = if options.all_namespaces {
        Scope::Cluster
    } else {
        Scope::Namespace(namespace.clone())
    };
    let has_own_status = options.own_status;
    let ledger = KubernetesLedger::start(client.clone(), &scope, &namespace, has_own_status);
    let (issuers, previous) = (options.issuers.clone(), options.previous_issuers.clone());
    let (sites, said) = ClusterSites::start(client, scope, issuers, previous, now).await;
    say(&said);
    match sites.current() {
        Sites::One(site) => say_endpoints(&site),
        Sites::OfNamespaces(sites) => {
            info!(
                "{} namespaces have a Site that grants can be redeemed for",
                sites.len()
            );
        }
        // What is missing was said.
        Sites::Unread | Sites::Missing => {}
    }
    Ok(Started {
        ledger,
        sites: SiteWatch::Cluster(Box::new(sites)),
        url,
    })
}

/// Waits until the clock can be right: before that no CA is made, and no service can tell which grants
/// have ended. The operations port says so meanwhile, where that may take any time. Then it checks a
/// certificate that is given, and returns the time.
async fn begin(options: &Serve, folder: &Path) -> Result<DateTime<Utc>, Failure> {
    let wait = until_plausible(folder);
    match clock::plausible(clock::now()) {
        Ok(()) => wait.await,
        Err(_) => waiting::answer_during(wait, options.metrics_listen).await,
    }
    let now = clock::now();
    if let Some(url) = &options.url
        && let Some(mut files) = Identity::files(options)
    {
        files.certificate(slice::from_ref(url.host()), &Sites::Unread, now)?;
    }
    Ok(now)
}

/// A file of the future holds nobody up for long: it may be that the clock was wrong then.
async fn until_plausible(folder: &Path) {
    let begun = Instant::now();
    let outage = Outage::default();
    loop {
        let now = clock::now();
        match stamps::plausible(folder, now) {
            Ok(()) => break,
            Err(doubt @ Doubt::BeforeFile { .. }) if begun.elapsed() >= CLOCK_PATIENCE => {
                warn!("{doubt}: starting, because nobody does");
                return;
            }
            Err(doubt) if !outage.lasts() => outage.warn(&format!("waiting: {doubt}")),
            Err(_) => {}
        }
        tokio::time::sleep(CLOCK_PAUSE).await;
    }
    outage.clear("the clock of this machine can be right now: starting");
}

/// Source of the site. With `--init` it may not be there yet.
async fn source(options: &Serve, folder: &Path) -> Result<SiteSource, Failure> {
    let namespaces = data::namespaces_folder();
    let own_file = own_site(folder).join(FILE_NAME);
    let path = options.site.clone().map(|path| {
        if path.is_dir() {
            NamedSite::Folder(path)
        } else {
            NamedSite::File(path)
        }
    });
    let wanted = SiteOptions {
        site: path.or_else(|| options.namespace.clone().map(NamedSite::Namespace)),
        advertise_host: options.advertise_host.clone().filter(|_| !options.init),
        issuers: options.issuers.clone(),
        previous: options.previous_issuers.clone(),
    };
    let exists = |path: &Path| Ok(path.try_exists()? || options.init && path == own_file);
    let source = choose(wanted, &own_file, namespaces.as_deref(), exists);
    let source = source.map_err(Failure::usage)?;
    if options.init && options.url.is_none() && !own_file.exists() {
        // The address may be known from before.
        let is_known = SqliteLedger::is_in(folder).unwrap_or_default()
            && SqliteLedger::open(folder)?.published().await?.is_some();
        if !is_known {
            return Err(no_url());
        }
    }
    Ok(source)
}

/// The site, loaded for the first time. `--init` makes it unless it is there.
fn watch(
    options: &Serve,
    source: SiteSource,
    folder: &Path,
    now: DateTime<Utc>,
) -> Result<Watch, Failure> {
    let is_present = options.init && init(options, folder, now)?;
    let (watch, notices) = Watch::start(source, now)
        .map_err(|problem| Failure::usage(format_args!("cannot load the site: {problem}")))?;
    say(&of_one(notices));
    let site = &watch.current().site;
    say_endpoints(site);
    let Site {
        name, endpoints, ..
    } = &**site;
    if let Some(url) = options.url.as_ref().filter(|_| is_present)
        && options.advertise_host.is_none()
        && endpoints
            .iter()
            .all(|endpoint| endpoint.host != *url.host())
    {
        warn!(
            site = name,
            "the site was made before for another host than '{}', the one of --url: links go on \
             leading there; change 'endpoints' in {} if they must not",
            url.host(),
            own_site(folder).join(FILE_NAME).display()
        );
    }
    Ok(watch)
}

fn say_endpoints(site: &Site) {
    let Site {
        name, endpoints, ..
    } = site;
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
}

/// A ledger that lacks changes is served when its operator says so.
fn accept_loss(options: &Serve, ledger: &SqliteLedger) -> Result<(), Failure> {
    match (ledger.check_whole(), options.accept_lost_log) {
        (Ok(()), false) => {}
        (Ok(()), true) => warn!("the ledger lacks nothing: leave --accept-lost-log out"),
        (Err(fault), true) => {
            ledger.accept_loss()?;
            error!(%fault, "the loss is accepted: what was counted can be redeemed again");
        }
        (Err(fault), false) => return Err(fault.into()),
    }
    Ok(())
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
    published.map(|published| published.url).ok_or_else(no_url)
}

/// Says what will keep redeemers away, or lets others look in.
pub(super) fn warn_of(url: &AdvertisedUrl, options: &Serve, folder: &Path) {
    if url.is_loopback() {
        warn!(
            "tokens carry {url}, which only this machine can reach: name with --url the host that \
             other sites reach"
        );
    }
    let (advertised, listened) = (url.port(), options.listen.port());
    if advertised != listened {
        info!(
            "tokens carry port {advertised}, and this service listens on port {listened}: \
             something else must lead from one to the other"
        );
    }
    if folder
        .metadata()
        .is_ok_and(|folder| folder.mode() & OTHERS != 0)
    {
        let folder = folder.display();
        warn!("every user can look into {folder}: keep it to its owner with 'chmod 700 {folder}'");
    }
}

pub(super) fn no_url() -> Failure {
    Failure::usage(
        "the address that redeemers use is not known: name it with --url, such as \
         'https://grants.example:9090'",
    )
}

/// Makes a site unless there is one, and says whether there was.
fn init(options: &Serve, folder: &Path, now: DateTime<Utc>) -> Result<bool, Failure> {
    let folder = own_site(folder);
    let service_host = options.url.as_ref().map(AdvertisedUrl::host);
    match site::init::init(&folder, options.advertise_host.as_ref(), service_host, now) {
        Ok(Some(next_steps)) => {
            match options.log_format {
                LogFormat::Json => info!(next_steps, "made a site"),
                LogFormat::Text => tell(next_steps),
            }
            Ok(false)
        }
        Ok(None) => Ok(true),
        Err(problem) => Err(Failure::usage(problem)),
    }
}

/// Folder of a data folder that `--init` makes a site in.
fn own_site(folder: &Path) -> PathBuf {
    folder.join("site")
}

/// Longest time that a clock behind the files holds up the start, by a clock that nobody sets.
const CLOCK_PATIENCE: Duration = Duration::from_secs(10);

/// Pause between two looks at a clock that cannot be right.
const CLOCK_PAUSE: Duration = Duration::from_millis(200);

/// The permissions of those who are neither the owner nor in the group, which a volume may need.
const OTHERS: u32 = 0o007;
