//! The AccessToken that the sidecar writes, in the YAML of [`super::objects`].
//!
//! Source: Skupper's `skupper.io/v2alpha1` reference.

use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};
use skupper_access_policy::printable::is_hidden;
use zeroize::Zeroizing;

use super::objects::Quoted;

/// An AccessToken. No `Debug`: it holds the code.
pub struct AccessToken {
    /// Its name, and the name of the Secret and Link it is redeemed to.
    pub name: String,
    /// The URL at which it is redeemed.
    pub url: String,
    /// The code of the grant.
    pub code: SecretString,
    /// The CA of the redemption server, in PEM.
    pub ca: String,
    /// The cost of the link.
    pub link_cost: u32,
    /// Note to its holder, in one line: it stands at the head of the file, as a comment.
    /// May be empty.
    pub note: String,
}

impl AccessToken {
    /// The object as one YAML document with its separator.
    #[must_use]
    pub fn to_yaml(&self) -> Zeroizing<String> {
        let mut yaml = Zeroizing::new(String::with_capacity(2 * self.ca.len() + 4096));
        yaml.push_str("---\n");
        if !self.note.is_empty() {
            // Behind the separator: in front of it, some readers take it for a document.
            let note = self.note.chars().filter(|character| !is_hidden(*character));
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(yaml, "# {}", note.collect::<String>());
        }
        let _ = write!(
            yaml,
            "apiVersion: skupper.io/v2alpha1\nkind: AccessToken\nmetadata:\n  name: {}\nspec:\n  url: {}\n  \
             code: {}\n  linkCost: {}\n  ca: |\n",
            Quoted(&self.name),
            Quoted(&self.url),
            Quoted(self.code.expose_secret()),
            self.link_cost,
        );
        for line in self.ca.lines() {
            let _ = writeln!(yaml, "    {line}");
        }
        yaml
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_of_a_token_is_a_comment_whatever_it_holds() {
        for (note, lines) in [("", 0), ("once", 1), ("a\nkind: Secret\r# \u{85}b", 1)] {
            let token = AccessToken {
                name: "west".to_owned(),
                url: "https://a.example:9090/1".to_owned(),
                code: "canary".into(),
                ca: "CA".to_owned(),
                link_cost: 1,
                note: note.to_owned(),
            };
            let yaml = token.to_yaml();
            assert!(yaml.starts_with("---\n"), "{note}");
            let comments = yaml.lines().filter(|line| line.starts_with('#'));
            assert_eq!(comments.count(), lines, "{note}");
            let read: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
            assert_eq!(read["kind"], "AccessToken", "{note}");
        }
    }
}
