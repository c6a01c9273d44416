//! A Skupper namespace with a running site: its files, and stand-ins for its router's management, which answer
//! as skmanage does, directly or in a container.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use x509_cert::der::{DecodePem as _, Encode as _};

use crate::redeemers::decoded;
use crate::sidecar::{BINARY, Sidecar};

/// The namespace `west` and its link `west`.
pub(crate) struct Site {
    folder: TempDir,
    /// Listens for as long as a router on Linux runs.
    pub(crate) management: TcpListener,
}

const ENGINE: &str = r#"#!/bin/sh
echo "$(basename "$0") $*" >> "$STAND_IN/calls"
if [ -f "$STAND_IN/$1.code" ]; then
    cat "$STAND_IN/$1.err" >&2
    exit "$(cat "$STAND_IN/$1.code")"
fi
case $1 in
ps) cat "$STAND_IN/names" ;;
exec) shift 3; exec "$STAND_IN/bin/skmanage" "$@" ;;
esac
"#;

const SKMANAGE: &str = r#"#!/bin/sh
cd "$STAND_IN"
echo "skmanage $*" >> calls
if [ -f "$1.code" ]; then
    cat "$1.out"
    exit "$(cat "$1.code")"
fi
if [ "$1" = query ]; then
    sed "s/@/$(cat ordinal)/" connections
    exit
fi
if [ "$1" = update ]; then
    for word; do
        case $word in
        ordinal=*) echo "${word#*=}" > ordinal ;;
        oldestValidOrdinal=*) echo "${word#*=}" > oldest ;;
        esac
    done
    if [ -f refuse ]; then
        rm refuse
        echo "BadRequestStatus: the files do not fit"
        exit 1
    fi
    if [ -f disturb ]; then
        rm disturb
        : > west/runtime/certs/west-profile/tls.key
    fi
    rm -rf seen
    cp -r west/runtime/certs/west-profile seen
fi
echo "{\"name\": \"west-profile\", \"ordinal\": $(cat ordinal), \"oldestValidOrdinal\": $(cat oldest)}"
"#;

impl Site {
    /// Redeems a grant of this name into a namespace, and starts its site.
    pub(crate) fn start(sidecar: &Sidecar, grant: &str, platform: &str) -> Self {
        let management = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = management.local_addr().unwrap().port();
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            management,
        };
        fs::create_dir_all(site.resources()).unwrap();
        let token = sidecar.issue_here(grant, 1);
        site.write("token.yaml", &token.yaml);
        let mut redeem = site.command("redeem");
        redeem.arg(site.path("token.yaml")).args(["--name", "west"]);
        let redeemed = redeem.output().unwrap();
        let errors = String::from_utf8_lossy(&redeemed.stderr);
        assert!(redeemed.status.success(), "{errors}");
        let profile = site.path("west/runtime/certs/west-profile");
        for folder in [
            &profile,
            &site.path("west/internal"),
            &site.path("west/runtime/resources"),
        ] {
            fs::create_dir_all(folder).unwrap();
        }
        for name in ["ca.crt", "tls.crt", "tls.key"] {
            let file = profile.join(name);
            fs::write(&file, site.secret(name)).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o640)).unwrap();
        }
        site.write(
            "west/internal/platform.yaml",
            &format!("platform: {platform}\n"),
        );
        let access = format!(
            "apiVersion: skupper.io/v2alpha1\nkind: RouterAccess\nmetadata:\n  name: skupper-local\nspec:\n  \
             roles:\n  - name: normal\n    port: {port}\n"
        );
        site.write(
            "west/runtime/resources/RouterAccess-skupper-local.yaml",
            &access,
        );
        for (name, script) in [
            ("docker", ENGINE),
            ("podman", ENGINE),
            ("skmanage", SKMANAGE),
        ] {
            let file = site.write(&format!("bin/{name}"), script);
            fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        site.write("names", "other\nwest-skupper-router\n");
        site.write("connections", "[]");
        site.write("ordinal", "0");
        site.write("oldest", "0");
        site
    }

    /// The path of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn resources(&self) -> PathBuf {
        self.path("west/input/resources")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A command on the namespace, with the stand-ins in its PATH.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(BINARY);
        command.arg(name).arg("--out").arg(self.resources());
        self.set_environment(&mut command);
        command
    }

    pub(crate) fn set_environment(&self, command: &mut Command) {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        command
            .env("PATH", path)
            .env("STAND_IN", self.folder.path());
    }

    /// Renews the link, and does not try again.
    pub(crate) fn renew(&self, options: &[&str]) -> Output {
        let mut renew = self.command("renew");
        renew
            .args(["west", "--timeout", "1s"])
            .args(options)
            .output()
            .unwrap()
    }

    /// The text of an entry of the Secret.
    pub(crate) fn secret(&self, name: &str) -> String {
        decoded(&self.secret_object()["data"][name])
    }

    /// An annotation of the Secret, by the end of its name.
    pub(crate) fn note(&self, name: &str) -> Option<String> {
        let secret = self.secret_object();
        let annotations = &secret["metadata"]["annotations"];
        let note = &annotations[format!("redemption-sidecar/{name}")];
        note.as_str().map(str::to_owned)
    }

    fn secret_object(&self) -> Value {
        let text = fs::read_to_string(self.resources().join("Secret-west.yaml")).unwrap();
        serde_saphyr::from_str(&text).unwrap()
    }

    /// The serial number of the certificate in place.
    pub(crate) fn serial(&self) -> String {
        let certificate = x509_cert::Certificate::from_pem(self.secret("tls.crt")).unwrap();
        let serial = certificate.tbs_certificate().serial_number();
        let digits = serial.as_bytes().iter().map(|byte| format!("{byte:02x}"));
        let digits = digits.collect::<Vec<_>>().concat();
        format!("{digits:0>32}")
    }

    /// Key and certificate belong together in the Secret and in the files of the profile.
    pub(crate) fn assert_pairs(&self, when: &str) {
        assert!(
            is_pair(&self.secret("tls.crt"), &self.secret("tls.key")),
            "{when}"
        );
        let read = |name: &str| self.read(&format!("west/runtime/certs/west-profile/{name}"));
        assert!(is_pair(&read("tls.crt"), &read("tls.key")), "{when}");
    }

    /// Files in a folder, by their names.
    pub(crate) fn files(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

fn is_pair(certificate: &str, key: &str) -> bool {
    let certificate = x509_cert::Certificate::from_pem(certificate).unwrap();
    let certified = certificate.tbs_certificate().subject_public_key_info();
    let key = redemption_sidecar::pki::key::PrivateKey::from_pem(key).unwrap();
    certified.to_der().unwrap() == key.spki()
}
