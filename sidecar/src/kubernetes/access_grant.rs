//! AccessGrant as the API server sends and takes it.

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// An AccessGrant. Spec and status are JSON, so that a field of the wrong type is a matter of one
/// object and not of a whole list. No field of it is printed: it holds the code.
///
/// Source: Skupper's AccessGrant reference.
#[derive(Clone, Default, Deserialize)]
pub struct AccessGrant {
    /// Name, uid and version.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// The grant as it is asked for. Not sent when it is null.
    #[serde(default)]
    pub spec: Value,
    /// The state of the grant. Not sent when it is null.
    #[serde(default)]
    pub status: Value,
}

impl AccessGrant {
    /// The kind, as manifests write it.
    pub const KIND: &str = "AccessGrant";
    /// The group of Skupper's kinds.
    pub const GROUP: &str = "skupper.io";
    /// The version of Skupper's kinds.
    pub const VERSION: &str = "v2alpha1";
}

impl Resource for AccessGrant {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        Self::KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        Self::GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        Self::VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "accessgrants".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl Serialize for AccessGrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", &Self::api_version(&()))?;
        map.serialize_entry("kind", Self::KIND)?;
        map.serialize_entry("metadata", &self.metadata)?;
        for (name, value) in [("spec", &self.spec), ("status", &self.status)] {
            if !value.is_null() {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

/// Prints which grant it is and nothing of what it holds.
impl fmt::Debug for AccessGrant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ObjectMeta {
            namespace, name, ..
        } = &self.metadata;
        formatter
            .debug_struct("AccessGrant")
            .field("namespace", namespace)
            .field("name", name)
            .finish_non_exhaustive()
    }
}
