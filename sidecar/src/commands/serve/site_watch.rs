//! The sites of the service, wherever they are described.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::site::Sites;
use crate::site::cluster_sites::{ClusterSites, SiteNotice};
use crate::site::reload::{Notice, Watch};
use crate::wire::advertised::AdvertisedUrl;

/// Sites that change while the service runs.
pub(super) enum SiteWatch {
    /// One, with its files.
    Files(Box<Watch>),
    /// With their objects.
    Cluster(Box<ClusterSites>),
}

impl SiteWatch {
    /// The sites to use.
    pub(super) fn current(&self) -> Sites {
        match self {
            Self::Files(watch) => Sites::One(Arc::clone(&watch.current().site)),
            Self::Cluster(sites) => sites.current(),
        }
    }

    /// The address of the service, where a site gives one.
    pub(super) fn url(&self) -> Option<&AdvertisedUrl> {
        match self {
            Self::Files(watch) => watch.current().url.as_ref(),
            Self::Cluster(_) => None,
        }
    }

    /// Loads what has changed. Returns the new notices.
    pub(super) fn poll(&mut self, now: DateTime<Utc>) -> Vec<SiteNotice> {
        match self {
            Self::Files(watch) => of_one(watch.poll(now)),
            Self::Cluster(sites) => sites.poll(now),
        }
    }

    /// Loads everything at once. Returns the new notices.
    pub(super) fn reload(&mut self, now: DateTime<Utc>) -> Vec<SiteNotice> {
        match self {
            Self::Files(watch) => of_one(watch.reload(now)),
            Self::Cluster(sites) => sites.reload(now),
        }
    }
}

/// The notices of a single site.
pub(super) fn of_one(notices: Vec<Notice>) -> Vec<SiteNotice> {
    notices.into_iter().map(|notice| (None, notice)).collect()
}
