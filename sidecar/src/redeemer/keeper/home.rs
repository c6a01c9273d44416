//! Homes of links: what is looked at again and again, and costs little where nothing has changed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::cluster_home::ClusterHome;
use super::folder::read;
use super::look::{LinkName, Noted, Seen};
use super::router::Router;
use super::{Done, KeepProblem, RenewalOrder, renew_in_folder};
use crate::redeemer::FolderTarget;
use crate::redeemer::files::{MAX_FILE_BYTES, link_file, secret_file};
use crate::redeemer::folder::{self, FolderProblem};
use crate::wire::objects::Annotation;

/// A place whose links are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// A folder.
    Folder(FolderHome),
    /// A namespace of a cluster, or all of them.
    Cluster(ClusterHome),
}

/// A folder whose links are kept, and the router that uses them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderHome {
    /// Its path.
    pub path: PathBuf,
    /// The Skupper namespace that reads it.
    pub namespace: Option<String>,
    /// Its router.
    pub router: Router,
}

/// The versions of what was seen at the last look, by the names of links.
#[derive(Debug, Default)]
pub(super) struct Versions(BTreeMap<LinkName, Version>);

/// A version of a Secret, which changes when that is replaced or edited.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Version {
    /// Of a file.
    File {
        inode: u64,
        size: u64,
        changed: (i64, i64),
    },
    /// Of an object.
    Object(String),
}

/// A change since the last look.
#[derive(Debug)]
pub(super) enum Change {
    /// A link is new, or its Secret is another one.
    Seen(Box<Seen>),
    /// It is not there any more.
    Gone(LinkName),
}

impl Home {
    /// Every link that is there, kept or not.
    ///
    /// # Errors
    /// The place cannot be looked at.
    pub async fn links(&self, now: DateTime<Utc>) -> Result<Vec<Seen>, KeepProblem> {
        let mut links = match self {
            Self::Folder(home) => home.links(now),
            Self::Cluster(home) => home.links(now).await,
        }?;
        if !self.has_router() {
            for care in links.iter_mut().filter_map(|seen| seen.care.as_mut().ok()) {
                care.telling = Noted::NoRouter;
            }
        }
        Ok(links)
    }

    /// Looks for changes among the links that are kept.
    pub(super) async fn look(
        &self,
        versions: &mut Versions,
        now: DateTime<Utc>,
    ) -> Result<Vec<Change>, KeepProblem> {
        match self {
            Self::Folder(home) => home.look(versions, now),
            Self::Cluster(home) => look_in_cluster(home, versions, now).await,
        }
    }

    /// Looks at one link.
    pub(super) async fn look_at(
        &self,
        name: &LinkName,
        versions: &mut Versions,
        now: DateTime<Utc>,
    ) -> Option<Change> {
        match self {
            Self::Folder(home) => home.look_at(&name.name, versions, now),
            Self::Cluster(home) => {
                let (seen, version) = home.see(name, now).await.ok()??;
                versions.0.insert(name.clone(), Version::Object(version));
                Some(change_of(seen))
            }
        }
    }

    /// Renews a link, if it is due, and tells its router.
    ///
    /// # Errors
    /// As [`renew_in_folder`].
    pub async fn renew(
        &self,
        order: RenewalOrder<'_>,
        name: &LinkName,
    ) -> Result<Done, KeepProblem> {
        match self {
            Self::Folder(home) => renew_in_folder(order, home.target(), &home.router).await,
            Self::Cluster(home) => home.renew(order, name).await,
        }
    }

    /// True where a router reads the place, as far as that is known.
    pub(super) fn has_router(&self) -> bool {
        match self {
            Self::Folder(home) => home.router != Router::None,
            Self::Cluster(_) => true,
        }
    }

    /// Most renewals that can go on at once: a folder is locked.
    pub(super) fn at_once(&self) -> usize {
        match self {
            Self::Folder(_) => 1,
            Self::Cluster(_) => usize::MAX,
        }
    }

    /// Pause between two looks. What is due is known before: a look finds what others have done.
    pub(super) fn between_looks(&self) -> Duration {
        match self {
            Self::Folder(_) => Duration::from_secs(10),
            Self::Cluster(_) => Duration::from_mins(1),
        }
    }
}

/// Looks at the Secrets whose versions have changed.
async fn look_in_cluster(
    home: &ClusterHome,
    versions: &mut Versions,
    now: DateTime<Utc>,
) -> Result<Vec<Change>, KeepProblem> {
    let found = home.versions().await?.into_iter();
    let found: BTreeMap<_, _> = found
        .map(|(name, version)| (name, Version::Object(version)))
        .collect();
    let gone = versions.0.keys().filter(|name| !found.contains_key(name));
    let mut changes: Vec<_> = gone.cloned().map(Change::Gone).collect();
    let is_changed = |name: &LinkName| versions.0.get(name) != found.get(name);
    let others: Vec<_> = found.keys().filter(|name| is_changed(name)).collect();
    if others.len() > MANY {
        let links = home.links(now).await?.into_iter();
        changes.extend(links.filter(|seen| is_changed(&seen.name)).map(change_of));
    } else {
        for name in others {
            let seen = home.see(name, now).await?;
            changes.extend(seen.map(|(seen, _)| change_of(seen)));
        }
    }
    versions.0 = found;
    Ok(changes)
}

fn change_of(seen: Seen) -> Change {
    match seen.care {
        Err(KeepProblem::NotKept(_)) => Change::Gone(seen.name),
        _ => Change::Seen(Box::new(seen)),
    }
}

/// Number of changed Secrets from which on a list of all is cheaper.
const MANY: usize = 20;

impl FolderHome {
    /// The folder, for a single renewal.
    #[must_use]
    pub fn target(&self) -> FolderTarget<'_> {
        FolderTarget {
            path: &self.path,
            namespace: self.namespace.as_deref(),
        }
    }

    fn links(&self, now: DateTime<Utc>) -> Result<Vec<Seen>, KeepProblem> {
        let mut links = Vec::new();
        for entry in self.entries()? {
            let Some(name) = entry.file_name().to_str().and_then(link_of) else {
                continue;
            };
            let seen = self.see(&name, now);
            let is_link = |link: &str| self.path.join(link_file(link)).exists();
            let is_kept = !matches!(
                seen.care,
                Err(KeepProblem::NotKept(_) | KeepProblem::Secret { .. })
            );
            if is_kept || is_link(&name) || is_link(&format!("{name}-1")) {
                links.push(seen);
            }
        }
        links.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(links)
    }

    fn look(
        &self,
        versions: &mut Versions,
        now: DateTime<Utc>,
    ) -> Result<Vec<Change>, KeepProblem> {
        let mut changes = Vec::new();
        let mut gone = std::mem::take(&mut versions.0);
        for entry in self.entries()? {
            let Some(link) = entry.file_name().to_str().and_then(link_of) else {
                continue;
            };
            let name = self.name(&link);
            if let Some(version) = gone.remove(&name) {
                versions.0.insert(name, version);
            }
            changes.extend(self.look_at(&link, versions, now));
        }
        changes.extend(gone.into_keys().map(Change::Gone));
        Ok(changes)
    }

    fn look_at(&self, link: &str, versions: &mut Versions, now: DateTime<Utc>) -> Option<Change> {
        let name = self.name(link);
        let Ok(metadata) = fs::symlink_metadata(self.path.join(secret_file(link))) else {
            return versions.0.remove(&name).map(|_| Change::Gone(name));
        };
        let version = Version::File {
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        if versions.0.get(&name) == Some(&version) {
            return None;
        }
        let seen = self.see(link, now);
        // What could not be read may be readable the next time.
        if !matches!(seen.care, Err(KeepProblem::Folder(_))) {
            versions.0.insert(name.clone(), version);
        }
        Some(if self.is_kept(link, &seen) {
            Change::Seen(Box::new(seen))
        } else {
            Change::Gone(name)
        })
    }

    fn entries(&self) -> Result<Vec<fs::DirEntry>, KeepProblem> {
        let entries = fs::read_dir(&self.path).and_then(Iterator::collect);
        Ok(entries.map_err(|error| FolderProblem::new("read", &self.path, error))?)
    }

    fn see(&self, link: &str, now: DateTime<Utc>) -> Seen {
        let name = self.name(link);
        match read(&self.path, link, self.namespace.as_deref(), now) {
            Ok((secret, credential)) => Seen::of(name, &secret, &credential),
            Err(problem) => Seen::broken(name, problem),
        }
    }

    /// True where somebody is to hear that a link is not renewed.
    fn is_kept(&self, link: &str, seen: &Seen) -> bool {
        match &seen.care {
            Err(KeepProblem::NotKept(_) | KeepProblem::NotThere(_)) => false,
            Err(KeepProblem::Secret { .. }) => self.names_server(link),
            _ => true,
        }
    }

    /// True where a Secret that cannot be read was one that is kept.
    fn names_server(&self, link: &str) -> bool {
        let file = folder::read(&self.path.join(secret_file(link)), MAX_FILE_BYTES);
        let annotation = Annotation::RenewalUrl.as_str().as_bytes();
        let has = |bytes: &[u8]| {
            bytes
                .windows(annotation.len())
                .any(|part| part == annotation)
        };
        file.ok().flatten().is_some_and(|file| has(&file.bytes))
    }

    fn name(&self, link: &str) -> LinkName {
        LinkName {
            namespace: self.namespace.clone(),
            name: link.to_owned(),
        }
    }
}

/// The link whose Secret a file is.
fn link_of(file: &str) -> Option<String> {
    let name = file.strip_prefix("Secret-")?.strip_suffix(".yaml")?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Folders of the Skupper namespaces of a machine that have resources.
#[must_use]
pub fn namespaces(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter(|entry| entry.path().join("input/resources").is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}
