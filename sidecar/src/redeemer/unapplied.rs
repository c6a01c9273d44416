//! Differences between order and output: the token was redeemed before, or the server chose otherwise.

use std::fmt;
use std::path::PathBuf;

use skupper_access_policy::printable::printable;

use super::Order;
use super::answer::Answer;
use super::destination::{Destination, Location};

/// Difference between the output and what was asked for. Prints as one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unapplied<S = PathBuf> {
    /// The common name of the certificate.
    Subject {
        /// That of the order.
        wanted: String,
        /// That of the certificate.
        found: String,
    },
    /// The cost of a link.
    LinkCost {
        /// That of the token.
        wanted: u32,
        /// That of the Link.
        found: u32,
        /// Location of the Link.
        path: S,
    },
}

impl<S> Unapplied<S> {
    /// Compares an answer with the order.
    pub(super) fn of<T>(
        order: &Order<'_, T>,
        destination: &impl Destination<Location = S>,
        answer: &Answer,
    ) -> Vec<Self> {
        let found = answer.credential.subject.as_deref().unwrap_or_default();
        let subject = order.subject.filter(|wanted| *wanted != found);
        let subject = subject.map(|wanted| Self::Subject {
            wanted: wanted.to_owned(),
            found: found.to_owned(),
        });
        let costs = answer.links.iter().filter_map(|link| {
            let found = link.cost.unwrap_or(DEFAULT_COST);
            let wanted = order.token.link_cost.filter(|wanted| *wanted != found)?;
            Some(Self::LinkCost {
                wanted,
                found,
                path: destination.link(&link.name),
            })
        });
        subject.into_iter().chain(costs).collect()
    }
}

impl<S: Location> fmt::Display for Unapplied<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject { wanted, found } => write!(
                formatter,
                "the subject '{}' was not applied: the certificate has '{}', and another one needs \
                 a new token and '--force'",
                printable(wanted),
                printable(found)
            ),
            Self::LinkCost {
                wanted,
                found,
                path,
            } => write!(
                formatter,
                "the link cost {wanted} was not applied: it is {found}, change 'cost' in {}",
                path.words()
            ),
        }
    }
}

/// Source: Skupper's Link reference.
const DEFAULT_COST: u32 = 1;
