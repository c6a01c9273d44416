//! Where the programs are, and what the repository holds for the tests.

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
    if let Some(folder) = env::var_os("KUBEBUILDER_ASSETS").filter(|folder| !folder.is_empty()) {
        let folder = PathBuf::from(folder);
        return Ok(Binaries {
            etcd: existing(folder.join("etcd"), "see KUBEBUILDER_ASSETS")?,
            api_server: existing(folder.join("kube-apiserver"), "see KUBEBUILDER_ASSETS")?,
        });
    }
    let api_server = target().join("cluster/kube-apiserver");
    Ok(Binaries {
        etcd: on_path("etcd").ok_or("etcd is missing: run 'make cluster-tests'")?,
        api_server: existing(api_server, "run 'make cluster-tests'")?,
    })
}

/// kubectl: that of the folder that `KUBEBUILDER_ASSETS` names, the one that `make cluster-tests` builds,
/// or that of the system.
///
/// # Errors
/// There is none.
pub(crate) fn kubectl() -> Result<PathBuf, Problem> {
    let assets = env::var_os("KUBEBUILDER_ASSETS").filter(|folder| !folder.is_empty());
    let of_assets = assets.map(|folder| PathBuf::from(folder).join("kubectl"));
    let built = target().join("cluster/kubectl");
    let found = of_assets.into_iter().chain([built]);
    let mut found = found.filter(|file| file.is_file());
    let found = found.next().or_else(|| on_path("kubectl"));
    found.ok_or_else(|| "kubectl is missing: run 'make cluster-tests'".into())
}

/// The folder of the repository.
pub(crate) fn repository() -> &'static Path {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.ancestors().nth(2).unwrap_or(crate_folder)
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
