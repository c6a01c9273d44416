//! The site whose grants are redeemed: where its routers listen, and which CA certifies links.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::issuer::Issuer;
use crate::manifest::Endpoint;

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
}
