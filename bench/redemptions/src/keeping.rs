//! The cost of a keeper of many links at rest.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use redemption_sidecar::pki::issuer::{Issuer, LeafRequest};
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redemption::{GrantUid, Serial};
use redemption_sidecar::system::{clock, random};
use redemption_sidecar::wire::objects::{Annotation, Metadata, TlsSecret};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::bench::Bench;
use crate::room::Site;
use redemption_bench::Fault;
use redemption_bench::sidecar::{cpu, memory};
use redemption_bench::table::{Figure, Goal, Table};

/// `renew --watch` beside the files of 1,000 links, none of which is due.
pub(crate) async fn at_rest(bench: &Bench, table: &mut Table) -> Result<(), Fault> {
    let folder = bench.room.data();
    fs::create_dir_all(&folder)?;
    let issuer = bench.room.issuer(Site::Ec)?;
    for number in 0..LINKS {
        write_link(&folder, &issuer, &format!("link-{number}"))?;
    }
    let child = Command::new(&bench.binary)
        .args(["renew", "--watch", "--metrics-listen=127.0.0.1:0", "--out"])
        .arg(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let keeper = Keeper(child);
    tokio::time::sleep(BEGIN).await;
    let before = cpu(keeper.0.id())?;
    // Some looks long, whatever the time of other measurements is.
    let time = (bench.time * 6).max(Duration::from_secs(30));
    tokio::time::sleep(time).await;
    let spent = cpu(keeper.0.id())? - before;
    table.see(CPU, spent / (time.as_secs_f64() * 1e3) * 100.0);
    table.see(MEMORY, memory(keeper.0.id())?.peak);
    table.see(FIRST, before);
    Ok(())
}

/// A process that ends with the value.
struct Keeper(Child);

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes the Secret of a link, as a redemption leaves it, and a Link beside it.
fn write_link(folder: &Path, issuer: &Issuer, name: &str) -> Result<(), Fault> {
    let key = PrivateKey::generate(KeyKind::P256);
    let uid = GrantUid::from_random(random::bytes());
    let now = clock::now();
    let request = LeafRequest {
        spki: key.spki(),
        subject: name,
        serial: Serial::derive(&uid, key.spki()),
        at: now,
        duration: Some(TimeDelta::days(7)),
        grant: Some(uid),
    };
    let ca = issuer.certificates_pem().to_owned();
    let der = CertificateDer::from_pem_slice(ca.as_bytes()).map_err(|_| "no CA")?;
    let secret = TlsSecret {
        name: name.to_owned(),
        tls_crt: issuer.certify(&request, now)?.pem,
        tls_key: Some(key.to_pem()),
        ca_crt: ca,
    };
    let annotations = [
        (
            Annotation::RedeemedFrom,
            format!("https://127.0.0.1:9/{uid}"),
        ),
        (
            Annotation::RenewalUrl,
            "https://127.0.0.1:9/renew".to_owned(),
        ),
        (Annotation::ServerCa, STANDARD.encode(&der)),
    ];
    let metadata = Metadata {
        namespace: None,
        annotations: BTreeMap::from(annotations),
    };
    let yaml = secret.to_yaml_with(&metadata);
    fs::write(folder.join(format!("Secret-{name}.yaml")), yaml.as_bytes())?;
    fs::write(folder.join(format!("Link-{name}.yaml")), "")?;
    Ok(())
}

const LINKS: usize = 1000;

/// Time in which the keeper reads all of them.
const BEGIN: Duration = Duration::from_secs(15);

const CPU: Figure = Figure {
    name: "keeper of 1,000 links at rest, of a core",
    unit: "%",
    goal: Goal::AtMost(0.1),
};
const MEMORY: Figure = Figure {
    name: "  its memory at most",
    unit: "MiB",
    goal: Goal::AtMost(24.0),
};
const FIRST: Figure = Figure {
    name: "  CPU of its start, with the first look",
    unit: "ms",
    goal: Goal::Free,
};
