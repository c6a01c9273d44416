//! What keeps redeemers of a grant from it and somebody must look at: values, which the log and the
//! ledger put into words.

use std::fmt;

/// Why a grant is not redeemed although it could be, or whom its limits shut out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A peer sent too many wrong codes and is locked out for a while.
    WrongCodes,
    /// Peers sent too many wrong codes for a short code: everybody is locked out for a while.
    ShortCode,
    /// Peers sent too many wrong codes to the name of the grant: nobody is answered there for a while.
    WrongCodesByName,
    /// The site has no issuer of this name that can be used, and it is the one of grants that name
    /// none.
    IssuerUnusable(String),
    /// The grant names an issuer that is not served or cannot be used.
    IssuerNotServed {
        /// The name of the grant.
        grant: String,
        /// The name of the issuer.
        issuer: String,
    },
    /// There is no site to link to in the grant's namespace.
    NoSite,
    /// The site has no endpoint to link to.
    NoEndpoints,
    /// The site, of this name, is an edge site.
    EdgeSite(String),
    /// The service may not count redemptions.
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

/// What is wrong, in one line.
impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongCodes => {
                formatter.write_str("a peer sent too many wrong codes and is locked out")
            }
            Self::ShortCode => formatter.write_str(
                "too many wrong codes were sent for a code of fewer than 16 bytes: everybody is \
                 locked out for up to an hour",
            ),
            Self::WrongCodesByName => formatter.write_str(
                "too many wrong codes were sent to the name of the grant: nobody is answered there for \
                 up to a minute",
            ),
            Self::IssuerUnusable(issuer) => {
                write!(formatter, "the issuer '{issuer}' cannot be used")
            }
            Self::IssuerNotServed { grant, issuer } => write!(
                formatter,
                "the grant '{grant}' names the issuer '{issuer}', which is not served: start serve with \
                 '--issuer {issuer}', or see above why it cannot be used"
            ),
            Self::NoSite => formatter.write_str("there is no Site in the namespace of the grant"),
            Self::NoEndpoints => formatter.write_str("the site has no endpoint to link to"),
            Self::EdgeSite(site) => {
                write!(
                    formatter,
                    "site '{site}' is an edge site and accepts no links"
                )
            }
            Self::Forbidden => formatter.write_str("the service may not count redemptions"),
        }
    }
}
