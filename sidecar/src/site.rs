//! The site whose grants are redeemed: the endpoints of its routers, and the CA that certifies links.
//!
//! ```text
//! options -> choice::choose -> SiteSource -> load -> Loaded -> reload::Watch -> Site -> links
//!                              config, skupper_namespace      files that change
//!            cluster_sites: objects that change ---> Loaded -> reload::CurrentSite
//!                                      site_object
//! ```
//!
//! A service has one site, or one for each namespace of a cluster: [`Sites`].
//!
//! [`init`] makes a site where there is none.

pub mod choice;
pub mod cluster_sites;
pub mod config;
pub mod files;
pub mod init;
mod links;
pub mod previous;
pub mod reload;
pub mod server_certificate;
pub mod site_object;
mod sites;
pub mod skupper_namespace;
pub mod source;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::pki::issuer::Issuer;
use crate::redemption::fault::Fault;
use crate::wire::objects::{Endpoint, Link};

pub use sites::{Changed, Recognized, Sites};

/// A site as the service needs it. It never changes; a reload makes another one.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Reason redeemers of the grant do not get it, whatever the grant says of itself.
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
        links::links(secret, &self.endpoints)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use secrecy::ExposeSecret as _;

    use chrono::DateTime;

    use super::*;
    use crate::pki::issuer::new_site_ca;
    use crate::wire::objects::{Role, read_endpoint_host};

    pub(super) fn endpoint(role: Role, host: &str, group: &str) -> Endpoint {
        Endpoint {
            role,
            host: read_endpoint_host(host).unwrap(),
            port: NonZeroU16::MIN,
            group: group.to_owned(),
        }
    }

    pub(super) fn one_endpoint() -> Vec<Endpoint> {
        vec![endpoint(Role::Edge, "a.example", "")]
    }

    pub(super) fn site(name: &str, issuers: &[(&str, i64)], endpoints: Vec<Endpoint>) -> Arc<Site> {
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

    pub(super) fn edge(site: &Site) -> Arc<Site> {
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
}
