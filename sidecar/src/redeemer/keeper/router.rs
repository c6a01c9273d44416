//! The router that uses the links of a folder, and telling it that a certificate was renewed.
//!
//! A router reads the files of an sslProfile at its start and when it is told, and otherwise never. So all
//! three files are in place first, and then it is told. Skupper's controller may write them at the same time,
//! because the Secret in `input/resources` is new: the same files, but not all at once. A router that reads
//! one of them half written refuses all and goes on with what it has, and is told again.

mod command;
mod problem;
mod profile_folder;
mod site;
mod skmanage;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::sleep;

pub use command::CommandProblem;
pub use problem::RouterProblem;

use super::kept::Kept;
use super::place::Telling;
use crate::wire::objects::Endpoint;
use command::run;
use profile_folder::ProfileFolder;
use site::{SiteRouter, router_name};

/// The router that is told of a renewed certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Router {
    /// Nobody is told: the folder is no Skupper namespace's.
    None,
    /// That of a Skupper namespace.
    OfNamespace {
        /// The name of the namespace.
        name: String,
        /// Its folder.
        folder: PathBuf,
        /// The program that tells the router, in place of what is built in.
        exec: Option<PathBuf>,
    },
    /// One that only a program knows how to tell.
    Program(PathBuf),
}

impl Router {
    /// The router of a folder: that of the Skupper namespace whose `input/resources` it is, else none.
    ///
    /// A program may tell it in place of what is built in. It finds in its environment `RENEWAL_PROFILE`, the
    /// name of the sslProfile, and `RENEWAL_SECRET`, that of the Secret; in a Skupper namespace also
    /// `RENEWAL_NAMESPACE`, its name, and `RENEWAL_ROUTER`, the name of the router's container. The files of
    /// the sslProfile are in place when it begins. It says with exit code 0 that the router was told.
    #[must_use]
    pub fn of_folder(path: &Path, exec: Option<PathBuf>) -> Self {
        let folder = path.ancestors().nth(2);
        let folder = folder.filter(|_| path.ends_with("input/resources"));
        let name = folder.and_then(|folder| folder.file_name()?.to_str());
        match (folder, name, exec) {
            (Some(folder), Some(name), exec) => Self::OfNamespace {
                name: name.to_owned(),
                folder: folder.to_owned(),
                exec,
            },
            (_, _, Some(program)) => Self::Program(program),
            (_, _, None) => Self::None,
        }
    }

    /// The namespace of Skupper.
    pub(super) fn namespace(&self) -> Option<&str> {
        match self {
            Self::OfNamespace { name, .. } => Some(name),
            Self::None | Self::Program(_) => None,
        }
    }

    /// Tells the router of the certificate of a link.
    ///
    /// Source for the name of its sslProfile: Skupper `internal/site/link.go`.
    pub(super) async fn tell(&self, kept: &Kept) -> Result<Telling, RouterProblem> {
        let profile = format!("{}-profile", kept.name());
        match self {
            Self::None => Ok(Telling::NoRouter),
            Self::Program(program) => execute(program, None, kept, &profile).await,
            Self::OfNamespace { name, folder, exec } => {
                let files = ProfileFolder::of(folder, &profile);
                let exists = files.exists()?;
                if exists {
                    files.put(&kept.secret.object)?;
                }
                match (exec, SiteRouter::read(name, folder)?) {
                    (Some(program), _) => execute(program, Some(name), kept, &profile).await,
                    (None, Some(router)) if exists && router.is_running().await? => {
                        tell_running(&router, &files, kept, &profile).await
                    }
                    (None, _) => Ok(Telling::NoRouter),
                }
            }
        }
    }
}

/// Tells a router until it has read the files, a few times.
async fn tell_running(
    router: &SiteRouter,
    files: &ProfileFolder,
    kept: &Kept,
    profile: &str,
) -> Result<Telling, RouterProblem> {
    let endpoints = kept.links.iter().flat_map(|link| &link.object.endpoints);
    let endpoints: Vec<_> = endpoints.collect();
    let mut problem = RouterProblem::FilesChanged;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            sleep(PAUSE).await;
            files.put(&kept.secret.object)?;
        }
        // A refused ordinal is shown all the same, and has been used up.
        let before = skmanage::read(router, profile).await?;
        let open = skmanage::open(router, &endpoints).await?;
        let next = before.next(open).ok_or(RouterProblem::NoHigher)?;
        match skmanage::update(router, profile, next).await {
            Ok(now) if now.current < next.current => problem = RouterProblem::Unreadable,
            Ok(_) if !files.holds(&kept.secret.object)? => problem = RouterProblem::FilesChanged,
            Ok(_) => {
                wait_for_connections(router, &endpoints, next.current, open).await?;
                return Ok(Telling::Told);
            }
            Err(refused @ RouterProblem::Refused(_)) => problem = refused,
            Err(other) => return Err(other),
        }
    }
    Err(problem)
}

/// Waits until a new connection of a link shows that its router has taken a certificate. Where none was open
/// before, the other site may be away, and there is nothing to see.
async fn wait_for_connections(
    router: &SiteRouter,
    endpoints: &[&Endpoint],
    ordinal: u64,
    before: Option<u64>,
) -> Result<(), RouterProblem> {
    if before.is_none() {
        return Ok(());
    }
    for _ in 0..LOOKS {
        match skmanage::open(router, endpoints).await? {
            Some(open) if open < ordinal => sleep(PAUSE).await,
            Some(_) | None => return Ok(()),
        }
    }
    Err(RouterProblem::NotTaken)
}

/// Lets a program tell the router.
async fn execute(
    program: &Path,
    namespace: Option<&str>,
    kept: &Kept,
    profile: &str,
) -> Result<Telling, RouterProblem> {
    let mut command = Command::new(program);
    command
        .env("RENEWAL_PROFILE", profile)
        .env("RENEWAL_SECRET", kept.name());
    if let Some(namespace) = namespace {
        command.env("RENEWAL_NAMESPACE", namespace);
        command.env("RENEWAL_ROUTER", router_name(namespace));
    }
    match run(command, PROGRAM_TIME).await?.code {
        Some(0) => Ok(Telling::Told),
        code => Err(RouterProblem::Program {
            program: program.display().to_string(),
            code,
        }),
    }
}

/// Time for the program of `--exec`.
const PROGRAM_TIME: Duration = Duration::from_mins(1);

const ATTEMPTS: usize = 3;

/// Number of looks at the connections: a router opens new ones within 0.1 s.
const LOOKS: usize = 6;

const PAUSE: Duration = Duration::from_millis(500);
