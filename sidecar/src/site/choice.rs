//! Choice of the description of a site.

use std::io;
use std::path::{Path, PathBuf};

use skupper_access_policy::value::host::Host;
use skupper_access_policy::value::name::SubdomainName;

use super::source::SiteSource;
use crate::system::wording;

/// The namespace that is used when none is named. Source: Skupper.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Options of a command about the site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteOptions {
    /// `--site PATH` or `--namespace NAME`.
    pub site: Option<NamedSite>,
    /// `--advertise-host HOST`.
    pub advertise_host: Option<Host>,
    /// `--issuer NAME`, each.
    pub issuers: Vec<String>,
    /// `--previous-issuer NAME`, each.
    pub previous: Vec<String>,
}

/// The site that an option names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedSite {
    /// `--site FILE`.
    File(PathBuf),
    /// `--site FOLDER`: that of a Skupper namespace.
    Folder(PathBuf),
    /// `--namespace NAME`.
    Namespace(String),
}

/// The source of the site: the one that an option names; else the one that `serve --init` made;
/// else Skupper's default namespace.
///
/// `own_file` is what `serve --init` makes, `namespaces` the folder of Skupper's namespaces; see
/// [`super::skupper_namespace::namespaces_folder`].
///
/// # Errors
/// There is none, or it cannot be told, or the options do not fit it.
pub fn choose(
    options: SiteOptions,
    own_file: &Path,
    namespaces: Option<&Path>,
    exists: impl Fn(&Path) -> io::Result<bool>,
) -> Result<SiteSource, ChoiceProblem> {
    let SiteOptions {
        site,
        advertise_host,
        issuers,
        previous,
    } = options;
    for (option, names) in [("--issuer", &issuers), ("--previous-issuer", &previous)] {
        if let Some(name) = names
            .iter()
            .find(|name| SubdomainName::parse(name).is_err())
        {
            return Err(ChoiceProblem::IssuerName(option, name.clone()));
        }
    }
    let default_namespace = namespaces.map(|folder| folder.join(DEFAULT_NAMESPACE));
    let is_there = |path: &Path| {
        let unreadable = |cause| ChoiceProblem::Unreadable(wording::unreadable(path, &cause));
        exists(path).map_err(unreadable)
    };
    let site = match (site, &default_namespace) {
        (Some(site), _) => site,
        (None, _) if is_there(own_file)? => NamedSite::File(own_file.to_owned()),
        (None, Some(folder)) if is_there(folder)? => {
            NamedSite::Namespace(DEFAULT_NAMESPACE.to_owned())
        }
        (None, _) => {
            return Err(ChoiceProblem::NoSite {
                own_file: own_file.to_owned(),
                default_namespace,
            });
        }
    };
    match site {
        NamedSite::File(file) if advertise_host.is_some() => Err(ChoiceProblem::HostOfFile(file)),
        NamedSite::File(file) if !previous.is_empty() => Err(ChoiceProblem::PreviousOfFile(file)),
        NamedSite::File(file) => Ok(SiteSource::Config { file, issuers }),
        NamedSite::Folder(folder) => Ok(SiteSource::SkupperNamespace {
            folder,
            advertise_host,
            issuers,
            previous,
        }),
        NamedSite::Namespace(name) => {
            check_namespace(&name)?;
            let namespaces = namespaces.ok_or(ChoiceProblem::NoNamespaces)?;
            Ok(SiteSource::SkupperNamespace {
                folder: namespaces.join(name),
                advertise_host,
                issuers,
                previous,
            })
        }
    }
}

/// Checks the name of a namespace of Skupper: it is that of a folder, too.
///
/// # Errors
/// [`ChoiceProblem::NamespaceName`] when not.
pub fn check_namespace(name: &str) -> Result<(), ChoiceProblem> {
    if SubdomainName::parse(name).is_err() || name.contains('.') {
        return Err(ChoiceProblem::NamespaceName(name.to_owned()));
    }
    Ok(())
}

/// Reason there is no source for the site.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceProblem {
    /// No option names a site, and neither of these exists.
    #[error(
        "no site: there is no {}{}: describe the site in a file and give --site FILE, or name a \
         Skupper namespace with --namespace NAME, or make a site with 'serve --init --url \
         https://HOST:9090'", own_file.display(), nor(default_namespace.as_deref())
    )]
    NoSite {
        /// Path of the file that `serve --init` would have made.
        own_file: PathBuf,
        /// The folder of Skupper's default namespace, where it can be told.
        default_namespace: Option<PathBuf>,
    },
    /// A place where a site may lie cannot be looked at. Says why.
    #[error("{0}")]
    Unreadable(String),
    /// `--advertise-host` beside a `redemption.yaml` (the path), which names its hosts itself.
    #[error(
        "--advertise-host may not stand beside {}: its hosts are those of its 'endpoints'",
        .0.display()
    )]
    HostOfFile(PathBuf),
    /// `--previous-issuer` beside a `redemption.yaml` (the path), which names them itself.
    #[error(
        "--previous-issuer may not stand beside {}: name certificates in 'issuers.default.previous' there",
        .0.display()
    )]
    PreviousOfFile(PathBuf),
    /// Not the name of an issuer, in this option.
    #[error("{} may not be '{}': it must be a lowercase DNS-1123 name", .0, .1.escape_default())]
    IssuerName(&'static str, String),
    /// Not the name of a namespace.
    #[error(
        "--namespace may not be '{}': it must consist of lowercase letters, digits and '-', and \
         begin and end with a letter or digit", .0.escape_default()
    )]
    NamespaceName(String),
    /// The folder of Skupper's namespaces cannot be told.
    #[error("the folder of Skupper's namespaces cannot be told: set HOME or XDG_DATA_HOME")]
    NoNamespaces,
}

fn nor(namespace: Option<&Path>) -> String {
    let text = |folder: &Path| format!(" and no Skupper namespace {}", folder.display());
    namespace.map_or_else(String::new, text)
}

#[cfg(test)]
mod tests;
