//! Obstacles between a grant and its redeemers that somebody must look at.

/// Reason a grant is not redeemed although it could be, or its limits shut somebody out. One line for
/// the log; the ledger of a cluster has advice for others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// A peer sent too many wrong codes and is locked out for a while.
    #[error("a peer sent too many wrong codes and is locked out")]
    WrongCodes,
    /// Peers sent too many wrong codes for a short code: everybody is locked out for a while.
    #[error(
        "too many wrong codes were sent for a code of fewer than 16 bytes: everybody is locked out for \
         up to an hour"
    )]
    ShortCode,
    /// Peers sent too many wrong codes to the name of the grant: nobody is answered there for a while.
    #[error(
        "too many wrong codes were sent to the name of the grant: nobody is answered there for up to a \
         minute"
    )]
    WrongCodesByName,
    /// The site has no issuer of this name that can be used, and it is the one of grants that name
    /// none.
    #[error("the issuer '{0}' cannot be used")]
    IssuerUnusable(String),
    /// The grant names an issuer that is not served or cannot be used.
    #[error(
        "the grant '{grant}' names the issuer '{issuer}', which is not served: start serve with \
         '--issuer {issuer}', or see above why it cannot be used"
    )]
    IssuerNotServed {
        /// The name of the grant.
        grant: String,
        /// The name of the issuer.
        issuer: String,
    },
    /// There is no site to link to in the grant's namespace.
    #[error("there is no Site in the namespace of the grant")]
    NoSite,
    /// The site has no endpoint to link to.
    #[error("the site has no endpoint to link to")]
    NoEndpoints,
    /// The site, of this name, is an edge site.
    #[error("site '{0}' is an edge site and accepts no links")]
    EdgeSite(String),
    /// The service may not count redemptions.
    #[error("the service may not count redemptions")]
    Forbidden,
}

impl Fault {
    /// One word for it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::WrongCodes | Self::ShortCode | Self::WrongCodesByName => "WrongCodes",
            Self::IssuerUnusable(_) => "IssuerUnusable",
            Self::IssuerNotServed { .. } => "IssuerNotServed",
            Self::NoSite => "NoSite",
            Self::NoEndpoints => "NoEndpoints",
            Self::EdgeSite(_) => "EdgeSite",
            Self::Forbidden => "Forbidden",
        }
    }
}
