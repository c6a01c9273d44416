//! Places of the programs, and of what the repository holds for the tests.

use std::env;
use std::path::{Path, PathBuf};

use crate::Problem;

/// The programs that make a control plane.
pub(crate) struct Binaries {
    pub(crate) etcd: PathBuf,
    pub(crate) api_server: PathBuf,
}

/// Looks into the folder that `KUBEBUILDER_ASSETS` names, as envtest does; without one, takes the API
/// server that `make cluster-tests` builds and the etcd of the system.
///
/// # Errors
/// A program is missing.
pub(crate) fn find() -> Result<Binaries, Problem> {
    if let Some(folder) = assets() {
        return Ok(Binaries {
            etcd: existing(folder.join("etcd"), "see KUBEBUILDER_ASSETS")?,
            api_server: existing(folder.join("kube-apiserver"), "see KUBEBUILDER_ASSETS")?,
        });
    }
    Ok(Binaries {
        etcd: on_path("etcd").ok_or("etcd is missing: run 'make cluster-tests'")?,
        api_server: built("kube-apiserver")?,
    })
}

/// kubectl: that of the folder that `KUBEBUILDER_ASSETS` names, else the one that `make cluster-tests`
/// builds. Never one of the system, whose version may be any.
///
/// # Errors
/// It is missing.
pub fn kubectl() -> Result<PathBuf, Problem> {
    match assets() {
        Some(folder) => existing(folder.join("kubectl"), "see KUBEBUILDER_ASSETS"),
        None => built("kubectl"),
    }
}

/// The folder of the repository.
pub(crate) fn repository() -> &'static Path {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.ancestors().nth(2).unwrap_or(crate_folder)
}

fn assets() -> Option<PathBuf> {
    let folder = env::var_os("KUBEBUILDER_ASSETS").filter(|folder| !folder.is_empty());
    folder.map(PathBuf::from)
}

fn built(name: &str) -> Result<PathBuf, Problem> {
    existing(
        target().join("cluster").join(name),
        "run 'make cluster-tests'",
    )
}

fn target() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    repository().join(target)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn existing(file: PathBuf, advice: &str) -> Result<PathBuf, Problem> {
    if file.is_file() {
        return Ok(file);
    }
    Err(format!("{} is missing: {advice}", file.display()).into())
}
