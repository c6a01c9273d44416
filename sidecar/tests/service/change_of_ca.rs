//! The change of a CA as the manual has it, typed as it stands there, with the files of a router that reads
//! them when it is told: after each step every link would be accepted, in both directions.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sidecar_test_support::openssl::{Pki, now};

use crate::holder::Holder;
use crate::raw::Answer;
use crate::redeemers::decoded;
use crate::sidecar::{PATIENCE, Sidecar, free_port, private_folder};
use crate::tools::printed;

const MANUAL: &str = include_str!("../../../docs/links.md");
const NAMESPACE: &str = ".local/share/skupper/namespaces/default";
const ACCESS: &str = "router-access-default";

/// The machine of the granting site: a home with a Skupper namespace, and a router.
struct Machine {
    home: Pki,
    /// The commands that were typed, so that variables and functions stay.
    typed: String,
}

/// The certificate that one side of a link shows, and the CAs that it trusts, in PEM.
#[derive(Clone)]
struct Side {
    shows: String,
    trusts: String,
}

impl Machine {
    fn new() -> Self {
        let home = Pki::empty();
        let site = home.path(NAMESPACE);
        for folder in [
            "resources",
            &format!("certs/{ACCESS}"),
            "issuers/skupper-site-ca",
        ] {
            fs::create_dir_all(site.join("runtime").join(folder)).unwrap();
        }
        let ca = "basicConstraints = critical,CA:TRUE; keyUsage = critical,keyCertSign; \
                  extendedKeyUsage = serverAuth,clientAuth; subjectKeyIdentifier = hash";
        home.key("ca", "RSA-2048 PKCS#1");
        home.root("ca", "/CN=skupper-site-ca", ca);
        home.key("router", "RSA-2048 PKCS#1");
        home.certificate(
            "ca",
            "router",
            "/CN=router",
            "subjectAltName = DNS:west.example,IP:192.0.2.1",
        );
        for (from, to) in [
            ("ca.crt", "issuers/skupper-site-ca/tls.crt"),
            ("ca.crt", "issuers/skupper-site-ca/ca.crt"),
            ("ca.key", "issuers/skupper-site-ca/tls.key"),
            ("router.crt", "certs/router-access-default/tls.crt"),
            ("router.key", "certs/router-access-default/tls.key"),
            ("ca.crt", "certs/router-access-default/ca.crt"),
        ] {
            fs::copy(home.path(from), site.join("runtime").join(to)).unwrap();
        }
        for (name, spec) in [
            (
                "Site-west",
                "kind: Site\nmetadata: {name: west}\nspec: {}\n".to_owned(),
            ),
            (
                "RouterAccess-router-access-default",
                format!(
                    "kind: RouterAccess\nmetadata: {{name: {ACCESS}}}\nspec: {{roles: [{{name: inter-router}}, \
                     {{name: edge}}]}}\n"
                ),
            ),
        ] {
            let text = format!("apiVersion: skupper.io/v2alpha1\n{spec}");
            fs::write(site.join(format!("runtime/resources/{name}.yaml")), text).unwrap();
        }
        let machine = Self {
            home,
            typed: String::new(),
        };
        machine.install_router();
        machine
    }

    /// A `podman` whose router copies its files when it is told of a higher number, and shows the number.
    fn install_router(&self) {
        let (bin, router) = (self.home.path("bin"), self.home.path("router"));
        let certs = self.site().join("runtime/certs").join(ACCESS);
        fs::create_dir_all(&bin).unwrap();
        let script = format!(
            "#!/bin/sh -e\n[ \"$1 $2 $3\" = 'exec default-skupper-router skmanage' ]\n\
             cd '{router}'\ncase $4 in\nread) echo \"{{\\\"ordinal\\\": $(cat ordinal)}}\" ;;\n\
             update) for word; do case $word in ordinal=*) new=${{word#*=}} ;; esac; done\n\
             [ \"$new\" -gt \"$(cat ordinal)\" ]\necho \"$new\" > ordinal\ncp '{certs}'/* . ;;\nesac\n",
            router = router.display(),
            certs = certs.display(),
        );
        fs::write(bin.join("podman"), script).unwrap();
        fs::set_permissions(bin.join("podman"), Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(&router).unwrap();
        for file in fs::read_dir(&certs).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), router.join(file.file_name())).unwrap();
        }
        fs::write(router.join("ordinal"), "0").unwrap();
    }

    fn site(&self) -> PathBuf {
        self.home.path(NAMESPACE)
    }

    /// Types a block of the manual.
    fn type_block(&mut self, block: &str) {
        let path = format!(
            "{}:{}",
            self.home.path("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let mut shell = Command::new("bash");
        let script = format!("{}\nset -e\n{block}", self.typed);
        shell.args(["-c", &script]).current_dir(self.home.path(""));
        printed(shell.env("HOME", self.home.path("")).env("PATH", path));
    }

    /// The router as it was told.
    fn router(&self) -> Side {
        let read = |name| fs::read_to_string(self.home.path("router").join(name)).unwrap();
        Side {
            shows: read("tls.crt"),
            trusts: read("ca.crt"),
        }
    }

    /// True where a link that connects is accepted, and accepts.
    fn connects(&self, link: &Side) -> Result<(), String> {
        let router = self.router();
        let verify = |shown: &Side, ca: &str, purpose| {
            self.home
                .verify(shown.shows.as_bytes(), ca.as_bytes(), purpose, now())
        };
        verify(link, &router.trusts, "sslclient")?;
        verify(&router, &link.trusts, "sslserver")
    }
}

/// The blocks of the manual of a kind.
fn blocks(kind: &str) -> Vec<&'static str> {
    let opening = format!("```console {kind}\n");
    let parts = MANUAL.split(&opening).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap())
        .collect()
}

fn renew(holder: &mut Holder, sidecar: &Sidecar) -> Side {
    let answer: Answer = holder.renew(sidecar.port);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&answer.body).unwrap();
    let side = Side {
        shows: decoded(&documents[0]["data"]["tls.crt"]),
        trusts: decoded(&documents[0]["data"]["ca.crt"]),
    };
    assert_eq!(holder.tell(sidecar.port).status, 200);
    side
}

/// The words of `list --links` about the change.
fn progress(sidecar: &Sidecar) -> String {
    let output = sidecar.run(&["list", "--links"]);
    assert!(output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn certificates(pem: &str) -> usize {
    pem.matches("BEGIN").count()
}

#[test]
fn the_walk_of_the_manual_changes_the_ca_without_a_refused_link() {
    let mut machine = Machine::new();
    let site = machine.site();
    let data = private_folder();
    let port = free_port();
    let serve = |options: &[&str], folder: &Path| {
        let site = site.to_str().unwrap();
        Sidecar::start_at(folder, port, &[], &[&["--site", site], options].concat())
    };
    let sidecar = serve(&[], data.path());
    let token = sidecar.issue("west", &["--redemptions-allowed", "3"]);
    let mut holders = [(); 3].map(|()| Holder::redeem(&sidecar, &token));
    let mut links = holders.each_mut().map(|holder| renew(holder, &sidecar));
    let [kept, late, never] = [0, 1, 2];
    let all_connect = |machine: &Machine, links: &[Side], step: &str| {
        for link in links {
            assert_eq!(machine.connects(link), Ok(()), "{step}");
        }
    };
    all_connect(&machine, &links, "before");
    assert_eq!(progress(&sidecar), "");

    let [new_ca] = blocks("new-ca").try_into().unwrap();
    machine.type_block(new_ca);
    let [define, trust, certify, show, forget] = blocks("standalone").try_into().unwrap();
    machine.typed = define.to_owned();
    machine.type_block(trust);
    assert_eq!(certificates(&machine.router().trusts), 2);
    all_connect(&machine, &links, "1");

    drop(sidecar);
    let sidecar = serve(&["--previous-issuer", "old-site-ca"], data.path());
    links[kept] = renew(&mut holders[kept], &sidecar);
    assert_eq!(
        certificates(&links[kept].trusts),
        1,
        "it is the same CA still"
    );
    assert!(
        sidecar.log().contains("certifies links with the CA"),
        "{}",
        sidecar.log()
    );
    machine.type_block(certify);
    let begun = Instant::now();
    while !sidecar.log().contains("and renews certificates of") {
        assert!(begun.elapsed() < PATIENCE, "{}", sidecar.log());
        sleep(Duration::from_millis(100));
    }
    for (link, left) in [(kept, 2), (late, 1)] {
        links[link] = renew(&mut holders[link], &sidecar);
        assert_eq!(certificates(&links[link].trusts), 2);
        all_connect(&machine, &links, "2");
        let begun = Instant::now();
        let expected = format!("of 3 live links {left} have a certificate of another CA");
        // The register is written behind the answers.
        while !(progress(&sidecar).contains(&expected)
            && progress(&sidecar).contains("and 0 a router"))
        {
            assert!(begun.elapsed() < PATIENCE, "{}", progress(&sidecar));
            sleep(Duration::from_millis(100));
        }
    }

    machine.type_block(show);
    all_connect(&machine, &links[..=late], "3");
    let refused = machine.connects(&links[never]);
    assert!(
        refused.is_err(),
        "the order matters: one that was not renewed is left out"
    );
    machine.type_block(forget);
    assert_eq!(certificates(&machine.router().trusts), 1);
    all_connect(&machine, &links[..=late], "4");

    drop(sidecar);
    let sidecar = serve(&[], data.path());
    links[kept] = renew(&mut holders[kept], &sidecar);
    assert_eq!(certificates(&links[kept].trusts), 1);
    all_connect(&machine, &links[..=late], "after");
    assert_eq!(holders[never].renew(sidecar.port).status, 403);
    assert_eq!(progress(&sidecar), "");
}

#[test]
fn the_ca_of_the_server_changes_with_its_operator_and_no_holder_who_renewed_is_left_out() {
    type Step<'a> = (&'a str, &'a dyn Fn(&Pki), usize);
    let own: [Step<'_>; 2] = [
        (
            "next",
            &|pki| fs::create_dir(pki.path("data/server-ca/next")).unwrap(),
            2,
        ),
        ("use", &|pki| pki.write("data/server-ca/next/use", b""), 2),
    ];
    let files: [Step<'_>; 3] = [
        (
            "both",
            &|pki| {
                let both = [pki.read("new.crt"), pki.read("old.crt")].concat();
                pki.write("tls-ca.crt", &both);
            },
            2,
        ),
        ("of the new one", &|pki| server_certificate(pki, "new"), 2),
        (
            "the new one alone",
            &|pki| pki.write("tls-ca.crt", &pki.read("new.crt")),
            1,
        ),
    ];
    for (form, steps) in [("its own", &own[..]), ("files", &files[..])] {
        let pki = Pki::empty();
        for name in ["old", "new"] {
            pki.key(name, "P-256 PKCS#8");
            let ca = "basicConstraints = critical,CA:TRUE; keyUsage = keyCertSign; \
                      subjectKeyIdentifier = hash";
            pki.root(name, &format!("/CN={name}"), ca);
        }
        pki.key("tls", "P-256 PKCS#8");
        server_certificate(&pki, "old");
        pki.write("tls-ca.crt", &pki.read("old.crt"));
        fs::create_dir(pki.path("data")).unwrap();
        fs::set_permissions(pki.path("data"), Permissions::from_mode(0o700)).unwrap();
        let [certificate, key, ca] = ["tls.crt", "tls.key", "tls-ca.crt"]
            .map(|name| pki.path(name).to_str().unwrap().to_owned());
        let mut options = vec!["--init"];
        if form == "files" {
            options.extend([
                "--tls-cert",
                &certificate,
                "--tls-key",
                &key,
                "--tls-ca",
                &ca,
            ]);
        }
        let sidecar = Sidecar::start_in(&pki.path("data"), &options);
        let token = sidecar.issue("west", &["--redemptions-allowed", "2"]);
        let mut kept = Holder::redeem(&sidecar, &token);
        let mut never = Holder::redeem(&sidecar, &token);
        let mut changes = 0;
        for (step, change, count) in steps {
            change(&pki);
            let begun = Instant::now();
            while sidecar.log().matches("shows a new certificate").count() <= changes {
                assert!(
                    begun.elapsed() < PATIENCE,
                    "{form}, {step}: {}",
                    sidecar.log()
                );
                sleep(Duration::from_millis(100));
            }
            // Another look may follow the first one, of files that it made itself.
            sleep(Duration::from_secs(3));
            changes = sidecar.log().matches("shows a new certificate").count();
            let answer = kept.renew(sidecar.port);
            assert_eq!(answer.status, 200, "{form}, {step}: {}", answer.body);
            let carried = answer.header("server-ca").unwrap();
            let carried = pems(&STANDARD.decode(carried).unwrap());
            assert_eq!(carried.len(), *count, "{form}, {step}");
            kept.trust(&carried.concat());
            let issued = sidecar.issue(&format!("later-{count}-{}", step.replace(' ', "-")), &[]);
            assert_eq!(
                certificates(&issued.ca),
                *count,
                "{form}, {step}: the token"
            );
        }
        let left_out = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            never.renew(sidecar.port);
        }));
        assert!(
            left_out.is_err(),
            "{form}: whoever heard of nothing trusts the old one alone"
        );
    }
}

/// A certificate of the server, for 127.0.0.1.
fn server_certificate(pki: &Pki, ca: &str) {
    pki.certificate(ca, "tls", "/CN=server", "subjectAltName = IP:127.0.0.1");
}

/// Certificates that follow each other in DER, in PEM.
fn pems(mut ders: &[u8]) -> Vec<String> {
    let mut pems = Vec::new();
    while let [_, 0x82, high, low, ..] = ders {
        let length = usize::from(u16::from_be_bytes([*high, *low])) + 4;
        let (der, rest) = ders.split_at(length);
        let text = STANDARD.encode(der);
        pems.push(format!(
            "-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"
        ));
        ders = rest;
    }
    pems
}
