//! Loads a site again when its files change, and keeps what was good while they do.
//!
//! Skupper empties its folders and fills them again when it reloads a site; a certificate and its
//! key are two files. So files are read when they have not changed between two looks, and whatever
//! cannot be read leaves the site as it was.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Site;
use super::files::Fingerprint;
use super::source::{IssuerFault, Loaded, SiteProblem, SiteSource};

/// What a reload did, for the log. Each is one line.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The site is another one now.
    Changed(Arc<Site>),
    /// Everything can be used again.
    Recovered,
    /// The site could not be loaded and stays as it was.
    SiteKept(Arc<SiteProblem>),
    /// An issuer (its name) cannot be used as it is now; the one from before stays until its end.
    IssuerKept(String, Arc<IssuerFault>, DateTime<Utc>),
    /// An issuer (its name) cannot be used.
    IssuerFailed(String, Arc<IssuerFault>),
    /// Something was passed over.
    Remark(String),
}

impl Notice {
    /// Whether somebody must look at it.
    #[must_use]
    pub fn is_problem(&self) -> bool {
        !matches!(self, Self::Changed(_) | Self::Recovered)
    }

    /// Whether another load may find it mended, although no file changed.
    fn may_pass(&self) -> bool {
        !matches!(self, Self::Changed(_) | Self::Recovered | Self::Remark(_))
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(site) => write!(formatter, "site '{}' was loaded anew", site.name),
            Self::Recovered => formatter.write_str("the site is in use again"),
            Self::SiteKept(problem) => write!(formatter, "the site stays as it was: {problem}"),
            Self::IssuerKept(name, fault, end) => {
                write!(
                    formatter,
                    "issuer '{name}' stays as it was until {end:?}: {fault}"
                )
            }
            Self::IssuerFailed(name, fault) => {
                write!(formatter, "issuer '{name}' cannot be used: {fault}")
            }
            Self::Remark(remark) => formatter.write_str(remark),
        }
    }
}

/// What to use after a reload, and what to log.
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
    notices.extend(new.remarks.iter().cloned().map(Notice::Remark));
    new.site = Arc::new(Site {
        issuers,
        ..Site::clone(&new.site)
    });
    if last.url != new.url || !is_same(&last.site, &new.site) {
        notices.insert(0, Notice::Changed(Arc::clone(&new.site)));
    }
    (new, notices)
}

/// How long an issuer stands in for one whose files are being replaced.
pub const KEPT: TimeDelta = TimeDelta::minutes(1);

/// The site to use, and what was said about it.
#[derive(Debug)]
pub struct Course {
    current: Loaded,
    /// What was said last.
    said: Vec<String>,
    /// Whether all of it could be used.
    is_whole: bool,
}

impl Course {
    /// Begins with a site. What it says is in [`Notice`]s, as later.
    #[must_use]
    pub fn begin(current: Loaded) -> (Self, Vec<Notice>) {
        let failed = current.failed.iter();
        let failed = failed.map(|(name, fault)| Notice::IssuerFailed(name.clone(), fault.clone()));
        let remarks = current.remarks.iter().cloned().map(Notice::Remark);
        let notices: Vec<Notice> = failed.chain(remarks).collect();
        let course = Self {
            is_whole: current.failed.is_empty(),
            said: notices.iter().map(Notice::to_string).collect(),
            current,
        };
        (course, notices)
    }

    /// The site to use.
    #[must_use]
    pub fn current(&self) -> &Loaded {
        &self.current
    }

    /// Whether all of it could be used.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether every issuer is in date.
    #[must_use]
    pub fn is_in_date(&self, now: DateTime<Utc>) -> bool {
        let mut issuers = self.current.site.issuers.values();
        issuers.all(|issuer| issuer.is_in_date(now))
    }

    /// Goes on with what was loaded. Returns what was not said before.
    pub fn go_on(&mut self, new: Result<Loaded, SiteProblem>, now: DateTime<Utc>) -> Vec<Notice> {
        let (current, mut notices) = renew(&self.current, new, now);
        let is_whole = !notices.iter().any(Notice::may_pass);
        self.current = current;
        let lines: Vec<String> = notices.iter().map(Notice::to_string).collect();
        notices.retain(|notice| !notice.is_problem() || !self.said.contains(&notice.to_string()));
        self.said = lines;
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
    course: Course,
    /// How the files looked when they were read, unless they must be read again in any case.
    read: Option<Fingerprint>,
    /// How they looked at the last look.
    seen: Fingerprint,
}

impl Watch {
    /// Loads the site for the first time. What it says is in [`Notice`]s, as later.
    ///
    /// # Errors
    /// The description of the site cannot be read.
    pub fn start(
        source: SiteSource,
        now: DateTime<Utc>,
    ) -> Result<(Self, Vec<Notice>), SiteProblem> {
        let (loaded, seen) = source.load_and_see(now);
        let (course, notices) = Course::begin(loaded?);
        let watch = Self {
            source,
            course,
            read: None,
            seen,
        };
        Ok((watch, notices))
    }

    /// The site to use.
    #[must_use]
    pub fn current(&self) -> &Loaded {
        self.course.current()
    }

    /// Looks at the files and loads the site when they are others than those that were read, and
    /// the same as at the last look. While something cannot be used, or an issuer is out of date, it is
    /// loaded at every look: time changes that, too. Returns what was not said before.
    pub fn poll(&mut self, now: DateTime<Utc>) -> Vec<Notice> {
        let seen = self.seen.look_again();
        let is_settled = seen == self.seen;
        self.seen = seen;
        let is_read = self.read.as_ref() == Some(&self.seen);
        if !is_settled || is_read && self.course.is_in_date(now) {
            return Vec::new();
        }
        self.reload(now)
    }

    /// Loads the site at once. Returns what was not said before.
    pub fn reload(&mut self, now: DateTime<Utc>) -> Vec<Notice> {
        let (loaded, seen) = self.source.load_and_see(now);
        let notices = self.course.go_on(loaded, now);
        let is_whole = self.course.is_whole();
        self.read = Some(seen.clone()).filter(|_| is_whole && seen == self.seen);
        self.seen = seen;
        notices
    }
}

/// Whether two sites answer alike.
fn is_same(one: &Site, other: &Site) -> bool {
    let certificates = |site: &Site| {
        let issuers = site.issuers.iter();
        let certificates =
            issuers.map(|(name, issuer)| (name.clone(), issuer.certificates_pem().to_owned()));
        certificates.collect::<Vec<_>>()
    };
    one.name == other.name
        && one.endpoints == other.endpoints
        && one.is_edge == other.is_edge
        && one.default_issuer == other.default_issuer
        && certificates(one) == certificates(other)
}
