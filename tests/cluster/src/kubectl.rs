//! kubectl, as somebody runs it.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::binaries::kubectl;
use crate::{Cluster, Identity, Problem};

/// kubectl with the kubeconfig of somebody, in a namespace.
pub struct Kubectl {
    program: PathBuf,
    namespace: String,
    /// Its home: the kubeconfig, and what it caches.
    home: TempDir,
}

/// Output of kubectl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// Its exit code; none when it was killed.
    pub code: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub message: String,
}

impl Kubectl {
    /// As somebody, in a namespace.
    ///
    /// # Errors
    /// kubectl is missing, or its kubeconfig cannot be written.
    pub fn of(cluster: &Cluster, identity: &Identity, namespace: &str) -> Result<Self, Problem> {
        let home = TempDir::new()?;
        fs::write(
            home.path().join("kubeconfig"),
            cluster.kubeconfig(identity)?,
        )?;
        Ok(Self {
            program: kubectl()?,
            namespace: namespace.to_owned(),
            home,
        })
    }

    /// Runs it with these arguments and this standard input.
    ///
    /// # Errors
    /// It cannot be started, or prints what is not text.
    pub fn run(&self, arguments: &[&str], input: &str) -> Result<Printed, Problem> {
        let mut child = Command::new(&self.program)
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .args(["--namespace", &self.namespace])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let done = child.wait_with_output()?;
        Ok(Printed {
            code: done.status.code(),
            output: String::from_utf8(done.stdout)?,
            message: String::from_utf8(done.stderr)?,
        })
    }
}
