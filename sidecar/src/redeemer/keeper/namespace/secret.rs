//! The Secret of a link in a namespace.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use kube::api::DynamicObject;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::ordinal;
use crate::redeemer::answer::{Answer, AnswerProblem};
use crate::redeemer::cluster::object::{self, MANAGED_BY, REDEEMER};
use crate::redeemer::credential::Credential;
use crate::redeemer::document::Document;
use crate::redeemer::keeper::kept::Kept;
use crate::redeemer::keeper::look;
use crate::redeemer::keeper::problem::KeepProblem;
use crate::redeemer::origin::Stored;
use crate::redeemer::renewal_server::RenewalServer;
use crate::wire::objects::{Annotation, Link, TlsSecret};

/// A Secret whose key and certificate fit, and the server that renews it.
pub(super) struct Found {
    secret: Stored<TlsSecret>,
    pub(super) credential: Credential,
    server: RenewalServer,
}

impl Found {
    /// Reads the Secret of a link, which may be one that is adopted for a server.
    pub(super) fn read(
        found: &DynamicObject,
        name: &str,
        adopted: Option<&RenewalServer>,
        now: DateTime<Utc>,
    ) -> Result<Self, KeepProblem> {
        let (secret, credential) = judge(found, name, now)?;
        let server = match adopted {
            Some(server) => server.clone(),
            None => look::server(&secret.metadata, name)?,
        };
        Ok(Self {
            secret,
            credential,
            server,
        })
    }

    /// True where everything that a renewal was judged by is as it was.
    pub(super) fn is(&self, kept: &Kept) -> bool {
        let (one, other) = (&self.secret.object, &kept.secret.object);
        let key = |secret: &TlsSecret| {
            let key = secret.tls_key.as_ref();
            key.map(|key| key.expose_secret().to_owned())
        };
        one.tls_crt == other.tls_crt
            && one.ca_crt == other.ca_crt
            && key(one) == key(other)
            && self.server == kept.server
    }

    pub(super) fn into_kept(self, links: Vec<Stored<Link>>) -> Kept {
        Kept {
            secret: self.secret,
            credential: self.credential,
            server: self.server,
            links,
        }
    }
}

/// The Secret of a link, kept or not.
pub(in crate::redeemer::keeper) fn judge(
    found: &DynamicObject,
    name: &str,
    now: DateTime<Utc>,
) -> Result<(Stored<TlsSecret>, Credential), KeepProblem> {
    let unusable = |problem| KeepProblem::Secret {
        name: name.to_owned(),
        problem,
    };
    let secret = object::read(found).and_then(Document::into_secret);
    let secret = secret.ok_or_else(|| unusable(AnswerProblem::Secrets))?;
    let credential = Credential::judge_kept(&secret.object, None, now);
    let credential = credential.map_err(|problem| unusable(problem.into()))?;
    Ok((secret, credential))
}

/// True where the certificate is that of a link still.
pub(super) fn has_certificate(secret: &DynamicObject, kept: &Kept) -> bool {
    let certificate = object::entry(secret, "tls.crt");
    certificate.is_some_and(|pem| *pem == kept.secret.object.tls_crt)
}

/// True where a label says that something else manages the Secret.
pub(super) fn is_of_another(secret: &DynamicObject) -> bool {
    let labels = secret.metadata.labels.as_ref();
    labels
        .and_then(|labels| labels.get(MANAGED_BY))
        .is_some_and(|by| by != REDEEMER)
}

/// The change of a Secret, as it was read, to a renewed one: key, certificate and CA at once, and with them
/// the number that the certificate before has.
pub(super) fn renewal(secret: &DynamicObject, renewed: &Answer) -> Value {
    let mut annotations = Map::new();
    for (annotation, value) in renewed.renewal.iter().flat_map(RenewalServer::annotations) {
        annotations.insert(annotation.as_str().to_owned(), value.into());
    }
    let before = ordinal::shown(secret);
    annotations.insert(
        Annotation::Ordinal.as_str().to_owned(),
        ordinal::note(before).into(),
    );
    let key = renewed.secret.tls_key.as_ref();
    let key = key.map(|key| STANDARD.encode(key.expose_secret()));
    json!({
        "metadata": {
            "resourceVersion": secret.metadata.resource_version,
            "labels": {MANAGED_BY: REDEEMER},
            "annotations": annotations,
        },
        "data": {
            "ca.crt": STANDARD.encode(&renewed.secret.ca_crt),
            "tls.crt": STANDARD.encode(&renewed.secret.tls_crt),
            "tls.key": key,
        },
    })
}

/// The change of a Secret, as it was read, that a controller notices and no router: another value of an
/// entry that nobody uses. With it the number is noted, where that is missing.
pub(super) fn revision(secret: &DynamicObject) -> Value {
    let before = object::entry(secret, REVISION);
    let before = before.and_then(|text| text.parse::<u64>().ok());
    let revision = before.map_or(1, |before| before.wrapping_add(1));
    let noted = ordinal::noted(secret).unwrap_or_else(|| ordinal::shown(secret));
    json!({
        "metadata": {
            "resourceVersion": secret.metadata.resource_version,
            "annotations": {Annotation::Ordinal.as_str(): ordinal::note(noted)},
        },
        "data": {REVISION: STANDARD.encode(revision.to_string())},
    })
}

/// The change of a Secret, as it was read, to one with an annotation.
pub(super) fn note(secret: &DynamicObject, annotation: Annotation, value: &str) -> Value {
    json!({"metadata": {
        "resourceVersion": secret.metadata.resource_version,
        "annotations": {annotation.as_str(): value},
    }})
}

/// The entry that is there to be noticed.
const REVISION: &str = "redemption-sidecar.revision";
