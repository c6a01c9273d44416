//! The number that Skupper's controller gives to a version of a Secret's data: it goes up with each change
//! that the controller notices, and then the router is told.
//!
//! Source: Skupper `internal/kube/secrets/context.go`, `internal/site/link.go`.

use kube::api::DynamicObject;
use serde::Deserialize;

use crate::wire::objects::Annotation;

/// The number that the controller shows for the profile of links with this Secret. `None` where there is no
/// router with such a profile, or where the controller is older than Skupper 2.1.
pub(super) fn shown(secret: &DynamicObject) -> Option<u64> {
    let name = secret.metadata.name.as_ref()?;
    let profile = format!("{name}-profile");
    let context = annotation(secret, CONTEXT)?;
    let profiles: Vec<Profile> = serde_json::from_str(context).ok()?;
    let mut profiles = profiles.into_iter();
    let profile = profiles.find(|one| one.profile_name == profile)?;
    Some(profile.ordinal)
}

/// The number before the certificate in place, as it was noted with it. `None` where nothing that can be
/// read is noted.
#[expect(
    clippy::option_option,
    reason = "that there was no number is noted, too"
)]
pub(super) fn noted(secret: &DynamicObject) -> Option<Option<u64>> {
    match annotation(secret, Annotation::Ordinal.as_str())? {
        NONE => Some(None),
        number => Some(Some(number.parse().ok()?)),
    }
}

/// A number as it is noted.
pub(super) fn note(ordinal: Option<u64>) -> String {
    ordinal.map_or_else(|| NONE.to_owned(), |ordinal| ordinal.to_string())
}

/// Progress of a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// It has noticed the certificate in place.
    Taken,
    /// It has not, or nothing tells. Holds the number that it shows.
    Missing(u64),
    /// No router is known to use the Secret.
    Nobody,
}

impl Notice {
    /// The progress that a Secret shows.
    ///
    /// Where there was no number when the certificate was put in place, the one that came later is of a
    /// profile that began with this certificate. A number below the one that was noted is of a controller that
    /// counts anew: routers take none before it has caught up.
    pub(super) fn of(secret: &DynamicObject) -> Self {
        match (shown(secret), noted(secret)) {
            (None, _) => Self::Nobody,
            (Some(_), Some(None)) => Self::Taken,
            (Some(shown), Some(Some(noted))) if shown > noted => Self::Taken,
            (Some(shown), _) => Self::Missing(shown),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    profile_name: String,
    #[serde(default)]
    ordinal: u64,
}

fn annotation<'a>(secret: &'a DynamicObject, name: &str) -> Option<&'a str> {
    let annotations = secret.metadata.annotations.as_ref()?;
    annotations.get(name).map(String::as_str)
}

const CONTEXT: &str = "internal.skupper.io/tls-profile-context";

/// Noted where there was no number.
const NONE: &str = "none";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redeemer::cluster::object::{Draft, ObjectName};
    use serde_json::json;

    fn secret(context: Option<&str>, noted: Option<&str>) -> DynamicObject {
        let mut object = Draft::new(ObjectName::secret("west"), json!({})).object;
        let annotations = [
            (CONTEXT, context),
            (Annotation::Ordinal.as_str(), noted),
            ("other", Some("7")),
        ];
        let annotations = annotations.into_iter();
        let annotations =
            annotations.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        object.metadata.annotations = Some(annotations.collect());
        object
    }

    #[test]
    fn a_controller_has_noticed_what_raised_its_number_above_the_one_before() {
        const THREE: &str = r#"[{"profileName":"west-profile","ordinal":3}]"#;
        const SEVERAL: &str =
            r#"[{"profileName":"west","ordinal":9},{"profileName":"west-profile","ordinal":2}]"#;
        let of_others = r#"[{"profileName":"west","ordinal":9},{"profileName":"east-profile"}]"#;
        let table = [
            ("raised", Some(THREE), Some("2"), Notice::Taken),
            ("as before", Some(THREE), Some("3"), Notice::Missing(3)),
            (
                "lower than before",
                Some(THREE),
                Some("5"),
                Notice::Missing(3),
            ),
            ("among others", Some(SEVERAL), Some("2"), Notice::Missing(2)),
            ("only others", Some(of_others), Some("2"), Notice::Nobody),
            ("first one", Some(THREE), Some("none"), Notice::Taken),
            (
                "zero is left out",
                Some(r#"[{"profileName":"west-profile"}]"#),
                Some("0"),
                Notice::Missing(0),
            ),
            ("nothing noted", Some(THREE), None, Notice::Missing(3)),
            ("note edited", Some(THREE), Some("-1"), Notice::Missing(3)),
            ("no number", None, Some("2"), Notice::Nobody),
            ("no list", Some("3"), Some("2"), Notice::Nobody),
        ];
        for (name, context, noted, expected) in table {
            assert_eq!(Notice::of(&secret(context, noted)), expected, "{name}");
        }
    }

    #[test]
    fn a_number_is_read_as_it_is_noted() {
        for ordinal in [None, Some(0), Some(u64::MAX)] {
            let noted = note(ordinal);
            assert_eq!(super::noted(&secret(None, Some(&noted))), Some(ordinal));
        }
    }
}
