//! The Kubernetes objects that are made of a token: Secret and Link.
//!
//! They are printed as block YAML whose every text is a double-quoted scalar, so that YAML 1.1 and
//! 1.2 readers agree on names such as `no` or `1e3`. Skupper reads a stream that begins with `{` as
//! JSON throughout, therefore no flow style at the top.
//!
//! Source: Skupper's `skupper.io/v2alpha1` reference; Kubernetes `core/v1` Secret, type
//! `kubernetes.io/tls`.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::num::NonZeroU16;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use skupper_access_policy::value::host::{Host, HostProblem};
use zeroize::Zeroizing;

/// Purpose of an endpoint. Nothing else goes into a Link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Routers of edge sites connect here.
    Edge,
    /// Routers of interior sites connect here.
    InterRouter,
}

impl Role {
    /// Both roles, in the order in which Skupper lists them.
    pub const ALL: [Self; 2] = [Self::Edge, Self::InterRouter];

    /// The name of the endpoint. `None` from [`Role::parse`] is an endpoint of another kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::InterRouter => "inter-router",
        }
    }

    /// The role of an endpoint's name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// One place where a router of the site listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its purpose.
    pub role: Role,
    /// Its host.
    pub host: Host,
    /// Its port. A string in YAML.
    pub port: NonZeroU16,
    /// Endpoints of one group stand in one Link. May be empty.
    pub group: String,
}

/// Reads a host as endpoints write it: a name or an address, IPv6 with or without brackets.
///
/// # Errors
/// Anything else.
pub fn read_endpoint_host(text: &str) -> Result<Host, HostProblem> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(Host::Ip(address)),
        Err(_) => Host::parse(text),
    }
}

/// The host of an endpoint as Skupper writes it: IPv6 without brackets.
pub(crate) fn endpoint_host(host: &Host) -> String {
    match host {
        Host::Name(name) => name.as_str().to_owned(),
        Host::Ip(address) => address.to_string(),
    }
}

/// Metadata of a Secret or a Link beside its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The namespace it belongs to.
    pub namespace: Option<String>,
    /// Annotations of this program, with their values.
    pub annotations: BTreeMap<Annotation, String>,
}

impl Metadata {
    fn push(&self, yaml: &mut String, name: &str) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(yaml, "metadata:\n  name: {}", Quoted(name));
        if let Some(namespace) = &self.namespace {
            let _ = writeln!(yaml, "  namespace: {}", Quoted(namespace));
        }
        if !self.annotations.is_empty() {
            yaml.push_str("  annotations:\n");
        }
        for (annotation, value) in &self.annotations {
            let _ = writeln!(yaml, "    {annotation}: {}", Quoted(value));
        }
    }

    /// The value of an annotation.
    #[must_use]
    pub fn annotation(&self, annotation: Annotation) -> Option<&str> {
        self.annotations.get(&annotation).map(String::as_str)
    }

    /// The same with what a Link carries of it: its renewal is that of its Secret.
    #[must_use]
    pub fn of_link(&self) -> Self {
        let mut metadata = self.clone();
        let is_of_link = |annotation: &Annotation| *annotation == Annotation::RedeemedFrom;
        metadata
            .annotations
            .retain(|annotation, _| is_of_link(annotation));
        metadata
    }
}

/// An annotation of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Annotation {
    /// Of Secrets and Links: the URL of the token that they were redeemed from.
    RedeemedFrom,
    /// Of a Secret: the URL at which its certificate is renewed.
    RenewalUrl,
    /// Of a Secret: the CA of the server there, DER after DER, in base64.
    ServerCa,
    /// Of a Secret: the serial number of the certificate that the router was told of.
    Told,
    /// Of a Secret: the same, once the granting site has heard of it.
    Reported,
    /// Of a Secret in a cluster: the number that Skupper's controller had given to the certificate before.
    Ordinal,
}

impl Annotation {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::RedeemedFrom,
        Self::RenewalUrl,
        Self::ServerCa,
        Self::Told,
        Self::Reported,
        Self::Ordinal,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RedeemedFrom => "redemption-sidecar/redeemed-from",
            Self::RenewalUrl => "redemption-sidecar/renewal-url",
            Self::ServerCa => "redemption-sidecar/server-ca",
            Self::Told => "redemption-sidecar/told",
            Self::Reported => "redemption-sidecar/reported",
            Self::Ordinal => "redemption-sidecar/ordinal",
        }
    }
}

impl fmt::Display for Annotation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A Secret of type `kubernetes.io/tls` with the client certificate of a link. No `Debug`.
pub struct TlsSecret {
    /// Its name.
    pub name: String,
    /// The certificates of the issuer, in PEM.
    pub ca_crt: String,
    /// The client certificate, in PEM.
    pub tls_crt: String,
    /// The private key in PEM; absent in an answer to a redeemer that made its own.
    pub tls_key: Option<SecretString>,
}

impl TlsSecret {
    /// The object as one YAML document without a separator.
    #[must_use]
    pub fn to_yaml(&self) -> Zeroizing<String> {
        self.to_yaml_with(&Metadata::default())
    }

    /// The same with more metadata than its name.
    #[must_use]
    pub fn to_yaml_with(&self, metadata: &Metadata) -> Zeroizing<String> {
        // Room for all of it, so that no growth leaves a copy of the key behind.
        let key = self.tls_key.as_ref().map(ExposeSecret::expose_secret);
        let length = self.ca_crt.len() + self.tls_crt.len() + key.map_or(0, str::len);
        let mut yaml = Zeroizing::new(String::with_capacity(2 * length + METADATA_ROOM));
        yaml.push_str("apiVersion: v1\nkind: Secret\n");
        metadata.push(&mut yaml, &self.name);
        yaml.push_str("type: kubernetes.io/tls\ndata:\n");
        let entries = [
            ("ca.crt", Some(self.ca_crt.as_str())),
            ("tls.crt", Some(self.tls_crt.as_str())),
            ("tls.key", key),
        ];
        for (name, text) in entries {
            let Some(text) = text else { continue };
            let _ = write!(yaml, "  {name}: ");
            STANDARD.encode_string(text, &mut yaml);
            yaml.push('\n');
        }
        yaml
    }
}

/// A Link: where to connect, and with which credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// The name of the Secret.
    pub tls_credentials: String,
    /// Endpoints to connect to; at least one.
    pub endpoints: Vec<Endpoint>,
    /// The cost of the link; absent in an answer.
    pub cost: Option<u32>,
}

impl Link {
    /// The object as one YAML document without a separator.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        self.to_yaml_with(&Metadata::default())
    }

    /// The same with more metadata than its name.
    #[must_use]
    pub fn to_yaml_with(&self, metadata: &Metadata) -> String {
        let mut yaml = String::with_capacity(METADATA_ROOM);
        yaml.push_str("apiVersion: skupper.io/v2alpha1\nkind: Link\n");
        metadata.push(&mut yaml, &self.name);
        yaml.push_str("spec:\n");
        if let Some(cost) = self.cost {
            let _ = writeln!(yaml, "  cost: {cost}");
        }
        yaml.push_str("  endpoints:\n");
        for endpoint in &self.endpoints {
            let (name, port) = (endpoint.role.as_str(), endpoint.port);
            let _ = writeln!(
                yaml,
                "  - group: {}\n    host: {}\n    name: {name}\n    port: \"{port}\"",
                Quoted(&endpoint.group),
                Quoted(&endpoint_host(&endpoint.host)),
            );
        }
        let _ = writeln!(yaml, "  tlsCredentials: {}", Quoted(&self.tls_credentials));
        yaml
    }
}

/// Room for metadata and the little that a Secret has beside its entries.
const METADATA_ROOM: usize = 1024;

/// Prints as a double-quoted scalar. YAML's escapes are a superset of JSON's, but for characters that YAML
/// calls not printable and JSON writes as they are: those are escaped, too.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(formatter, "\\{character}")?,
                ' '..='~' => formatter.write_char(character)?,
                other if other.is_alphanumeric() => formatter.write_char(other)?,
                other => write!(formatter, "\\U{:08x}", u32::from(other))?,
            }
        }
        formatter.write_char('"')
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_block_yaml_with_quoted_texts() {
        let link = Link {
            name: "no".to_owned(),
            tls_credentials: "no".to_owned(),
            endpoints: vec![Endpoint {
                role: Role::InterRouter,
                host: read_endpoint_host("2001:db8::1").unwrap(),
                port: NonZeroU16::new(55671).unwrap(),
                group: "1e3\n\"".to_owned(),
            }],
            cost: Some(2),
        };
        assert_eq!(
            link.to_yaml(),
            "apiVersion: skupper.io/v2alpha1\nkind: Link\nmetadata:\n  name: \"no\"\nspec:\n  \
             cost: 2\n  endpoints:\n  - group: \"1e3\\U0000000a\\\"\"\n    host: \"2001:db8::1\"\n    \
             name: inter-router\n    port: \"55671\"\n  tlsCredentials: \"no\"\n"
        );
    }

    #[test]
    fn a_secret_without_a_key_has_no_such_entry() {
        let mut secret = TlsSecret {
            name: "west".to_owned(),
            ca_crt: "ca".to_owned(),
            tls_crt: "crt".to_owned(),
            tls_key: None,
        };
        let yaml = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"west\"\n\
                    type: kubernetes.io/tls\ndata:\n  ca.crt: Y2E=\n  tls.crt: Y3J0\n";
        assert_eq!(*secret.to_yaml(), yaml);
        secret.tls_key = Some("key".into());
        assert_eq!(*secret.to_yaml(), format!("{yaml}  tls.key: a2V5\n"));
    }

    #[test]
    fn metadata_stands_behind_the_name() {
        let secret = TlsSecret {
            name: "west".to_owned(),
            ca_crt: "ca".to_owned(),
            tls_crt: "crt".to_owned(),
            tls_key: None,
        };
        let metadata = Metadata {
            namespace: Some("no".to_owned()),
            annotations: [(
                Annotation::RedeemedFrom,
                "https://a.example:443/b".to_owned(),
            )]
            .into(),
        };
        assert_eq!(
            *secret.to_yaml_with(&metadata),
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"west\"\n  namespace: \"no\"\n  \
             annotations:\n    redemption-sidecar/redeemed-from: \"https://a.example:443/b\"\n\
             type: kubernetes.io/tls\ndata:\n  ca.crt: Y2E=\n  tls.crt: Y3J0\n"
        );
    }

    #[test]
    fn any_text_comes_back_from_yaml() {
        for text in [
            "",
            "no",
            "a\u{2028}b\u{85}\u{feff}",
            "\u{1F600} ключ \\ \" \t\u{7f}",
            "a: b # c",
        ] {
            let yaml = Quoted(text).to_string();
            assert_eq!(serde_saphyr::from_str::<String>(&yaml).unwrap(), text);
        }
    }
}
