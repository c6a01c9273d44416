//! The Links of a Secret in a folder, beside those that a renewal answers with.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::problem::KeepProblem;
use super::text::ObjectText;
use crate::redeemer::answer::{MAX_LINKS, link_names};
use crate::redeemer::document::{self, Author, Document};
use crate::redeemer::files::{MAX_FILE_BYTES, link_file};
use crate::redeemer::folder::{self, FolderProblem};
use crate::redeemer::origin::Stored;
use crate::wire::objects::{Endpoint, Link, Metadata, endpoint_host};

/// A Link in its file, whatever that is called.
pub(super) struct LinkFile {
    name: String,
    text: Vec<u8>,
    pub(super) link: Stored<Link>,
}

/// Steps that make the Links of a Secret those of an answer. A Link is one for a group of endpoints and
/// keeps its name and file, because its connections go with its name.
#[derive(Default)]
pub(super) struct LinkSteps {
    /// Files to write, with their content, and then
    pub(super) write: Vec<(String, String)>,
    /// files to remove.
    pub(super) remove: Vec<String>,
}

/// The Links of a Secret in a folder, by the names of their files.
pub(super) fn links_in(folder: &Path, secret: &str) -> Result<Vec<LinkFile>, KeepProblem> {
    let cannot = |error| FolderProblem::new("read", folder, error);
    let mut links = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let path = PathBuf::from(entry.map_err(cannot)?.file_name());
        let is_yaml = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        let (true, Some(name)) = (is_yaml, path.to_str()) else {
            continue;
        };
        // What is no file that can be read is no Link.
        let Ok(Some(file)) = folder::read(&folder.join(name), MAX_FILE_BYTES) else {
            continue;
        };
        // Most files are those of other links, and reading them as YAML takes its time.
        if !contains(&file.bytes, secret.as_bytes()) {
            continue;
        }
        let link =
            document::read_one_of(&file.bytes, Author::Cluster).and_then(Document::into_link);
        if let Some(link) = link.filter(|link| link.object.tls_credentials == secret) {
            links.push(LinkFile {
                name: name.to_owned(),
                text: file.bytes.to_vec(),
                link,
            });
        }
    }
    links.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(links)
}

/// The steps from the Links in place to those of an answer.
///
/// # Errors
/// A file is in the way of a new Link, or cannot be changed.
pub(super) fn steps(
    folder: &Path,
    secret: &str,
    mut in_place: Vec<LinkFile>,
    wanted: &[Link],
    metadata: &Metadata,
) -> Result<LinkSteps, KeepProblem> {
    let mut steps = LinkSteps::default();
    let mut moved = Vec::new();
    for link in wanted {
        match in_place
            .iter()
            .position(|there| is_same_group(&there.link.object, link))
        {
            Some(at) => steps.replace(folder, &in_place.remove(at), link)?,
            None => moved.push(link),
        }
    }
    let mut left = in_place.into_iter();
    for link in moved {
        if let Some(there) = left.next() {
            steps.replace(folder, &there, link)?;
        } else {
            let free = |name: &String| !folder.join(link_file(name)).exists() && !steps.makes(name);
            let mut names = [link.name.clone()]
                .into_iter()
                .chain(link_names(secret, MAX_LINKS));
            let name = names
                .find(free)
                .ok_or_else(|| KeepProblem::InTheWay(folder.join(link_file(secret))))?;
            let link = Link {
                name,
                ..link.clone()
            };
            steps
                .write
                .push((link_file(&link.name), link.to_yaml_with(metadata)));
        }
    }
    steps.remove.extend(left.map(|there| there.name));
    Ok(steps)
}

impl LinkSteps {
    /// Writes the endpoints of a Link into its file, unless they are the same as a set.
    fn replace(&mut self, folder: &Path, there: &LinkFile, link: &Link) -> Result<(), KeepProblem> {
        if is_same_set(&there.link.object.endpoints, &link.endpoints) {
            return Ok(());
        }
        let text = ObjectText::read(&there.text);
        let text = text.and_then(|text| text.with("/spec/endpoints", endpoints(link)));
        let text = text.ok_or_else(|| KeepProblem::Unwritable(folder.join(&there.name)))?;
        self.write
            .push((there.name.clone(), text.into_text().to_string()));
        Ok(())
    }

    fn makes(&self, name: &str) -> bool {
        self.write.iter().any(|(file, _)| *file == link_file(name))
    }
}

/// The endpoints of a Link as it writes them.
fn endpoints(link: &Link) -> Value {
    let endpoints = link.endpoints.iter().map(|endpoint| {
        json!({
            "group": endpoint.group,
            "host": endpoint_host(&endpoint.host),
            "name": endpoint.role.as_str(),
            "port": endpoint.port.to_string(),
        })
    });
    endpoints.collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn is_same_group(one: &Link, other: &Link) -> bool {
    let groups = |link: &Link| {
        let mut groups: Vec<_> = link.endpoints.iter().map(|end| end.group.clone()).collect();
        groups.sort();
        groups.dedup();
        groups
    };
    groups(one) == groups(other)
}

fn is_same_set(one: &[Endpoint], other: &[Endpoint]) -> bool {
    let is_in = |set: &[Endpoint], endpoint| set.contains(endpoint);
    one.iter().all(|endpoint| is_in(other, endpoint))
        && other.iter().all(|endpoint| is_in(one, endpoint))
}
