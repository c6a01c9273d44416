//! The site of the service, wherever it is described.

use chrono::{DateTime, Utc};

use crate::site::kubernetes::ClusterSite;
use crate::site::reload::{Notice, Watch};
use crate::site::source::Loaded;

/// A site that changes while the service runs.
pub(super) enum SiteWatch {
    /// With its files.
    Files(Box<Watch>),
    /// With its objects.
    Cluster(Box<ClusterSite>),
}

impl SiteWatch {
    /// The site to use.
    pub(super) fn current(&self) -> &Loaded {
        match self {
            Self::Files(watch) => watch.current(),
            Self::Cluster(site) => site.current(),
        }
    }

    /// Loads the site if it has changed. Returns what was not said before.
    pub(super) fn poll(&mut self, now: DateTime<Utc>) -> Vec<Notice> {
        match self {
            Self::Files(watch) => watch.poll(now),
            Self::Cluster(site) => site.poll(now),
        }
    }

    /// Loads the site at once. Returns what was not said before.
    pub(super) fn reload(&mut self, now: DateTime<Utc>) -> Vec<Notice> {
        match self {
            Self::Files(watch) => watch.reload(now),
            Self::Cluster(site) => site.reload(now),
        }
    }
}
