//! A fault of a grant as an Event. Pure but for the name of the machine.

use chrono::{DateTime, SecondsFormat, Utc};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use kube::Resource as _;
use kube::api::ObjectMeta;

use crate::kubernetes::AccessGrant;
use crate::ledger::kubernetes::advice::advice;
use crate::redemption::Grant;
use crate::redemption::fault::Fault;
use crate::system::random;

/// A fault that is to be written.
pub(super) struct Notice {
    pub(super) grant: Grant,
    pub(super) fault: Fault,
    pub(super) at: DateTime<Utc>,
}

impl Notice {
    pub(super) fn namespace(&self) -> &str {
        self.grant.namespace.as_deref().unwrap_or_default()
    }

    /// Time of the fault, as Events have it.
    pub(super) fn time(&self) -> String {
        self.at.to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// The first Event that tells of it.
    pub(super) fn event(&self) -> Event {
        let number = u64::from_be_bytes(random::bytes());
        // Whoever cuts a name may leave an end that is none.
        let Grant {
            name: grant, uid, ..
        } = &self.grant;
        let name = grant.get(..LONGEST_NAME).unwrap_or(grant);
        let name = name.trim_end_matches(['-', '.']);
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{number:016x}")),
                namespace: Some(self.namespace().to_owned()),
                ..ObjectMeta::default()
            },
            event_time: serde_json::from_value(self.time().into()).ok(),
            type_: Some("Warning".to_owned()),
            reason: Some(self.fault.reason().to_owned()),
            action: Some("Redeem".to_owned()),
            note: Some(advice(&self.fault)),
            regarding: Some(ObjectReference {
                api_version: Some(AccessGrant::api_version(&()).into_owned()),
                kind: Some(AccessGrant::KIND.to_owned()),
                namespace: Some(self.namespace().to_owned()),
                name: Some(grant.clone()),
                uid: Some(uid.to_string()),
                ..ObjectReference::default()
            }),
            reporting_controller: Some(REPORTER.to_owned()),
            reporting_instance: Some(instance()),
            ..Event::default()
        }
    }
}

/// Which of several services tells of it: the name of the pod.
fn instance() -> String {
    let name = std::env::var("HOSTNAME").unwrap_or_default();
    let name = name.get(..LONGEST_INSTANCE).unwrap_or(&name);
    if name.is_empty() { REPORTER } else { name }.to_owned()
}

const REPORTER: &str = "redemption-sidecar";

/// The longest name of a grant that the name of an Event begins with: it must have fewer than 254.
const LONGEST_NAME: usize = 200;

/// Source: Kubernetes `pkg/apis/core/validation/events.go`, `ReportingInstanceLengthLimit`.
const LONGEST_INSTANCE: usize = 128;

#[cfg(test)]
mod tests {
    use skupper_access_policy::value::name::SubdomainName;

    use super::*;
    use crate::redemption::{CodeDigest, GrantUid};

    fn notice(name: &str, fault: Fault) -> Notice {
        let uid = GrantUid::from_bytes([7; 16]);
        let at = DateTime::from_timestamp_secs(1_785_000_000).unwrap();
        let grant = Grant {
            uid,
            name: name.to_owned(),
            code: CodeDigest::of_code(&uid, b"Canary-c0de"),
            redemptions_allowed: 1,
            redemptions: 0,
            created: at,
            expiration_time: at,
            revoked: None,
            issuer: None,
            namespace: Some("site".into()),
            has_short_code: true,
        };
        Notice { grant, fault, at }
    }

    fn faults() -> [Fault; 9] {
        let long = "x".repeat(253);
        [
            Fault::WrongCodes,
            Fault::ShortCode,
            Fault::WrongCodesByName,
            Fault::IssuerUnusable(long.clone()),
            Fault::EdgeSite(long.clone()),
            Fault::IssuerNotServed {
                grant: long.clone(),
                issuer: long,
            },
            Fault::NoSite,
            Fault::NoEndpoints,
            Fault::Forbidden,
        ]
    }

    #[test]
    fn every_event_is_one_that_the_api_server_takes() {
        for fault in faults() {
            let event = notice("west", fault.clone()).event();
            let reason = event.reason.unwrap();
            assert!(
                reason.bytes().all(|byte| byte.is_ascii_alphabetic()),
                "{fault}"
            );
            let note = event.note.unwrap();
            assert!(note.len() <= 1024 && !note.ends_with('.'), "{note}");
            assert!(event.event_time.is_some(), "{fault}");
            let regarding = event.regarding.unwrap();
            assert_eq!(regarding.kind.as_deref(), Some("AccessGrant"));
            assert_eq!(
                regarding.api_version.as_deref(),
                Some("skupper.io/v2alpha1")
            );
            assert_eq!(regarding.namespace, event.metadata.namespace);
            assert!(
                event
                    .reporting_instance
                    .is_some_and(|name| !name.is_empty())
            );
        }
    }

    #[test]
    fn long_names_make_names_of_events() {
        let dots = format!("{}.{}", "a".repeat(199), "b".repeat(50));
        for name in ["west", &"a".repeat(253), &dots] {
            let event = notice(name, Fault::NoSite).event();
            let made = event.metadata.name.unwrap();
            assert!(SubdomainName::parse(&made).is_ok(), "{made}");
            assert_eq!(event.regarding.unwrap().name.as_deref(), Some(name));
        }
    }

    #[test]
    fn the_text_of_an_issuer_cannot_pretend_to_be_ours() {
        let issuer = "x'\n\u{202e}y".to_owned();
        let grant = String::new();
        let event = notice("west", Fault::IssuerNotServed { grant, issuer }).event();
        let note = event.note.unwrap();
        assert!(!note.contains(['\n', '\u{202e}']), "{note}");
    }
}
