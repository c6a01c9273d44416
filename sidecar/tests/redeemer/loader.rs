//! A stand-in for the loader of Skupper's sites without Kubernetes: the rules by which it takes or
//! refuses a folder as a whole.
//!
//! Source: Skupper `internal/nonkube/common/site_state_loader.go`, `site_state_validator.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Loads the resources of a site, and says why it cannot.
pub(crate) fn load(folder: &Path) -> Result<(), String> {
    let mut objects = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml")) {
            let text = fs::read_to_string(&path).unwrap();
            let read: Vec<Value> = serde_saphyr::from_multiple(&text)
                .map_err(|_| format!("error decoding {}", path.display()))?;
            objects.extend(read);
        }
    }
    let text = |object: &Value, pointer: &str| {
        let text = object.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let namespaces: BTreeSet<_> = objects
        .iter()
        .map(|object| match text(object, "/metadata/namespace") {
            none if none.is_empty() => "default".to_owned(),
            namespace => namespace,
        })
        .collect();
    if namespaces.len() > 1 {
        return Err(format!("multiple namespaces found: {namespaces:?}"));
    }
    let named = |kind: &str| -> BTreeMap<String, &Value> {
        let of_kind = objects.iter().filter(|object| object["kind"] == kind);
        of_kind
            .map(|object| (text(object, "/metadata/name"), object))
            .collect()
    };
    if named("Site").len() != 1 {
        return Err("no valid site definition has been found".to_owned());
    }
    let secrets = named("Secret");
    for (name, link) in named("Link") {
        if !is_name(&name) {
            return Err(format!("invalid link name: {name}"));
        }
        if !secrets.contains_key(&text(link, "/spec/tlsCredentials")) {
            return Err(format!("secret of link {name} not found"));
        }
    }
    Ok(())
}

/// A DNS-1123 label of any length: `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`.
fn is_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.bytes().all(is_inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// What `skupper site create` writes.
pub(crate) fn create_site(folder: &Path, namespace: &str) {
    fs::create_dir_all(folder).unwrap();
    let site = format!(
        "apiVersion: skupper.io/v2alpha1\nkind: Site\nmetadata:\n  name: my-site\n  namespace: \
         {namespace}\n"
    );
    fs::write(folder.join("Site-my-site.yaml"), site).unwrap();
}
