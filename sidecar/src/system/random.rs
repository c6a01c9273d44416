//! Random bytes and codes, from the operating system by way of AWS-LC.
//!
//! ```
//! use redemption_sidecar::system::random;
//! use secrecy::ExposeSecret;
//!
//! assert_ne!(random::bytes::<16>(), random::bytes::<16>());
//! assert_eq!(random::code().expose_secret().len(), 24);
//! ```

use secrecy::SecretString;
use zeroize::Zeroizing;

/// Random bytes.
///
/// # Panics
/// When the operating system has no randomness to give; AWS-LC ends the process before that.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

/// A code: 24 characters of `[A-Za-z0-9]`, each as likely as any other, 142 bits.
///
/// # Panics
/// As [`bytes`].
#[must_use]
pub fn code() -> SecretString {
    let mut code = Zeroizing::new(String::with_capacity(CODE_CHARACTERS));
    let mut random = Zeroizing::new([0; 2 * CODE_CHARACTERS]);
    while code.len() < CODE_CHARACTERS {
        fill(random.as_mut_slice());
        let missing = CODE_CHARACTERS - code.len();
        code.extend(random.iter().copied().filter_map(character).take(missing));
    }
    SecretString::from(std::mem::take(&mut *code))
}

/// The character of a random byte. `None` for the last 8 values, which would make some characters
/// likelier than others.
fn character(byte: u8) -> Option<char> {
    let cycles = usize::from(u8::MAX) / ALPHABET.len();
    let index = usize::from(byte);
    (index < cycles * ALPHABET.len())
        .then(|| {
            ALPHABET
                .get(index % ALPHABET.len())
                .copied()
                .map(char::from)
        })
        .flatten()
}

#[expect(
    clippy::expect_used,
    reason = "without randomness no key, code or serial may be made"
)]
fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("the operating system gives random bytes");
}

/// Length of a generated code, in characters.
const CODE_CHARACTERS: usize = 24;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn every_character_comes_from_as_many_bytes_as_any_other() {
        let mut counts = BTreeMap::new();
        for character in (0..=u8::MAX).filter_map(character) {
            *counts.entry(character).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| *count == 4));
    }

    #[test]
    fn a_code_has_24_letters_and_digits() {
        for _ in 0..1000 {
            let code = code();
            let code = code.expose_secret();
            assert_eq!(code.len(), 24);
            assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }
}
