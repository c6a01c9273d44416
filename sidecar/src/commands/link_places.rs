//! The places of links that options name.

use std::path::PathBuf;
use std::time::Duration;

use super::redeem::folder_of;
use super::{Failure, cluster, data};
use crate::args::LinkPlaces;
use crate::redeemer::keeper::{ClusterHome, FolderHome, Home, Router, namespaces};

/// The homes of links that options name, with the program that tells their routers, if it is not what is built
/// in.
pub(super) async fn homes(
    places: &LinkPlaces,
    exec: Option<&PathBuf>,
) -> Result<Vec<Home>, Failure> {
    if places.kubernetes {
        return Ok(vec![Home::Cluster(cluster_home(places).await?)]);
    }
    if places.all_namespaces {
        return Ok(of_machine(exec));
    }
    folder_home(places, exec).map(|home| vec![Home::Folder(home)])
}

/// Those of all Skupper namespaces of this machine now.
pub(super) fn of_machine(exec: Option<&PathBuf>) -> Vec<Home> {
    let Some(folder) = data::namespaces_folder() else {
        return Vec::new();
    };
    let names = namespaces(&folder).into_iter();
    let homes = names.map(|name| {
        let path = folder.join(&name).join("input/resources");
        Home::Folder(home(path, Some(name), exec))
    });
    homes.collect()
}

/// The folder that options name, or that of a Skupper namespace.
pub(super) fn folder_home(
    places: &LinkPlaces,
    exec: Option<&PathBuf>,
) -> Result<FolderHome, Failure> {
    let (path, namespace) = folder_of(places.out.as_deref(), places.namespace.as_deref())?;
    Ok(home(path, namespace, exec))
}

/// The namespace of a cluster that options name, or all of them.
pub(super) async fn cluster_home(places: &LinkPlaces) -> Result<ClusterHome, Failure> {
    let (client, namespace) = cluster::connect(places.namespace.as_deref()).await?;
    Ok(ClusterHome {
        client,
        namespace: Some(namespace).filter(|_| !places.all_namespaces),
        patience: PATIENCE,
    })
}

fn home(path: PathBuf, namespace: Option<String>, exec: Option<&PathBuf>) -> FolderHome {
    FolderHome {
        router: Router::of_folder(&path, exec.cloned()),
        path,
        namespace,
    }
}

/// Longest time until Skupper's controller is to have noticed a renewal.
const PATIENCE: Duration = Duration::from_mins(1);
