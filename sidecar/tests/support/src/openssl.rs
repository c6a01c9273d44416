//! Certificates and requests made, and leaves verified, with the `openssl` command.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Output};

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

/// What the CA of a site says.
pub const CA: &str = "basicConstraints = critical,CA:TRUE; keyUsage = critical,keyCertSign,cRLSign; \
     subjectKeyIdentifier = hash";

/// A folder of keys and certificates.
pub struct Pki {
    folder: TempDir,
}

impl Pki {
    /// An empty folder.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    /// With `ca.key` of a kind and the self-signed `ca.crt`.
    pub fn with_ca(kind: &str, subject: &str, extensions: &str) -> Self {
        let pki = Self::empty();
        pki.key("ca", kind);
        pki.root("ca", subject, extensions);
        pki
    }

    /// Path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the folder.
    pub fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
    }

    /// The content of a file of the folder.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Runs `openssl` in the folder. Arguments stand between blanks; one with blanks in it, or an
    /// empty one, between single quotes.
    pub fn try_openssl(&self, arguments: &str) -> Output {
        let arguments = arguments.split('\'').enumerate().flat_map(|(index, part)| {
            if index % 2 == 1 {
                vec![part]
            } else {
                part.split_whitespace().collect()
            }
        });
        let mut command = Command::new("openssl");
        match command.args(arguments).current_dir(&self.folder).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("the command 'openssl' is needed: install the package 'openssl'")
            }
            output => output.unwrap(),
        }
    }

    /// Runs `openssl`, which must succeed.
    pub fn openssl(&self, arguments: &str) -> Vec<u8> {
        let output = self.try_openssl(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {errors}");
        output.stdout
    }

    /// Makes `NAME.key`, of one of [`KEYS`].
    pub fn key(&self, name: &str, kind: &str) {
        let known = KEYS.iter().find(|(known, _)| *known == kind);
        let (_, command) = known.unwrap_or_else(|| panic!("a kind of key, not '{kind}'"));
        self.openssl(&command.replace("FILE", &format!("{name}.key")));
    }

    /// Makes the self-signed `NAME.crt` of `NAME.key`, valid for ten years.
    pub fn root(&self, name: &str, subject: &str, extensions: &str) {
        self.root_of(name, subject, extensions, "-days 3650", "utf8only");
    }

    /// As [`Pki::root`], with a validity and with a mask of the strings that names are made of.
    pub fn root_of(
        &self,
        name: &str,
        subject: &str,
        extensions: &str,
        validity: &str,
        strings: &str,
    ) {
        self.configure(extensions, strings);
        self.openssl(&format!(
            "req -x509 -new -utf8 -config openssl.cnf -extensions all -key {name}.key {validity} \
             -subj '{subject}' -out {name}.crt"
        ));
    }

    /// Makes `NAME.crt` of `NAME.key`, signed by another CA, valid for ten years.
    pub fn certificate(&self, ca: &str, name: &str, subject: &str, extensions: &str) {
        self.certificate_of(ca, name, subject, extensions, "-set_serial 7");
    }

    /// As [`Pki::certificate`], with a serial number.
    pub fn certificate_of(
        &self,
        ca: &str,
        name: &str,
        subject: &str,
        extensions: &str,
        serial: &str,
    ) {
        self.configure(extensions, "utf8only");
        self.openssl(&format!(
            "req -new -utf8 -config openssl.cnf -key {name}.key -subj '{subject}' -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {ca}.crt -CAkey {ca}.key {serial} -days 3650 \
             -extfile openssl.cnf -extensions all -out {name}.crt"
        ));
    }

    fn configure(&self, extensions: &str, strings: &str) {
        let extensions = extensions.replace("; ", "\n");
        let text = format!(
            "[req]\ndistinguished_name = name\nstring_mask = {strings}\n[name]\n[all]\n{extensions}\n"
        );
        self.write("openssl.cnf", text.as_bytes());
    }

    /// The content of a PEM file in DER.
    pub fn der(&self, name: &str) -> Vec<u8> {
        self.openssl(&format!("x509 -in {name} -outform DER"))
    }

    /// The subjects of certificates in PEM.
    pub fn subjects(&self, pem: &str) -> String {
        self.write("subjects.pem", pem.as_bytes());
        self.openssl("crl2pkcs7 -nocrl -certfile subjects.pem -out subjects.p7");
        let text = self.openssl("pkcs7 -print_certs -noout -in subjects.p7");
        String::from_utf8(text).unwrap().replace(" = ", "=")
    }

    /// Verifies a leaf under the certificates of a CA at a time.
    ///
    /// # Errors
    ///
    /// Objection of `openssl verify` to it.
    pub fn verify(
        &self,
        leaf: &[u8],
        ca: &[u8],
        purpose: &str,
        at: DateTime<Utc>,
    ) -> Result<(), String> {
        self.write("leaf.pem", leaf);
        self.write("anchors.pem", ca);
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

/// Now, in whole seconds: certificates that `openssl` makes begin at its own now.
pub fn now() -> DateTime<Utc> {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    DateTime::UNIX_EPOCH + TimeDelta::seconds(since.as_secs().try_into().unwrap())
}

/// The kinds of keys and the commands that make them.
const KEYS: &[(&str, &str)] = &[
    (
        "RSA-2048 PKCS#8",
        "genpkey -out FILE -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    ),
    ("RSA-2048 PKCS#1", "genrsa -traditional -out FILE 2048"),
    (
        "RSA-1024",
        "genpkey -out FILE -algorithm RSA -pkeyopt rsa_keygen_bits:1024",
    ),
    (
        "P-256 PKCS#8",
        "genpkey -out FILE -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    ),
    (
        "P-256 SEC1",
        "ecparam -out FILE -genkey -noout -name prime256v1",
    ),
    (
        "P-256 SEC1 with parameters",
        "ecparam -out FILE -genkey -name prime256v1",
    ),
    (
        "P-384 PKCS#8",
        "genpkey -out FILE -algorithm EC -pkeyopt ec_paramgen_curve:P-384",
    ),
    (
        "P-384 SEC1",
        "ecparam -out FILE -genkey -noout -name secp384r1",
    ),
    (
        "P-521",
        "genpkey -out FILE -algorithm EC -pkeyopt ec_paramgen_curve:P-521",
    ),
    ("Ed25519", "genpkey -out FILE -algorithm ED25519"),
    (
        "secp256k1",
        "ecparam -out FILE -genkey -noout -name secp256k1",
    ),
];
