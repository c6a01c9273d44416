//! The commands of the manual of links, typed as they are written, in the order in which they stand there.
//!
//! The folders of root are the machine's own, so that the commands get others; the address of the manual, 192.0.2.1, is reached through a proxy that leads to the service of the test.
//! The programs of routers and of systemd are stand-ins that take their arguments; what is typed into a
//! cluster is tested with the API server.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use tempfile::TempDir;

use crate::sidecar::{BINARY, Sidecar, private_folder};

/// A machine on which the manual is read: its home is a folder.
struct Machine {
    home: TempDir,
    proxy: u16,
    granting: Sidecar,
}

impl Machine {
    fn new() -> Self {
        let home = private_folder();
        let bin = home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        // The folders of a user; those of root are the machine's own.
        let sidecar = format!(
            "command=$1; shift\n\
             case $command in\n\
             redeem|renew|links) exec {BINARY} $command --out {0}/link \"$@\" ;;\n\
             *) exec {BINARY} $command --data {0}/data \"$@\" ;;\n\
             esac",
            home.path().display()
        );
        let sidecar = ("redemption-sidecar", sidecar.as_str());
        for (name, script) in STAND_INS.iter().copied().chain([sidecar]) {
            let file = bin.join(name);
            fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        symlink(repository.join("deploy"), home.path().join("deploy")).unwrap();
        let data = home.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        let options = ["--init", "--url", "https://192.0.2.1:9090"];
        let granting = Sidecar::start_in(&data, &options);
        Self {
            proxy: proxy(granting.port),
            granting,
            home,
        }
    }

    /// Types a line. It must go well.
    fn types(&self, line: &str) -> String {
        let path = format!(
            "{}:{}",
            self.home.path().join("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(self.home.path())
            .env("PATH", path)
            .env("HTTPS_PROXY", format!("http://127.0.0.1:{}", self.proxy))
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .output()
            .unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{line}: {said}");
        said
    }

    fn secret(&self) -> PathBuf {
        self.home.path().join("link/Secret-west.yaml")
    }

    /// Makes a link anew: what was taken back comes back with a new token only.
    fn link(&self, subject: &str) {
        let _ = fs::remove_dir_all(self.secret().parent().unwrap());
        self.types("redemption-sidecar revoke west --keep-links || true");
        self.types("rm -f west.yaml; redemption-sidecar issue west -o west.yaml");
        self.types(&format!(
            "redemption-sidecar redeem west.yaml --subject {subject}"
        ));
    }

    /// The id of the link in place, as its certificate has it.
    fn id(&self) -> String {
        let listed = self.types("redemption-sidecar list --links -o json");
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let mut links = listed.as_array().unwrap().iter();
        let live = links.find(|link| link["state"] == "live").unwrap();
        live["link"].as_str().unwrap().to_owned()
    }

    /// Takes away what Skupper's own client would not have written.
    fn forget_renewal(&self) {
        let text = fs::read_to_string(self.secret()).unwrap();
        let kept = text
            .lines()
            .filter(|line| !line.contains("redemption-sidecar/") && !line.contains("annotations:"));
        fs::write(self.secret(), kept.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    }
}

/// A line of the manual: what must be there before it, and what is said then.
struct Row {
    line: &'static str,
    before: fn(&Machine),
    says: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        line: "redemption-sidecar redeem west.yaml",
        before: |machine| {
            machine.types("redemption-sidecar issue west -o west.yaml");
        },
        says: "redeemed: 'west'",
    },
    Row {
        line: "redemption-sidecar links",
        before: |_| {},
        says: "west",
    },
    Row {
        line: "redemption-sidecar renew",
        before: |_| {},
        says: "not due: 'west'",
    },
    Row {
        line: "redemption-sidecar renew west --force",
        before: |_| {},
        says: "renewed: 'west'",
    },
    Row {
        line: "sudo install -m 644 deploy/systemd/redemption-sidecar-renew.service /etc/systemd/system/",
        before: |_| {},
        says: "install",
    },
    Row {
        line: "sudo systemctl enable --now redemption-sidecar-renew",
        before: |_| {},
        says: "enable",
    },
    Row {
        line: "redemption-sidecar renew --adopt west --url https://192.0.2.1:9090/renew --server-ca server-ca.pem",
        before: |machine| {
            machine.link("west");
            machine.forget_renewal();
            machine.types("cp data/server-ca/ca.crt server-ca.pem");
        },
        says: "'west'",
    },
    Row {
        line: "redemption-sidecar list --links",
        before: |_| {},
        says: "live",
    },
    Row {
        line: "redemption-sidecar show west",
        before: |_| {},
        says: "LINK",
    },
    Row {
        line: "redemption-sidecar revoke west",
        before: |_| {},
        says: "until then the other site can connect again",
    },
    Row {
        line: "redemption-sidecar revoke --link 1ccd2fd65736d70180b9",
        before: |_| {},
        says: "1ccd2fd65736d70180b9",
    },
    Row {
        line: "redemption-sidecar revoke --subject east.example",
        before: |machine| machine.link("east.example"),
        says: "CN=east.example, OU=",
    },
    Row {
        line: "skstat -c",
        before: |_| {},
        says: "",
    },
    Row {
        line: "ss -K dst 198.51.100.7",
        before: |_| {},
        says: "198.51.100.7",
    },
];

#[test]
fn every_command_of_the_manual_works_as_it_is_written() {
    let machine = Machine::new();
    let mut rows = ROWS.iter();
    for line in commands(&["Renew", "Take a link back"]) {
        if line.starts_with("kubectl ") {
            continue;
        }
        let row = rows.next();
        let row = row.filter(|row| row.line == line);
        let row = row.unwrap_or_else(|| panic!("'{line}' is not the next row of the test"));
        (row.before)(&machine);
        let said = machine.types(&line);
        assert!(said.contains(row.says), "{line}: {said}");
    }
    assert!(rows.next().is_none(), "a row is not in the manual any more");
}

#[test]
fn a_link_that_was_taken_back_as_the_manual_says_is_not_renewed() {
    let machine = Machine::new();
    machine.link("west");
    machine.types("redemption-sidecar renew west --force");
    let id = machine.id();
    machine.types(&format!("redemption-sidecar revoke --link {id}"));
    let before = fs::read(machine.secret()).unwrap();
    let said = machine.types("redemption-sidecar renew west --force 2>&1 || true");
    assert!(said.contains("This link was revoked"), "{said}");
    assert_eq!(fs::read(machine.secret()).unwrap(), before);
    // The grant was not ended, and its next link is another one.
    machine.link("west");
    assert_ne!(machine.id(), id);
    assert!(machine.granting.log().contains("outcome=\"revoked\""));
}

/// The lines of the console blocks in these chapters of the manual.
fn commands(chapters: &[&str]) -> Vec<String> {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/links.md");
    let manual = fs::read_to_string(manual).unwrap();
    let (mut is_in, mut is_block) = (false, false);
    let mut lines = Vec::new();
    for line in manual.lines() {
        match line.trim_start() {
            heading if line.starts_with("## ") => {
                is_in = chapters.contains(&heading.trim_start_matches("## "));
            }
            "```console" if is_in => is_block = true,
            "```" => is_block = false,
            command if is_block => lines.push(command.to_owned()),
            _ => {}
        }
    }
    lines
}

/// An HTTP proxy that leads every CONNECT to one port of this machine.
fn proxy(to: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || lead(client, to));
        }
    });
    port
}

fn lead(mut client: TcpStream, to: u16) -> Option<()> {
    let mut head = BufReader::new(client.try_clone().ok()?);
    let mut line = String::new();
    while head.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    let mut server = TcpStream::connect(("127.0.0.1", to)).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut answers, mut asks) = (server.try_clone().ok()?, client.try_clone().ok()?);
    thread::spawn(move || std::io::copy(&mut answers, &mut asks));
    std::io::copy(&mut client, &mut server).ok().map(|_| ())
}

/// Programs of the machine that the manual calls.
const STAND_INS: &[(&str, &str)] = &[
    ("sudo", r#"exec "$@""#),
    ("install", r#"test -f "$3" && echo install "$@""#),
    ("systemctl", r#"echo "$@""#),
    ("skstat", r#"test "$*" = -c"#),
    ("ss", r#"echo "$@""#),
];
