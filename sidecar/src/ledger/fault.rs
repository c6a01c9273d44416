//! Faults of a store, by what helps.

use std::error::Error;
use std::mem::discriminant;
use std::sync::Arc;

use crate::redemption::fault::Fault;

/// Reason a store cannot do what it was asked for. The cause is one line for the operator: what could
/// not be done, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerFault {
    /// The store cannot be used now. The same may go well later, with the same options.
    #[error(transparent)]
    Unavailable(Cause),
    /// The store needs something else first: another place, other files, another option.
    #[error(transparent)]
    Unusable(Cause),
    /// The store says no, whenever it is asked.
    #[error(transparent)]
    Refused(Cause),
    /// A permission is missing.
    #[error(transparent)]
    Forbidden(Cause),
}

/// Cause of a fault. It is shared by all who waited for the same.
pub type Cause = Arc<dyn Error + Send + Sync>;

impl LedgerFault {
    /// A fault that may be over later.
    #[must_use]
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(cause.into().into())
    }

    /// A fault that is over when something else is given.
    pub(super) fn unusable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unusable(cause.into().into())
    }

    /// The refusal of a site that accepts no links: nobody could use a token for it.
    pub(super) fn edge_site(name: &str) -> Self {
        let site = Fault::EdgeSite(name.to_owned());
        let cause: Box<dyn Error + Send + Sync> =
            format!("{site}: issue the token at another site").into();
        Self::Refused(cause.into())
    }
}

/// Equal when they say the same.
impl PartialEq for LedgerFault {
    fn eq(&self, other: &Self) -> bool {
        discriminant(self) == discriminant(other) && self.to_string() == other.to_string()
    }
}
