//! The site whose grants are redeemed: where its routers listen, and which CA certifies links.
//!
//! ```text
//! options -> choice::choose -> SiteSource -> load -> Loaded -> reload::Watch -> Site -> links
//!                              config, skupper_namespace      files that change
//!            kubernetes: objects that change   ---> Loaded -> reload::Course
//! ```
//!
//! A service has one site, or one for each namespace of a cluster: [`Sites`].
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

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::pki::issuer::Issuer;
use crate::redemption::fault::Fault;
use crate::wire::objects::{Endpoint, Link, Role};

/// What the service needs to know of its site. It never changes; a reload makes another one.
#[derive(Clone, Debug)]
pub struct Site {
    /// The name of the site, for logs.
    pub name: String,
    /// The endpoints, in the order in which they go into Links. Empty for an edge site.
    pub endpoints: Vec<Endpoint>,
    /// True when it is an edge site, which accepts no links.
    pub is_edge: bool,
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

    /// The issuer for a grant of this name, as [`Site::issuer`].
    ///
    /// # Errors
    /// What keeps redeemers of the grant from it, whatever the grant says of itself.
    pub fn authority(&self, grant: &str, named: Option<&str>) -> Result<&Arc<Issuer>, Fault> {
        let issuer = self.issuer(named).ok_or_else(|| match named {
            Some(issuer) if issuer != self.default_issuer => Fault::IssuerNotServed {
                grant: grant.to_owned(),
                issuer: issuer.to_owned(),
            },
            _ => Fault::IssuerUnusable(self.default_issuer.clone()),
        })?;
        if self.is_edge {
            return Err(Fault::EdgeSite(self.name.clone()));
        }
        if self.endpoints.is_empty() {
            return Err(Fault::NoEndpoints);
        }
        Ok(issuer)
    }

    /// Tells whether every grant gets the same [authority](Self::authority) or fault from the other one.
    fn answers_as(&self, other: &Self) -> bool {
        self.name == other.name
            && self.is_edge == other.is_edge
            && self.endpoints.is_empty() == other.endpoints.is_empty()
            && self.default_issuer == other.default_issuer
            && self.issuers.keys().eq(other.issuers.keys())
    }

    /// The Links of an answer whose Secret has this name: one for each group of endpoints, in the
    /// order of the groups. Empty for an edge site.
    #[must_use]
    pub fn links(&self, secret: &str) -> Vec<Link> {
        links(secret, &self.endpoints)
    }
}

/// Where the grants are that something has changed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// There are none.
    Nowhere,
    /// In these namespaces.
    In(BTreeSet<Arc<str>>),
    /// In every namespace.
    Everywhere,
}

/// The sites of a service. They never change; a reload makes others.
#[derive(Clone, Debug)]
pub enum Sites {
    /// It is not known yet which there are.
    Unread,
    /// There is none where the grants are.
    Missing,
    /// One for every grant.
    One(Arc<Site>),
    /// One for the grants of each namespace.
    OfNamespaces(BTreeMap<Arc<str>, Arc<Site>>),
}

impl Sites {
    /// The site of the grants of a namespace.
    #[must_use]
    pub fn of(&self, namespace: Option<&str>) -> Option<&Arc<Site>> {
        match self {
            Self::Unread | Self::Missing => None,
            Self::One(site) => Some(site),
            Self::OfNamespaces(sites) => sites.get(namespace?),
        }
    }

    /// The issuer for a grant, as [`Site::authority`]; absent while it is not known which sites there
    /// are.
    #[must_use]
    pub fn authority(
        &self,
        namespace: Option<&str>,
        grant: &str,
        named: Option<&str>,
    ) -> Option<Result<&Arc<Issuer>, Fault>> {
        match self.of(namespace) {
            Some(site) => Some(site.authority(grant, named)),
            None if matches!(self, Self::Unread) => None,
            None => Some(Err(Fault::NoSite)),
        }
    }

    /// Where grants are answered otherwise with the other sites than with these.
    #[must_use]
    pub fn answering_otherwise(&self, other: &Self) -> Changed {
        match (self, other) {
            (Self::Unread, Self::Unread) | (Self::Missing, Self::Missing) => Changed::Nowhere,
            (Self::One(one), Self::One(other)) if one.answers_as(other) => Changed::Nowhere,
            (Self::OfNamespaces(these), Self::OfNamespaces(others)) => {
                let is_same = |name: &Arc<str>| match (these.get(name), others.get(name)) {
                    (Some(one), Some(other)) => one.answers_as(other),
                    _ => false,
                };
                let names = these.keys().chain(others.keys());
                let changed: BTreeSet<_> = names.filter(|name| !is_same(name)).cloned().collect();
                if changed.is_empty() {
                    Changed::Nowhere
                } else {
                    Changed::In(changed)
                }
            }
            _ => Changed::Everywhere,
        }
    }

    /// Every issuer of every site, with its name.
    pub fn issuers(&self) -> impl Iterator<Item = (&str, &Arc<Issuer>)> {
        let sites: Vec<&Arc<Site>> = match self {
            Self::Unread | Self::Missing => Vec::new(),
            Self::One(site) => vec![site],
            Self::OfNamespaces(sites) => sites.values().collect(),
        };
        let issuers = sites.into_iter().flat_map(|site| &site.issuers);
        issuers.map(|(name, issuer)| (name.as_str(), issuer))
    }

    /// The end of the issuers, by their names: of those that share one, the first to end.
    #[must_use]
    pub fn issuer_ends(&self) -> BTreeMap<&str, DateTime<Utc>> {
        let mut ends = BTreeMap::new();
        for (name, issuer) in self.issuers() {
            let end = ends.entry(name).or_insert(issuer.not_after());
            *end = issuer.not_after().min(*end);
        }
        ends
    }

    /// Why nothing can be redeemed, whatever the grant. Of several sites none keeps the grants of
    /// others from being redeemed.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Unread => Some("it is not known yet which sites there are"),
            Self::Missing => Some("there is no Site in the namespace"),
            Self::One(site) if site.issuer(None).is_none() => {
                Some("the issuer of the site cannot be used")
            }
            Self::One(site) if site.is_edge => {
                Some("the site is an edge site and accepts no links")
            }
            Self::One(site) if site.endpoints.is_empty() => {
                Some("the site has no endpoint to link to")
            }
            Self::One(_) | Self::OfNamespaces(_) => None,
        }
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

    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::pki::issuer::new_site_ca;
    use crate::wire::objects::read_endpoint_host;

    fn endpoint(role: Role, host: &str, group: &str) -> Endpoint {
        Endpoint {
            role,
            host: read_endpoint_host(host).unwrap(),
            port: NonZeroU16::MIN,
            group: group.to_owned(),
        }
    }

    fn one_endpoint() -> Vec<Endpoint> {
        vec![endpoint(Role::Edge, "a.example", "")]
    }

    fn site(name: &str, issuers: &[(&str, i64)], endpoints: Vec<Endpoint>) -> Arc<Site> {
        let issuers = issuers.iter().map(|(name, day)| {
            let made = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(*day);
            let (certificate, key) = new_site_ca(name, made).unwrap();
            let key = key.expose_secret().as_bytes();
            let issuer = Issuer::load(certificate.as_bytes(), key, made).unwrap();
            ((*name).to_owned(), Arc::new(issuer))
        });
        Arc::new(Site {
            name: name.to_owned(),
            endpoints,
            is_edge: false,
            default_issuer: "ca".to_owned(),
            issuers: issuers.collect(),
        })
    }

    #[test]
    fn a_grant_is_redeemed_for_the_site_of_its_namespace() {
        let of = |sites: &Sites, namespace| sites.of(namespace).map(|site| site.name.clone());
        let west = site("west", &[], vec![]);
        let one = Sites::One(Arc::clone(&west));
        let each = [("a", west), ("b", site("east", &[], vec![]))];
        let each = Sites::OfNamespaces(each.map(|(name, site)| (name.into(), site)).into());
        for (namespace, of_one, of_each) in [
            (None, Some("west"), None),
            (Some("a"), Some("west"), Some("west")),
            (Some("b"), Some("west"), Some("east")),
            (Some("c"), Some("west"), None),
        ] {
            assert_eq!(of(&one, namespace).as_deref(), of_one, "{namespace:?}");
            assert_eq!(of(&each, namespace).as_deref(), of_each, "{namespace:?}");
            assert_eq!(of(&Sites::Unread, namespace), None, "{namespace:?}");
        }
    }

    fn edge(site: &Site) -> Arc<Site> {
        Arc::new(Site {
            is_edge: true,
            endpoints: Vec::new(),
            ..site.clone()
        })
    }

    #[test]
    fn a_grant_gets_its_issuer_or_what_keeps_redeemers_from_it() {
        let whole = site("west", &[("ca", 20_000), ("other", 20_000)], one_endpoint());
        let without_issuer = site("west", &[("other", 20_000)], one_endpoint());
        let without_endpoint = site("west", &[("ca", 20_000)], vec![]);
        let edge = edge(&whole);
        let unusable = || Err(Fault::IssuerUnusable("ca".to_owned()));
        let not_served = || {
            let (grant, issuer) = ("partner".to_owned(), "others".to_owned());
            Err(Fault::IssuerNotServed { grant, issuer })
        };
        for (name, site, named, expected) in [
            ("the default issuer", &whole, None, Ok(())),
            ("the default issuer by name", &whole, Some("ca"), Ok(())),
            ("another issuer", &whole, Some("other"), Ok(())),
            (
                "one that is not served",
                &whole,
                Some("others"),
                not_served(),
            ),
            ("no default issuer", &without_issuer, None, unusable()),
            (
                "no default issuer by name",
                &without_issuer,
                Some("ca"),
                unusable(),
            ),
            (
                "no default issuer, another one",
                &without_issuer,
                Some("other"),
                Ok(()),
            ),
            (
                "no endpoint",
                &without_endpoint,
                None,
                Err(Fault::NoEndpoints),
            ),
            (
                "an edge site",
                &edge,
                None,
                Err(Fault::EdgeSite("west".to_owned())),
            ),
        ] {
            let found = site.authority("partner", named).map(drop);
            assert_eq!(found, expected, "{name}");
            let sites = Sites::OfNamespaces([("a".into(), Arc::clone(site))].into());
            let of = |namespace| sites.authority(Some(namespace), "partner", named);
            assert_eq!(
                of("a").map(|found| found.map(drop)),
                Some(expected),
                "{name}"
            );
            assert_eq!(
                of("b").map(|found| found.map(drop)),
                Some(Err(Fault::NoSite)),
                "{name}"
            );
        }
        let of = |sites: Sites| {
            let found = sites.authority(Some("a"), "partner", None);
            found.map(|found| found.map(drop))
        };
        assert_eq!(of(Sites::Unread), None);
        assert_eq!(of(Sites::Missing), Some(Err(Fault::NoSite)));
    }

    #[test]
    fn grants_are_answered_otherwise_where_their_site_changed_what_they_need() {
        let whole = || site("west", &[("ca", 20_000)], one_endpoint());
        let elsewhere = site(
            "west",
            &[("ca", 20_001)],
            vec![endpoint(Role::Edge, "b.example", "")],
        );
        let rows = [
            ("the same", whole(), false),
            ("another host and another key", elsewhere, false),
            ("no issuer", site("west", &[], one_endpoint()), true),
            ("no endpoint", site("west", &[("ca", 20_000)], vec![]), true),
            (
                "another name",
                site("east", &[("ca", 20_000)], one_endpoint()),
                true,
            ),
            ("an edge site", edge(&whole()), true),
        ];
        for (name, site, is_other) in rows {
            let one = Sites::One(whole()).answering_otherwise(&Sites::One(Arc::clone(&site)));
            let expected = if is_other {
                Changed::Everywhere
            } else {
                Changed::Nowhere
            };
            assert_eq!(one, expected, "{name}");
            let each =
                |site| Sites::OfNamespaces([("a".into(), whole()), ("b".into(), site)].into());
            let expected = if is_other {
                Changed::In(["b".into()].into())
            } else {
                Changed::Nowhere
            };
            assert_eq!(
                each(whole()).answering_otherwise(&each(site)),
                expected,
                "{name}"
            );
        }
        let two = Sites::OfNamespaces([("a".into(), whole()), ("b".into(), whole())].into());
        let first = Sites::OfNamespaces([("a".into(), whole())].into());
        let second = Changed::In(["b".into()].into());
        assert_eq!(two.answering_otherwise(&first), second);
        assert_eq!(first.answering_otherwise(&two), second);
        assert_eq!(
            Sites::Unread.answering_otherwise(&first),
            Changed::Everywhere
        );
        for (one, other, expected) in [
            (Sites::Unread, Sites::Unread, Changed::Nowhere),
            (Sites::Missing, Sites::Missing, Changed::Nowhere),
            (Sites::Unread, Sites::Missing, Changed::Everywhere),
            (Sites::Missing, Sites::One(whole()), Changed::Everywhere),
        ] {
            assert_eq!(one.answering_otherwise(&other), expected);
        }
    }

    #[test]
    fn a_site_that_cannot_answer_is_a_problem_where_it_is_the_only_one() {
        for (name, site, is_problem) in [
            (
                "good",
                site("west", &[("ca", 20_000)], one_endpoint()),
                false,
            ),
            ("no issuer", site("west", &[], one_endpoint()), true),
            ("no endpoint", site("west", &[("ca", 20_000)], vec![]), true),
            (
                "an edge site",
                edge(&site("west", &[("ca", 20_000)], vec![])),
                true,
            ),
        ] {
            let each = Sites::OfNamespaces([("a".into(), Arc::clone(&site))].into());
            assert_eq!(each.problem(), None, "{name}");
            assert_eq!(Sites::One(site).problem().is_some(), is_problem, "{name}");
        }
        assert!(Sites::Unread.problem().is_some() && Sites::Missing.problem().is_some());
    }

    #[test]
    fn of_issuers_that_share_a_name_the_first_to_end_is_told() {
        let sites = [
            (
                "a",
                site("west", &[("ca", 20_001), ("other", 20_003)], vec![]),
            ),
            ("b", site("east", &[("ca", 20_000)], vec![])),
            ("c", site("north", &[("ca", 20_002)], vec![])),
        ];
        let sites = Sites::OfNamespaces(sites.map(|(name, site)| (name.into(), site)).into());
        let ends = sites.issuer_ends();
        let all: Vec<_> = sites.issuers().collect();
        let first = |name| {
            all.iter()
                .filter(|(known, _)| *known == name)
                .map(|(_, issuer)| issuer.not_after())
                .min()
        };
        assert_eq!(all.len(), 4);
        assert_eq!(ends.keys().collect::<Vec<_>>(), [&"ca", &"other"]);
        for (name, end) in ends {
            assert_eq!(Some(end), first(name), "{name}");
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
