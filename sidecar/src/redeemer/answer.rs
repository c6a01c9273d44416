//! The answer to a redemption, read strictly: a hostile server must not choose the name of a file
//! or an object, nor what a redeemer writes beside the certificate and the endpoints.
//!
//! Source: Skupper `internal/kube/grants/tokens.go`.

use std::fmt;

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::credential::{Credential, CredentialProblem};
use super::document::{self, Author, Document};
use crate::manifest::{Link, TlsSecret};

/// The objects of an answer, every one of them right. No `Debug`: it may hold a key.
pub struct Answer {
    /// With the name that was asked for.
    pub secret: TlsSecret,
    /// At least one, in the order of the answer.
    pub links: Vec<Link>,
    /// What is known of the Secret's certificate.
    pub credential: Credential,
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
        let (secret, links) = split(document::read(body, Author::Server))?;
        check_names(&secret, &links, name)?;
        let credential = Credential::judge_new(&secret, own_key, now);
        Ok(Self {
            credential: credential.map_err(AnswerProblem::Credential)?,
            secret,
            links,
        })
    }

    /// Reads the same objects as a redeemer keeps them: with the key, whoever made it.
    pub(super) fn read_back(
        text: &[u8],
        name: &str,
        own_key: Option<&[u8]>,
        now: DateTime<Utc>,
    ) -> Result<Self, AnswerProblem> {
        let (secret, links) = split(document::read(text, Author::Redeemer))?;
        Self::of_objects(secret, links, name, own_key, now)
    }

    /// The same of objects that were read already. There is at least one Link.
    pub(super) fn of_objects(
        secret: TlsSecret,
        links: Vec<Link>,
        name: &str,
        own_key: Option<&[u8]>,
        now: DateTime<Utc>,
    ) -> Result<Self, AnswerProblem> {
        check_names(&secret, &links, name)?;
        let credential = Credential::judge_kept(&secret, own_key, now);
        Ok(Self {
            credential: credential.map_err(AnswerProblem::Credential)?,
            secret,
            links,
        })
    }

    /// The stream of YAML documents that [`Answer::read_back`] reads.
    pub(super) fn to_yaml(&self) -> Zeroizing<String> {
        let secret = self.secret.to_yaml();
        let links: Vec<_> = self.links.iter().map(Link::to_yaml).collect();
        // Room for all of it, so that no growth leaves a copy of the key behind.
        let length = links.iter().map(|link| SEPARATOR.len() + link.len());
        let length = SEPARATOR.len() + secret.len() + length.sum::<usize>();
        let mut text = Zeroizing::new(String::with_capacity(length));
        for yaml in [secret.as_str()]
            .into_iter()
            .chain(links.iter().map(String::as_str))
        {
            text.push_str(SEPARATOR);
            text.push_str(yaml);
        }
        text
    }
}

/// The Secret of a name as a redeemer keeps it, and what is known of its certificate.
pub(super) fn read_secret(
    text: &[u8],
    name: &str,
    now: DateTime<Utc>,
) -> Result<(TlsSecret, Credential), AnswerProblem> {
    let documents = document::read(text, Author::Redeemer).ok_or(AnswerProblem::OtherObjects)?;
    let mut documents = documents.into_iter();
    let (Some(Document::Secret(secret)), None) = (documents.next(), documents.next()) else {
        return Err(AnswerProblem::Secrets);
    };
    if secret.name != name {
        return Err(AnswerProblem::OtherName);
    }
    let credential = Credential::judge_kept(&secret, None, now);
    let credential = credential.map_err(AnswerProblem::Credential)?;
    Ok((secret, credential))
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

/// The first Link of an answer with one Link, and that of an answer with several.
pub(super) fn first_link_names(name: &str) -> [String; 2] {
    [name.to_owned(), format!("{name}-1")]
}

/// What is between two documents of a stream.
pub(super) const SEPARATOR: &str = "---\n";

/// Most Links of an answer: one for each group of endpoints.
pub(super) const MAX_LINKS: usize = 99;

/// Why an answer is not used. Nothing of it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerProblem {
    /// It is not YAML, or something in it is neither a TLS Secret nor a Link.
    OtherObjects,
    /// It has no Secret, or more than one.
    Secrets,
    /// It has no Link.
    NoLink,
    /// It has more than [`MAX_LINKS`] Links.
    ManyLinks,
    /// Secret or Links have other names than those that were asked for.
    OtherName,
    /// The certificate cannot be used.
    Credential(CredentialProblem),
}

impl fmt::Display for AnswerProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherObjects => formatter.write_str(
                "it is not a stream of a TLS Secret and Links with the fields that Skupper writes",
            ),
            Self::Secrets => formatter.write_str("it has not exactly one Secret"),
            Self::NoLink => formatter.write_str("it has no Link"),
            Self::ManyLinks => formatter.write_str("it has more than 99 Links"),
            Self::OtherName => {
                formatter.write_str("its objects have other names than those that were asked for")
            }
            Self::Credential(problem) => problem.fmt(formatter),
        }
    }
}

fn check_names(secret: &TlsSecret, links: &[Link], name: &str) -> Result<(), AnswerProblem> {
    let mut names: Vec<_> = links.iter().map(|link| link.name.clone()).collect();
    let mut wanted = link_names(name, links.len());
    names.sort_unstable();
    wanted.sort_unstable();
    if secret.name != name
        || names != wanted
        || links.iter().any(|link| link.tls_credentials != name)
    {
        return Err(AnswerProblem::OtherName);
    }
    Ok(())
}

fn split(documents: Option<Vec<Document>>) -> Result<(TlsSecret, Vec<Link>), AnswerProblem> {
    let mut secrets = Vec::new();
    let mut links = Vec::new();
    for document in documents.ok_or(AnswerProblem::OtherObjects)? {
        match document {
            Document::Secret(secret) => secrets.push(secret),
            Document::Link(link) => links.push(link),
        }
    }
    match links.len() {
        0 => return Err(AnswerProblem::NoLink),
        1..=MAX_LINKS => {}
        _ => return Err(AnswerProblem::ManyLinks),
    }
    match <[TlsSecret; 1]>::try_from(secrets) {
        Ok([secret]) => Ok((secret, links)),
        Err(_) => Err(AnswerProblem::Secrets),
    }
}
