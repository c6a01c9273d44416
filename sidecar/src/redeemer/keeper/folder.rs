//! A folder in which links are kept: `Secret-NAME.yaml`, its Links, and `.renew-NAME.key` while a renewal
//! goes on.
//!
//! One process at a time renews a link and tells its router: `.renew-NAME.lock`. The folder itself is locked
//! for each step on the disk alone, so that nobody waits for a server or a router. Whatever happened in
//! between is seen before the next step: a Secret with another certificate is not replaced.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::folder_links::{links_in, steps};
use super::kept::Kept;
use super::look;
use super::place::{Place, Telling};
use super::problem::KeepProblem;
use super::router::Router;
use super::text::ObjectText;
use crate::redeemer::FolderTarget;
use crate::redeemer::answer::{Answer, MAX_LINKS, link_names, read_secret};
use crate::redeemer::credential::Credential;
use crate::redeemer::destination::PendingKey;
use crate::redeemer::document::{self, Author, Document};
use crate::redeemer::files::{MAX_FILE_BYTES, link_file, secret_file};
use crate::redeemer::folder::{self, Folder, FolderProblem, Lock, StoredFile};
use crate::redeemer::origin::Stored;
use crate::redeemer::renewal_server::RenewalServer;
use crate::wire::objects::{Annotation, Link, TlsSecret};

/// A folder for one link.
pub(super) struct FolderPlace<'a> {
    target: FolderTarget<'a>,
    router: &'a Router,
    /// Longest time to wait for others.
    patience: Duration,
    /// That of the link, from the first step of its renewal on.
    lock: Option<Lock>,
}

impl<'a> FolderPlace<'a> {
    pub(super) fn new(target: FolderTarget<'a>, router: &'a Router, patience: Duration) -> Self {
        Self {
            target,
            router,
            patience,
            lock: None,
        }
    }

    /// The link of a name, with the server that its Secret names, or this one.
    pub(super) fn link(
        &self,
        name: &str,
        server: Option<RenewalServer>,
        now: DateTime<Utc>,
    ) -> Result<Kept, KeepProblem> {
        let (secret, credential) = read(self.target.path, name, self.target.namespace, now)?;
        let server = match server {
            Some(server) => server,
            None => look::server(&secret.metadata, name)?,
        };
        let links = self.links(name)?;
        Ok(Kept {
            secret,
            credential,
            server,
            links,
        })
    }

    fn path_of(&self, file: &str) -> PathBuf {
        self.target.path.join(file)
    }

    fn read_file(&self, file: &str) -> Result<Option<StoredFile>, FolderProblem> {
        folder::read(&self.path_of(file), MAX_FILE_BYTES)
    }

    fn secret(&self, name: &str) -> Result<(StoredFile, Stored<TlsSecret>), KeepProblem> {
        secret(self.target.path, name, self.target.namespace)
    }

    /// The Links of a Secret: those that have the names of an answer, else all that use it.
    fn links(&self, secret: &str) -> Result<Vec<Stored<Link>>, KeepProblem> {
        let numbered = link_names(secret, MAX_LINKS);
        let names = [secret.to_owned()].into_iter().chain(numbered);
        let mut links = Vec::new();
        for (number, name) in names.enumerate() {
            let Some(file) = self.read_file(&link_file(&name))? else {
                if number == 0 {
                    continue;
                }
                break;
            };
            let link = document::read_one_of(&file.bytes, Author::Cluster);
            let link = link.and_then(Document::into_link);
            links.extend(link.filter(|link| link.object.tls_credentials == secret));
        }
        if links.is_empty() {
            let all = links_in(self.target.path, secret)?;
            links.extend(all.into_iter().map(|file| file.link));
        }
        Ok(links)
    }

    /// Locks the folder, for steps on the disk.
    async fn open(&self) -> Result<Folder, FolderProblem> {
        self.when_free(|| Folder::open(self.target.path)).await
    }

    /// Locks the link.
    async fn lock(&mut self, name: &str) -> Result<(), FolderProblem> {
        if self.lock.is_none() {
            let file = format!(".renew-{name}.lock");
            let lock = self.when_free(|| Lock::take(self.target.path, &file));
            self.lock = Some(lock.await?);
        }
        Ok(())
    }

    async fn when_free<T>(
        &self,
        take: impl Fn() -> Result<T, FolderProblem>,
    ) -> Result<T, FolderProblem> {
        let start = Instant::now();
        loop {
            match take() {
                Err(FolderProblem::InUse(_)) if start.elapsed() < self.patience => {
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                taken => return taken,
            }
        }
    }

    /// The Secret of a link, if its certificate is still the one that was read.
    fn unchanged(&self, kept: &Kept) -> Result<(ObjectText, Stored<TlsSecret>), KeepProblem> {
        let (found, secret) = self.secret(kept.name())?;
        if secret.object.tls_crt != kept.secret.object.tls_crt {
            return Err(KeepProblem::Changed(kept.name().to_owned()));
        }
        let text = ObjectText::read(&found.bytes);
        let text = text.ok_or_else(|| self.unwritable(kept))?;
        Ok((text, secret))
    }

    fn unwritable(&self, kept: &Kept) -> KeepProblem {
        KeepProblem::Unwritable(self.path_of(&secret_file(kept.name())))
    }

    async fn note(&mut self, kept: &Kept, annotation: Annotation) -> Result<(), KeepProblem> {
        let folder = self.open().await?;
        let (text, _) = self.unchanged(kept)?;
        let text = text.annotated(annotation, kept.serial());
        let text = text.ok_or_else(|| self.unwritable(kept))?.into_text();
        Ok(folder.write(&secret_file(kept.name()), text.as_bytes())?)
    }

    /// The key of an earlier attempt.
    fn pending_key(&self, name: &str) -> Result<Option<PendingKey>, KeepProblem> {
        let file = key_file(name);
        let Some(found) = folder::read(&self.path_of(&file), MAX_KEY_BYTES)? else {
            return Ok(None);
        };
        if found.metadata.mode() & OTHERS != 0 {
            return Err(KeepProblem::ExposedKey(self.path_of(&file)));
        }
        let text = std::str::from_utf8(&found.bytes).unwrap_or_default();
        let key = PendingKey::read(text, found.metadata.mtime());
        let key = key.ok_or_else(|| KeepProblem::DamagedKey(self.path_of(&file)))?;
        Ok(Some(key))
    }
}

impl Place for FolderPlace<'_> {
    async fn read(&mut self, name: &str, now: DateTime<Utc>) -> Result<Kept, KeepProblem> {
        self.link(name, None, now)
    }

    async fn key(&mut self, kept: &Kept) -> Result<PendingKey, KeepProblem> {
        let name = kept.name();
        self.lock(name).await?;
        // Another keeper may have had the lock.
        self.unchanged(kept)?;
        if let Some(pending) = self.pending_key(name)? {
            return Ok(pending);
        }
        let pending = PendingKey::generate();
        let pem = pending.key.to_pem();
        let folder = self.open().await?;
        folder.write(&key_file(name), pem.expose_secret().as_bytes())?;
        Ok(pending)
    }

    async fn put(&mut self, kept: &Kept, renewed: &Answer) -> Result<(), KeepProblem> {
        let name = kept.name();
        let folder = self.open().await?;
        let (text, stored) = self.unchanged(kept)?;
        let mut of_link = stored.metadata.of_link();
        of_link.namespace = stored.metadata.namespace;
        let links = links_in(self.target.path, name)?;
        let steps = steps(self.target.path, name, links, &renewed.links, &of_link)?;
        let text = with_secret(text, renewed).ok_or_else(|| self.unwritable(kept))?;
        folder.write(&secret_file(name), text.as_bytes())?;
        for (file, text) in &steps.write {
            folder.write(file, text.as_bytes())?;
        }
        for file in &steps.remove {
            folder.remove(file)?;
        }
        Ok(())
    }

    async fn is_unfinished(&mut self, kept: &Kept) -> Result<bool, KeepProblem> {
        // One that cannot be used is said where a key is needed.
        let pending = self.pending_key(kept.name()).ok().flatten();
        Ok(pending.is_some_and(|pending| kept.credential.is_for(pending.key.spki())))
    }

    async fn discard_key(&mut self, kept: &Kept) -> Result<(), KeepProblem> {
        let folder = self.open().await?;
        Ok(folder.remove(&key_file(kept.name()))?)
    }

    async fn tell(&mut self, kept: &Kept) -> Result<Telling, KeepProblem> {
        let name = kept.name();
        if *self.router == Router::None {
            return Ok(Telling::NoRouter);
        }
        self.lock(name).await?;
        self.unchanged(kept)?;
        let told = self.router.tell(kept).await;
        told.map_err(|problem| KeepProblem::Router {
            name: name.to_owned(),
            namespace: self.router.namespace().map(str::to_owned),
            problem,
        })
    }

    async fn note_told(&mut self, kept: &Kept) -> Result<(), KeepProblem> {
        self.note(kept, Annotation::Told).await
    }

    async fn note_reported(&mut self, kept: &Kept) -> Result<(), KeepProblem> {
        self.note(kept, Annotation::Reported).await
    }
}

/// The Secret of a link, whose key and certificate fit. Nothing is locked: it is replaced as a whole.
pub(super) fn read(
    folder: &Path,
    name: &str,
    namespace: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(Stored<TlsSecret>, Credential), KeepProblem> {
    let (_, secret) = secret(folder, name, namespace)?;
    let credential = Credential::judge_kept(&secret.object, None, now);
    let credential = credential.map_err(|problem| KeepProblem::Secret {
        name: name.to_owned(),
        problem: problem.into(),
    })?;
    Ok((secret, credential))
}

fn secret(
    folder: &Path,
    name: &str,
    namespace: Option<&str>,
) -> Result<(StoredFile, Stored<TlsSecret>), KeepProblem> {
    let found = folder::read(&folder.join(secret_file(name)), MAX_FILE_BYTES)?;
    let found = found.ok_or_else(|| KeepProblem::NotThere(name.to_owned()))?;
    let secret = read_secret(&found.bytes, Author::Cluster, name, namespace);
    let secret = secret.map_err(|problem| KeepProblem::Secret {
        name: name.to_owned(),
        problem,
    })?;
    Ok((found, secret))
}

/// The text of a Secret with the certificate of an answer, and the server that renews that.
fn with_secret(text: ObjectText, renewed: &Answer) -> Option<Zeroizing<String>> {
    let secret = &renewed.secret;
    let key = secret.tls_key.as_ref()?.expose_secret();
    let mut text = text
        .with("/data/ca.crt", STANDARD.encode(&secret.ca_crt).into())?
        .with("/data/tls.crt", STANDARD.encode(&secret.tls_crt).into())?
        .with("/data/tls.key", STANDARD.encode(key).into())?;
    for (annotation, value) in renewed.renewal.iter().flat_map(RenewalServer::annotations) {
        text = text.annotated(annotation, value)?;
    }
    Some(text.into_text())
}

fn key_file(name: &str) -> String {
    format!(".renew-{name}.key")
}

const MAX_KEY_BYTES: usize = 16 * 1024;

/// The bits of a file's mode that are not the owner's.
const OTHERS: u32 = 0o077;

/// Pause until a lock is tried again.
const LOCK_PAUSE: Duration = Duration::from_millis(50);
