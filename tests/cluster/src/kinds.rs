//! Skupper's kinds: our own definitions, or those of the folder that `SKUPPER_CRDS` names.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use http::Request;
use kube::Client;
use serde_json::Value;
use tokio::time::sleep;

use crate::binaries::repository;
use crate::{Cluster, Problem};

impl Cluster {
    /// Installs Skupper's kinds and waits until they are served.
    ///
    /// # Errors
    /// A definition cannot be read, is refused, or is not served within ten seconds.
    pub async fn install_skupper_kinds(&self) -> Result<(), Problem> {
        let client = self.admin()?;
        let mut plurals = Vec::new();
        for definition in definitions()? {
            let body = serde_json::to_vec(&definition)?;
            let request = Request::post(DEFINITIONS).header("Content-Type", "application/json");
            let stored: Value = client.request(request.body(body)?).await?;
            plurals.extend(
                stored["spec"]["names"]["plural"]
                    .as_str()
                    .map(str::to_owned),
            );
        }
        for plural in plurals {
            wait_until_served(&client, &plural).await?;
        }
        Ok(())
    }
}

fn definitions() -> Result<Vec<Value>, Problem> {
    let folder = env::var_os("SKUPPER_CRDS").filter(|folder| !folder.is_empty());
    let folder = folder.map_or_else(
        || repository().join("tests/cluster/crds"),
        // Relative to the repository, where make runs.
        |folder| repository().join(folder),
    );
    let mut definitions = Vec::new();
    for file in yaml_files(&folder)? {
        let text = fs::read_to_string(&file)?;
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        definitions.extend(documents);
    }
    definitions.retain(|document| document["kind"] == "CustomResourceDefinition");
    if definitions.is_empty() {
        return Err(format!("{} holds no CustomResourceDefinition", folder.display()).into());
    }
    Ok(definitions)
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry?.path();
        if file
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
        {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

async fn wait_until_served(client: &Client, plural: &str) -> Result<(), Problem> {
    let start = Instant::now();
    loop {
        let list = Request::get(format!("/apis/skupper.io/v2alpha1/{plural}?limit=1"));
        match client.request_text(list.body(Vec::new())?).await {
            Ok(_) => return Ok(()),
            Err(error) if start.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

const PATIENCE: Duration = Duration::from_secs(10);
