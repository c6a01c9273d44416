//! `redemption.yaml`: a site as its operator describes it.
//!
//! ```yaml
//! name: west
//! url: https://west.example:9090     # optional: where redeemers reach this service
//! issuers:
//!   default: {cert: ca.crt, key: ca.key}
//!   partners: {cert: partners/ca.crt, key: partners/ca.key}   # usable with `--issuer partners`
//! endpoints:
//! - {name: inter-router, host: west.example, port: 55671, group: west}
//! - {name: edge, host: west.example, port: 45671, group: west}
//! ```
//!
//! Paths are relative to the folder of the file. A key that has no meaning is an error, so that a
//! typo switches nothing off.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::num::NonZeroU16;
use std::path::PathBuf;

use serde::Deserialize;
use serde_saphyr::Spanned;
use skupper_access_policy::printable::{is_hidden, printable};
use skupper_access_policy::value::name::{NameProblem, SubdomainName};

use crate::wire::advertised::AdvertisedUrl;
use crate::wire::objects::{Endpoint, Role, read_endpoint_host};
use crate::wire::yaml;

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
}

impl Config {
    /// Reads the text of a configuration.
    ///
    /// # Errors
    /// The first problem, and where it is.
    pub fn parse(text: &str) -> Result<Self, ConfigProblem> {
        if text.len() > yaml::MAX_BYTES {
            return Err(Field::default().problem(ConfigCause::TooLong));
        }
        let options = serde_saphyr::options! { with_snippet: false };
        let file: FileEntry =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| of_yaml(&error))?;
        let root = Field::default();
        Ok(Self {
            name: root.required("name", file.name.as_ref(), object_name)?,
            url: root.optional("url", file.url.as_ref(), str::parse)?,
            issuers: issuers(&root, file.issuers.as_ref())?,
            endpoints: endpoints(&root, file.endpoints.as_ref())?,
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
    /// Longer than [`yaml::MAX_BYTES`].
    #[error("must be at most {} KiB", yaml::MAX_BYTES / 1024)]
    TooLong,
    /// Not one YAML mapping of the right shape. Names the right one.
    #[error("{0}")]
    Malformed(String),
    /// A key without a meaning. Holds those that have one here.
    #[error("no such key: use '{}'", .0.join("', '"))]
    Unknown(Vec<&'static str>),
    /// A key, an issuer or an endpoint that is there already.
    #[error("must not be given twice")]
    Duplicate,
    /// A field that must be there.
    #[error("must be given")]
    Missing,
    /// A value that may not stand here. Says which may.
    #[error("{0}")]
    Invalid(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    name: Option<Spanned<String>>,
    url: Option<Spanned<String>>,
    issuers: Option<Spanned<BTreeMap<String, Spanned<IssuerEntry>>>>,
    endpoints: Option<Spanned<Vec<Spanned<EndpointEntry>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerEntry {
    cert: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointEntry {
    name: Option<Spanned<String>>,
    host: Option<Spanned<String>>,
    /// The reader hands a number on as it is written.
    port: Option<Spanned<String>>,
    group: Option<Spanned<String>>,
}

/// A field in the file, or the one that holds a field which is missing.
#[derive(Clone, Default)]
struct Field {
    line: Option<u64>,
    path: String,
}

impl Field {
    fn at<T>(path: String, value: &Spanned<T>) -> Self {
        let line = Some(value.referenced.line()).filter(|line| *line > 0);
        Self { line, path }
    }

    fn child(&self, name: impl Display) -> String {
        if self.path.is_empty() {
            return name.to_string();
        }
        format!("{}.{name}", self.path)
    }

    fn problem(self, cause: ConfigCause) -> ConfigProblem {
        ConfigProblem {
            line: self.line,
            field: self.path,
            cause,
        }
    }

    fn missing(&self, name: &str) -> ConfigProblem {
        let (line, path) = (self.line, self.child(name));
        Self { line, path }.problem(ConfigCause::Missing)
    }

    fn optional<T, P: Display>(
        &self,
        name: &str,
        value: Option<&Spanned<String>>,
        read: impl FnOnce(&str) -> Result<T, P>,
    ) -> Result<Option<T>, ConfigProblem> {
        let Some(value) = value else { return Ok(None) };
        let field = Self::at(self.child(name), value);
        let read = read(&value.value).map(Some);
        read.map_err(|problem| field.problem(ConfigCause::Invalid(problem.to_string())))
    }

    fn required<T, P: Display>(
        &self,
        name: &str,
        value: Option<&Spanned<String>>,
        read: impl FnOnce(&str) -> Result<T, P>,
    ) -> Result<T, ConfigProblem> {
        let value = self.optional(name, value, read)?;
        value.ok_or_else(|| self.missing(name))
    }
}

fn issuers(
    root: &Field,
    entries: Option<&Spanned<BTreeMap<String, Spanned<IssuerEntry>>>>,
) -> Result<BTreeMap<String, IssuerFiles>, ConfigProblem> {
    let entries = entries.ok_or_else(|| root.missing("issuers"))?;
    let field = Field::at(root.child("issuers"), entries);
    let mut issuers = BTreeMap::new();
    for (name, entry) in &entries.value {
        let field = Field::at(field.child(printable(name)), entry);
        let name = object_name(name).map_err(|problem| {
            let cause = ConfigCause::Invalid(format!("the name of an issuer {problem}"));
            field.clone().problem(cause)
        })?;
        let files = IssuerFiles {
            cert: field.required("cert", entry.value.cert.as_ref(), file_path)?,
            key: field.required("key", entry.value.key.as_ref(), file_path)?,
        };
        issuers.insert(name, files);
    }
    if !issuers.contains_key(DEFAULT_ISSUER) {
        return Err(field.missing(DEFAULT_ISSUER));
    }
    Ok(issuers)
}

fn endpoints(
    root: &Field,
    entries: Option<&Spanned<Vec<Spanned<EndpointEntry>>>>,
) -> Result<Vec<Endpoint>, ConfigProblem> {
    let entries = entries.filter(|entries| !entries.value.is_empty());
    let entries = entries.ok_or_else(|| root.missing("endpoints"))?;
    let mut endpoints: Vec<Endpoint> = Vec::with_capacity(entries.value.len());
    let mut taken = BTreeMap::new();
    for (index, entry) in entries.value.iter().enumerate() {
        let field = Field::at(format!("{}[{index}]", root.child("endpoints")), entry);
        let entry = &entry.value;
        let endpoint = Endpoint {
            role: field.required("name", entry.name.as_ref(), role)?,
            host: field.required("host", entry.host.as_ref(), read_endpoint_host)?,
            port: field.required("port", entry.port.as_ref(), port)?,
            group: field
                .optional("group", entry.group.as_ref(), str::parse)?
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
            return Err(field.problem(ConfigCause::Invalid(problem)));
        }
        endpoints.push(endpoint);
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

/// A problem that the YAML reader found. Its own text would repeat the file in places.
fn of_yaml(error: &serde_saphyr::Error) -> ConfigProblem {
    use serde_saphyr::Error;
    let (path, cause) = match error.without_snippet() {
        Error::SerdeUnknownField {
            field, expected, ..
        } => (field.as_str(), ConfigCause::Unknown(expected.clone())),
        Error::DuplicateMappingKey { key: Some(key), .. } => (key.as_str(), ConfigCause::Duplicate),
        Error::Unexpected { expected, .. } => ("", ConfigCause::Malformed(shape(expected))),
        Error::MultipleDocuments { .. } => {
            let problem = "must be one YAML document";
            ("", ConfigCause::Malformed(problem.to_owned()))
        }
        _ => {
            let problem = "not readable as YAML: look for a missing quote or a wrong indent";
            ("", ConfigCause::Malformed(problem.to_owned()))
        }
    };
    ConfigProblem {
        line: error.location().map(|place| place.line()),
        field: printable(path).to_string(),
        cause,
    }
}

/// Words of one who writes YAML for the shape that the reader looked for.
fn shape(expected: &str) -> String {
    match expected {
        "mapping start" => "must be a mapping of the form 'key: value'".to_owned(),
        "sequence start" => "must be a list of entries that begin with '-'".to_owned(),
        "string scalar" => "must be a text".to_owned(),
        other => format!("not of the right shape: {other} expected"),
    }
}
