//! The store of grants that a command acts on: the only place that knows which ones there are.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};

use super::serve::{self, start};
use super::{Failure, cluster, data, stamps, tell};
use crate::args::{Serve, StoreOptions};
use crate::ledger::{Grants, KubernetesGrants, KubernetesLinks, Links, SqliteLedger};
use crate::system::clock::{self, Doubt};
use crate::system::wording;

/// A store of grants.
pub(super) enum Store {
    /// The embedded ledger of a data folder, once it was needed.
    Folder(PathBuf, OnceLock<Arc<SqliteLedger>>),
    /// The AccessGrants of a namespace, that of the context or pod unless it has a name.
    Cluster(Option<String>),
}

impl Store {
    /// The store that the options of a command name.
    pub(super) fn of(options: &StoreOptions) -> Result<Self, Failure> {
        if options.kubernetes {
            return Ok(Self::Cluster(options.namespace.clone()));
        }
        Ok(Self::Folder(data::folder(&options.data)?, OnceLock::new()))
    }

    /// The grants of the store.
    pub(super) async fn grants(&self) -> Result<Arc<dyn Grants>, Failure> {
        match self {
            Self::Folder(folder, opened) => Ok(ledger(folder, opened)?),
            Self::Cluster(namespace) => {
                let (client, namespace) = cluster::connect(namespace.as_deref()).await?;
                Ok(Arc::new(KubernetesGrants::new(client, namespace)))
            }
        }
    }

    /// The links that were redeemed from its grants.
    pub(super) async fn links(&self) -> Result<Arc<dyn Links>, Failure> {
        match self {
            Self::Folder(folder, opened) => Ok(ledger(folder, opened)?),
            Self::Cluster(namespace) => {
                let (client, namespace) = cluster::connect(namespace.as_deref()).await?;
                Ok(Arc::new(KubernetesLinks::new(client, &namespace)))
            }
        }
    }

    /// Time from which nobody renews a link that is taken back, in words.
    pub(super) fn revocation_bound(&self) -> &'static str {
        match self {
            Self::Folder(..) => "from this moment on",
            Self::Cluster(_) => "within 2 s",
        }
    }

    /// Finds out whether a time can be that of a right clock, as far as the store can tell.
    pub(super) fn check_clock(&self, now: DateTime<Utc>) -> Result<(), Doubt> {
        match self {
            Self::Folder(folder, _) => stamps::plausible(folder, now),
            Self::Cluster(_) => clock::plausible(now),
        }
    }

    /// A command that acts on the same store, in quotes.
    pub(super) fn command(&self, name: &str) -> String {
        match self {
            Self::Folder(..) => format!("'redemption-sidecar {name}'"),
            Self::Cluster(_) => format!("'redemption-sidecar {name} --kubernetes'"),
        }
    }
}

/// Serves the store that the options name, until a signal ends it.
pub(super) async fn serve(options: &Serve) -> Result<(), Failure> {
    let folder = serve::begin(options)?;
    if options.kubernetes {
        return serve::run(options, &folder, start::on_cluster(options, &folder)).await;
    }
    serve::run(options, &folder, start::in_folder(options, &folder)).await
}

/// The ledger that `serve` keeps in a folder. None is made: the folder may be a slip of the pen.
fn ledger(
    folder: &Path,
    opened: &OnceLock<Arc<SqliteLedger>>,
) -> Result<Arc<SqliteLedger>, Failure> {
    if let Some(ledger) = opened.get() {
        return Ok(Arc::clone(ledger));
    }
    match SqliteLedger::is_in(folder) {
        Ok(true) => {
            let ledger = Arc::new(SqliteLedger::open(folder)?);
            if let Err(fault) = ledger.check_whole() {
                tell(format_args!("warning: {fault}"));
            }
            Ok(Arc::clone(opened.get_or_init(|| ledger)))
        }
        Ok(false) => Err(Failure::usage(format_args!(
            "there is no ledger in {}: run 'redemption-sidecar serve' as this user, or name its --data",
            folder.display()
        ))),
        Err(error) => Err(Failure::usage(wording::unreadable(folder, &error))),
    }
}
