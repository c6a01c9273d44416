//! The files of a redemption: `Secret-NAME.yaml`, and `Link-NAME.yaml` or one for each of several
//! Links.
//!
//! The answer is kept whole in `.redeem-<uid>.answer` before the first of them is written and until
//! the last one is: whatever stops the redeemer in between costs nothing, not even with a server
//! that counts every request.

use std::iter;

use chrono::{DateTime, Utc};
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use zeroize::Zeroizing;

use super::answer::{Answer, AnswerProblem, MAX_LINKS, link_names, read_secret};
use super::destination::{Destination, PendingKey, Replace};
use super::document::{self, Author, Document};
use super::existing::Existing;
use super::flaw::Flaw;
use super::folder::{Folder, FolderProblem};
use super::key_file;
use super::origin::{self, Origin, Stored};
use super::problem::RedeemProblem;
use super::progress::Progress;
use super::token::Token;
use crate::wire::objects::{Link, Metadata};

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

    /// The Links that are in the folder. `None` when one of them cannot be read.
    fn read_links(&self) -> Result<Option<Vec<Stored<Link>>>, FolderProblem> {
        let (folder, name) = (&self.folder, self.name);
        let several = !folder.has(&link_file(name))?;
        let mut links = Vec::new();
        for link in link_names(name, if several { MAX_LINKS } else { 1 }) {
            let Some(file) = folder.read(&link_file(&link), MAX_FILE_BYTES)? else {
                break;
            };
            let link = document::read_one(&file.bytes).and_then(Document::into_link);
            match link.filter(|link| link.is_of(self.namespace)) {
                Some(link) => links.push(link),
                None => return Ok(None),
            }
        }
        Ok(Some(links))
    }

    /// The first Link that is there although its Secret is not, as far as names can be known before
    /// the answer.
    fn lone_link(&self) -> Result<Existing, FolderProblem> {
        // That of an answer with one Link, and the first one of several.
        for file in [link_file(self.name), link_file(&format!("{}-1", self.name))] {
            if self.folder.has(&file)? {
                return Ok(self.in_the_way(&file, None));
            }
        }
        Ok(Existing::Nothing)
    }

    fn in_the_way(&self, file: &str, flaw: Option<Flaw>) -> Existing {
        let path = self.folder.path_of(file);
        Existing::InTheWay(Box::new(RedeemProblem::Exists { path, flaw }))
    }

    /// Compares a file with its wanted content.
    fn compare(&self, file: &str, wanted: &str) -> Comparison {
        let Ok(Some(found)) = self.folder.read(file, MAX_FILE_BYTES) else {
            return Comparison::Other;
        };
        if *found.bytes == *wanted.as_bytes() {
            return Comparison::Equal;
        }
        let object = |text: &[u8]| {
            let document = document::read_one(text)?;
            Some(document.object.to_yaml(&Metadata::default()))
        };
        match (object(&found.bytes), object(wanted.as_bytes())) {
            // Written in the same way, it differs in its metadata only.
            (Some(found), Some(wanted)) if found == wanted => Comparison::SameObject,
            _ => Comparison::Other,
        }
    }

    /// The name and the content of each file, the Secret first.
    fn contents(&self, answer: &Answer) -> Vec<(String, Zeroizing<String>)> {
        let links = answer.links.iter().map(|link| link_file(&link.name));
        let files = iter::once(secret_file(&answer.secret.name)).chain(links);
        files.zip(answer.documents(&self.metadata())).collect()
    }

    fn metadata(&self) -> Metadata {
        origin::note(self.url, self.namespace)
    }
}

impl Destination for Files<'_> {
    /// The key file is there as long as the answer is, and tells who made the key.
    async fn kept(&mut self, now: DateTime<Utc>) -> Result<Option<Answer>, RedeemProblem> {
        let file = kept_file(self.url);
        let Some(found) = self.folder.read(&file, MAX_FILE_BYTES)? else {
            return Ok(None);
        };
        let key = key_file::find(&self.folder, self.url).ok().flatten();
        let own_key = key.as_ref().map(|pending| pending.key.spki());
        match Answer::read_back(&found.bytes, self.name, own_key, self.url, now) {
            Err(AnswerProblem::OtherName) => {
                Err(RedeemProblem::OtherName(self.folder.path_of(&file)))
            }
            // The name of the file stands for the grant, where an earlier version noted no URL.
            Ok(answer) if answer.origin == Origin::AnotherGrant => {
                Err(RedeemProblem::OtherToken(self.folder.path_of(&file)))
            }
            read => Ok(read.ok()),
        }
    }

    async fn find(&mut self, now: DateTime<Utc>) -> Result<Existing, RedeemProblem> {
        let file = secret_file(self.name);
        let Some(found) = self.folder.read(&file, MAX_FILE_BYTES)? else {
            return Ok(self.lone_link()?);
        };
        let secret = read_secret(&found.bytes, Author::Redeemer, self.name, self.namespace);
        let existing = Existing::judge(secret, self.read_links()?, self.name, self.url, now);
        Ok(existing.unwrap_or_else(|flaw| self.in_the_way(&file, flaw)))
    }

    async fn key(&mut self, _force: bool) -> Result<PendingKey, RedeemProblem> {
        key_file::open(&self.folder, self.url)
    }

    async fn discard_key(&mut self) {
        let _ = self.folder.remove(&key_file::name(self.url));
    }

    async fn keep(&mut self, answer: Answer, _now: DateTime<Utc>) -> Result<Answer, RedeemProblem> {
        let text = answer.to_yaml(&origin::note(self.url, None));
        self.folder.write(&kept_file(self.url), text.as_bytes())?;
        Ok(answer)
    }

    async fn put(
        &mut self,
        answer: &Answer,
        replace: Replace,
        _progress: &mut impl Progress,
    ) -> Result<(), RedeemProblem> {
        let mut missing = Vec::new();
        for (file, yaml) in self.contents(answer) {
            match (self.compare(&file, &yaml), replace) {
                (Comparison::Equal, _) => continue,
                (Comparison::SameObject, _) | (_, Replace::Everything) => {}
                (_, Replace::Secret) if file == secret_file(self.name) => {}
                _ if !self.folder.has(&file)? => {}
                (Comparison::Other, Replace::Secret) => {
                    let path = self.folder.path_of(&file);
                    return Err(RedeemProblem::Exists { path, flaw: None });
                }
                (Comparison::Other, Replace::Nothing) => {
                    return Err(RedeemProblem::ExistsNow(self.folder.path_of(&file)));
                }
            }
            missing.push((file, yaml));
        }
        for (file, yaml) in missing {
            self.folder.write(&file, yaml.as_bytes())?;
        }
        Ok(())
    }

    async fn clear(&mut self) -> Result<(), RedeemProblem> {
        self.folder.remove(&kept_file(self.url))?;
        Ok(self.folder.remove(&key_file::name(self.url))?)
    }

    fn secret(&self, name: &str) -> String {
        self.folder
            .path_of(&secret_file(name))
            .display()
            .to_string()
    }

    fn link(&self, name: &str) -> String {
        self.folder.path_of(&link_file(name)).display().to_string()
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

/// A file that is there, beside its wanted content.
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
    format!(".redeem-{}.answer", origin::stem(url))
}

pub(super) fn secret_file(name: &str) -> String {
    format!("Secret-{name}.yaml")
}

pub(super) fn link_file(name: &str) -> String {
    format!("Link-{name}.yaml")
}

/// A file name has at most 255 bytes, and the longest one is `.Link-NAME-99.yaml.new`.
const MAX_NAME_BYTES: usize = 255 - ".Link--99.yaml.new".len();

/// More than any file of a redeemer has, in bytes.
pub(super) const MAX_FILE_BYTES: usize = 2 * 1024 * 1024;
