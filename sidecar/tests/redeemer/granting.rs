//! A granting site that renews, as ours or in whatever way a test wants, and a link of it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use redemption_sidecar::pki::issuer::{Issuer, LeafRequest};
use redemption_sidecar::pki::key::PrivateKey;
use redemption_sidecar::redeemer::FolderTarget;
use redemption_sidecar::redeemer::keeper::{
    Done, KeepProblem, RenewalOrder, Router, renew_in_folder,
};
use redemption_sidecar::redemption::{GrantUid, LinkId, Serial};
use redemption_sidecar::wire::certificate_request;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use x509_cert::der::{DecodePem as _, Encode as _};

use crate::partner::{
    Certificates, Identity, Partner, UID, answer, issuer, secret_without_key, skupper_link,
};
use crate::{NO_PROXY, run};
use sidecar_test_support::openssl::now;

/// A request for the next certificate of a link.
pub(crate) struct Asked<'a> {
    pub(crate) issuer: &'a Issuer,
    /// The key to certify.
    pub(crate) spki: &'a [u8],
    pub(crate) link: LinkId,
}

impl Asked<'_> {
    /// The certificate that our service makes, but for what the test wants.
    pub(crate) fn certify(&self, change: impl FnOnce(&mut LeafRequest<'_>)) -> String {
        let mut leaf = LeafRequest {
            spki: self.spki,
            subject: "west",
            serial: Serial::renewed(self.link, self.spki),
            at: now(),
            duration: Some(TimeDelta::days(30)),
            grant: GrantUid::parse(UID),
        };
        change(&mut leaf);
        self.issuer.certify(&leaf, now()).unwrap().pem
    }

    /// The objects that our service answers with.
    pub(crate) fn objects(&self) -> String {
        self.secret() + &skupper_link("west", "west")
    }

    pub(crate) fn secret(&self) -> String {
        let certificate = self.certify(|_| {});
        secret_without_key("west", self.issuer.certificates_pem(), &certificate)
    }
}

/// A granting site.
pub(crate) struct Granting {
    pub(crate) partner: Partner,
    /// Keys that it certified for renewals, each once.
    keys: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Host and port that it names for renewals, in place of its own.
    pub(crate) moved_to: Arc<Mutex<Option<String>>>,
}

impl Granting {
    /// Renews as ours.
    pub(crate) fn start() -> Self {
        Self::answering(|asked| Ok(asked.objects()))
    }

    /// Answers renewals with these objects, or this status.
    pub(crate) fn answering(
        renew: impl Fn(&Asked<'_>) -> Result<String, &'static str> + Send + Sync + 'static,
    ) -> Self {
        let certificates = Certificates::of_the_tests();
        let issuer = issuer(&certificates.site_ca);
        let keys = Arc::new(Mutex::new(Vec::new()));
        let (seen, link) = (Arc::clone(&keys), Mutex::new(None));
        let ca = server_ca(&certificates.server_ca);
        let moved_to = Arc::new(Mutex::new(None::<String>));
        let moved = Arc::clone(&moved_to);
        let partner = Partner::start(&certificates.server, move |_, request, stream| {
            if request.line.starts_with("POST /renew/told ") {
                stream.write_all(&answer("200 OK", "", "Noted\n")).unwrap();
                return;
            }
            let key = certificate_request::read(&request.headers["certificate-request"]).unwrap();
            let first = Serial::derive(&GrantUid::parse(UID).unwrap(), key.spki());
            let is_renewal = request.line.starts_with("POST /renew ");
            let mut link = link.lock().unwrap();
            let asked = Asked {
                issuer: &issuer,
                spki: key.spki(),
                link: *link.get_or_insert(first.link()),
            };
            let objects = if is_renewal {
                let mut seen = seen.lock().unwrap();
                if !seen.iter().any(|known| known == key.spki()) {
                    seen.push(key.spki().to_vec());
                }
                renew(&asked)
            } else {
                let certificate = asked.certify(|leaf| {
                    leaf.serial = first;
                    leaf.at = now() - TimeDelta::days(20);
                });
                let secret = secret_without_key("west", issuer.certificates_pem(), &certificate);
                Ok(secret + &skupper_link("west", "west"))
            };
            let moved = moved.lock().unwrap();
            let host = moved.as_ref().unwrap_or(&request.headers["host"]);
            let headers = format!("renewal-url: https://{host}/renew\r\nserver-ca: {ca}\r\n");
            let answer = match objects {
                Ok(objects) => answer("200 OK", &headers, &objects),
                Err(status) => answer(status, "", "no\n"),
            };
            let _ = stream.write_all(&answer);
        });
        Self {
            partner,
            keys,
            moved_to,
        }
    }

    /// Makes a link whose certificate is due, as a redemption leaves it.
    pub(crate) async fn link(&self, folder: &Path) {
        let ca = &Certificates::of_the_tests().server_ca;
        run(&self.partner.token(ca), folder).await.unwrap();
    }

    /// Number of keys that it certified for renewals.
    pub(crate) fn keys(&self) -> usize {
        self.keys.lock().unwrap().len()
    }
}

/// The header that names the CA of a server.
pub(crate) fn server_ca(ca: &Identity) -> String {
    let der = CertificateDer::from_pem_slice(ca.certificate.as_bytes()).unwrap();
    STANDARD.encode(der)
}

/// An order to renew the link `west`.
pub(crate) fn renewal(force: bool) -> RenewalOrder<'static> {
    RenewalOrder {
        name: "west",
        force,
        timeout: Duration::from_secs(5),
        proxies: &NO_PROXY,
        pace: None,
        now: now(),
    }
}

/// Renews the link of a folder, if it is due.
pub(crate) async fn renew(folder: &Path) -> Result<Done, KeepProblem> {
    renew_for(folder, &Router::None, false).await
}

pub(crate) async fn renew_for(
    folder: &Path,
    router: &Router,
    force: bool,
) -> Result<Done, KeepProblem> {
    let target = FolderTarget {
        path: folder,
        namespace: None,
    };
    renew_in_folder(renewal(force), target, router).await
}

/// The text of an entry of a Secret.
pub(crate) fn entry(secret: &str, name: &str) -> String {
    let secret: Value = serde_saphyr::from_str(secret).unwrap();
    let entry = secret["data"][name].as_str().unwrap();
    String::from_utf8(STANDARD.decode(entry).unwrap()).unwrap()
}

/// True for a certificate and its key.
pub(crate) fn is_pair(certificate: &str, key: &str) -> bool {
    let certificate = x509_cert::Certificate::from_pem(certificate).unwrap();
    let certified = certificate.tbs_certificate().subject_public_key_info();
    certified.to_der().unwrap() == PrivateKey::from_pem(key).unwrap().spki()
}
