//! Elements of the lists in the settings.

use std::fmt::Display;

use crate::value::audience::{self, AudienceProblem};
use crate::value::name::{NameProblem, SubdomainName};
use crate::value::placeholder::Placeholder;

/// Problems with elements of a list: index, text, and what is wrong with it.
pub(super) type Problems = Vec<(usize, String, String)>;

/// Reads each text into `kept`, and says what is wrong with the others.
pub(super) fn keep<T, P: Display>(
    texts: &[(usize, &str)],
    kept: &mut Vec<T>,
    parse: fn(&str) -> Result<T, P>,
) -> Problems {
    problems(texts, &mut |text| {
        kept.push(parse(text).map_err(|problem| problem.to_string())?);
        Ok(())
    })
}

fn problems(texts: &[(usize, &str)], keep: &mut dyn FnMut(&str) -> Result<(), String>) -> Problems {
    let mut problems = Vec::new();
    for (index, text) in texts {
        // A name may be a word that stands for nothing elsewhere, but nobody's has these.
        let is_odd = text.contains(['$', '{', '<', '%']);
        let kept = match is_odd.then(|| Placeholder::of(text)).flatten() {
            Some(placeholder) => Err(placeholder.to_string()),
            None => keep(text),
        };
        if let Err(detail) = kept {
            problems.push((*index, (*text).to_owned(), detail));
        }
    }
    problems
}

/// Reads the name of an object.
pub(super) fn name(text: &str) -> Result<String, NameProblem> {
    SubdomainName::parse(text).map(|name| name.as_str().to_owned())
}

/// Reads an audience.
pub(super) fn audience(text: &str) -> Result<String, AudienceProblem> {
    audience::parse(text).map(str::to_owned)
}

/// Reads a version, or a group and a version, and the name of a kind. The core group has no name.
pub(super) fn bound_kind(text: &str) -> Result<String, &'static str> {
    let is_kind = |(version, kind): (&str, &str)| {
        kind.starts_with(|first: char| first.is_ascii_uppercase())
            && !text.contains(char::is_whitespace)
            && version.split('/').count() <= 2
            && version.split('/').all(|part| !part.is_empty())
            && !version.starts_with("core/")
    };
    if text.rsplit_once('/').is_some_and(is_kind) {
        return Ok(text.to_owned());
    }
    Err("must be 'apiVersion/kind', such as 'v1/Pod'")
}

/// Reads the name of a user or a group, which is compared as a whole.
pub(super) fn whole_name(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("must not be empty");
    }
    if text.contains('*') {
        return Err("must be a whole name: '*' stands for nothing else here");
    }
    Ok(text.to_owned())
}
