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
use std::fmt;
use std::num::NonZeroU16;
use std::path::PathBuf;

use serde::Deserialize;
use serde_saphyr::Spanned;
use skupper_access_policy::printable::{is_hidden, printable};
use skupper_access_policy::value::name::SubdomainName;

use crate::wire::advertised::AdvertisedUrl;
use crate::wire::objects::{Endpoint, Role, read_endpoint_host};
use crate::wire::yaml;

/// The name of the file in a folder that `serve --init` made.
pub const FILE_NAME: &str = "redemption.yaml";

/// The issuer of grants that name none.
pub const DEFAULT_ISSUER: &str = "default";

/// What a `redemption.yaml` says.
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

/// Where an issuer lies: absolute, or relative to the folder of the configuration.
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
            return Err(Place::default().problem(ConfigCause::TooLong));
        }
        let options = serde_saphyr::options! { with_snippet: false };
        let file: FileEntry =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| of_yaml(&error))?;
        let file_place = Place::default();
        Ok(Self {
            name: file_place.required("name", file.name.as_ref(), object_name)?,
            url: file_place.optional("url", file.url.as_ref(), str::parse)?,
            issuers: issuers(&file_place, file.issuers.as_ref())?,
            endpoints: endpoints(&file_place, file.endpoints.as_ref())?,
        })
    }
}

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The line, from 1, where it can be told.
    pub line: Option<u64>,
    /// The field, such as `endpoints[0].port`. Empty for the file as a whole.
    pub field: String,
    /// What is wrong.
    pub cause: ConfigCause,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigCause {
    /// Longer than [`yaml::MAX_BYTES`].
    TooLong,
    /// Not one YAML mapping of the right shape. Says what was looked for.
    Malformed(String),
    /// A key without a meaning. Holds those that have one here.
    Unknown(Vec<&'static str>),
    /// A key, an issuer or an endpoint that is there already.
    Duplicate,
    /// A field that must be there.
    Missing,
    /// A value that may not stand here. Says what may.
    Invalid(String),
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(formatter, "line {line}: ")?;
        }
        if !self.field.is_empty() {
            write!(formatter, "{}: ", self.field)?;
        }
        match &self.cause {
            ConfigCause::TooLong => {
                let kibibytes = yaml::MAX_BYTES / 1024;
                write!(formatter, "may not be more than {kibibytes} KiB")
            }
            ConfigCause::Malformed(expected) | ConfigCause::Invalid(expected) => {
                formatter.write_str(expected)
            }
            ConfigCause::Unknown(known) => {
                write!(formatter, "no such key: use '{}'", known.join("', '"))
            }
            ConfigCause::Duplicate => formatter.write_str("must not be given twice"),
            ConfigCause::Missing => formatter.write_str("must be given"),
        }
    }
}

impl std::error::Error for ConfigProblem {}

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

/// A place in the file: of a field, or of what holds a field that is missing.
#[derive(Clone, Default)]
struct Place {
    line: Option<u64>,
    field: String,
}

impl Place {
    fn at<T>(field: String, value: &Spanned<T>) -> Self {
        let line = Some(value.referenced.line()).filter(|line| *line > 0);
        Self { line, field }
    }

    fn child(&self, name: impl fmt::Display) -> String {
        if self.field.is_empty() {
            return name.to_string();
        }
        format!("{}.{name}", self.field)
    }

    fn problem(self, cause: ConfigCause) -> ConfigProblem {
        let Self { line, field } = self;
        ConfigProblem { line, field, cause }
    }

    fn missing(&self, name: &str) -> ConfigProblem {
        let (line, field) = (self.line, self.child(name));
        Self { line, field }.problem(ConfigCause::Missing)
    }

    fn optional<T>(
        &self,
        name: &str,
        value: Option<&Spanned<String>>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigProblem> {
        let Some(value) = value else { return Ok(None) };
        let place = Self::at(self.child(name), value);
        let read = read(&value.value);
        read.map(Some)
            .map_err(|problem| place.problem(ConfigCause::Invalid(problem)))
    }

    fn required<T>(
        &self,
        name: &str,
        value: Option<&Spanned<String>>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ConfigProblem> {
        let value = self.optional(name, value, read)?;
        value.ok_or_else(|| self.missing(name))
    }
}

fn issuers(
    file: &Place,
    entries: Option<&Spanned<BTreeMap<String, Spanned<IssuerEntry>>>>,
) -> Result<BTreeMap<String, IssuerFiles>, ConfigProblem> {
    let entries = entries.ok_or_else(|| file.missing("issuers"))?;
    let place = Place::at(file.child("issuers"), entries);
    let mut issuers = BTreeMap::new();
    for (name, entry) in &entries.value {
        let place = Place::at(place.child(printable(name)), entry);
        let name = object_name(name).map_err(|problem| {
            let cause = ConfigCause::Invalid(format!("the name of an issuer {problem}"));
            place.clone().problem(cause)
        })?;
        let files = IssuerFiles {
            cert: place.required("cert", entry.value.cert.as_ref(), file_path)?,
            key: place.required("key", entry.value.key.as_ref(), file_path)?,
        };
        issuers.insert(name, files);
    }
    if !issuers.contains_key(DEFAULT_ISSUER) {
        return Err(place.missing(DEFAULT_ISSUER));
    }
    Ok(issuers)
}

fn endpoints(
    file: &Place,
    entries: Option<&Spanned<Vec<Spanned<EndpointEntry>>>>,
) -> Result<Vec<Endpoint>, ConfigProblem> {
    let entries = entries.filter(|entries| !entries.value.is_empty());
    let entries = entries.ok_or_else(|| file.missing("endpoints"))?;
    let mut endpoints: Vec<Endpoint> = Vec::with_capacity(entries.value.len());
    let mut taken = BTreeMap::new();
    for (index, entry) in entries.value.iter().enumerate() {
        let place = Place::at(format!("{}[{index}]", file.child("endpoints")), entry);
        let entry = &entry.value;
        let endpoint = Endpoint {
            role: place.required("name", entry.name.as_ref(), role)?,
            host: place.required("host", entry.host.as_ref(), |text| {
                read_endpoint_host(text).map_err(|problem| problem.to_string())
            })?,
            port: place.required("port", entry.port.as_ref(), port)?,
            group: place
                .optional("group", entry.group.as_ref(), |text| Ok(text.to_owned()))?
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
            return Err(place.problem(ConfigCause::Invalid(problem)));
        }
        endpoints.push(endpoint);
    }
    Ok(endpoints)
}

fn object_name(text: &str) -> Result<String, String> {
    let name = SubdomainName::parse(text).map_err(|problem| problem.to_string())?;
    Ok(name.as_str().to_owned())
}

fn file_path(text: &str) -> Result<PathBuf, String> {
    // A path stands in messages.
    if text.is_empty() || text.chars().any(is_hidden) {
        return Err("must be the path of a file, without control characters".to_owned());
    }
    Ok(PathBuf::from(text))
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "must be 'inter-router' or 'edge'".to_owned())
}

/// Decimal digits only: YAML 1.1 and 1.2 disagree on `055671`.
fn port(text: &str) -> Result<NonZeroU16, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let port = text.parse().ok().filter(|_| is_plain);
    port.ok_or_else(|| "must be a port from 1 to 65535 in decimal digits".to_owned())
}

/// A problem that the YAML reader found. Its own text would repeat the file in places.
fn of_yaml(error: &serde_saphyr::Error) -> ConfigProblem {
    use serde_saphyr::Error;
    let line = error.location().map(|place| place.line());
    let (field, cause) = match error.without_snippet() {
        Error::SerdeUnknownField {
            field, expected, ..
        } => (
            printable(field).to_string(),
            ConfigCause::Unknown(expected.clone()),
        ),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            (printable(key).to_string(), ConfigCause::Duplicate)
        }
        Error::Unexpected { expected, .. } => {
            (String::new(), ConfigCause::Malformed(shape(expected)))
        }
        Error::MultipleDocuments { .. } => (
            String::new(),
            ConfigCause::Malformed("must be one YAML document".to_owned()),
        ),
        _ => (
            String::new(),
            ConfigCause::Malformed(
                "not readable as YAML: look for a missing quote or a wrong indent".to_owned(),
            ),
        ),
    };
    ConfigProblem { line, field, cause }
}

/// What the reader looked for, in the words of one who writes YAML.
fn shape(expected: &str) -> String {
    match expected {
        "mapping start" => "must be a mapping of the form 'key: value'".to_owned(),
        "sequence start" => "must be a list of entries that begin with '-'".to_owned(),
        "string scalar" => "must be a text".to_owned(),
        other => format!("not of the right shape: {other} expected"),
    }
}
