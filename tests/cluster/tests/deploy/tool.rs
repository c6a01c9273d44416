//! kubectl as an administrator of a cluster uses it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cluster_tests::{Cluster, Identity, kubectl};
use tempfile::TempDir;

/// A cluster with Kubewarden's and cert-manager's kinds, and a namespace that takes only Pods of the
/// standard `restricted`.
pub(crate) struct Operator {
    _cluster: Cluster,
    folder: TempDir,
}

/// Output of kubectl.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) is_done: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Operator {
    pub(crate) async fn new() -> Self {
        let cluster = Cluster::start().await.unwrap();
        cluster.install_skupper_kinds().await.unwrap();
        let folder = TempDir::new().unwrap();
        let kubeconfig = cluster.kubeconfig(&Identity::Admin).unwrap();
        fs::write(folder.path().join("kubeconfig"), kubeconfig).unwrap();
        let operator = Self {
            _cluster: cluster,
            folder,
        };
        operator.does(&["apply", "-f", "tests/cluster/tests/deploy/kinds"]);
        operator.does(&[
            "wait",
            "--for=condition=Established",
            "--timeout=20s",
            "crd",
            "--all",
        ]);
        operator
    }

    /// A namespace in which nothing but `restricted` Pods can be made, and everything else is warned
    /// of.
    pub(crate) fn namespace(&self, name: &str) {
        let label = |mode: &str| format!("pod-security.kubernetes.io/{mode}=restricted");
        self.does(&["create", "namespace", name]);
        self.does(&[
            "label",
            "namespace",
            name,
            &label("enforce"),
            &label("warn"),
            &label("audit"),
        ]);
    }

    /// Runs kubectl in the folder of the repository; it must succeed without a warning.
    #[track_caller]
    pub(crate) fn does(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments, "");
        assert!(
            said.is_done && said.stderr.is_empty(),
            "{arguments:?}: {said:?}"
        );
        said.stdout
    }

    /// Runs kubectl with this input.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = self.command(&kubectl().unwrap());
        let mut child = command.args(arguments).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        said(&child.wait_with_output().unwrap())
    }

    /// Runs a line of a shell in a folder, where `kubectl` is that of the tests.
    pub(crate) fn shell(&self, line: &str, folder: &Path) -> Said {
        let kubectl = kubectl().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", kubectl.parent().unwrap().display());
        let mut command = self.command(Path::new("bash"));
        command.args(["-euo", "pipefail", "-c", line]);
        said(
            &command
                .env("PATH", path)
                .current_dir(folder)
                .output()
                .unwrap(),
        )
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .current_dir(repository())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn said(output: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        is_done: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}
