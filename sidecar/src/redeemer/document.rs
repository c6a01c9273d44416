//! Secrets and Links in YAML, as redemption servers send them and as redeemers write them.
//!
//! All that is used is checked, and an object that a server places in a namespace, or a Secret with
//! an entry of another name, is refused. Any other field is left out and noted: the next version of a
//! server may send one more, and by then it has counted the redemption. Nothing may stand for
//! something else (anchors, aliases, merge keys) or stand twice.

mod left_out;

use std::num::NonZeroU16;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use skupper_access_manifest::reader;
use skupper_access_manifest::reader::node::Tree;
use zeroize::Zeroizing;

use self::left_out::{LeftOut, Others};
use super::origin::Stored;
use crate::wire::objects::{
    Annotation, Endpoint, Link, Metadata, Role, TlsSecret, read_endpoint_host,
};

/// One document of a stream. A server cannot note a URL in its metadata.
pub(super) struct Document {
    pub(super) object: Object,
    pub(super) metadata: Metadata,
    /// Fields that are left out, such as `Link spec.settings`.
    pub(super) left_out: Vec<String>,
}

/// The object of a document.
pub(super) enum Object {
    Secret(TlsSecret),
    Link(Link),
}

impl Object {
    /// The document that a redeemer writes.
    pub(super) fn to_yaml(&self, metadata: &Metadata) -> Zeroizing<String> {
        match self {
            Self::Secret(secret) => secret.to_yaml_with(metadata),
            Self::Link(link) => Zeroizing::new(link.to_yaml_with(metadata)),
        }
    }
}

/// Author of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// A server: its objects have a name and nothing else that places or prices them.
    Server,
    /// A redeemer, be it Skupper's, which writes the namespace.
    Redeemer,
    /// A redeemer and whoever else writes there: a Secret may have more entries.
    Cluster,
}

/// Reads a stream of documents. `None` when one of them is neither a Secret of type
/// `kubernetes.io/tls` nor a Link.
pub(super) fn read(text: &[u8], author: Author) -> Option<Vec<Document>> {
    let trees = reader::read(std::str::from_utf8(text).ok()?);
    if trees.len() > MAX_DOCUMENTS {
        return None;
    }
    let documents = trees.into_iter().map(|tree| {
        let tree = tree.ok().filter(Tree::is_literal)?;
        Document::of(tree.value().ok()?, author)
    });
    documents.collect()
}

/// Reads a file of a redeemer, which has one document.
pub(super) fn read_one(text: &[u8]) -> Option<Document> {
    read_one_of(text, Author::Redeemer)
}

/// Reads a file which has one document.
pub(super) fn read_one_of(text: &[u8], author: Author) -> Option<Document> {
    let documents = read(text, author)?;
    let [document] = documents.try_into().ok()?;
    Some(document)
}

/// Text in base64.
pub(super) fn text(base64: &str) -> Option<Zeroizing<String>> {
    let bytes = STANDARD.decode(base64).ok()?;
    String::from_utf8(bytes).ok().map(Zeroizing::new)
}

impl Document {
    /// Reads an object. `None` when it is neither a Secret of type `kubernetes.io/tls` nor a Link.
    pub(super) fn of(object: Value, author: Author) -> Option<Self> {
        let fields: Fields = serde_json::from_value(object).ok()?;
        fields.into_document(author)
    }

    /// Takes it for a Secret.
    pub(super) fn into_secret(self) -> Option<Stored<TlsSecret>> {
        let metadata = self.metadata;
        match self.object {
            Object::Secret(object) => Some(Stored { object, metadata }),
            Object::Link(_) => None,
        }
    }

    /// Takes it for a Link.
    pub(super) fn into_link(self) -> Option<Stored<Link>> {
        let metadata = self.metadata;
        match self.object {
            Object::Link(object) => Some(Stored { object, metadata }),
            Object::Secret(_) => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    api_version: String,
    kind: String,
    metadata: MetadataFields,
    r#type: Option<String>,
    data: Option<Entries>,
    spec: Option<LinkSpec>,
    #[serde(flatten)]
    others: Others,
}

#[derive(Deserialize)]
struct MetadataFields {
    name: String,
    namespace: Option<String>,
    #[serde(default)]
    annotations: Value,
    #[serde(flatten)]
    others: Others,
}

/// The entries of a TLS Secret, in base64.
#[derive(Deserialize)]
struct Entries {
    #[serde(rename = "ca.crt")]
    ca_crt: String,
    #[serde(rename = "tls.crt")]
    tls_crt: String,
    #[serde(rename = "tls.key")]
    tls_key: Option<String>,
    #[serde(flatten)]
    others: Others,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkSpec {
    endpoints: Vec<EndpointFields>,
    tls_credentials: String,
    #[serde(default)]
    cost: Value,
    #[serde(flatten)]
    others: Others,
}

#[derive(Deserialize)]
struct EndpointFields {
    name: String,
    host: String,
    /// A text, or a number.
    port: Value,
    #[serde(default)]
    group: String,
    #[serde(flatten)]
    others: Others,
}

impl Fields {
    fn into_document(mut self, author: Author) -> Option<Document> {
        let by_server = author == Author::Server;
        let MetadataFields {
            name,
            namespace,
            annotations,
            others,
        } = self.metadata;
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        if by_server && namespace.is_some() {
            return None;
        }
        let mut left_out = LeftOut::default();
        let own = Annotation::ALL.into_iter().filter_map(|annotation| {
            let value = annotations.get(annotation.as_str())?.as_str()?;
            Some((annotation, value.to_owned()))
        });
        let metadata = Metadata {
            namespace,
            annotations: own.filter(|_| !by_server).collect(),
        };
        left_out.field("metadata.", "annotations", &annotations);
        left_out.fields("metadata.", &others);
        left_out.fields("", &self.others);
        let object = match (self.api_version.as_str(), self.kind.as_str()) {
            ("v1", "Secret") if self.r#type.as_deref() == Some("kubernetes.io/tls") => {
                left_out.present("spec", self.spec.is_some());
                Object::Secret(self.data.take()?.into_secret(name, author)?)
            }
            ("skupper.io/v2alpha1", "Link") => {
                left_out.present("type", self.r#type.is_some());
                left_out.present("data", self.data.is_some());
                Object::Link(self.spec?.into_link(name, author, &mut left_out)?)
            }
            _ => return None,
        };
        Some(Document {
            left_out: left_out.of_kind(&self.kind),
            object,
            metadata,
        })
    }
}

impl Entries {
    fn into_secret(self, name: String, author: Author) -> Option<TlsSecret> {
        let is_whole = self.others.is_empty() || author == Author::Cluster;
        is_whole.then_some(())?;
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
    fn into_link(self, name: String, author: Author, left_out: &mut LeftOut) -> Option<Link> {
        left_out.fields("spec.", &self.others);
        let cost = match author {
            // The token prices the link.
            Author::Server => {
                left_out.field("spec.", "cost", &self.cost);
                None
            }
            _ if self.cost.is_null() => None,
            _ => Some(self.cost.as_u64()?.try_into().ok()?),
        };
        for endpoint in &self.endpoints {
            left_out.fields("spec.endpoints.", &endpoint.others);
        }
        let endpoints = self.endpoints.into_iter();
        let endpoints: Vec<_> = endpoints
            .map(EndpointFields::into_endpoint)
            .collect::<Option<_>>()?;
        (!endpoints.is_empty()).then_some(Link {
            name,
            tls_credentials: self.tls_credentials,
            endpoints,
            cost,
        })
    }
}

impl EndpointFields {
    fn into_endpoint(self) -> Option<Endpoint> {
        let port = match self.port {
            Value::String(text) => text,
            other => other.as_u64()?.to_string(),
        };
        // "+80" is a number to Rust.
        let is_plain = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse::<NonZeroU16>().ok();
        Some(Endpoint {
            role: Role::parse(&self.name)?,
            host: read_endpoint_host(&self.host).ok()?,
            port: port.filter(|_| is_plain)?,
            group: self.group,
        })
    }
}

/// A Secret and as many Links as [`super::answer`] takes, and one more to be refused.
const MAX_DOCUMENTS: usize = 128;
