//! Certificates and requests made, and leaves verified, with the `openssl` command.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Output};

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

/// A folder of keys and certificates.
pub(crate) struct Pki {
    folder: TempDir,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let pki = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        pki.write("empty.cnf", b"[req]\ndistinguished_name = name\n[name]\n");
        pki
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Runs `openssl` in the folder; the arguments stand between blanks, texts with blanks between
    /// single quotes.
    pub(crate) fn try_openssl(&self, arguments: &str) -> Output {
        let arguments = arguments.split('\'').enumerate().flat_map(|(index, part)| {
            if index % 2 == 1 {
                vec![part]
            } else {
                part.split_whitespace().collect()
            }
        });
        match Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
        {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("the command 'openssl' is needed: install the package 'openssl'")
            }
            output => output.unwrap(),
        }
    }

    /// Runs `openssl`, which must succeed.
    pub(crate) fn openssl(&self, arguments: &str) -> Vec<u8> {
        let output = self.try_openssl(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {errors}");
        output.stdout
    }

    /// Makes `NAME.key` with one of [`KEYS`].
    pub(crate) fn key(&self, name: &str, kind: &str) {
        let (_, command) = KEYS.iter().find(|(known, _)| *known == kind).unwrap();
        self.openssl(&command.replace("KEY", &format!("{name}.key")));
    }

    /// Makes the self-signed `NAME.crt` of `NAME.key`, valid for ten years.
    pub(crate) fn certificate(&self, name: &str, subject: &str, extensions: &str) {
        self.extensions(extensions);
        self.openssl(&format!(
            "req -x509 -new -utf8 -config empty.cnf -key {name}.key -days 3650 -subj '{subject}' \
             -out {name}.crt {}",
            if extensions.is_empty() {
                ""
            } else {
                "-config extensions.cnf -extensions all"
            }
        ));
    }

    /// Makes `NAME.crt` of `NAME.key`, signed by another CA.
    pub(crate) fn certificate_by(&self, ca: &str, name: &str, subject: &str, extensions: &str) {
        self.extensions(extensions);
        self.openssl(&format!(
            "req -new -utf8 -config empty.cnf -key {name}.key -subj '{subject}' -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {ca}.crt -CAkey {ca}.key -set_serial 7 -days 3650 \
             -extfile extensions.cnf -extensions all -out {name}.crt"
        ));
    }

    fn extensions(&self, extensions: &str) {
        let lines = extensions.replace("; ", "\n");
        self.write(
            "extensions.cnf",
            format!("[req]\ndistinguished_name = name\n[name]\n[all]\n{lines}\n").as_bytes(),
        );
    }

    /// What `openssl verify` says about a leaf under the certificates of a CA at a time.
    pub(crate) fn verify(
        &self,
        leaf: &str,
        ca: &str,
        purpose: &str,
        at: DateTime<Utc>,
    ) -> Result<(), String> {
        self.write("leaf.pem", leaf.as_bytes());
        self.write("anchors.pem", ca.as_bytes());
        let output = self.try_openssl(&format!(
            "verify -purpose {purpose} -attime {} -no-CApath -no-CAstore -CAfile anchors.pem leaf.pem",
            at.timestamp()
        ));
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The kinds of keys and the commands that make them.
pub(crate) const KEYS: &[(&str, &str)] = &[
    (
        "RSA-2048 PKCS#8",
        "genpkey -out KEY -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    ),
    ("RSA-2048 PKCS#1", "genrsa -traditional -out KEY 2048"),
    (
        "RSA-1024 PKCS#8",
        "genpkey -out KEY -algorithm RSA -pkeyopt rsa_keygen_bits:1024",
    ),
    (
        "P-256 PKCS#8",
        "genpkey -out KEY -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    ),
    (
        "P-256 SEC1",
        "ecparam -out KEY -genkey -noout -name prime256v1",
    ),
    (
        "P-256 SEC1 with parameters",
        "ecparam -out KEY -genkey -name prime256v1",
    ),
    (
        "P-384 PKCS#8",
        "genpkey -out KEY -algorithm EC -pkeyopt ec_paramgen_curve:P-384",
    ),
    (
        "P-384 SEC1",
        "ecparam -out KEY -genkey -noout -name secp384r1",
    ),
    (
        "P-521 PKCS#8",
        "genpkey -out KEY -algorithm EC -pkeyopt ec_paramgen_curve:P-521",
    ),
    ("Ed25519 PKCS#8", "genpkey -out KEY -algorithm ED25519"),
];

/// What the CA of a site says.
pub(crate) const CA: &str = "basicConstraints = critical,CA:TRUE; keyUsage = critical,keyCertSign,cRLSign; \
                      subjectKeyIdentifier = hash";

/// Now, in whole seconds. Certificates that `openssl` makes begin at its own now.
pub(crate) fn now() -> DateTime<Utc> {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    DateTime::UNIX_EPOCH + TimeDelta::seconds(since.as_secs().try_into().unwrap())
}
