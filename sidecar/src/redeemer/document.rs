//! Secrets and Links in YAML, as redemption servers send them and as redeemers write them.
//!
//! Every field is known: whoever sends one more wants something that a redeemer does not do. There
//! are no anchors and no aliases, so that nothing grows while it is read.

use std::num::NonZeroU16;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::manifest::{Endpoint, Link, Role, TlsSecret, read_endpoint_host};

/// One object of a stream.
pub(super) enum Document {
    Secret(TlsSecret),
    Link(Link),
}

/// Whose documents they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// A server: its objects have a name and nothing else that places or prices them.
    Server,
    /// A redeemer, be it Skupper's, which writes the namespace.
    Redeemer,
}

/// Reads a stream of documents. `None` when one of them is neither a Secret of type
/// `kubernetes.io/tls` nor a Link.
pub(super) fn read(text: &[u8], author: Author) -> Option<Vec<Document>> {
    let text = std::str::from_utf8(text).ok()?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_depth: 16,
            max_documents: MAX_DOCUMENTS,
            max_merge_keys: 0,
        },
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let read = serde_saphyr::from_multiple_with_options::<Fields>(text, options);
    let documents = read.ok()?.into_iter();
    documents
        .map(|fields| fields.into_document(author))
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Fields {
    api_version: String,
    kind: String,
    metadata: Metadata,
    r#type: Option<String>,
    data: Option<Entries>,
    spec: Option<LinkSpec>,
    status: Option<Empty>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: Option<String>,
    #[serde(default, rename = "creationTimestamp")]
    _creation_timestamp: (),
}

/// The entries of a TLS Secret, in base64.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    #[serde(rename = "ca.crt")]
    ca_crt: String,
    #[serde(rename = "tls.crt")]
    tls_crt: String,
    #[serde(rename = "tls.key")]
    tls_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LinkSpec {
    endpoints: Vec<EndpointFields>,
    tls_credentials: String,
    cost: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointFields {
    name: String,
    host: String,
    port: String,
    #[serde(default)]
    group: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

impl Fields {
    fn into_document(self, author: Author) -> Option<Document> {
        let by_server = author == Author::Server;
        if by_server && self.metadata.namespace.is_some() {
            return None;
        }
        let name = self.metadata.name;
        match (self.api_version.as_str(), self.kind.as_str()) {
            ("v1", "Secret") if self.spec.is_none() && self.status.is_none() => {
                if self.r#type.as_deref() != Some("kubernetes.io/tls") {
                    return None;
                }
                self.data?.into_secret(name).map(Document::Secret)
            }
            ("skupper.io/v2alpha1", "Link") if self.r#type.is_none() && self.data.is_none() => {
                let spec = self.spec?;
                if by_server && spec.cost.is_some() {
                    return None;
                }
                spec.into_link(name).map(Document::Link)
            }
            _ => None,
        }
    }
}

impl Entries {
    fn into_secret(self, name: String) -> Option<TlsSecret> {
        Some(TlsSecret {
            name,
            ca_crt: text(&self.ca_crt)?.to_string(),
            tls_crt: text(&self.tls_crt)?.to_string(),
            tls_key: match self.tls_key {
                Some(key) => Some(text(&Zeroizing::new(key))?.as_str().into()),
                None => None,
            },
        })
    }
}

impl LinkSpec {
    fn into_link(self, name: String) -> Option<Link> {
        let endpoints = self.endpoints.into_iter();
        let endpoints: Vec<_> = endpoints
            .map(EndpointFields::into_endpoint)
            .collect::<Option<_>>()?;
        (!endpoints.is_empty()).then_some(Link {
            name,
            tls_credentials: self.tls_credentials,
            endpoints,
            cost: self.cost,
        })
    }
}

impl EndpointFields {
    fn into_endpoint(self) -> Option<Endpoint> {
        // "+80" is a number to Rust.
        let is_plain = self.port.bytes().all(|byte| byte.is_ascii_digit());
        let port = self.port.parse::<NonZeroU16>().ok();
        Some(Endpoint {
            role: Role::parse(&self.name)?,
            host: read_endpoint_host(&self.host).ok()?,
            port: port.filter(|_| is_plain)?,
            group: self.group,
        })
    }
}

fn text(base64: &str) -> Option<Zeroizing<String>> {
    let bytes = STANDARD.decode(base64).ok()?;
    String::from_utf8(bytes).ok().map(Zeroizing::new)
}

/// A Secret and as many Links as [`super::answer`] takes, and one more to be refused.
const MAX_DOCUMENTS: usize = 128;
