//! The known name that somebody may have meant.
//!
//! ```
//! use skupper_access_policy::nearest::nearest;
//!
//! assert_eq!(nearest("acessgrant", &["AccessGrant", "AccessToken"]), Some("AccessGrant"));
//! ```

/// Most unknown names that are compared with the known ones, in one document.
pub(crate) const COMPARED: usize = 16;

/// Longest name that is compared, in bytes: a longer one is no slip of the pen.
const LONGEST: usize = 64;

/// The known name nearest to `written`, if one is close: equal but for case, or at most a third of
/// its letters away.
#[must_use]
pub fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    if written.len() > LONGEST {
        return None;
    }
    let written = written.to_ascii_lowercase();
    known
        .iter()
        .map(|name| {
            let name_in_lower_case = name.to_ascii_lowercase();
            (strsim::osa_distance(&written, &name_in_lower_case), *name)
        })
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_name_is_found_and_a_far_one_is_not() {
        let known = ["redemptionsAllowed", "expirationWindow", "code", "issuer"];
        let cases = [
            ("expirationwindow", Some("expirationWindow")),
            ("expirationWindwo", Some("expirationWindow")),
            ("expiryWindow", Some("expirationWindow")),
            ("redemptionAllowed", Some("redemptionsAllowed")),
            ("cod", Some("code")),
            ("size", None),
            ("", None),
        ];
        for (written, expected) in cases {
            assert_eq!(nearest(written, &known), expected, "{written}");
        }
        assert_eq!(nearest(&"e".repeat(1 << 20), &known), None);
    }
}
