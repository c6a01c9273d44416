//! What people paste where a URL belongs, and what to write instead.

use std::net::Ipv6Addr;

use super::{RedemptionUrl, UrlProblem};

/// A closer look at text that is no URL: the usual slip, if it is one.
pub(super) fn slip(text: &str) -> Option<UrlProblem> {
    if mended(text).is_some() {
        let is_surrounded = inner(text) != text;
        return Some(if is_surrounded {
            UrlProblem::Surrounded
        } else {
            UrlProblem::NoScheme
        });
    }
    let (_, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    if !authority.is_ascii() && !authority.contains(char::is_whitespace) {
        return Some(UrlProblem::NotAscii);
    }
    let is_address = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    let address = authority.rsplit_once(':').map(|(address, _)| address);
    (is_address(authority) || address.is_some_and(is_address)).then_some(UrlProblem::NoBrackets)
}

/// The URL that stands in the text with something around it, or that only lacks its scheme.
pub(super) fn mended(text: &str) -> Option<String> {
    let inner = inner(text);
    let with_scheme = match inner.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None if inner.contains("://") => inner.to_owned(),
        // `localhost/x` and `a.example/x`, but not a path such as `x/y`.
        None if inner.split('/').next()?.contains(['.', ':']) => format!("https://{inner}"),
        None => return None,
    };
    let is_new = with_scheme != text;
    (is_new && RedemptionUrl::read(&with_scheme).is_ok()).then_some(with_scheme)
}

/// The text without white space, quotes, angle brackets and commas around it.
fn inner(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || "\"'`<>,;".contains(letter))
}
