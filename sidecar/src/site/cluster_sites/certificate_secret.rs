//! A Secret of which the certificates are read, and no key.

use std::borrow::Cow;

use k8s_openapi::ByteString;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::api::ObjectMeta;
use serde::Deserialize;

/// A Secret without whatever else is in it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CertificateSecret {
    pub(super) metadata: ObjectMeta,
    #[serde(default)]
    pub(super) data: Certificates,
}

/// The certificates of a CA.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Certificates {
    #[serde(rename = "tls.crt")]
    pub(super) certificate: Option<ByteString>,
    #[serde(rename = "ca.crt")]
    pub(super) above: Option<ByteString>,
}

impl Resource for CertificateSecret {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        Secret::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Secret::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Secret::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Secret::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_but_certificates_is_read() {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "old"},
            // Not even base64.
            "data": {"tls.crt": "YQ==", "ca.crt": "Yg==", "tls.key": "?", "other": 1},
        });
        let secret: CertificateSecret = serde_json::from_value(secret).unwrap();
        let read = format!("{:?}", secret.data);
        assert!(!read.contains('?'), "{read}");
        let texts = [secret.data.certificate, secret.data.above];
        let texts = texts.map(|text| text.unwrap().0);
        assert_eq!(texts, [b"a".to_vec(), b"b".to_vec()]);
        let empty = json!({"metadata": {"name": "old"}});
        let empty: CertificateSecret = serde_json::from_value(empty).unwrap();
        assert!(empty.data.certificate.is_none() && empty.data.above.is_none());
    }
}
