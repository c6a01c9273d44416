//! A site on a cluster, as its objects describe it: the Site of a namespace, and the Secrets of its
//! issuers.
//!
//! | of the site | from |
//! |---|---|
//! | endpoints | `status.endpoints`: `inter-router` and `edge`, and no others; none when `spec.edge` is true |
//! | default issuer | `status.defaultIssuer`, else `spec.defaultIssuer`, else `skupper-site-ca` |
//! | issuers | the Secret of the default one and those that `--issuer` names, `tls.crt`, `tls.key` and, above an intermediate CA, `ca.crt` |
//!
//! Source: Skupper's Site reference.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use skupper_access_policy::printable::printable;
use zeroize::Zeroizing;

use super::Site;
use super::skupper_namespace::DEFAULT_ISSUER;
use super::source::{IssuerFault, Loaded, SecretProblem};
use crate::pki::issuer::{Issuer, found};
use crate::wire::objects::{Endpoint, Role, read_endpoint_host};

/// Objects of a namespace, as far as they are known. No `Debug`: it holds the keys of issuers.
#[derive(Clone, Default)]
pub struct Objects {
    /// The Sites, in the order of their age.
    pub sites: Vec<Value>,
    /// The Secrets by name; one that is not known is missing.
    pub secrets: BTreeMap<String, Result<IssuerPem, SecretProblem>>,
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
    let loaded = Loaded::new(description, named, |name| {
        let unread = || SecretProblem::Unread(name.to_owned());
        let secret = objects.secrets.get(name).ok_or_else(unread)?;
        let pem = secret.as_ref().map_err(Clone::clone)?;
        let issuer = Issuer::load_below(&pem.certificate, &pem.key, &pem.above, now);
        issuer.map_err(|problem| IssuerFault::Unusable {
            origin: "its Secret".to_owned(),
            problem,
            found: found(&pem.certificate, &pem.key),
        })
    });
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
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;
    use crate::pki::issuer::new_site_ca;
    use crate::wire::objects::endpoint_host;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_secs(1_785_000_000).unwrap()
    }

    fn site(endpoints: Value) -> Value {
        json!({"metadata": {"name": "west"}, "status": {"endpoints": endpoints}})
    }

    fn pem(name: &str) -> IssuerPem {
        let (certificate, key) = new_site_ca(name, now()).unwrap();
        IssuerPem {
            certificate: certificate.into_bytes(),
            key: Zeroizing::new(key.expose_secret().as_bytes().to_vec()),
            above: Vec::new(),
        }
    }

    fn load_sites(sites: Vec<Value>) -> Loaded {
        let secrets = BTreeMap::new();
        load(&Objects { sites, secrets }, "prod", &[], now())
    }

    #[test]
    fn an_edge_site_has_no_endpoints() {
        let endpoint = json!({"name": "edge", "host": "a.example", "port": "45671"});
        for (edge, expected) in [
            (json!(true), (0, 1)),
            (json!(false), (1, 0)),
            (Value::Null, (1, 0)),
        ] {
            let mut site = site(json!([endpoint]));
            site["spec"]["edge"] = edge.clone();
            let loaded = load_sites(vec![site]);
            let found = (loaded.site.endpoints.len(), loaded.remarks.len());
            assert_eq!(found, expected, "{edge}");
        }
    }

    #[test]
    fn endpoints_of_both_roles_are_read_and_others_are_passed_over() {
        let good = json!({"name": "edge", "host": "a.example", "port": "45671", "group": "g"});
        let edited = |field: &str, value: Value| {
            let mut endpoint = good.clone();
            endpoint[field] = value;
            json!([endpoint])
        };
        let read = |endpoints: Value| {
            let loaded = load_sites(vec![site(endpoints)]);
            let endpoints = loaded.site.endpoints.iter().map(|endpoint| {
                let Endpoint {
                    role,
                    host,
                    port,
                    group,
                } = endpoint;
                format!("{role} {} {port} {group}", endpoint_host(host))
            });
            (endpoints.collect::<Vec<_>>(), loaded.remarks.len())
        };
        let one = |text: &str| (vec![text.to_owned()], 0);
        let none = (vec![], 0);
        let remark = (vec![], 1);
        let table = [
            ("good", json!([good]), one("edge a.example 45671 g")),
            (
                "inter-router",
                edited("name", "inter-router".into()),
                one("inter-router a.example 45671 g"),
            ),
            (
                "another role",
                edited("name", "normal".into()),
                none.clone(),
            ),
            (
                "no group",
                edited("group", Value::Null),
                one("edge a.example 45671 "),
            ),
            (
                "IPv6",
                edited("host", "2001:db8::1".into()),
                one("edge 2001:db8::1 45671 g"),
            ),
            ("no host", edited("host", "".into()), remark.clone()),
            (
                "a host with a path",
                edited("host", "a/b".into()),
                remark.clone(),
            ),
            ("port 0", edited("port", "0".into()), remark.clone()),
            (
                "a port that is a number",
                edited("port", 45671.into()),
                remark,
            ),
            ("no endpoints", Value::Null, none.clone()),
            ("no list", json!({"edge": good}), none),
        ];
        for (name, endpoints, expected) in table {
            assert_eq!(read(endpoints), expected, "{name}");
        }
    }

    #[test]
    fn the_default_issuer_is_that_of_status_then_spec_then_skuppers() {
        for (name, site, expected) in [
            ("none", json!({}), "skupper-site-ca"),
            ("spec", json!({"spec": {"defaultIssuer": "a"}}), "a"),
            (
                "both",
                json!({"spec": {"defaultIssuer": "a"}, "status": {"defaultIssuer": "b"}}),
                "b",
            ),
            (
                "an empty status",
                json!({"spec": {"defaultIssuer": "a"}, "status": {"defaultIssuer": ""}}),
                "a",
            ),
        ] {
            assert_eq!(wanted_issuers(&[site], &[]), [expected], "{name}");
        }
        let named = ["z", "skupper-site-ca", "a"].map(str::to_owned);
        assert_eq!(wanted_issuers(&[], &named), ["a", "skupper-site-ca", "z"]);
    }

    #[test]
    fn only_the_default_issuer_and_named_ones_are_loaded() {
        let secrets = ["skupper-site-ca", "partners", "other"];
        let mut objects = Objects {
            sites: vec![site(json!([]))],
            secrets: secrets.map(|name| (name.to_owned(), Ok(pem(name)))).into(),
        };
        let named = ["partners".to_owned(), "absent".to_owned()];
        let loaded = load(&objects, "prod", &named, now());
        let issuers: Vec<_> = loaded.site.issuers.keys().collect();
        assert_eq!(issuers, ["partners", "skupper-site-ca"]);
        let failed: Vec<_> = loaded.failed.keys().collect();
        assert_eq!(failed, ["absent"]);

        // Another key beside the certificate: one of the two is not written yet.
        let other = pem("other").key;
        if let Some(Ok(pem)) = objects.secrets.get_mut("partners") {
            pem.key = other;
        }
        let gone = Err(SecretProblem::Missing("skupper-site-ca".to_owned()));
        objects.secrets.insert("skupper-site-ca".to_owned(), gone);
        let loaded = load(&objects, "prod", &named, now());
        assert!(loaded.site.issuers.is_empty());
        assert!(loaded.failed["partners"].is_passing());
        assert!(!loaded.failed["skupper-site-ca"].is_passing());
    }

    #[test]
    fn a_refused_issuer_says_what_its_secret_holds() {
        let [west, east] = ["west", "east"].map(pem);
        let other = IssuerPem {
            key: east.key,
            ..west
        };
        let objects = Objects {
            sites: vec![site(json!([]))],
            secrets: [("skupper-site-ca".to_owned(), Ok(other))].into(),
        };
        let loaded = load(&objects, "prod", &[], now());
        let fault = loaded.failed["skupper-site-ca"].to_string();
        for part in [
            "its Secret",
            "'CN=west'",
            "EC P-256",
            "until 2036",
            "private key",
        ] {
            assert!(fault.contains(part), "{part}: {fault}");
        }
    }

    #[test]
    fn a_namespace_has_one_site() {
        let second = json!({"metadata": {"name": "east"}});
        let none = load_sites(vec![]);
        assert!(none.site.endpoints.is_empty() && none.remarks.len() == 1);
        let two = load_sites(vec![site(json!([])), second]);
        assert_eq!((two.site.name.as_str(), two.remarks.len()), ("west", 1));
    }
}
