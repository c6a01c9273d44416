//! Certificates that clients show: each ends in a refusal that can be read, or in no handshake.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use redemption_sidecar::pki::client_certificate::ClientCertificate;
use redemption_sidecar::pki::issuer::Issuer;
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redemption::{GrantUid, Serial};
use redemption_sidecar::renewal::Standing;
use redemption_sidecar::system::clock;
use rustls_pki_types::CertificateDer;
use secrecy::ExposeSecret as _;
use sidecar_test_support::openssl::{CA, Pki};
use x509_cert::Certificate;
use x509_cert::der::{DecodePem as _, Encode as _};

use crate::granting_site::{EARLIER_GRANT, GrantingSite, Identity, link_of, post, renewal};

const OTHER: &str = "not issued by it";
const NOT_FOR_CLIENTS: &str = "not for clients alone";

/// As the service makes them, but for the names of extensions that a row changes.
const CLIENT: &str = "basicConstraints = critical,CA:FALSE; keyUsage = critical,digitalSignature; \
     extendedKeyUsage = clientAuth; authorityKeyIdentifier = keyid";

/// 16 bytes, the first of them below 0x80.
const SERIAL: &str = "-set_serial 0x5a000102030405060708090a0b0c0d0e";

/// The CA of the site, and one with its name, as files.
fn pki_of(granting: &GrantingSite) -> Pki {
    let pki = Pki::empty();
    pki.write("ca.crt", granting.ca.0.as_bytes());
    pki.write("ca.key", granting.ca.1.as_bytes());
    for name in ["leaf", "other", "middle"] {
        pki.key(name, "P-256 PKCS#8");
    }
    pki.root("other", "/CN=skupper-site-ca", CA);
    pki
}

fn identity(pki: &Pki, names: &[&str], key: &str) -> Identity {
    let chain = names.iter().map(|name| pki.der(&format!("{name}.crt")));
    let key = String::from_utf8(pki.read(&format!("{key}.key"))).unwrap();
    Identity::new(chain.map(CertificateDer::from).collect(), &key)
}

/// The answer: the flaw, nothing where it is renewed.
async fn flaw_of(granting: &GrantingSite, identity: &Identity) -> Option<String> {
    let reply = granting.ask(Some(identity), &renewal()).await?;
    if reply.status == 200 {
        return Some(String::new());
    }
    assert_eq!(reply.status, 403, "{}", reply.body);
    let text = reply
        .body
        .strip_prefix("Not a link certificate of this site: ");
    Some(text.unwrap().trim_end().to_owned())
}

#[tokio::test]
async fn what_a_certificate_says_decides_who_is_renewed() {
    let granting = GrantingSite::open();
    granting.register.says(Some(Standing::Good));
    let pki = pki_of(&granting);
    let with = |more: &str| format!("{CLIENT}; {more}");
    let both = CLIENT.replace("clientAuth", "serverAuth,clientAuth");
    let server = CLIENT.replace("clientAuth", "serverAuth");
    let any = CLIENT.replace("clientAuth", "anyExtendedKeyUsage");
    let no_purpose = CLIENT.replace("extendedKeyUsage = clientAuth; ", "");
    let no_signer = CLIENT.replace("keyid", "none");
    let name = with("subjectAltName = DNS:west.example");
    let address = with("subjectAltName = IP:10.0.0.1");
    let a_ca = CA.to_owned() + "; extendedKeyUsage = clientAuth; authorityKeyIdentifier = keyid";
    let long = "-set_serial 0x5a000102030405060708090a0b0c0d0e0f";
    let full = "-set_serial 0xda000102030405060708090a0b0c0d0e";
    let rows: [(&str, &str, &str, &str, &str); 18] = [
        ("as the service makes it", "/CN=west", CLIENT, SERIAL, ""),
        (
            "with a comment",
            "/CN=west",
            &with("nsComment = hello"),
            SERIAL,
            "",
        ),
        (
            "a short number of a link",
            "/CN=west",
            CLIENT,
            "-set_serial 0x0100000000000000",
            "",
        ),
        (
            "without an authority key identifier",
            "/CN=west",
            &no_signer,
            SERIAL,
            OTHER,
        ),
        ("17 bytes of number", "/CN=west", CLIENT, long, OTHER),
        ("16 bytes with the top bit", "/CN=west", CLIENT, full, OTHER),
        ("counted up", "/CN=west", CLIENT, "-set_serial 7", OTHER),
        (
            "6 bytes of number",
            "/CN=west",
            CLIENT,
            "-set_serial 0xffffffffffff",
            OTHER,
        ),
        ("no number", "/CN=west", CLIENT, "-set_serial 0", OTHER),
        (
            "a negative number",
            "/CN=west",
            CLIENT,
            "-set_serial -5000000000000000000000",
            OTHER,
        ),
        ("no common name", "/O=west", CLIENT, SERIAL, OTHER),
        ("no name at all", "/", CLIENT, SERIAL, OTHER),
        (
            "for servers, too",
            "/CN=west",
            &both,
            SERIAL,
            NOT_FOR_CLIENTS,
        ),
        ("for servers", "/CN=west", &server, SERIAL, NOT_FOR_CLIENTS),
        ("for anything", "/CN=west", &any, SERIAL, NOT_FOR_CLIENTS),
        (
            "without a purpose",
            "/CN=west",
            &no_purpose,
            SERIAL,
            NOT_FOR_CLIENTS,
        ),
        (
            "with the name of a host",
            "/CN=west",
            &name,
            SERIAL,
            NOT_FOR_CLIENTS,
        ),
        (
            "with an address",
            "/CN=west",
            &address,
            SERIAL,
            NOT_FOR_CLIENTS,
        ),
    ];
    for (case, subject, extensions, serial, expected) in rows {
        pki.certificate_of("ca", "leaf", subject, extensions, serial);
        let flaw = flaw_of(&granting, &identity(&pki, &["leaf"], "leaf")).await;
        assert_eq!(flaw.as_deref(), Some(expected), "{case}");
    }
    pki.certificate_of("ca", "leaf", "/CN=west", &a_ca, SERIAL);
    let flaw = flaw_of(&granting, &identity(&pki, &["leaf"], "leaf")).await;
    assert_eq!(flaw.as_deref(), Some(NOT_FOR_CLIENTS), "a CA");
}

#[tokio::test]
async fn a_certificate_of_anybody_else_is_a_strangers_whatever_it_says() {
    let granting = GrantingSite::open();
    granting.register.says(Some(Standing::Good));
    let pki = pki_of(&granting);
    pki.certificate_of("other", "leaf", "/CN=west", CLIENT, SERIAL);
    let flaw = flaw_of(&granting, &identity(&pki, &["leaf"], "leaf")).await;
    assert_eq!(flaw.as_deref(), Some(OTHER), "a CA with the same name");

    // A CA with the name and the key identifier of the site's: only its key is another one.
    let site = pki.openssl("x509 -in ca.crt -noout -ext subjectKeyIdentifier");
    let site = String::from_utf8(site).unwrap();
    let identifier = site.lines().last().unwrap().trim();
    let forged = CA.replace("hash", identifier);
    pki.root("other", "/CN=skupper-site-ca", &forged);
    let purposes = ["clientAuth", "serverAuth", "serverAuth,clientAuth"];
    for (purpose, days) in purposes.into_iter().flat_map(|it| [(it, 10), (it, -1)]) {
        let extensions = CLIENT.replace("clientAuth", purpose);
        let options = format!("{SERIAL} -days {days}");
        pki.certificate_of("other", "leaf", "/CN=west", &extensions, &options);
        let flaw = flaw_of(&granting, &identity(&pki, &["leaf"], "leaf")).await;
        assert_eq!(
            flaw.as_deref(),
            Some(OTHER),
            "forged: {purpose}, {days} days"
        );
    }
    let issuer = Issuer::load(&pki.read("other.crt"), &pki.read("other.key"), clock::now());
    let early = link_of(&issuer.unwrap(), TimeDelta::days(-1), TimeDelta::days(1));
    let flaw = flaw_of(&granting, &early).await;
    assert_eq!(flaw.as_deref(), Some(OTHER), "forged: not valid yet");
    let extensions =
        format!("{forged}; extendedKeyUsage = clientAuth; authorityKeyIdentifier = keyid");
    pki.certificate_of("other", "leaf", "/CN=west", &extensions, SERIAL);
    let flaw = flaw_of(&granting, &identity(&pki, &["leaf"], "leaf")).await;
    assert_eq!(flaw.as_deref(), Some(OTHER), "forged: a CA");
    assert_eq!(granting.register.noted.lock().unwrap().len(), 0);

    // A CA below the site's, in the chain that is shown.
    let below = format!("{CA}; authorityKeyIdentifier = keyid");
    pki.certificate_of("ca", "middle", "/CN=middle", &below, SERIAL);
    pki.certificate_of("middle", "leaf", "/CN=west", CLIENT, SERIAL);
    let flaw = flaw_of(
        &granting,
        &identity(&pki, &["leaf", "middle", "ca"], "leaf"),
    )
    .await;
    assert_eq!(flaw.as_deref(), Some(OTHER), "a CA below");

    // The site's own CA, as a client.
    let flaw = flaw_of(&granting, &identity(&pki, &["ca"], "ca")).await;
    assert_eq!(flaw.as_deref(), Some(OTHER), "the CA itself");
}

#[tokio::test]
async fn an_intermediate_issuer_renews_its_own_and_not_those_of_its_root() {
    let granting = GrantingSite::open();
    granting.register.says(Some(Standing::Good));
    let pki = pki_of(&granting);
    pki.key("ca", "P-256 PKCS#8");
    pki.root("ca", "/CN=root", CA);
    let below = format!("{CA}; authorityKeyIdentifier = keyid");
    pki.certificate_of("ca", "middle", "/CN=middle", &below, SERIAL);
    let chain = [pki.read("middle.crt"), pki.read("ca.crt")].concat();
    let issuer = Issuer::load(&chain, &pki.read("middle.key"), clock::now());
    let site = GrantingSite::site(&issuer.unwrap().into(), true);
    granting.sites.store(site.into());

    pki.certificate_of("ca", "leaf", "/CN=west", CLIENT, SERIAL);
    let flaw = flaw_of(&granting, &identity(&pki, &["leaf"], "leaf")).await;
    assert_eq!(flaw.as_deref(), Some(OTHER), "of the root");
    pki.certificate_of("middle", "leaf", "/CN=west", CLIENT, SERIAL);
    for chain in [
        &["leaf"][..],
        &["leaf", "middle"],
        &["leaf", "middle", "ca"],
        &["leaf", "other"],
    ] {
        let flaw = flaw_of(&granting, &identity(&pki, chain, "leaf")).await;
        assert_eq!(flaw.as_deref(), Some(""), "{chain:?}");
    }
}

#[tokio::test]
async fn any_kind_of_key_may_show_a_certificate_and_the_next_one_has_p256() {
    let granting = GrantingSite::open();
    granting.register.says(Some(Standing::Good));
    let pki = pki_of(&granting);
    let kinds = [
        "RSA-2048 PKCS#8",
        "P-256 SEC1",
        "P-384 PKCS#8",
        "P-521",
        "Ed25519",
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        pki.key("leaf", kind);
        let serial = format!("-set_serial 0x5{number}000102030405060708090a0b0c0d0e");
        pki.certificate_of("ca", "leaf", "/CN=west", CLIENT, &serial);
        let flaw = flaw_of(&granting, &identity(&pki, &["leaf"], "leaf")).await;
        assert_eq!(flaw.as_deref(), Some(""), "{kind}");
    }
}

#[tokio::test]
async fn certificates_of_the_earlier_version_become_those_of_this_one() {
    let granting = GrantingSite::open();
    granting.register.says(Some(Standing::Good));
    let pki = pki_of(&granting);
    let uid = EARLIER_GRANT;
    let pem = String::from_utf8(pki.read("leaf.key")).unwrap();
    let first = Serial::derive(&uid, PrivateKey::from_pem(&pem).unwrap().spki());
    pki.certificate_of(
        "ca",
        "leaf",
        "/CN=west",
        CLIENT,
        &format!("-set_serial 0x{first}"),
    );
    let shown = ClientCertificate::read(&pki.der("leaf.crt")).unwrap();
    assert_eq!(shown.link().grant, None);
    assert!(shown.link().is_of(&uid));
    assert!(!shown.link().is_of(&GrantUid::from_bytes([8; 16])));

    let earlier = identity(&pki, &["leaf"], "leaf");
    let reply = granting.ask(Some(&earlier), &renewal()).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
    let noted = granting.register.noted.lock().unwrap()[0].clone();
    assert_eq!(noted.link, first.link());
    assert_eq!(noted.subject, "west");
    let secret = serde_saphyr::from_multiple::<serde_json::Value>(&reply.body).unwrap();
    let next = STANDARD.decode(secret[0]["data"]["tls.crt"].as_str().unwrap());
    let next = Certificate::from_pem(next.unwrap()).unwrap();
    // From now on it names its grant, so that the revocation of that reaches it.
    let named = ClientCertificate::read(&next.to_der().unwrap()).unwrap();
    assert_eq!((named.link().grant, noted.grant), (Some(uid), Some(uid)));
    let subject = next.tbs_certificate().subject().to_string();
    assert_eq!(subject, format!("OU={},CN=west", first.link()));
}

#[tokio::test]
async fn what_proves_no_key_or_is_too_much_gets_no_answer() {
    let granting = GrantingSite::open();
    granting.register.says(Some(Standing::Good));
    let link = granting.link(TimeDelta::days(1), TimeDelta::days(7));
    let leaf = link.chain[0].clone();
    let another = PrivateKey::generate(KeyKind::P256);
    let another = Identity::new(vec![leaf.clone()], another.to_pem().expose_secret());
    let large = CertificateDer::from(vec![0x30; 64 * 1024 - 1024]);
    let cut = CertificateDer::from(leaf[..leaf.len() - 1].to_vec());
    let more = CertificateDer::from([&leaf[..], b"\0"].concat());
    let behind = |count: usize, other: &CertificateDer<'static>| {
        let chain = [vec![leaf.clone()], vec![other.clone(); count]];
        link.showing(chain.concat())
    };
    let pki = pki_of(&granting);
    let unknown = format!("{CLIENT}; 1.2.3.4 = critical,ASN1:NULL");
    pki.certificate_of("ca", "leaf", "/CN=west", &unknown, SERIAL);
    let unknown = identity(&pki, &["leaf"], "leaf");
    let rows = [
        ("the certificate of somebody else", another),
        ("a critical extension that nobody knows", unknown),
        (
            "no DER",
            link.showing(vec![CertificateDer::from(b"canary".to_vec())]),
        ),
        (
            "nothing in it",
            link.showing(vec![CertificateDer::from(Vec::new())]),
        ),
        ("a byte less", link.showing(vec![cut])),
        ("a byte more", link.showing(vec![more])),
        (
            "64 KiB that are no certificate",
            link.showing(vec![large.clone()]),
        ),
        ("64 KiB behind it", behind(1, &large)),
        ("100 certificates", behind(99, &leaf)),
    ];
    for (name, identity) in rows {
        // The service is the same for all others, whatever this one is asking for.
        for bytes in [renewal(), post("/renew/told", ""), post("/", "")] {
            assert!(
                granting.ask(Some(&identity), &bytes).await.is_none(),
                "{name}"
            );
        }
    }
    assert_eq!(granting.metrics.connections().open(), 0);
    assert_eq!(granting.register.noted.lock().unwrap().len(), 0);
    let flaw = flaw_of(&granting, &link).await;
    assert_eq!(flaw.as_deref(), Some(""), "it is the right one, alone");
    let flaw = flaw_of(&granting, &behind(1, &CertificateDer::from(vec![0; 4096]))).await;
    assert_eq!(
        flaw.as_deref(),
        Some(""),
        "what is behind it is not looked at"
    );
}
