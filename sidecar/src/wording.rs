//! How causes from elsewhere, and times, read in our messages.

use std::io;

use chrono::{DateTime, SecondsFormat, Utc};

/// RFC 3339, UTC, in whole seconds.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// An error of input or output in a message: lower case, without the number of the system.
pub(crate) fn io(error: &io::Error) -> String {
    let text = error.to_string();
    let words = match text.rsplit_once(" (os error ") {
        Some((words, number)) if number.ends_with(')') => words,
        _ => &text,
    };
    let mut letters = words.chars();
    let first = letters.next();
    let rest = letters.as_str();
    // "I/O" and the names of protocols stay as they are.
    if !rest.starts_with(|letter: char| letter.is_lowercase() || letter == ' ') {
        return words.to_owned();
    }
    first
        .into_iter()
        .flat_map(char::to_lowercase)
        .chain(rest.chars())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_system_reads_like_our_own_words() {
        let of_system = io::Error::from_raw_os_error;
        let table = [
            (of_system(111), "connection refused"),
            (of_system(21), "is a directory"),
            (of_system(5), "input/output error"),
            (of_system(7), "argument list too long"),
            (io::ErrorKind::TimedOut.into(), "timed out"),
            (io::Error::other("not a regular file"), "not a regular file"),
            (io::Error::other("A port (os error)"), "a port (os error)"),
            (io::Error::other("TLS is not spoken"), "TLS is not spoken"),
            (io::Error::other("I/O error"), "I/O error"),
            (io::Error::other(""), ""),
        ];
        for (error, expected) in table {
            assert_eq!(io(&error), expected);
        }
    }
}
