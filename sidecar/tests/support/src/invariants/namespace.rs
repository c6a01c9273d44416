//! The folder of a Skupper namespace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use redemption_sidecar::site::source::SiteSource;
use redemption_sidecar::wire::objects::read_endpoint_host;
use skupper_access_policy::value::host::Host;

use super::{SEQUENCE, assert_is_a_line, assert_reads_back, elements, now, pem};

/// The host to advertise, or nothing, in the first line; then files, each behind a line
/// `== PATH`. A file that begins as DER is certificates, which are read as PEM.
pub fn namespace(bytes: &[u8]) {
    let mut parts = split(bytes);
    let host = parts.next().and_then(|host| std::str::from_utf8(host).ok());
    let advertise_host = host.and_then(|host| read_endpoint_host(host.trim_end()).ok());
    let files: BTreeMap<PathBuf, Vec<u8>> = parts.filter_map(file).collect();
    let source = SiteSource::SkupperNamespace {
        folder: PathBuf::from(FOLDER),
        advertise_host: advertise_host.clone(),
        issuers: vec!["partners".to_owned()],
        previous: vec!["partners".to_owned()],
    };
    let most = 10 * bytes.len() + 1024;
    let loaded = match source.load_from(&files, now()) {
        Ok(loaded) => loaded,
        Err(problem) => return assert_is_a_line(&problem.to_string(), most),
    };
    for remark in &loaded.remarks {
        assert_is_a_line(remark, 4 * 1024);
    }
    for fault in loaded.failed.values() {
        assert_is_a_line(&fault.to_string(), 4 * 1024);
    }
    for endpoint in &loaded.site.endpoints {
        assert_eq!(endpoint.group, "skupper-router");
        match &advertise_host {
            Some(host) => assert_eq!(&endpoint.host, host),
            None => assert!(is_reachable(&endpoint.host), "{}", endpoint.host),
        }
    }
    let links = loaded.site.links("west");
    assert_eq!(links.len(), usize::from(!loaded.site.endpoints.is_empty()));
    links.iter().for_each(assert_reads_back);
}

fn is_reachable(host: &Host) -> bool {
    match host {
        Host::Name(name) => {
            let name = name.as_str();
            !matches!(name, "localhost" | "localhost.localdomain") && !name.ends_with(".localhost")
        }
        Host::Ip(address) => {
            let address = address.to_canonical();
            !address.is_loopback() && !address.is_unspecified()
        }
    }
}

fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let part = rest?;
        let end = part
            .windows(SEPARATOR.len())
            .position(|bytes| bytes == SEPARATOR);
        rest = end.map(|end| &part[end + SEPARATOR.len()..]);
        Some(end.map_or(part, |end| &part[..end]))
    })
}

fn file(part: &[u8]) -> Option<(PathBuf, Vec<u8>)> {
    let end = part.iter().position(|byte| *byte == b'\n')?;
    let path = std::str::from_utf8(&part[..end]).ok()?;
    let content = match &part[end + 1..] {
        der @ [SEQUENCE, ..] => {
            let blocks = elements(der).into_iter();
            blocks
                .map(|der| pem("CERTIFICATE", der))
                .collect::<String>()
                .into_bytes()
        }
        content => content.to_vec(),
    };
    Some((Path::new(FOLDER).join(path), content))
}

const FOLDER: &str = "/namespaces/west";

const SEPARATOR: &[u8] = b"\n== ";
