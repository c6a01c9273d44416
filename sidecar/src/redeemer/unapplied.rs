//! What was asked for and is not in the files: the token was redeemed before, or the server chose
//! otherwise.

use std::fmt;
use std::path::PathBuf;

use skupper_access_policy::printable::printable;

use super::answer::Answer;
use super::folder::Folder;
use super::{Order, files};

/// A wish that the files do not fulfil. Prints as one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unapplied {
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
        /// The file of the Link.
        path: PathBuf,
    },
}

impl Unapplied {
    /// What the files of an answer do not have of what the order wants.
    pub(super) fn of(order: &Order<'_>, folder: &Folder, answer: &Answer) -> Vec<Self> {
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
                path: folder.path_of(&files::link_file(&link.name)),
            })
        });
        subject.into_iter().chain(costs).collect()
    }
}

impl fmt::Display for Unapplied {
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
                path.display()
            ),
        }
    }
}

/// Source: Skupper's Link reference.
const DEFAULT_COST: u32 = 1;
