//! `redemption.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use redemption_sidecar::site::config::{Config, DEFAULT_ISSUER, FILE_NAME};
use redemption_sidecar::site::source::SiteSource;
use redemption_sidecar::wire::advertised::AdvertisedUrl;
use skupper_access_policy::value::name::SubdomainName;

use super::{assert_is_a_line, assert_reads_back, now};

/// A site is read, or refused with a line that says where; what is read makes Links that are read
/// back.
pub fn redemption_yaml(bytes: &[u8]) {
    let folder = BTreeMap::from([(Path::new("/site").join(FILE_NAME), bytes.to_vec())]);
    let source = SiteSource::Config {
        file: PathBuf::from("/site").join(FILE_NAME),
        issuers: vec!["partners".to_owned()],
    };
    let loaded = source.load_from(&folder, now());
    let Ok(text) = std::str::from_utf8(bytes) else {
        return assert_is_a_line(&loaded.err().unwrap().to_string(), 256);
    };
    let config = match Config::parse(text) {
        Ok(config) => config,
        Err(problem) => {
            let message = problem.to_string();
            // A place, which may be of two names, and what is allowed.
            assert_is_a_line(&message, 4 * 1024);
            let line = problem
                .line
                .map_or(0, |line| usize::try_from(line).unwrap());
            // To YAML, CR alone ends a line, too.
            assert!(line <= text.matches(['\n', '\r']).count() + 1, "{message}");
            let loaded = loaded.err().unwrap().to_string();
            return assert!(loaded.ends_with(&message), "{loaded}");
        }
    };
    assert!(SubdomainName::parse(&config.name).is_ok());
    assert!(config.issuers.contains_key(DEFAULT_ISSUER));
    assert!(
        config
            .issuers
            .keys()
            .all(|name| SubdomainName::parse(name).is_ok())
    );
    if let Some(url) = &config.url {
        assert_eq!(url.to_string().parse::<AdvertisedUrl>().as_ref(), Ok(url));
    }
    let slots = config.endpoints.iter();
    let slots: BTreeSet<_> = slots
        .map(|endpoint| (&endpoint.group, endpoint.role))
        .collect();
    assert_eq!(slots.len(), config.endpoints.len());

    let loaded = loaded.unwrap();
    assert!(!loaded.is_ready(), "there are no files of issuers");
    for fault in loaded.failed.values() {
        assert_is_a_line(&fault.to_string(), bytes.len() * 10 + 256);
    }
    let links = loaded.site.links("west");
    assert!(!links.is_empty());
    let endpoints: usize = links.iter().map(|link| link.endpoints.len()).sum();
    assert_eq!(endpoints, config.endpoints.len());
    links.iter().for_each(assert_reads_back);
}
