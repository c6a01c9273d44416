//! The kinds that the policy has rules for, and objects that are nearly of such a kind.

use serde_json::Value;
use skupper_access_policy::catalogue::{GroupVersionKind, KINDS, kind};
use skupper_access_policy::nearest::nearest;

const SKUPPER: &str = "skupper.io";

/// The other kinds of the same groups.
///
/// Source: Skupper's CRDs; kubernetes pkg/apis/authentication/register.go.
const OTHERS: [(&str, &str); 12] = [
    (SKUPPER, "AttachedConnector"),
    (SKUPPER, "AttachedConnectorBinding"),
    (SKUPPER, "Certificate"),
    (SKUPPER, "Connector"),
    (SKUPPER, "Link"),
    (SKUPPER, "Listener"),
    (SKUPPER, "MultiKeyListener"),
    (SKUPPER, "RouterAccess"),
    (SKUPPER, "SecuredAccess"),
    (SKUPPER, "Site"),
    ("authentication.k8s.io", "SelfSubjectReview"),
    ("authentication.k8s.io", "TokenReview"),
];

/// The kinds that have rules.
fn ruled() -> impl Iterator<Item = &'static GroupVersionKind> {
    KINDS.iter().map(|kind| &kind.gvk)
}

/// The kinds that have rules, as the groups and names that a text may hold.
pub(crate) fn types() -> Vec<(&'static str, &'static str)> {
    ruled().map(|gvk| (gvk.group, gvk.kind)).collect()
}

/// The type that stands in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Type<'a> {
    /// Its `apiVersion`, empty where there is none.
    pub(crate) api_version: &'a str,
    /// Its `kind`, empty where there is none.
    pub(crate) kind: &'a str,
}

impl<'a> Type<'a> {
    /// Reads the type of an object.
    pub(crate) fn of(object: &'a Value) -> Self {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        Self {
            api_version: text("apiVersion").unwrap_or_default(),
            kind: text("kind").unwrap_or_default(),
        }
    }

    /// The group: empty for Kubernetes' core.
    pub(crate) fn group(&self) -> &'a str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// The kind that has rules for it, in any version.
    pub(crate) fn judged(&self) -> Option<&'static GroupVersionKind> {
        kind(self.group(), self.kind).map(|kind| &kind.gvk)
    }

    /// The mistake in it, where it is nearly one of the kinds that have rules.
    pub(crate) fn mistake(&self) -> Option<Mistake> {
        let is_group = |gvk: &&GroupVersionKind| gvk.group == self.group();
        let named = ruled().find(|gvk| gvk.kind == self.kind);
        if self.kind.is_empty() {
            return ruled().find(is_group).map(|_| Mistake::NoKind);
        }
        if self.api_version.is_empty() {
            return named.map(Mistake::NoVersion);
        }
        if let Some(gvk) = self.judged() {
            return (self.api_version != gvk.api_version()).then_some(Mistake::Version(gvk));
        }
        if ruled().any(|gvk| is_group(&gvk)) {
            return self.mistaken_kind();
        }
        // In a group of somebody else's an AccessToken is theirs.
        let meant = named.or_else(|| ruled().find(|gvk| is_near(self.kind, gvk.kind)))?;
        let is_nobodys = self.group().is_empty() && named.is_some();
        let group = match self.group() {
            "" => self.api_version,
            group => group,
        };
        // `www.skupper.io` and `authentication.kubernetes.io` are nobody else's.
        let product = meant.group.split('.').next();
        let mut labels = self.api_version.split(['.', '/']);
        let is_meant = named.is_some() && labels.any(|label| Some(label) == product);
        (is_nobodys || is_meant || is_near(group, meant.group)).then_some(Mistake::Version(meant))
    }

    /// The mistake in the kind, in a group that is right.
    fn mistaken_kind(&self) -> Option<Mistake> {
        let group = self.group();
        let kind = self.kind.strip_suffix("List").unwrap_or(self.kind);
        let others = OTHERS.iter().filter(|(other, _)| *other == group);
        let ours = ruled().filter(|gvk| gvk.group == group);
        let known: Vec<&'static str> = others
            .map(|(_, name)| *name)
            .chain(ours.map(|gvk| gvk.kind))
            .collect();
        if known.contains(&kind) {
            return None;
        }
        match nearest(self.kind, &known) {
            Some(meant) => Some(Mistake::Kind(Some(meant))),
            None => (group == SKUPPER).then_some(Mistake::Kind(None)),
        }
    }
}

/// Mistake that makes a type none that the policy knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// There is no kind.
    NoKind,
    /// There is no `apiVersion`.
    NoVersion(&'static GroupVersionKind),
    /// The group or the version is none that is served.
    Version(&'static GroupVersionKind),
    /// The group has no such kind; it may have one that was meant.
    Kind(Option<&'static str>),
}

fn is_near(written: &str, meant: &str) -> bool {
    nearest(written, &[meant]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "it is a table")]
    fn what_is_nearly_ours_is_told_from_what_is_somebody_elses() {
        let [grant, token, request] = KINDS.each_ref().map(|kind| &kind.gvk);
        let table = [
            ("a grant", "skupper.io/v2alpha1", "AccessGrant", None),
            (
                "a token request",
                "authentication.k8s.io/v1",
                "TokenRequest",
                None,
            ),
            (
                "another kind of Skupper",
                "skupper.io/v2alpha1",
                "RouterAccess",
                None,
            ),
            (
                "another kind in another version",
                "skupper.io/v9",
                "Site",
                None,
            ),
            (
                "another kind of the API server",
                "authentication.k8s.io/v1",
                "TokenReview",
                None,
            ),
            (
                "a kind nobody knows of the API server",
                "authentication.k8s.io/v9",
                "Login",
                None,
            ),
            ("a list", "skupper.io/v2alpha1", "AccessGrantList", None),
            (
                "somebody else's kind",
                "example.com/v1",
                "AccessToken",
                None,
            ),
            ("Kubernetes' own", "v1", "ConfigMap", None),
            ("no object", "", "", None),
            ("no kind", "skupper.io/v2alpha1", "", Some(Mistake::NoKind)),
            (
                "no version",
                "",
                "AccessGrant",
                Some(Mistake::NoVersion(grant)),
            ),
            (
                "a later version",
                "skupper.io/v2alpha2",
                "AccessGrant",
                Some(Mistake::Version(grant)),
            ),
            (
                "an earlier version",
                "skupper.io/v1",
                "AccessToken",
                Some(Mistake::Version(token)),
            ),
            (
                "a version that was never served",
                "authentication.k8s.io/v1beta1",
                "TokenRequest",
                Some(Mistake::Version(request)),
            ),
            (
                "the core group",
                "v1",
                "TokenRequest",
                Some(Mistake::Version(request)),
            ),
            (
                "a group without a version",
                "skupper.io",
                "AccessGrant",
                Some(Mistake::Version(grant)),
            ),
            (
                "a misspelled group",
                "skuper.io/v2alpha1",
                "AccessGrant",
                Some(Mistake::Version(grant)),
            ),
            (
                "a group with something before it",
                "www.skupper.io/v2alpha1",
                "AccessGrant",
                Some(Mistake::Version(grant)),
            ),
            (
                "group and version the other way round",
                "v2alpha1/skupper.io",
                "AccessToken",
                Some(Mistake::Version(token)),
            ),
            (
                "the group of another domain",
                "authentication.kubernetes.io/v1",
                "TokenRequest",
                Some(Mistake::Version(request)),
            ),
            (
                "both misspelled",
                "skuper.io/v2alpha1",
                "AccesGrant",
                Some(Mistake::Version(grant)),
            ),
            (
                "a misspelled kind",
                "skupper.io/v2alpha1",
                "AccesGrant",
                Some(Mistake::Kind(Some("AccessGrant"))),
            ),
            (
                "a kind in lower case",
                "skupper.io/v2alpha1",
                "accessgrant",
                Some(Mistake::Kind(Some("AccessGrant"))),
            ),
            (
                "a plural",
                "skupper.io/v2alpha1",
                "AccessTokens",
                Some(Mistake::Kind(Some("AccessToken"))),
            ),
            (
                "a misspelled request",
                "authentication.k8s.io/v1",
                "TokenRequst",
                Some(Mistake::Kind(Some("TokenRequest"))),
            ),
            (
                "a kind that Skupper does not have",
                "skupper.io/v2alpha1",
                "Grant",
                Some(Mistake::Kind(None)),
            ),
        ];
        for (name, api_version, kind, expected) in table {
            assert_eq!(Type { api_version, kind }.mistake(), expected, "{name}");
        }
    }
}
