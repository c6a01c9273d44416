//! The site whose grants are redeemed: where its routers listen, and which CA certifies links.
//!
//! ```text
//! options -> choice::choose -> SiteSource -> load -> Loaded -> reload::Watch -> Site -> links
//!                              config, skupper_namespace      files that change
//!            kubernetes: objects that change   ---> Loaded -> reload::Course
//! ```
//!
//! [`init`] makes a site where there is none.

pub mod choice;
pub mod config;
pub mod files;
pub mod init;
pub mod kubernetes;
pub mod reload;
pub mod server_certificate;
pub mod skupper_namespace;
pub mod source;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::issuer::Issuer;
use crate::manifest::{Endpoint, Link, Role};

/// What the service needs to know of its site. It never changes; a reload makes another one.
#[derive(Clone, Debug)]
pub struct Site {
    /// The name of the site, for logs.
    pub name: String,
    /// The endpoints, in the order in which they go into Links. Empty for an edge site.
    pub endpoints: Vec<Endpoint>,
    /// The name of the issuer of grants that name none.
    pub default_issuer: String,
    /// The issuers that may be used, by name. One that failed to load is missing.
    pub issuers: BTreeMap<String, Arc<Issuer>>,
}

impl Site {
    /// The issuer for a grant: the one it names, or that of the site. `None` when it is not one
    /// that may be used: who makes a grant must not choose any CA in reach.
    #[must_use]
    pub fn issuer(&self, named: Option<&str>) -> Option<&Arc<Issuer>> {
        self.issuers.get(named.unwrap_or(&self.default_issuer))
    }

    /// The Links of an answer whose Secret has this name: one for each group of endpoints, in the
    /// order of the groups. Empty for an edge site.
    #[must_use]
    pub fn links(&self, secret: &str) -> Vec<Link> {
        links(secret, &self.endpoints)
    }
}

/// One Link for each group: named as the Secret when there is one group, else `NAME-1`, `NAME-2`
/// in the order of the groups. A Link holds the first endpoint of each role, edge first.
///
/// Source: Skupper's redemption server. Its routers use the first endpoint of their role, and every
/// group is another router.
fn links(secret: &str, endpoints: &[Endpoint]) -> Vec<Link> {
    let mut groups: BTreeMap<&str, BTreeMap<Role, &Endpoint>> = BTreeMap::new();
    for endpoint in endpoints {
        let group = groups.entry(&endpoint.group).or_default();
        group.entry(endpoint.role).or_insert(endpoint);
    }
    let is_alone = groups.len() == 1;
    let links = groups.into_values().zip(1..).map(|(group, number)| Link {
        name: if is_alone {
            secret.to_owned()
        } else {
            format!("{secret}-{number}")
        },
        tls_credentials: secret.to_owned(),
        endpoints: group.into_values().cloned().collect(),
        cost: None,
    });
    links.collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;
    use crate::manifest::read_endpoint_host;

    fn endpoint(role: Role, host: &str, group: &str) -> Endpoint {
        Endpoint {
            role,
            host: read_endpoint_host(host).unwrap(),
            port: NonZeroU16::MIN,
            group: group.to_owned(),
        }
    }

    #[test]
    fn every_group_is_a_link_with_one_endpoint_of_a_role() {
        use Role::{Edge, InterRouter};
        let [a, b] = ["a.example", "b.example"];
        // The hosts of each Link, in order.
        let cases = [
            ("an edge site", vec![], vec![]),
            (
                "both roles, in Skupper's order",
                vec![endpoint(InterRouter, a, ""), endpoint(Edge, b, "")],
                vec![("west", vec![(Edge, b), (InterRouter, a)])],
            ),
            (
                "one role",
                vec![endpoint(InterRouter, a, "x")],
                vec![("west", vec![(InterRouter, a)])],
            ),
            (
                "the first host of a role",
                vec![
                    endpoint(Edge, b, "x"),
                    endpoint(Edge, a, "x"),
                    endpoint(InterRouter, a, "x"),
                    endpoint(InterRouter, b, "x"),
                ],
                vec![("west", vec![(Edge, b), (InterRouter, a)])],
            ),
            (
                "groups, in their order",
                vec![
                    endpoint(InterRouter, b, "router-2"),
                    endpoint(InterRouter, a, "router-1"),
                    endpoint(Edge, a, ""),
                ],
                vec![
                    ("west-1", vec![(Edge, a)]),
                    ("west-2", vec![(InterRouter, a)]),
                    ("west-3", vec![(InterRouter, b)]),
                ],
            ),
        ];
        for (name, endpoints, expected) in cases {
            let links = links("west", &endpoints);
            let got = links.iter().map(|link| {
                assert_eq!((link.tls_credentials.as_str(), link.cost), ("west", None));
                let endpoints = link.endpoints.iter();
                let hosts = endpoints.map(|endpoint| (endpoint.role, endpoint.host.to_string()));
                (link.name.clone(), hosts.collect::<Vec<_>>())
            });
            let expected = expected.into_iter().map(|(name, hosts)| {
                let hosts = hosts
                    .into_iter()
                    .map(|(role, host)| (role, host.to_owned()));
                (name.to_owned(), hosts.collect::<Vec<_>>())
            });
            assert_eq!(
                got.collect::<Vec<_>>(),
                expected.collect::<Vec<_>>(),
                "{name}"
            );
        }
    }
}
