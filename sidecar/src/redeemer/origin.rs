//! The grant that Secret and Links were redeemed from.
//!
//! The serial number of a certificate proves it where the server derives it from grant and key. Other
//! servers choose any number: there the URL tells that a redeemer noted beside the certificate. A name
//! proves nothing, because two grants may have tokens of one name.

use sha2::{Digest, Sha256};
use skupper_access_policy::value::redemption_url::RedemptionUrl;

use super::credential::Credential;
use crate::redemption::GrantUid;
use crate::wire::objects::{Annotation, Link, Metadata, TlsSecret};

/// An object as a redeemer stores it.
pub(super) struct Stored<T> {
    pub(super) object: T,
    pub(super) metadata: Metadata,
}

impl<T> Stored<T> {
    /// True where it belongs to this namespace of Skupper, or none is asked for.
    ///
    /// Source: Skupper `internal/nonkube/common/site_state_loader.go`, `GetNamespacesFound`.
    pub(super) fn is_of(&self, namespace: Option<&str>) -> bool {
        let own = self.metadata.namespace.as_deref().unwrap_or("default");
        namespace.is_none_or(|namespace| namespace == own)
    }
}

/// The grant of objects, beside that of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// That of the token.
    ThisGrant,
    /// Another one.
    AnotherGrant,
    /// Nothing tells.
    Unknown,
}

impl Origin {
    /// The origin of a Secret, and of Links that go with it.
    pub(super) fn of(
        secret: &Stored<TlsSecret>,
        links: &[Stored<Link>],
        credential: &Credential,
        url: &RedemptionUrl,
    ) -> Self {
        let uid = grant_uid(url);
        let is_proven = uid.is_some_and(|uid| credential.is_redemption_of(&uid));
        let is_this = |noted: &str| match RedemptionUrl::parse(noted) {
            Ok(noted) if is_proven => grant_uid(&noted) == uid,
            Ok(noted) => is_same(&noted, url),
            Err(_) => false,
        };
        let mut noted_in_links = links
            .iter()
            .filter_map(|link| link.metadata.annotation(Annotation::RedeemedFrom));
        if !noted_in_links.all(is_this) {
            return Self::AnotherGrant;
        }
        match secret.metadata.annotation(Annotation::RedeemedFrom) {
            _ if is_proven => Self::ThisGrant,
            Some(noted) if is_this(noted) => Self::ThisGrant,
            Some(_) => Self::AnotherGrant,
            None => Self::Unknown,
        }
    }
}

/// Metadata of objects that are redeemed from a URL.
pub(super) fn note(url: &RedemptionUrl, namespace: Option<&str>) -> Metadata {
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    let (scheme, host, path) = (url.scheme(), url.host(), url.path());
    Metadata {
        namespace: namespace.map(str::to_owned),
        annotations: [(
            Annotation::RedeemedFrom,
            format!("{scheme}://{host}{port}{path}"),
        )]
        .into(),
    }
}

/// The part of file names that stands for a grant: its uid, the last segment of the URL. Another server's
/// URL may end in anything, so anything else is replaced by its digest.
pub(super) fn stem(url: &RedemptionUrl) -> String {
    if let Some(uid) = grant_uid(url) {
        return uid.to_string();
    }
    let port = url.port().map_or(0, std::num::NonZeroU16::get);
    let url = format!("{}:{port}{}", url.host(), url.path());
    let digest = Sha256::digest(url.as_bytes());
    let (first, _) = digest.split_at(16);
    let first = first.try_into().unwrap_or_default();
    format!("{:032x}", u128::from_be_bytes(first))
}

/// The grant of a URL, where its last segment is a uid.
pub(super) fn grant_uid(url: &RedemptionUrl) -> Option<GrantUid> {
    let path = url.path().trim_end_matches('/');
    GrantUid::parse(path.rsplit('/').next().unwrap_or_default())
}

/// True where two URLs lead to the same grant: Skupper's server passes over slashes at the end.
fn is_same(one: &RedemptionUrl, other: &RedemptionUrl) -> bool {
    let path = |url: &RedemptionUrl| url.path().trim_end_matches('/').to_owned();
    one.host() == other.host() && one.port() == other.port() && path(one) == path(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RedemptionUrl {
        RedemptionUrl::parse(text).unwrap()
    }

    #[test]
    fn a_file_is_named_after_the_grant_and_never_after_what_a_server_wrote() {
        const UID: &str = "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10";
        let table = [
            ("a uid", format!("https://a.example/{UID}"), Some(UID)),
            (
                "a slash behind it",
                format!("https://a.example/{UID}/"),
                Some(UID),
            ),
            (
                "folders before it",
                format!("https://a.example/x/{UID}"),
                Some(UID),
            ),
            (
                "in capitals",
                format!("https://a.example/{}", UID.to_uppercase()),
                Some(UID),
            ),
            ("a name", "https://a.example/b".to_owned(), None),
            ("dots", "https://a.example/../..".to_owned(), None),
            (
                "escaped slashes",
                "https://a.example/..%2f..%2fetc".to_owned(),
                None,
            ),
            (
                "a long one",
                format!("https://a.example/{}", "x".repeat(1900)),
                None,
            ),
        ];
        let mut digests = std::collections::BTreeSet::new();
        for (name, text, expected) in &table {
            let stem = stem(&url(text));
            if let Some(uid) = expected {
                assert_eq!(stem, *uid, "{name}");
                continue;
            }
            assert!(stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit()));
            assert!(digests.insert(stem), "{name}");
        }
        let port = stem(&url("https://a.example:444/b"));
        assert_ne!(port, stem(&url("https://a.example:443/b")));
    }
}
