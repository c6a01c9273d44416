//! A folder in which links are kept: `Secret-NAME.yaml`, its Links, and `.renew-NAME.key` while a renewal
//! goes on.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;

use super::kept::Kept;
use super::look;
use super::place::{Place, Telling};
use super::problem::KeepProblem;
use super::router::Router;
use crate::redeemer::answer::{Answer, MAX_LINKS, link_names, read_secret};
use crate::redeemer::credential::Credential;
use crate::redeemer::destination::PendingKey;
use crate::redeemer::document::{self, Document};
use crate::redeemer::files::{MAX_FILE_BYTES, link_file, secret_file};
use crate::redeemer::folder::{self, Folder};
use crate::redeemer::origin::Stored;
use crate::wire::objects::{Annotation, Metadata, TlsSecret};

/// A folder that is locked.
pub(super) struct FolderPlace<'a> {
    folder: Folder,
    /// The Skupper namespace that reads the folder.
    namespace: Option<&'a str>,
    _router: &'a Router,
}

impl<'a> FolderPlace<'a> {
    pub(super) fn new(folder: Folder, namespace: Option<&'a str>, router: &'a Router) -> Self {
        Self {
            folder,
            namespace,
            _router: router,
        }
    }

    fn write_secret(&self, kept: &Kept, metadata: &Metadata) -> Result<(), KeepProblem> {
        let yaml = kept.secret.object.to_yaml_with(metadata);
        Ok(self
            .folder
            .write(&secret_file(kept.name()), yaml.as_bytes())?)
    }

    fn note(&self, kept: &Kept, annotation: Annotation) -> Result<(), KeepProblem> {
        let mut metadata = kept.secret.metadata.clone();
        metadata.annotations.insert(annotation, kept.serial());
        self.write_secret(kept, &metadata)
    }
}

impl Place for FolderPlace<'_> {
    async fn read(&mut self, name: &str, now: DateTime<Utc>) -> Result<Kept, KeepProblem> {
        let (secret, credential) = read(self.folder.path(), name, self.namespace, now)?;
        let server = look::server(&secret.metadata, name)?;
        let several = !self.folder.has(&link_file(name))?;
        let mut links = Vec::new();
        for link in link_names(name, if several { MAX_LINKS } else { 1 }) {
            let Some(file) = self.folder.read(&link_file(&link), MAX_FILE_BYTES)? else {
                break;
            };
            links.extend(document::read_one(&file.bytes).and_then(Document::into_link));
        }
        Ok(Kept {
            secret,
            credential,
            server,
            links,
        })
    }

    async fn key(&mut self, kept: &Kept) -> Result<PendingKey, KeepProblem> {
        let file = key_file(kept.name());
        let Some(found) = self.folder.read(&file, MAX_KEY_BYTES)? else {
            let pending = PendingKey::generate();
            let pem = pending.key.to_pem();
            self.folder.write(&file, pem.expose_secret().as_bytes())?;
            return Ok(pending);
        };
        if found.metadata.mode() & OTHERS != 0 {
            return Err(KeepProblem::ExposedKey(self.folder.path_of(&file)));
        }
        let text = std::str::from_utf8(&found.bytes).unwrap_or_default();
        let key = PendingKey::read(text, found.metadata.mtime());
        key.ok_or_else(|| KeepProblem::DamagedKey(self.folder.path_of(&file)))
    }

    async fn put(&mut self, kept: &Kept, renewed: &Answer) -> Result<(), KeepProblem> {
        let mut metadata = kept.secret.metadata.clone();
        if let Some(server) = &renewed.renewal {
            metadata.annotations.extend(server.annotations());
        }
        let yaml = renewed.secret.to_yaml_with(&metadata);
        self.folder
            .write(&secret_file(kept.name()), yaml.as_bytes())?;
        let of_link = metadata.of_link();
        for link in &renewed.links {
            let is_there = kept.links.iter().any(|there| there.object == *link);
            if !is_there {
                let yaml = link.to_yaml_with(&of_link);
                self.folder.write(&link_file(&link.name), yaml.as_bytes())?;
            }
        }
        for there in &kept.links {
            let name = &there.object.name;
            if renewed.links.iter().all(|link| link.name != *name) {
                self.folder.remove(&link_file(name))?;
            }
        }
        Ok(())
    }

    async fn is_unfinished(&mut self, kept: &Kept) -> Result<bool, KeepProblem> {
        let found = self.folder.read(&key_file(kept.name()), MAX_KEY_BYTES)?;
        let text = found
            .as_ref()
            .and_then(|found| std::str::from_utf8(&found.bytes).ok());
        let key = text.and_then(|text| PendingKey::read(text, 0));
        Ok(key.is_some_and(|pending| kept.credential.is_for(pending.key.spki())))
    }

    async fn discard_key(&mut self, kept: &Kept) -> Result<(), KeepProblem> {
        Ok(self.folder.remove(&key_file(kept.name()))?)
    }

    async fn tell(&mut self, _kept: &Kept) -> Result<Telling, KeepProblem> {
        Ok(Telling::NoRouter)
    }

    async fn note_told(&mut self, kept: &Kept) -> Result<(), KeepProblem> {
        self.note(kept, Annotation::Told)
    }

    async fn note_reported(&mut self, kept: &Kept) -> Result<(), KeepProblem> {
        self.note(kept, Annotation::Reported)
    }
}

/// The Secret of a link, whose key and certificate fit. Nothing is locked: it is replaced as a whole.
pub(super) fn read(
    folder: &Path,
    name: &str,
    namespace: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(Stored<TlsSecret>, Credential), KeepProblem> {
    let found = folder::read(&folder.join(secret_file(name)), MAX_FILE_BYTES)?;
    let found = found.ok_or_else(|| KeepProblem::NotThere(name.to_owned()))?;
    let unusable = |problem| KeepProblem::Secret {
        name: name.to_owned(),
        problem,
    };
    let secret = read_secret(&found.bytes, name, namespace).map_err(unusable)?;
    let credential = Credential::judge_kept(&secret.object, None, now);
    let credential = credential.map_err(|problem| unusable(problem.into()))?;
    Ok((secret, credential))
}

fn key_file(name: &str) -> String {
    format!(".renew-{name}.key")
}

const MAX_KEY_BYTES: usize = 16 * 1024;

/// The bits of a file's mode that are not the owner's.
const OTHERS: u32 = 0o077;
