//! The chart or the kustomization around a file, which makes it a part of something else.

use std::collections::{HashMap, HashSet};
use std::iter;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value;

use skupper_access_manifest::context::Context;
use skupper_access_manifest::judge::{Contents, judge};
use skupper_access_manifest::reader::read;
use skupper_access_manifest::unfinished::{Reason, reason_of_text};

use crate::input::{self, Input, KUSTOMIZATIONS, shown};

/// The charts and kustomizations around files; each folder is looked at once.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// The current folder.
    here: PathBuf,
    /// Folders with a kustomization that were searched.
    searched: Vec<PathBuf>,
    /// Files that these name.
    named: OnceLock<Named>,
    folders: Mutex<HashMap<PathBuf, Arc<Folder>>>,
}

/// A folder, and the one above it.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    is_chart: bool,
    named: Named,
    above: Option<Arc<Self>>,
}

/// Files that kustomizations name, as whole paths.
#[derive(Debug, Default)]
struct Named {
    /// Patches, and the folder of the kustomization.
    patches: HashMap<PathBuf, PathBuf>,
    resources: HashSet<PathBuf>,
}

impl Surroundings {
    /// The surroundings of files, of which some were found beside these kustomizations.
    #[must_use]
    pub fn new(kustomizations: Vec<PathBuf>) -> Self {
        Self {
            here: Path::new(".").canonicalize().unwrap_or_default(),
            searched: kustomizations,
            ..Self::default()
        }
    }

    /// Judges the text of a file, unless it is a part of something else.
    #[must_use]
    pub fn judge(&self, input: &Input, text: &str, context: &Context<'_>) -> Contents {
        let mut contents = judge(text, context);
        let reason = || reason_of_text(text).or_else(|| self.reason(input));
        if !contents.is_of_others()
            && let Some(reason) = reason()
        {
            contents.set_aside(text, reason);
        }
        contents
    }

    /// Reason for which a file is a part of something else, if it is one.
    fn reason(&self, input: &Input) -> Option<Reason> {
        if input.is_standard() {
            return None;
        }
        let folder = self.folder(input.place.parent()?);
        let folders = || iter::successors(Some(&*folder), |folder| folder.above.as_deref());
        let mut templates = folders().filter(|folder| folder.path.ends_with("templates"));
        let chart =
            templates.find_map(|folder| folder.above.as_ref().filter(|above| above.is_chart));
        if let Some(chart) = chart {
            return Some(Reason::HelmTemplate(self.name(&chart.path)));
        }
        let searched = self.named.get_or_init(|| {
            let mut named = Named::default();
            for folder in &self.searched {
                named.read(folder);
            }
            named
        });
        let all = || folders().map(|folder| &folder.named).chain([searched]);
        if all().any(|named| named.resources.contains(&input.place)) {
            return None;
        }
        let folder = all().find_map(|named| named.patches.get(&input.place))?;
        Some(Reason::KustomizePatch(self.name(folder)))
    }

    fn folder(&self, path: &Path) -> Arc<Folder> {
        let folders = self.folders.lock();
        if let Some(folder) = folders.ok().and_then(|folders| folders.get(path).cloned()) {
            return folder;
        }
        let mut named = Named::default();
        named.read(path);
        let folder = Arc::new(Folder {
            path: path.to_owned(),
            is_chart: path.join("Chart.yaml").is_file(),
            named,
            above: path.parent().map(|above| self.folder(above)),
        });
        if let Ok(mut folders) = self.folders.lock() {
            folders.insert(path.to_owned(), Arc::clone(&folder));
        }
        folder
    }

    /// A folder as a command names it that runs in the current one.
    fn name(&self, folder: &Path) -> String {
        match folder.strip_prefix(&self.here) {
            Ok(below) if below == Path::new("") => ".".to_owned(),
            Ok(below) => shown(below),
            Err(_) => shown(folder),
        }
    }
}

impl Named {
    /// Takes over what the kustomization in a folder names, if there is one that can be read.
    ///
    /// Source: sigs.k8s.io/kustomize api/types, `Kustomization`.
    fn read(&mut self, folder: &Path) {
        let mut files = KUSTOMIZATIONS.iter().map(|name| folder.join(name));
        let Some(file) = files.find(|file| file.is_file()) else {
            return;
        };
        let Ok(file) = input::read(&Input::named(&file)) else {
            return;
        };
        let documents = read(&file.text).into_iter();
        let values = documents.filter_map(|document| document.ok()?.value().ok());
        for kustomization in values {
            for field in ["resources", "bases", "components"] {
                let paths = elements(&kustomization, field).filter_map(Value::as_str);
                let paths = paths.map(|path| joined(folder, path));
                self.resources.extend(paths);
            }
            for field in ["patches", "patchesStrategicMerge", "patchesJson6902"] {
                let paths = elements(&kustomization, field)
                    .filter_map(|patch| patch.get("path").unwrap_or(patch).as_str());
                let paths = paths.map(|path| (joined(folder, path), folder.to_owned()));
                self.patches.extend(paths);
            }
        }
    }
}

fn elements<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    object
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// A path from a folder, without what leads up again.
fn joined(folder: &Path, path: &str) -> PathBuf {
    let mut joined = folder.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::ParentDir => {
                joined.pop();
            }
            Component::CurDir => {}
            other => joined.push(other),
        }
    }
    joined
}
