//! Meaning of a scalar: by its tag, by its quotes, and else by its letters.
//!
//! Source: go.yaml.in/yaml/v2 resolve.go and decode.go; sigs.k8s.io/yaml, which writes keys.

mod plain;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

pub(crate) use plain::Scalar;
pub use plain::{float_value, read_scalar};

/// A scalar as it is written.
pub(crate) struct Written<'a> {
    /// Its letters, without quotes and escapes.
    pub(crate) text: &'a str,
    /// True where it stands without quotes and block indicator.
    pub(crate) is_plain: bool,
    /// Its tag, `!!` written out.
    pub(crate) tag: Option<&'a str>,
}

/// Prefix of the tags of YAML itself.
const CORE: &str = "tag:yaml.org,2002:";

impl Written<'_> {
    /// True for `<<`, which is no key but takes over other mappings.
    pub(crate) fn is_merge(&self) -> bool {
        let is_tagged = match self.tag {
            None => self.is_plain,
            Some(tag) => tag == "!" || tag.strip_prefix(CORE) == Some("merge"),
        };
        is_tagged && self.text == "<<"
    }

    /// The value.
    ///
    /// # Errors
    /// Reason there is none.
    pub(crate) fn value(&self) -> Result<Value, String> {
        Ok(match self.resolve()? {
            Resolved::Text(text) => text.into(),
            Resolved::Other(scalar) => {
                let no_value = || format!("'{}' is no number: quote it", self.text);
                scalar.value().ok_or_else(no_value)?
            }
        })
    }

    /// The name that a key has in JSON.
    ///
    /// # Errors
    /// Reason it has none.
    pub(crate) fn name(&self) -> Result<String, String> {
        let unnamed = || format!("a key must be a string: write \"{}\"", self.text);
        Ok(match self.resolve()? {
            Resolved::Text(text) => text,
            Resolved::Other(scalar) => match scalar {
                Scalar::Bool(truth) => truth.to_string(),
                Scalar::Integer(number) if i64::try_from(number).is_ok() => number.to_string(),
                Scalar::Float(float) => float_name(float),
                Scalar::Integer(_) | Scalar::Null | Scalar::Text => return Err(unnamed()),
            },
        })
    }

    fn resolve(&self) -> Result<Resolved, String> {
        let text = || Resolved::Text(self.text.to_owned());
        let scalar = Scalar::of(self.text);
        let Some(tag) = self.tag else {
            return Ok(match scalar {
                Scalar::Text => text(),
                _ if !self.is_plain => text(),
                other => Resolved::Other(other),
            });
        };
        let kind = tag.strip_prefix(CORE).unwrap_or_default();
        let resolved = match (kind, scalar) {
            ("binary", _) => match STANDARD.decode(self.text.replace(['\r', '\n'], "")) {
                Ok(bytes) => Resolved::Text(String::from_utf8_lossy(&bytes).into_owned()),
                Err(_) => return Err("what is tagged '!!binary' must be base64".to_owned()),
            },
            ("int", Scalar::Integer(_))
            | ("float", Scalar::Float(_))
            | ("bool", Scalar::Bool(_))
            | ("null", Scalar::Null) => Resolved::Other(scalar),
            ("float", Scalar::Integer(number)) if i64::try_from(number).is_ok() => {
                #[expect(clippy::cast_precision_loss, reason = "that is what the tag asks for")]
                let float = number as f64;
                Resolved::Other(Scalar::Float(float))
            }
            ("timestamp", Scalar::Text) if is_date(self.text) => text(),
            ("int" | "float" | "bool" | "null" | "timestamp", _) => {
                return Err(format!("what is tagged '!!{kind}' must be of this type"));
            }
            _ => text(),
        };
        Ok(resolved)
    }
}

enum Resolved {
    Text(String),
    Other(Scalar),
}

/// As Go prints a double of 32 bits in its shorter form: `1.5`, `1e+21`, `1e-07`.
fn float_name(float: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "keys are printed with 32 bits"
    )]
    let float = float as f32;
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    // Source: Go strconv/ftoa.go, %g with the shortest precision.
    if (-4..6).contains(&exponent) {
        return float.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A date as Go's reader tells one, as far as letters show it.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut figures = |count: std::ops::RangeInclusive<usize>| {
        parts.next().is_some_and(|part| {
            let length = part.bytes().take_while(u8::is_ascii_digit).count();
            count.contains(&length)
        })
    };
    figures(4..=4) && figures(1..=2) && figures(1..=2)
}
