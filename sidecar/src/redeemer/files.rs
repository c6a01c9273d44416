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

use super::Progress;
use super::answer::{
    Answer, AnswerProblem, MAX_LINKS, SEPARATOR, first_link_names, link_names, read_secret,
};
use super::credential::Validity;
use super::document::{self, Author};
use super::flaw::Flaw;
use super::folder::{Folder, FolderProblem};
use super::key_file::{self, KeyFile};
use super::mend::{MAX_FILE_BYTES, mend};
use super::origin::{self, Origin};
use super::place::{Found, PendingKey, Place, Replace};
use super::problem::RedeemProblem;
use super::token::Token;
use crate::wire::objects::Metadata;

/// The files of a token's name in a folder.
pub(super) struct Files<'a> {
    folder: Folder,
    /// The Skupper namespace that reads the folder.
    namespace: Option<&'a str>,
    url: &'a RedemptionUrl,
    name: &'a str,
}

impl<'a> Files<'a> {
    pub(super) fn of(folder: Folder, namespace: Option<&'a str>, token: &'a Token) -> Self {
        Self {
            folder,
            namespace,
            url: &token.url,
            name: &token.name,
        }
    }

    /// Writes the namespace into files of earlier runs that do not name it.
    pub(super) fn mend(&self, progress: &mut impl Progress) -> Result<(), FolderProblem> {
        let Some(namespace) = self.namespace else {
            return Ok(());
        };
        for path in mend(&self.folder, namespace)? {
            progress.remark(&format_args!(
                "wrote the namespace '{namespace}' into {}, which an earlier version left out",
                path.display()
            ));
        }
        Ok(())
    }

    /// The Secret and Links that are in the folder. `None` when one is missing or is not what a
    /// router can use.
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
        let answer = Answer::read_back(&text, name, self.namespace, None, self.url, now);
        Ok(answer.ok())
    }

    /// The first Link that is there although its Secret is not, as far as names can be known before
    /// the answer.
    fn lone_link(&self) -> Result<Found, FolderProblem> {
        for link in first_link_names(self.name) {
            let file = link_file(&link);
            if self.folder.has(&file)? {
                return Ok(self.in_the_way(&file, None));
            }
        }
        Ok(Found::Nothing)
    }

    fn in_the_way(&self, file: &str, flaw: Option<Flaw>) -> Found {
        let path = self.folder.path_of(file);
        Found::Other(Box::new(RedeemProblem::Exists { path, flaw }))
    }

    /// Compares a file with its wanted content.
    fn compare(&self, wanted: &Wanted) -> Comparison {
        let Ok(Some(found)) = self.folder.read(&wanted.file, MAX_FILE_BYTES) else {
            return Comparison::Other;
        };
        if *found.bytes == *wanted.yaml.as_bytes() {
            return Comparison::Equal;
        }
        let documents = document::read(&found.bytes, Author::Redeemer).unwrap_or_default();
        let noted = origin::note(self.url);
        match documents.as_slice() {
            // Written as this is, it differs in its metadata only.
            [document] if document.object.to_yaml(&self.metadata(&noted)) == wanted.yaml => {
                Comparison::SameObject
            }
            _ => Comparison::Other,
        }
    }

    /// The wanted content of each file, the Secret first.
    fn wanted(&self, answer: &Answer) -> Vec<Wanted> {
        let noted = origin::note(self.url);
        let metadata = self.metadata(&noted);
        let secret = &answer.secret;
        let secret = (secret_file(&secret.name), secret.to_yaml_with(&metadata));
        let links = answer.links.iter().map(|link| {
            let yaml = Zeroizing::new(link.to_yaml_with(&metadata));
            (link_file(&link.name), yaml)
        });
        let files = [secret].into_iter().chain(links);
        files.map(|(file, yaml)| Wanted { file, yaml }).collect()
    }

    fn metadata<'m>(&'m self, redeemed_from: &'m str) -> Metadata<'m> {
        Metadata {
            namespace: self.namespace,
            redeemed_from: Some(redeemed_from),
        }
    }
}

impl Place for Files<'_> {
    type Location = PathBuf;

    /// The key file is there as long as the answer is, and tells who made the key.
    async fn kept(&mut self, now: DateTime<Utc>) -> Result<Option<Answer>, RedeemProblem> {
        let file = kept_file(self.url);
        let Some(found) = self.folder.read(&file, MAX_FILE_BYTES)? else {
            return Ok(None);
        };
        let key = KeyFile::find(&self.folder, self.url).ok().flatten();
        let own_key = key.as_ref().map(|file| file.key.spki());
        match Answer::read_back(&found.bytes, self.name, None, own_key, self.url, now) {
            Err(AnswerProblem::OtherName) => {
                Err(RedeemProblem::OtherName(self.folder.path_of(&file)))
            }
            // The name of the file stands for the grant, where an earlier version noted no URL.
            Ok(answer) if answer.origin() == Origin::AnotherGrant => {
                Err(RedeemProblem::OtherToken(self.folder.path_of(&file)))
            }
            read => Ok(read.ok()),
        }
    }

    async fn find(&mut self, now: DateTime<Utc>) -> Result<Found, RedeemProblem> {
        let file = secret_file(self.name);
        let Some(found) = self.folder.read(&file, MAX_FILE_BYTES)? else {
            return Ok(self.lone_link()?);
        };
        let (secret, credential) = match read_secret(&found.bytes, self.name, self.namespace, now) {
            Ok(secret) => secret,
            Err(problem) => return Ok(self.in_the_way(&file, Some(Flaw::Unusable(problem)))),
        };
        match Origin::of(&secret, &[], &credential, self.url) {
            Origin::ThisGrant => {}
            Origin::AnotherGrant => return Ok(self.in_the_way(&file, Some(Flaw::AnotherGrant))),
            Origin::Unknown => return Ok(self.in_the_way(&file, Some(Flaw::UnknownGrant))),
        }
        if let Validity::Ended(end) = credential.validity {
            return Ok(self.in_the_way(&file, Some(Flaw::Ended { end, now })));
        }
        let answer = self.look(now)?;
        if let Some(answer) = answer.filter(|answer| answer.origin() == Origin::ThisGrant) {
            return Ok(Found::All(answer));
        }
        Ok(match credential.key_of_grant(&secret.object, self.url) {
            Some(key) => Found::Secret(key),
            None => self.in_the_way(&file, None),
        })
    }

    async fn key(&mut self, _force: bool) -> Result<PendingKey, RedeemProblem> {
        let KeyFile { key, made_before } = KeyFile::open(&self.folder, self.url)?;
        Ok(PendingKey { key, made_before })
    }

    async fn discard_key(&mut self) {
        let _ = self.folder.remove(&key_file::name(self.url));
    }

    async fn keep(&mut self, answer: Answer, _now: DateTime<Utc>) -> Result<Answer, RedeemProblem> {
        let noted = origin::note(self.url);
        let text = answer.to_yaml(&Metadata {
            namespace: None,
            redeemed_from: Some(&noted),
        });
        self.folder.write(&kept_file(self.url), text.as_bytes())?;
        Ok(answer)
    }

    async fn put(
        &mut self,
        answer: &Answer,
        replace: Replace,
        _progress: &mut impl Progress,
    ) -> Result<(), RedeemProblem> {
        let wanted = self.wanted(answer);
        let mut missing = Vec::with_capacity(wanted.len());
        for one in &wanted {
            match (self.compare(one), replace) {
                (Comparison::Equal, _) => continue,
                (Comparison::SameObject, _) | (_, Replace::Everything) => {}
                (_, Replace::Secret) if one.file == secret_file(self.name) => {}
                _ if !self.folder.has(&one.file)? => {}
                (Comparison::Other, Replace::Secret) => {
                    let path = self.folder.path_of(&one.file);
                    return Err(RedeemProblem::Exists { path, flaw: None });
                }
                (Comparison::Other, Replace::Nothing) => {
                    return Err(RedeemProblem::ExistsNow(self.folder.path_of(&one.file)));
                }
            }
            missing.push(one);
        }
        for one in missing {
            self.folder.write(&one.file, one.yaml.as_bytes())?;
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

/// Files may be named after it, and Skupper takes it where it is not on Kubernetes: no dots, and no
/// limit of its own. One Link with another name fails the whole site.
///
/// Source: Skupper `internal/nonkube/common/site_state_validator.go`, `ValidateName`.
pub(super) fn check_name(name: &str) -> Result<(), RedeemProblem> {
    // The policy has seen to it that it is a subdomain.
    if name.len() > MAX_NAME_BYTES || name.contains('.') {
        return Err(RedeemProblem::Name(name.to_owned()));
    }
    Ok(())
}

/// A file that is to be there.
struct Wanted {
    file: String,
    yaml: Zeroizing<String>,
}

/// A file that is there, beside what is to be in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// Byte for byte the same.
    Equal,
    /// The same object, with other metadata or written in another way.
    SameObject,
    /// Anything else, or nothing.
    Other,
}

/// Name of the file in which the answer of a URL is kept.
fn kept_file(url: &RedemptionUrl) -> String {
    format!(".redeem-{}.answer", key_file::stem(url))
}

fn secret_file(name: &str) -> String {
    format!("Secret-{name}.yaml")
}

fn link_file(name: &str) -> String {
    format!("Link-{name}.yaml")
}

/// A file name has at most 255 bytes, and the longest one is `.Link-NAME-99.yaml.new`.
const MAX_NAME_BYTES: usize = 255 - ".Link--99.yaml.new".len();
