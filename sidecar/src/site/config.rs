//! `redemption.yaml`: a site as its operator describes it.
//!
//! ```yaml
//! name: west
//! url: https://west.example:9090     # optional: where redeemers reach this service
//! issuers:
//!   default: {cert: ca.crt, key: ca.key, previous: [old-ca.crt]}   # `previous` is optional
//!   partners: {cert: partners/ca.crt, key: partners/ca.key}   # usable with `--issuer partners`
//! endpoints:
//! - {name: inter-router, host: west.example, port: 55671, group: west}
//! - {name: edge, host: west.example, port: 45671, group: west}
//! ```
//!
//! Paths are relative to the folder of the file. A key that has no meaning is an error, so that a
//! typo switches nothing off.

mod entry;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::PathBuf;

use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader::node::Target;
use skupper_access_manifest::whole;
use skupper_access_policy::printable::is_hidden;
use skupper_access_policy::value::name::{NameProblem, SubdomainName};

use self::entry::{Entry, Source};
use crate::wire::advertised::AdvertisedUrl;
use crate::wire::manifest;
use crate::wire::objects::{Endpoint, Role, read_endpoint_host};

/// The name of the file in a folder that `serve --init` made.
pub const FILE_NAME: &str = "redemption.yaml";

/// The issuer of grants that name none.
pub const DEFAULT_ISSUER: &str = "default";

/// Content of a `redemption.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name of the site.
    pub name: String,
    /// The address of the service, when the file gives one.
    pub url: Option<AdvertisedUrl>,
    /// The files of each issuer, [`DEFAULT_ISSUER`] among them.
    pub issuers: BTreeMap<String, IssuerFiles>,
    /// At least one, and each role at most once in a group.
    pub endpoints: Vec<Endpoint>,
}

/// Paths of an issuer: absolute, or relative to the folder of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerFiles {
    /// Its certificates in PEM.
    pub cert: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
    /// The certificates of the issuers it has followed, each in PEM.
    pub previous: Vec<PathBuf>,
}

impl Config {
    /// Reads the text of a configuration.
    ///
    /// # Errors
    /// The first problem, and where it is.
    pub fn parse(text: &str) -> Result<Self, ConfigProblem> {
        let of_file = |line, cause| ConfigProblem {
            line,
            field: String::new(),
            cause,
        };
        if text.len() > manifest::MAX_BYTES {
            return Err(of_file(None, ConfigCause::TooLong));
        }
        let lines = Lines::of(text);
        let line = |at: usize| u64::try_from(lines.place(at).line).ok();
        let documents = whole::documents(text).map_err(|unreadable| {
            let cause = ConfigCause::Malformed(unreadable.problem);
            of_file(line(unreadable.span.start), cause)
        })?;
        if let Some((second, _)) = documents.get(1) {
            let cause = ConfigCause::Malformed("must be one YAML document".to_owned());
            return Err(of_file(line(second.span("", Target::Key).start), cause));
        }
        let Some((tree, value)) = documents.first() else {
            let field = "name".to_owned();
            let cause = ConfigCause::Missing;
            return Err(ConfigProblem {
                field,
                ..of_file(None, cause)
            });
        };
        let file = Entry {
            source: &Source {
                text,
                lines: &lines,
                tree,
            },
            value,
            pointer: String::new(),
            field: String::new(),
        };
        file.fields(&["name", "url", "issuers", "endpoints"])?;
        Ok(Self {
            name: file.required("name", object_name)?,
            url: file.optional("url", str::parse)?,
            issuers: issuers(&file)?,
            endpoints: endpoints(&file)?,
        })
    }
}

/// Fault of a configuration, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{cause}", line.map_or_else(String::new, |line| format!("line {line}: ")),
    if field.is_empty() { String::new() } else { format!("{field}: ") })]
pub struct ConfigProblem {
    /// The line, from 1, where it can be told.
    pub line: Option<u64>,
    /// The field, such as `endpoints[0].port`. Empty for the file as a whole.
    pub field: String,
    /// The fault.
    pub cause: ConfigCause,
}

/// Fault of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigCause {
    /// Longer than [`manifest::MAX_BYTES`].
    #[error("must be at most {} KiB", manifest::MAX_BYTES / 1024)]
    TooLong,
    /// Not one YAML document, or not of the right shape. Names the right one.
    #[error("{0}")]
    Malformed(String),
    /// A key without a meaning. Holds those that have one here.
    #[error("no such key: use '{}'", .0.join("', '"))]
    Unknown(Vec<&'static str>),
    /// A field that must be there.
    #[error("must be given")]
    Missing,
    /// A value that may not stand here. Says which may.
    #[error("{0}")]
    Invalid(String),
}

fn issuers(file: &Entry<'_>) -> Result<BTreeMap<String, IssuerFiles>, ConfigProblem> {
    let entries = file.get("issuers").ok_or_else(|| file.missing("issuers"))?;
    let mut issuers = BTreeMap::new();
    for name in entries.mapping()?.keys() {
        let Some(entry) = entries.child(name, entries.field_of(name)) else {
            continue;
        };
        let name = object_name(name).map_err(|problem| {
            entry.problem(ConfigCause::Invalid(format!(
                "the name of an issuer {problem}"
            )))
        })?;
        entry.fields(&["cert", "key", "previous"])?;
        let files = IssuerFiles {
            cert: entry.required("cert", file_path)?,
            key: entry.required("key", file_path)?,
            previous: entry.texts("previous", file_path)?,
        };
        issuers.insert(name, files);
    }
    if !issuers.contains_key(DEFAULT_ISSUER) {
        return Err(entries.missing(DEFAULT_ISSUER));
    }
    Ok(issuers)
}

fn endpoints(file: &Entry<'_>) -> Result<Vec<Endpoint>, ConfigProblem> {
    let entries = file
        .get("endpoints")
        .ok_or_else(|| file.missing("endpoints"))?;
    let count = entries.list()?.len();
    let mut endpoints: Vec<Endpoint> = Vec::with_capacity(count);
    let mut taken = BTreeMap::new();
    for index in 0..count {
        let Some(entry) = entries.child(&index.to_string(), format!("endpoints[{index}]")) else {
            continue;
        };
        entry.fields(&["name", "host", "port", "group"])?;
        let endpoint = Endpoint {
            role: entry.required("name", role)?,
            host: entry.required("host", read_endpoint_host)?,
            port: entry.required("port", port)?,
            group: entry
                .optional("group", |text| Ok::<_, &str>(text.to_owned()))?
                .unwrap_or_default(),
        };
        // A Link holds one endpoint of a role, so that a second one would never be used.
        let slot = (endpoint.group.clone(), endpoint.role);
        if let Some(first) = taken.insert(slot, index) {
            let problem = format!(
                "endpoints[{first}] is the '{}' of this group already: give each group one \
                 endpoint of a name",
                endpoint.role
            );
            return Err(entry.problem(ConfigCause::Invalid(problem)));
        }
        endpoints.push(endpoint);
    }
    if endpoints.is_empty() {
        return Err(file.missing("endpoints"));
    }
    Ok(endpoints)
}

fn object_name(text: &str) -> Result<String, NameProblem> {
    SubdomainName::parse(text).map(|name| name.as_str().to_owned())
}

fn file_path(text: &str) -> Result<PathBuf, &'static str> {
    // A path stands in messages.
    if text.is_empty() || text.chars().any(is_hidden) {
        return Err("must be the path of a file, without control characters");
    }
    Ok(PathBuf::from(text))
}

fn role(text: &str) -> Result<Role, &'static str> {
    Role::parse(text).ok_or("must be 'inter-router' or 'edge'")
}

/// Decimal digits only: YAML 1.1 and 1.2 disagree on `055671`.
fn port(text: &str) -> Result<NonZeroU16, &'static str> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let port = text.parse().ok().filter(|_| is_plain);
    port.ok_or("must be a port from 1 to 65535 in decimal digits")
}
