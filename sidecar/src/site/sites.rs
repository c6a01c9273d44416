//! The sites of a service: one, or one for each namespace of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Site;
use crate::pki::client_certificate::ClientCertificate;
use crate::pki::issuer::Issuer;
use crate::redemption::fault::Fault;
use crate::renewal::{Authorities, CertificateFlaw};

/// The grants that something has changed for, by their namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// None.
    Nowhere,
    /// Those in these namespaces.
    In(BTreeSet<Arc<str>>),
    /// All.
    Everywhere,
}

/// The place of a link's certificate.
#[derive(Clone, Copy, Debug)]
pub struct Recognized<'a> {
    /// The namespace of the site; absent where there is one site.
    pub namespace: Option<&'a Arc<str>>,
    /// The site.
    pub site: &'a Arc<Site>,
    /// The issuer that made the certificate, or that follows the one that did.
    pub issuer: &'a Arc<Issuer>,
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

    /// The grants that are answered otherwise with the other sites than with these.
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

    /// Recognizes the certificate of a link: the site that it leads to, and the issuer that renews it.
    ///
    /// # Errors
    /// The flaw of it. Where the issuers of several sites signed it, a certificate that one of them
    /// recognizes is good; the one that made it goes before those that follow that one.
    pub fn recognize(
        &self,
        certificate: &ClientCertificate,
        now: DateTime<Utc>,
    ) -> Result<Recognized<'_>, CertificateFlaw> {
        let mut flaw = CertificateFlaw::OtherIssuer;
        let mut follower = None;
        for (namespace, site) in self.all() {
            for issuer in site.issuers.values() {
                let recognized = Recognized {
                    namespace,
                    site,
                    issuer,
                };
                match issuer.recognize(certificate, now) {
                    Ok(()) if issuer.is_signer_of(certificate) => return Ok(recognized),
                    Ok(()) => drop(follower.get_or_insert(recognized)),
                    Err(CertificateFlaw::OtherIssuer) => {}
                    Err(other) => flaw = other,
                }
            }
        }
        follower.ok_or(flaw)
    }

    /// True when a certificate that is not [recognized](Self::recognize) may be that of an issuer which
    /// cannot be used now.
    #[must_use]
    pub fn lack_an_issuer(&self) -> bool {
        let lacks = |site: &Arc<Site>| site.issuer(None).is_none();
        match self {
            Self::Unread | Self::Missing => true,
            Self::One(site) => lacks(site),
            Self::OfNamespaces(sites) => sites.values().any(lacks),
        }
    }

    /// Every issuer of every site, with its name.
    pub fn issuers(&self) -> impl Iterator<Item = (&str, &Arc<Issuer>)> {
        let sites = self.all().into_iter();
        let issuers = sites.flat_map(|(_, site)| &site.issuers);
        issuers.map(|(name, issuer)| (name.as_str(), issuer))
    }

    /// The CAs of all sites.
    #[must_use]
    pub fn authorities(&self) -> Authorities {
        let issuers = || self.issuers().map(|(_, issuer)| issuer);
        let current: BTreeSet<_> = issuers().map(|issuer| issuer.id()).collect();
        let previous = issuers().flat_map(|issuer| issuer.previous_ids());
        Authorities {
            previous: previous.filter(|id| !current.contains(id)).collect(),
            current,
        }
    }

    /// Every site, with its namespace where there may be several.
    #[must_use]
    pub fn all(&self) -> Vec<(Option<&Arc<str>>, &Arc<Site>)> {
        match self {
            Self::Unread | Self::Missing => Vec::new(),
            Self::One(site) => vec![(None, site)],
            Self::OfNamespaces(sites) => {
                let sites = sites.iter();
                sites.map(|(name, site)| (Some(name), site)).collect()
            }
        }
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

    /// Reason nothing can be redeemed, whatever the grant. Of several sites none keeps the grants of
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::{edge, endpoint, one_endpoint, site};
    use crate::wire::objects::Role;

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
}
