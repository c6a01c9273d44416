//! The files of a redemption: `Secret-NAME.yaml`, and `Link-NAME.yaml` or one for each of several
//! Links.
//!
//! The answer is kept whole in `.redeem-<uid>.answer` before the first of them is written and until
//! the last one is: whatever stops the redeemer in between costs nothing, not even with a server
//! that counts every request.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use zeroize::Zeroizing;

use super::answer::{
    Answer, AnswerProblem, MAX_LINKS, SEPARATOR, first_link_names, link_names, read_secret,
};
use super::folder::{Folder, FolderProblem};
use super::key_file::{self, KeyFile};
use super::place::{Found, PendingKey, Place, Replace};
use super::problem::RedeemProblem;
use super::token::Token;
use crate::key::PrivateKey;
use crate::manifest::Link;

/// The files of a token's name in a folder.
pub(super) struct Files<'a> {
    folder: Folder,
    url: &'a RedemptionUrl,
    name: &'a str,
}

impl<'a> Files<'a> {
    pub(super) fn of(folder: Folder, token: &'a Token) -> Self {
        Self {
            folder,
            url: &token.url,
            name: &token.name,
        }
    }

    /// The Secret and Links that are in the folder. `None` when one is missing or could not be used
    /// by a router now.
    fn look(&self, now: DateTime<Utc>) -> Result<Option<Answer>, FolderProblem> {
        let (folder, name) = (&self.folder, self.name);
        let Some(secret) = folder.read(&secret_file(name), MAX_FILE_BYTES)? else {
            return Ok(None);
        };
        let mut text = secret.bytes;
        let several = !folder.has(&link_file(name))?;
        for link in link_names(name, if several { MAX_LINKS } else { 1 }) {
            let Some(link) = folder.read(&link_file(&link), MAX_FILE_BYTES)? else {
                break;
            };
            text.extend_from_slice(SEPARATOR.as_bytes());
            text.extend_from_slice(&link.bytes);
        }
        Ok(Answer::read_back(&text, name, None, now).ok())
    }

    /// The key in the Secret, if that Secret is good and a redemption of this URL's grant.
    fn redeemed_key(&self, now: DateTime<Utc>) -> Result<Option<PrivateKey>, FolderProblem> {
        let secret = secret_file(self.name);
        let Some(found) = self.folder.read(&secret, MAX_FILE_BYTES)? else {
            return Ok(None);
        };
        let Ok((secret, credential)) = read_secret(&found.bytes, self.name, now) else {
            return Ok(None);
        };
        Ok(credential.key_of_grant(&secret, self.url))
    }

    /// The first of the files that the redemption writes that is there already, as far as they can
    /// be known before the answer.
    fn obstacle(&self, now: DateTime<Utc>) -> Result<Option<RedeemProblem>, FolderProblem> {
        let (folder, name) = (&self.folder, self.name);
        let secret = secret_file(name);
        if let Some(found) = folder.read(&secret, MAX_FILE_BYTES)? {
            return Ok(Some(RedeemProblem::Exists {
                path: folder.path_of(&secret),
                flaw: read_secret(&found.bytes, name, now).err(),
            }));
        }
        for link in first_link_names(name) {
            let file = link_file(&link);
            if folder.has(&file)? {
                let path = folder.path_of(&file);
                return Ok(Some(RedeemProblem::Exists { path, flaw: None }));
            }
        }
        Ok(None)
    }
}

impl Place for Files<'_> {
    type Spot = PathBuf;

    /// The key file is there as long as the answer is, and tells who made the key.
    async fn kept(&mut self, now: DateTime<Utc>) -> Result<Option<Answer>, RedeemProblem> {
        let file = kept_file(self.url);
        let Some(found) = self.folder.read(&file, MAX_FILE_BYTES)? else {
            return Ok(None);
        };
        let key = KeyFile::find(&self.folder, self.url).ok().flatten();
        let own_key = key.as_ref().map(|file| file.key.spki());
        match Answer::read_back(&found.bytes, self.name, own_key, now) {
            Err(AnswerProblem::OtherName) => {
                Err(RedeemProblem::OtherName(self.folder.path_of(&file)))
            }
            read => Ok(read.ok()),
        }
    }

    async fn find(&mut self, now: DateTime<Utc>) -> Result<Found, RedeemProblem> {
        if let Some(answer) = self.look(now)? {
            return Ok(Found::All(answer));
        }
        if let Some(key) = self.redeemed_key(now)? {
            return Ok(Found::Secret(key));
        }
        let obstacle = self.obstacle(now)?;
        Ok(obstacle.map_or(Found::Nothing, |problem| Found::Other(Box::new(problem))))
    }

    async fn key(&mut self, _force: bool) -> Result<PendingKey, RedeemProblem> {
        let KeyFile { key, made_before } = KeyFile::open(&self.folder, self.url)?;
        Ok(PendingKey { key, made_before })
    }

    async fn discard_key(&mut self) {
        let _ = self.folder.remove(&key_file::name(self.url));
    }

    async fn keep(&mut self, answer: Answer, _now: DateTime<Utc>) -> Result<Answer, RedeemProblem> {
        let text = answer.to_yaml();
        self.folder.write(&kept_file(self.url), text.as_bytes())?;
        Ok(answer)
    }

    async fn put(&mut self, answer: &Answer, replace: Replace) -> Result<(), RedeemProblem> {
        let documents = documents(answer);
        let mut missing = Vec::with_capacity(documents.len());
        for (file, yaml) in &documents {
            let found = self.folder.read(file, MAX_FILE_BYTES).ok().flatten();
            if found.is_some_and(|found| *found.bytes == *yaml.as_bytes()) {
                continue;
            }
            let path = self.folder.path_of(file);
            match replace {
                Replace::Everything => {}
                Replace::Secret if *file == secret_file(self.name) => {}
                _ if !self.folder.has(file)? => {}
                Replace::Secret => return Err(RedeemProblem::Exists { path, flaw: None }),
                Replace::Nothing => return Err(RedeemProblem::ExistsNow(path)),
            }
            missing.push((file, yaml));
        }
        for (file, yaml) in missing {
            self.folder.write(file, yaml.as_bytes())?;
        }
        Ok(())
    }

    async fn clear(&mut self) -> Result<(), RedeemProblem> {
        self.folder.remove(&kept_file(self.url))?;
        Ok(self.folder.remove(&key_file::name(self.url))?)
    }

    fn secret(&self, name: &str) -> PathBuf {
        self.folder.path_of(&secret_file(name))
    }

    fn link(&self, name: &str) -> PathBuf {
        self.folder.path_of(&link_file(name))
    }
}

/// Files may be named after it. Skupper takes DNS-1123 labels only where it is not on Kubernetes, and
/// one Link with another name fails the whole site.
pub(super) fn check_name(name: &str) -> Result<(), RedeemProblem> {
    // The policy has seen to it that it is a subdomain.
    if name.len() > MAX_NAME_BYTES || name.contains('.') {
        return Err(RedeemProblem::Name(name.to_owned()));
    }
    Ok(())
}

/// Where the answer of a URL is kept.
fn kept_file(url: &RedemptionUrl) -> String {
    format!(".redeem-{}.answer", key_file::stem(url))
}

fn secret_file(name: &str) -> String {
    format!("Secret-{name}.yaml")
}

fn link_file(name: &str) -> String {
    format!("Link-{name}.yaml")
}

fn documents(answer: &Answer) -> Vec<(String, Zeroizing<String>)> {
    let secret = (secret_file(&answer.secret.name), answer.secret.to_yaml());
    let link = |link: &Link| (link_file(&link.name), Zeroizing::new(link.to_yaml()));
    [secret]
        .into_iter()
        .chain(answer.links.iter().map(link))
        .collect()
}

/// More than an answer of the longest kind with its key becomes.
const MAX_FILE_BYTES: usize = 2 * 1024 * 1024;

/// A DNS-1123 label has at most 63 characters; `-99` is the longest suffix of a Link's name.
const MAX_NAME_BYTES: usize = 60;
