//! A site on a cluster, as its objects describe it: the Site of a namespace, and the Secrets of its
//! issuers.
//!
//! | of the site | from |
//! |---|---|
//! | endpoints | `status.endpoints`: `inter-router` and `edge`, and no others; none when `spec.edge` is true |
//! | default issuer | `status.defaultIssuer`, else `spec.defaultIssuer`, else `skupper-site-ca` |
//! | issuers | the Secret of the default one and those that `--issuer` names, `tls.crt`, `tls.key` and, above an intermediate CA, `ca.crt` |
//! | issuers before the default one | the Secrets that `--previous-issuer` names, `tls.crt` and `ca.crt` |
//!
//! Source: Skupper's Site reference.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use skupper_access_policy::printable::printable;
use zeroize::Zeroizing;

use super::Site;
use super::previous::Previous;
use super::skupper_namespace::DEFAULT_ISSUER;
use super::source::{IssuerFault, Loaded, SecretProblem};
use crate::pki::issuer::{Issuer, PreviousIssuer, found};
use crate::wire::objects::{Endpoint, Role, read_endpoint_host};

/// Objects of a namespace, as far as they are known. No `Debug`: it holds the keys of issuers.
#[derive(Clone, Default)]
pub struct Objects {
    /// The Sites, in the order of their age.
    pub sites: Vec<Value>,
    /// The Secrets by name; one that is not known is missing.
    pub secrets: BTreeMap<String, Result<IssuerPem, SecretProblem>>,
    /// The certificates in the Secrets of issuers that the default one has followed, by name.
    pub previous: BTreeMap<String, Result<CertificatePem, SecretProblem>>,
}

/// Certificate and key of an issuer, in PEM, as a Secret holds them. No `Debug`.
#[derive(Clone)]
pub struct IssuerPem {
    /// `tls.crt`.
    pub certificate: Vec<u8>,
    /// `tls.key`.
    pub key: Zeroizing<Vec<u8>>,
    /// `ca.crt`: the CAs above an intermediate one. May be empty.
    pub above: Vec<u8>,
}

/// Certificates of an issuer, in PEM, as a Secret holds them.
#[derive(Clone, Debug, Default)]
pub struct CertificatePem {
    /// `tls.crt`.
    pub certificate: Vec<u8>,
    /// `ca.crt`: the CAs above an intermediate one. May be empty.
    pub above: Vec<u8>,
}

/// The issuers that are needed for these Sites: the default one and the named ones.
#[must_use]
pub fn wanted_issuers(sites: &[Value], named: &[String]) -> Vec<String> {
    let default = default_issuer(sites.first().unwrap_or(&Value::Null));
    let mut wanted = vec![default];
    wanted.extend(named.iter().cloned());
    wanted.sort();
    wanted.dedup();
    wanted
}

/// Tells whether a Site object is that of an edge site, which accepts no links.
#[must_use]
pub fn is_edge(site: &Value) -> bool {
    site.pointer("/spec/edge") == Some(&Value::Bool(true))
}

/// Loads the site that the objects of a namespace describe. Without a Site object it has no endpoints.
#[must_use]
pub fn load(objects: &Objects, namespace: &str, named: &[String], now: DateTime<Utc>) -> Loaded {
    let mut remarks = Vec::new();
    let site = objects.sites.first().unwrap_or(&Value::Null);
    let name = text(site, "/metadata/name");
    match objects.sites.as_slice() {
        [] => remarks.push(format!("there is no Site in namespace '{namespace}'")),
        [_] => {}
        _ => remarks.push(format!(
            "there are several Sites in namespace '{namespace}': the oldest one, '{name}', is used"
        )),
    }
    let description = Site {
        endpoints: endpoints(site, &mut remarks),
        is_edge: is_edge(site),
        name: name.to_owned(),
        default_issuer: default_issuer(site),
        issuers: BTreeMap::new(),
    };
    let previous = objects.previous.iter().map(|(name, secret)| {
        Previous::new(
            &description.default_issuer,
            format!("Secret '{name}'"),
            || {
                let CertificatePem { certificate, above } =
                    secret.as_ref().map_err(Clone::clone)?;
                Ok(PreviousIssuer::load_below(certificate, above, now))
            },
        )
    });
    let previous = previous.collect();
    let load = |name: &str| {
        let unread = || SecretProblem::Unread(name.to_owned());
        let secret = objects.secrets.get(name).ok_or_else(unread)?;
        let pem = secret.as_ref().map_err(Clone::clone)?;
        let issuer = Issuer::load_below(&pem.certificate, &pem.key, &pem.above, now);
        issuer.map_err(|problem| IssuerFault::Unusable {
            origin: "its Secret".to_owned(),
            problem,
            found: found(&pem.certificate, &pem.key),
        })
    };
    let loaded = Loaded::new(description, named, load, previous);
    Loaded { remarks, ..loaded }
}

fn default_issuer(site: &Value) -> String {
    let fields = ["/status/defaultIssuer", "/spec/defaultIssuer"];
    let mut names = fields.map(|field| text(site, field)).into_iter();
    let name = names.find(|name| !name.is_empty());
    name.unwrap_or(DEFAULT_ISSUER).to_owned()
}

fn endpoints(site: &Value, remarks: &mut Vec<String>) -> Vec<Endpoint> {
    if is_edge(site) {
        let name = printable(text(site, "/metadata/name"));
        remarks.push(format!(
            "site '{name}' is an edge site and accepts no links: its endpoints are passed over"
        ));
        return Vec::new();
    }
    let endpoints = site.pointer("/status/endpoints").and_then(Value::as_array);
    let mut read = Vec::new();
    for endpoint in endpoints.into_iter().flatten() {
        let Some(role) = Role::parse(text(endpoint, "/name")) else {
            continue;
        };
        let (host, port) = (text(endpoint, "/host"), text(endpoint, "/port"));
        if let (Ok(host), Ok(port)) = (read_endpoint_host(host), port.parse()) {
            read.push(Endpoint {
                role,
                host,
                port,
                group: text(endpoint, "/group").to_owned(),
            });
        } else {
            remarks.push(format!(
                "endpoint '{role}' of the Site is passed over: '{}' port '{}' is no place to \
                 connect to",
                printable(host),
                printable(port)
            ));
        }
    }
    read
}

/// A text in an object; empty when there is none.
fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    let text = object.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "JSON is written in place")]
mod tests;
