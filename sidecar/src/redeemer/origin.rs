//! The grant that Secret and Links were redeemed from.
//!
//! The serial number of a certificate proves it where the server derives it from grant and key. Other
//! servers choose any number: there the URL tells that a redeemer noted beside the certificate. A name
//! proves nothing, because two grants may have tokens of one name.

use skupper_access_policy::value::redemption_url::RedemptionUrl;

use super::credential::Credential;
use super::key_file;
use crate::wire::objects::{Link, Metadata, TlsSecret};

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
        let uid = key_file::uid(url);
        let is_proven = uid.is_some_and(|uid| credential.is_redemption_of(&uid));
        let is_this = |noted: &String| match RedemptionUrl::parse(noted) {
            Ok(noted) if is_proven => key_file::uid(&noted) == uid,
            Ok(noted) => is_same(&noted, url),
            Err(_) => false,
        };
        let mut noted_in_links = links
            .iter()
            .filter_map(|link| link.metadata.redeemed_from.as_ref());
        if !noted_in_links.all(is_this) {
            return Self::AnotherGrant;
        }
        match &secret.metadata.redeemed_from {
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
        redeemed_from: Some(format!("{scheme}://{host}{port}{path}")),
    }
}

/// True where two URLs lead to the same grant: Skupper's server passes over slashes at the end.
fn is_same(one: &RedemptionUrl, other: &RedemptionUrl) -> bool {
    let path = |url: &RedemptionUrl| url.path().trim_end_matches('/').to_owned();
    one.host() == other.host() && one.port() == other.port() && path(one) == path(other)
}
