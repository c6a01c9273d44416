//! A real Kubernetes API server for tests, with Skupper's kinds, and the built policy in front of it.
//!
//! ```no_run
//! # async fn example() -> Result<(), cluster_tests::Problem> {
//! use cluster_tests::Cluster;
//!
//! let cluster = Cluster::start().await?;
//! cluster.install_skupper_kinds().await?;
//! println!("{}", cluster.admin()?.apiserver_version().await?.git_version);
//! # Ok(())
//! # }
//! ```
//!
//! There is no controller manager, no scheduler and no node: a namespace is usable at once, and what
//! a controller would make is made by the test.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON is indexed here, and what is not there is null"
)]

mod binaries;
mod cluster;
mod deployment;
mod guest;
mod identity;
mod kinds;
mod kubectl;
mod process;
mod rendered;
mod site;
mod user;
mod webhook;

pub use binaries::kubectl;
pub use cluster::Cluster;
pub use deployment::{Deployment, Order};
pub use guest::Guest;
pub use identity::Identity;
pub use kubectl::{Kubectl, Printed};
pub use process::free_port;
pub use rendered::{Permission, Rendered};
pub use user::{Answer, Kind, User};

/// Reason a test could not be set up.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;
