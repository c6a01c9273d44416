//! The answer to a redemption, read strictly: a hostile server must not choose the name of a file
//! or an object, nor what a redeemer writes beside the certificate and the endpoints.
//!
//! Source: Skupper `internal/kube/grants/tokens.go`.

use std::iter;

use chrono::{DateTime, Utc};
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use thiserror::Error;
use zeroize::Zeroizing;

use super::credential::{Credential, CredentialProblem};
use super::document::{self, Author, Document, Object};
use super::origin::{Origin, Stored};
use super::renewal_server::RenewalServer;
use crate::wire::objects::{Link, Metadata, TlsSecret};

/// The objects of an answer, every one of them right. No `Debug`: it may hold a key.
pub struct Answer {
    /// With the name that was asked for.
    pub secret: TlsSecret,
    /// At least one, in the order of the answer.
    pub links: Vec<Link>,
    /// Facts about the Secret's certificate, which may not be valid now.
    pub credential: Credential,
    /// Fields of the answer that are left out, such as `Link spec.settings`.
    pub left_out: Vec<String>,
    /// The server that renews the certificate, where one does and it is wanted.
    pub renewal: Option<RenewalServer>,
    /// The grant that the objects are of.
    pub(super) origin: Origin,
}

impl Answer {
    /// Reads the answer of a server to a request for `name` with the key whose
    /// SubjectPublicKeyInfo is `own_key`.
    ///
    /// # Errors
    /// The first thing that is not as it must be.
    pub fn read(
        body: &[u8],
        name: &str,
        own_key: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Self, AnswerProblem> {
        let objects = Objects::of(document::read(body, Author::Server))?;
        objects.check_names(name)?;
        let credential = Credential::judge_new(&objects.secret.object, own_key, now)?;
        Ok(objects.into_answer(credential, Origin::ThisGrant))
    }

    /// Reads the same objects as a redeemer keeps them: with the key, whoever made it.
    pub(super) fn read_back(
        text: &[u8],
        name: &str,
        own_key: Option<&[u8]>,
        url: &RedemptionUrl,
        now: DateTime<Utc>,
    ) -> Result<Self, AnswerProblem> {
        let objects = Objects::of(document::read(text, Author::Redeemer))?;
        Self::of_objects(objects, name, own_key, url, now)
    }

    /// The same of objects that were read already. There is at least one Link.
    pub(super) fn of_objects(
        objects: Objects,
        name: &str,
        own_key: Option<&[u8]>,
        url: &RedemptionUrl,
        now: DateTime<Utc>,
    ) -> Result<Self, AnswerProblem> {
        objects.check_names(name)?;
        let credential = Credential::judge_kept(&objects.secret.object, own_key, now)?;
        let origin = Origin::of(&objects.secret, &objects.links, &credential, url);
        // One that somebody has spoilt keeps nothing else from its place.
        let renewal = RenewalServer::of_annotations(&objects.secret.metadata).unwrap_or_default();
        Ok(Self {
            renewal,
            ..objects.into_answer(credential, origin)
        })
    }

    /// The stream of YAML documents that [`Answer::read_back`] reads.
    pub(super) fn to_yaml(&self, metadata: &Metadata) -> Zeroizing<String> {
        let documents: Vec<_> = self.documents(metadata).collect();
        let parts = documents.iter().flat_map(|yaml| [SEPARATOR, yaml]);
        let parts: Vec<_> = parts.collect();
        // In one piece, so that no growth leaves a copy of the key behind.
        Zeroizing::new(parts.concat())
    }

    /// The YAML of the Secret, then that of each Link.
    pub(super) fn documents(&self, metadata: &Metadata) -> impl Iterator<Item = Zeroizing<String>> {
        let of_link = metadata.of_link();
        let mut metadata = metadata.clone();
        if let Some(renewal) = &self.renewal {
            metadata.annotations.extend(renewal.annotations());
        }
        let links = self.links.iter();
        let links = links.map(move |link| Zeroizing::new(link.to_yaml_with(&of_link)));
        iter::once(self.secret.to_yaml_with(&metadata)).chain(links)
    }
}

/// The Secret of a name as a redeemer keeps it.
pub(super) fn read_secret(
    text: &[u8],
    author: Author,
    name: &str,
    namespace: Option<&str>,
) -> Result<Stored<TlsSecret>, AnswerProblem> {
    let document = document::read_one_of(text, author).and_then(Document::into_secret);
    let secret = document.ok_or(AnswerProblem::Secrets)?;
    if secret.object.name != name {
        return Err(AnswerProblem::OtherName);
    }
    if !secret.is_of(namespace) {
        return Err(AnswerProblem::OtherNamespace);
    }
    Ok(secret)
}

/// The names of so many Links. Source: Skupper `internal/kube/grants/tokens.go`, `NewCertToken`.
pub(super) fn link_names(name: &str, count: usize) -> Vec<String> {
    match count {
        1 => vec![name.to_owned()],
        _ => (1..=count)
            .map(|number| format!("{name}-{number}"))
            .collect(),
    }
}

/// Line between two documents of a stream.
const SEPARATOR: &str = "---\n";

/// Most Links of an answer: one for each group of endpoints.
pub(super) const MAX_LINKS: usize = 99;

/// Reason an answer is not used. Holds nothing of it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AnswerProblem {
    /// It is not YAML, or something in it is neither a TLS Secret nor a Link.
    #[error("it is not a stream of a TLS Secret and Links as Skupper writes them")]
    OtherObjects,
    /// It has no Secret, or more than one.
    #[error("it has not exactly one Secret")]
    Secrets,
    /// It has no Link.
    #[error("it has no Link")]
    NoLink,
    /// It has more than [`MAX_LINKS`] Links.
    #[error("it has more than {MAX_LINKS} Links")]
    ManyLinks,
    /// Secret or Links have other names than those that were asked for.
    #[error("its objects have other names than those that were asked for")]
    OtherName,
    /// Secret or Links that are there already are of another namespace.
    #[error("its objects are of another namespace")]
    OtherNamespace,
    /// The certificate cannot be used.
    #[error(transparent)]
    Credential(#[from] CredentialProblem),
}

/// A Secret and its Links, before they are judged.
pub(super) struct Objects {
    pub(super) secret: Stored<TlsSecret>,
    pub(super) links: Vec<Stored<Link>>,
    pub(super) left_out: Vec<String>,
}

impl Objects {
    fn of(documents: Option<Vec<Document>>) -> Result<Self, AnswerProblem> {
        let mut secrets = Vec::new();
        let mut links = Vec::new();
        let mut left_out = Vec::new();
        for document in documents.ok_or(AnswerProblem::OtherObjects)? {
            let metadata = document.metadata;
            left_out.extend(document.left_out);
            match document.object {
                Object::Secret(object) => secrets.push(Stored { object, metadata }),
                Object::Link(object) => links.push(Stored { object, metadata }),
            }
        }
        left_out.sort();
        left_out.dedup();
        match links.len() {
            0 => return Err(AnswerProblem::NoLink),
            1..=MAX_LINKS => {}
            _ => return Err(AnswerProblem::ManyLinks),
        }
        let secret = <[Stored<TlsSecret>; 1]>::try_from(secrets);
        let [secret] = secret.map_err(|_| AnswerProblem::Secrets)?;
        Ok(Self {
            secret,
            links,
            left_out,
        })
    }

    fn check_names(&self, name: &str) -> Result<(), AnswerProblem> {
        let links = self.links.iter().map(|link| &link.object);
        let mut names: Vec<_> = links.clone().map(|link| link.name.clone()).collect();
        let mut wanted = link_names(name, names.len());
        names.sort_unstable();
        wanted.sort_unstable();
        if self.secret.object.name != name
            || names != wanted
            || links.into_iter().any(|link| link.tls_credentials != name)
        {
            return Err(AnswerProblem::OtherName);
        }
        Ok(())
    }

    fn into_answer(self, credential: Credential, origin: Origin) -> Answer {
        let links = self.links.into_iter();
        Answer {
            secret: self.secret.object,
            links: links.map(|link| link.object).collect(),
            credential,
            left_out: self.left_out,
            renewal: None,
            origin,
        }
    }
}
