//! Loads a site again when its files change, and keeps what was good while they do.
//!
//! Skupper empties its folders and fills them again when it reloads a site; a certificate and its
//! key are two files. So files are read when they have not changed between two looks, and whatever
//! cannot be read leaves the site as it was.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Site;
use super::files::Fingerprint;
use super::previous::{self, Previous, PreviousFault};
use super::source::{IssuerFault, Loaded, SiteProblem, SiteSource};

/// Result of a reload, for the log. Each is one line.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Notice {
    /// The site is another one now.
    #[error("site '{}' was loaded anew", .0.name)]
    Changed(Arc<Site>),
    /// Everything can be used again.
    #[error("the site is in use again")]
    Recovered,
    /// The site could not be loaded and stays as it was.
    #[error("the site stays as it was: {0}")]
    SiteKept(Arc<SiteProblem>),
    /// An issuer (its name) cannot be used as it is now; the one from before stays until its end.
    #[error("issuer '{0}' stays as it was until {2:?}: {1}")]
    IssuerKept(String, Arc<IssuerFault>, DateTime<Utc>),
    /// An issuer (its name) cannot be used.
    #[error("issuer '{0}' cannot be used: {1}")]
    IssuerFailed(String, Arc<IssuerFault>),
    /// An issuer that another one (its name) has followed cannot be used as it is now; the one from before
    /// stays until its end.
    #[error("the issuer before '{0}' stays as it was until {2:?}: {1}")]
    PreviousKept(String, Arc<PreviousFault>, DateTime<Utc>),
    /// An issuer that another one (its name) has followed is not used.
    #[error("an issuer before '{0}' is passed over, and its certificates are not renewed: {1}")]
    PreviousUnused(String, Arc<PreviousFault>),
    /// Something was passed over.
    #[error("{0}")]
    Remark(String),
}

impl Notice {
    /// True when somebody must look at it.
    #[must_use]
    pub fn is_problem(&self) -> bool {
        !matches!(self, Self::Changed(_) | Self::Recovered)
    }

    /// True when another load may find it mended, although no file changed.
    fn may_pass(&self) -> bool {
        match self {
            Self::SiteKept(_)
            | Self::IssuerKept(..)
            | Self::IssuerFailed(..)
            | Self::PreviousKept(..) => true,
            // Its files are looked at, and time, too.
            Self::PreviousUnused(..) | Self::Changed(_) | Self::Recovered | Self::Remark(_) => {
                false
            }
        }
    }
}

/// Returns the site to use after a reload, and notices for the log.
///
/// A site that cannot be loaded leaves the last one in place. An issuer whose files look as if they
/// were being replaced leaves the last one of its name in place for [`KEPT`], while that is in date:
/// whoever takes a key away wants it to be used no more.
#[must_use]
pub fn renew(
    last: &Loaded,
    new: Result<Loaded, SiteProblem>,
    now: DateTime<Utc>,
) -> (Loaded, Vec<Notice>) {
    let mut new = match new {
        Ok(new) => new,
        Err(problem) => return (last.clone(), vec![Notice::SiteKept(Arc::new(problem))]),
    };
    let mut notices = Vec::new();
    let mut issuers = new.site.issuers.clone();
    for (name, fault) in &new.failed {
        let since = last.kept_since.get(name).copied().unwrap_or(now);
        let kept = last.site.issuers.get(name).filter(|issuer| {
            let is_recent = (since..since + KEPT).contains(&now);
            fault.is_passing() && is_recent && issuer.is_in_date(now)
        });
        let (name, fault) = (name.clone(), Arc::clone(fault));
        notices.push(match kept {
            Some(issuer) => {
                issuers.insert(name.clone(), Arc::clone(issuer));
                new.kept_since.insert(name.clone(), since);
                Notice::IssuerKept(name, fault, issuer.not_after().min(since + KEPT))
            }
            None => Notice::IssuerFailed(name, fault),
        });
    }
    for previous in &mut new.previous {
        notices.extend(previous.keep(last, now));
    }
    previous::follow(&mut issuers, &mut new.previous);
    notices.extend(unused(&new.previous));
    notices.extend(new.remarks.iter().cloned().map(Notice::Remark));
    new.site = Arc::new(Site {
        issuers,
        ..Site::clone(&new.site)
    });
    if last.url != new.url || last.site != new.site {
        notices.insert(0, Notice::Changed(Arc::clone(&new.site)));
    }
    (new, notices)
}

/// The notices of previous issuers that are not used.
fn unused(previous: &[Previous]) -> impl Iterator<Item = Notice> {
    let faults = previous.iter().filter_map(|one| {
        let fault = one.loaded.as_ref().err()?;
        Some((one.issuer.clone(), Arc::clone(fault)))
    });
    faults.map(|(issuer, fault)| Notice::PreviousUnused(issuer, fault))
}

impl Previous {
    /// Lets the one from before stand in for one whose files look as if they were being replaced: what is
    /// answered meanwhile would not be trusted.
    fn keep(&mut self, last: &Loaded, now: DateTime<Utc>) -> Option<Notice> {
        let fault = self.loaded.as_ref().err()?;
        let is_this =
            |other: &&Self| (&other.issuer, &other.origin) == (&self.issuer, &self.origin);
        let before = last.previous.iter().find(is_this)?;
        let kept = before.loaded.as_ref().ok()?;
        let since = before.kept_since.unwrap_or(now);
        let is_recent = (since..since + KEPT).contains(&now);
        if !(fault.is_passing() && is_recent && kept.is_in_date(now)) {
            return None;
        }
        let until = kept.not_after().min(since + KEPT);
        let notice = Notice::PreviousKept(self.issuer.clone(), Arc::clone(fault), until);
        self.loaded = Ok(Arc::clone(kept));
        self.kept_since = Some(since);
        Some(notice)
    }
}

/// Time that an issuer stands in for one whose files are being replaced.
pub const KEPT: TimeDelta = TimeDelta::minutes(1);

/// The site to use, and the notices about it.
#[derive(Debug)]
pub struct CurrentSite {
    loaded: Loaded,
    /// The last notices.
    notices: Vec<String>,
    /// True when all of it could be used.
    is_whole: bool,
}

impl CurrentSite {
    /// Begins with a site. Returns notices, as later.
    #[must_use]
    pub fn begin(loaded: Loaded) -> (Self, Vec<Notice>) {
        let failed = loaded.failed.iter();
        let failed = failed.map(|(name, fault)| Notice::IssuerFailed(name.clone(), fault.clone()));
        let remarks = loaded.remarks.iter().cloned().map(Notice::Remark);
        let unused = unused(&loaded.previous);
        let notices: Vec<Notice> = failed.chain(unused).chain(remarks).collect();
        let current = Self {
            is_whole: loaded.failed.is_empty(),
            notices: notices.iter().map(Notice::to_string).collect(),
            loaded,
        };
        (current, notices)
    }

    /// The site to use.
    #[must_use]
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// True when all of it could be used.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// True when every issuer that is used is in date, and none that is not used is only now.
    #[must_use]
    pub fn is_in_date(&self, now: DateTime<Utc>) -> bool {
        let Loaded { site, previous, .. } = &self.loaded;
        let mut issuers = site.issuers.values();
        issuers.all(|issuer| issuer.are_all_in_date(now))
            && !previous.iter().any(|one| one.is_mended_at(now))
    }

    /// Takes over a site that was loaded again. Returns the new notices.
    pub fn renew(&mut self, new: Result<Loaded, SiteProblem>, now: DateTime<Utc>) -> Vec<Notice> {
        let (loaded, mut notices) = renew(&self.loaded, new, now);
        let is_whole = !notices.iter().any(Notice::may_pass);
        self.loaded = loaded;
        let lines: Vec<String> = notices.iter().map(Notice::to_string).collect();
        notices
            .retain(|notice| !notice.is_problem() || !self.notices.contains(&notice.to_string()));
        self.notices = lines;
        if is_whole && !self.is_whole {
            notices.push(Notice::Recovered);
        }
        self.is_whole = is_whole;
        notices
    }
}

/// A site that is loaded again when its files change.
#[derive(Debug)]
pub struct Watch {
    source: SiteSource,
    current: CurrentSite,
    /// Fingerprint of the files that were read, unless they must be read again in any case.
    read: Option<Fingerprint>,
    /// Fingerprint of the files at the last look.
    seen: Fingerprint,
}

impl Watch {
    /// Loads the site for the first time. Returns notices, as later.
    ///
    /// # Errors
    /// The description of the site cannot be read.
    pub fn start(
        source: SiteSource,
        now: DateTime<Utc>,
    ) -> Result<(Self, Vec<Notice>), SiteProblem> {
        let (loaded, seen) = source.load_and_see(now);
        let (current, notices) = CurrentSite::begin(loaded?);
        let watch = Self {
            source,
            current,
            read: None,
            seen,
        };
        Ok((watch, notices))
    }

    /// The site to use.
    #[must_use]
    pub fn current(&self) -> &Loaded {
        self.current.loaded()
    }

    /// Looks at the files and loads the site when they are others than those that were read, and
    /// the same as at the last look. While something cannot be used, or an issuer is out of date, it is
    /// loaded at every look: time changes that, too. Returns the new notices.
    pub fn poll(&mut self, now: DateTime<Utc>) -> Vec<Notice> {
        let seen = self.seen.look_again();
        let is_settled = seen == self.seen;
        self.seen = seen;
        let is_read = self.read.as_ref() == Some(&self.seen);
        if !is_settled || is_read && self.current.is_in_date(now) {
            return Vec::new();
        }
        self.reload(now)
    }

    /// Loads the site at once. Returns the new notices.
    pub fn reload(&mut self, now: DateTime<Utc>) -> Vec<Notice> {
        let (loaded, seen) = self.source.load_and_see(now);
        let notices = self.current.renew(loaded, now);
        let is_whole = self.current.is_whole();
        self.read = Some(seen.clone()).filter(|_| is_whole && seen == self.seen);
        self.seen = seen;
        notices
    }
}
