//! Reasons a router was not told.

use std::path::PathBuf;

use thiserror::Error;

use super::command::CommandProblem;
use crate::redeemer::folder::FolderProblem;

/// Reason a router was not told of a renewed certificate.
#[derive(Debug, Error)]
pub enum RouterProblem {
    /// A program has no outcome.
    #[error(transparent)]
    Command(#[from] CommandProblem),
    /// The files of the sslProfile cannot be read or written.
    #[error(transparent)]
    Folder(#[from] FolderProblem),
    /// A file of Skupper does not tell what it must.
    #[error("{} does not tell how the router is reached", .0.display())]
    Unknown(PathBuf),
    /// The container of the router is another user's.
    #[error("its container is not this user's: run as the owner of {}", .0.display())]
    OtherUser(PathBuf),
    /// The container engine fails.
    #[error("{engine} fails: {said}")]
    Engine {
        /// Its name.
        engine: &'static str,
        /// Its first line.
        said: String,
    },
    /// The router has no sslProfile of the link.
    #[error("it does not know the link yet")]
    UnknownProfile,
    /// The router refuses.
    #[error("skmanage fails: {0}")]
    Refused(String),
    /// The output of skmanage is not what it must be.
    #[error("the answer of skmanage cannot be read")]
    Unreadable,
    /// The ordinal is the highest there is.
    #[error("its sslProfile has no higher ordinal")]
    NoHigher,
    /// Somebody else writes the files of the sslProfile.
    #[error("somebody else changes the files of its sslProfile")]
    FilesChanged,
    /// The router was told, and its connections are the ones from before.
    #[error("it was told, but opens no new connection: look at its log, and at the other site")]
    NotTaken,
    /// The program of `--exec` says that it did not.
    #[error("'{program}' {}", ended(*.code))]
    Program {
        /// Its path.
        program: String,
        /// Its exit code.
        code: Option<i32>,
    },
}

impl RouterProblem {
    /// True where the same may go well later, without anybody's help.
    pub(in crate::redeemer::keeper) fn is_passing(&self) -> bool {
        match self {
            Self::Command(CommandProblem::Late { .. })
            | Self::Engine { .. }
            | Self::UnknownProfile
            | Self::Refused(_)
            | Self::Unreadable
            | Self::FilesChanged
            | Self::NotTaken
            | Self::Program { .. } => true,
            Self::Folder(problem) => problem.is_passing(),
            Self::Command(_) | Self::Unknown(_) | Self::OtherUser(_) | Self::NoHigher => false,
        }
    }
}

fn ended(code: Option<i32>) -> String {
    code.map_or_else(
        || "was ended by a signal".to_owned(),
        |code| format!("ended with {code}"),
    )
}
