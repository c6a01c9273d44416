//! The files of a redemption: `Secret-NAME.yaml`, and `Link-NAME.yaml` or one for each of several
//! Links.
//!
//! The answer is kept whole in `.redeem-<uid>.answer` before the first of them is written and until
//! the last one is: whatever stops the redeemer in between costs nothing, not even with a server
//! that counts every request.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use zeroize::Zeroizing;

use super::answer::{Answer, AnswerProblem, MAX_LINKS, link_names, read_secret};
use super::folder::{Folder, FolderProblem};
use super::key_file::{self, KeyFile};
use super::problem::RedeemProblem;
use crate::key::PrivateKey;
use crate::manifest::Link;
use crate::redemption::Serial;

/// The Secret and Links of a name that are in the folder. `None` when one is missing or could not
/// be used by a router now.
pub(super) fn look(
    folder: &Folder,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Option<Answer>, FolderProblem> {
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

/// The key in the Secret of a name, if that Secret is good and a redemption of this URL's grant: the
/// serial number of its certificate follows from grant and key. To ask for it again costs nothing.
pub(super) fn redeemed_key(
    folder: &Folder,
    url: &RedemptionUrl,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Option<PrivateKey>, FolderProblem> {
    let Some(found) = folder.read(&secret_file(name), MAX_FILE_BYTES)? else {
        return Ok(None);
    };
    let Ok((secret, credential)) = read_secret(&found.bytes, name, now) else {
        return Ok(None);
    };
    let pem = secret.tls_key.as_ref().map(ExposeSecret::expose_secret);
    let key = pem.and_then(|pem| PrivateKey::from_pem(pem).ok());
    let is_of_grant = |key: &PrivateKey| {
        let serial = key_file::uid(url).map(|uid| Serial::derive(&uid, key.spki()));
        key.is_p256() && serial.is_some() && serial == credential.serial
    };
    Ok(key.filter(is_of_grant))
}

/// The first of the files that the redemption of a name writes that is there already, as far as
/// they can be known before the answer.
pub(super) fn obstacle(
    folder: &Folder,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Option<RedeemProblem>, FolderProblem> {
    let secret = secret_file(name);
    if let Some(found) = folder.read(&secret, MAX_FILE_BYTES)? {
        return Ok(Some(RedeemProblem::Exists {
            path: folder.path_of(&secret),
            flaw: read_secret(&found.bytes, name, now).err(),
        }));
    }
    let [one, several] = [1, 2].map(|count| link_names(name, count));
    let links = one
        .iter()
        .chain(several.first())
        .map(|link| link_file(link));
    for file in links {
        if folder.has(&file)? {
            let path = folder.path_of(&file);
            return Ok(Some(RedeemProblem::Exists { path, flaw: None }));
        }
    }
    Ok(None)
}

/// Keeps an answer until its files are written.
pub(super) fn keep(
    folder: &Folder,
    url: &RedemptionUrl,
    answer: &Answer,
) -> Result<(), FolderProblem> {
    let documents: Vec<_> = documents(answer)
        .into_iter()
        .map(|(_, yaml)| yaml)
        .collect();
    let length = documents
        .iter()
        .map(|yaml| yaml.len() + SEPARATOR.len())
        .sum();
    let mut text = Zeroizing::new(String::with_capacity(length));
    for yaml in documents {
        text.push_str(SEPARATOR);
        text.push_str(&yaml);
    }
    folder.write(&kept_file(url), text.as_bytes())
}

/// The answer that an earlier run kept. `Err` in it says why it cannot be used. The key file is
/// there as long as the answer is, and tells who made the key.
pub(super) fn kept(
    folder: &Folder,
    url: &RedemptionUrl,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Option<Result<Answer, AnswerProblem>>, FolderProblem> {
    let Some(found) = folder.read(&kept_file(url), MAX_FILE_BYTES)? else {
        return Ok(None);
    };
    let key = KeyFile::find(folder, url).ok().flatten();
    let own_key = key.as_ref().map(|file| file.key.spki());
    Ok(Some(Answer::read_back(&found.bytes, name, own_key, now)))
}

/// Writes the files of an answer, the Secret first. `Ok(Err(_))` is a file with other content that
/// may not be replaced; then nothing is written.
pub(super) fn place(
    folder: &Folder,
    answer: &Answer,
    may_replace: impl Fn(&str) -> bool,
) -> Result<Result<(), PathBuf>, FolderProblem> {
    let documents = documents(answer);
    let mut missing = Vec::with_capacity(documents.len());
    for (file, yaml) in &documents {
        let found = folder.read(file, MAX_FILE_BYTES).ok().flatten();
        if found.is_some_and(|found| *found.bytes == *yaml.as_bytes()) {
            continue;
        }
        if !may_replace(file) && folder.has(file)? {
            return Ok(Err(folder.path_of(file)));
        }
        missing.push((file, yaml));
    }
    for (file, yaml) in missing {
        folder.write(file, yaml.as_bytes())?;
    }
    Ok(Ok(()))
}

/// Removes what is of no use any more once the files are in place.
pub(super) fn clear(folder: &Folder, url: &RedemptionUrl) -> Result<(), FolderProblem> {
    folder.remove(&kept_file(url))?;
    folder.remove(&key_file::name(url))
}

/// Where the answer of a URL is kept.
pub(super) fn kept_file(url: &RedemptionUrl) -> String {
    format!(".redeem-{}.answer", key_file::stem(url))
}

pub(super) fn secret_file(name: &str) -> String {
    format!("Secret-{name}.yaml")
}

pub(super) fn link_file(name: &str) -> String {
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

const SEPARATOR: &str = "---\n";

/// More than an answer of the longest kind with its key becomes.
const MAX_FILE_BYTES: usize = 2 * 1024 * 1024;
