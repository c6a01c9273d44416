//! A Kubernetes API server to try the product on: Skupper's kinds, the policy in front of it, and two
//! namespaces, `west` and `east`, that are sites. It ends with Ctrl-C, and leaves nothing.
//!
//! ```text
//! api-server [KUBECONFIG]
//! ```
//!
//! No controller runs: no Pod starts, and nobody but the sidecar completes an AccessGrant.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use cluster_tests::{Cluster, Identity, Order, Problem, User};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("api-server: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Problem> {
    let file = env::args_os().nth(1).map(PathBuf::from);
    let file = file.unwrap_or_else(|| PathBuf::from("kubeconfig"));
    let cluster = Cluster::start().await?;
    cluster.install_skupper_kinds().await?;
    let mut policies = Vec::new();
    for site in ["west", "east"] {
        let user = User::admin(&cluster, site).await?;
        user.make_site(site).await?;
        policies.push(Order::of_skupper_kinds().deploy(&user).await?);
    }
    fs::write(&file, cluster.kubeconfig(&Identity::Admin)?)?;
    println!("export KUBECONFIG={}", fs::canonicalize(&file)?.display());
    println!("Ctrl-C ends the API server.");
    tokio::signal::ctrl_c().await?;
    fs::remove_file(&file)?;
    Ok(())
}
