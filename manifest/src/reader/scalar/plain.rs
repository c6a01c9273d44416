//! Plain scalars: those without quotes, block indicator and tag, by YAML 1.1 with some of 1.2.
//!
//! ```
//! use serde_json::json;
//! use skupper_access_manifest::read_scalar;
//!
//! assert_eq!(read_scalar("off"), Some(json!(false)));
//! assert_eq!(read_scalar("017"), Some(json!(15)));
//! assert_eq!(read_scalar("1 day"), Some(json!("1 day")));
//! ```
//!
//! Source: go.yaml.in/yaml/v2 resolve.go, and sigs.k8s.io/yaml, which kubectl reads manifests with.
//! `tests/yaml/kubectl.json` holds what kubectl makes of every odd scalar.

use serde_json::Value;

/// Meaning of the letters of a plain scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar {
    /// `~`, `null` or nothing.
    Null,
    /// `yes`, `off`, `true`...
    Bool(bool),
    /// A whole number of 64 bits, signed or not.
    Integer(i128),
    /// A number with fraction or exponent, or a whole one beyond 64 bits; infinity, or not a number.
    Float(f64),
    /// Anything else.
    Text,
}

impl Scalar {
    /// Reads the letters.
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                return Self::Bool(true);
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off"
            | "OFF" => return Self::Bool(false),
            ".nan" | ".NaN" | ".NAN" => return Self::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
                return Self::Float(f64::INFINITY);
            }
            "-.inf" | "-.Inf" | "-.INF" => return Self::Float(f64::NEG_INFINITY),
            _ => {}
        }
        if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
            return Self::Text;
        }
        let digits = text.replace('_', "");
        if let Some(number) = integer(&digits) {
            return Self::Integer(number);
        }
        // Go reads what begins with a point while the underscores are still there.
        if !is_decimal(&digits) || text.starts_with('.') && !is_grouped(text) {
            return Self::Text;
        }
        // Beyond a double Go's reader says "out of range", and the text stays one.
        match digits.parse() {
            Ok(float) if f64::is_finite(float) => Self::Float(float),
            _ => Self::Text,
        }
    }

    /// Its value, unless it is text, infinity or "not a number".
    pub(super) fn value(self) -> Option<Value> {
        match self {
            Self::Null => Some(Value::Null),
            Self::Bool(truth) => Some(truth.into()),
            Self::Integer(number) => Some(integer_value(number)),
            Self::Float(float) => float.is_finite().then(|| float_value(float)),
            Self::Text => None,
        }
    }
}

/// The value of a plain scalar. `None` for what JSON has no value for: infinity and "not a number",
/// at which kubectl ends with an error. Numbers are `i64` where they can be, else `f64`.
#[must_use]
pub fn read_scalar(text: &str) -> Option<Value> {
    match Scalar::of(text) {
        Scalar::Text => Some(text.into()),
        scalar => scalar.value(),
    }
}

/// The value of a whole number: a double beyond 63 bits, as the API server reads it.
fn integer_value(number: i128) -> Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "so it is read: to the nearest double"
    )]
    i64::try_from(number).map_or_else(|_| (number as f64).into(), Value::from)
}

/// The value of a double: Go writes a whole one below 1e21 without a fraction, and what is written
/// so is read as an integer.
#[must_use]
pub fn float_value(float: f64) -> Value {
    if float.fract() == 0.0 && float.abs() < 1e21 {
        let digits = float.to_string();
        return digits
            .parse()
            .map_or_else(|_| float.into(), |whole: i64| whole.into());
    }
    float.into()
}

/// A whole number in a base that its prefix names: of 63 bits with a sign, of 64 without.
fn integer(digits: &str) -> Option<i128> {
    let (sign, magnitude) = match digits.strip_prefix(['+', '-']) {
        Some(magnitude) => (digits.get(..1), magnitude),
        None => (None, digits),
    };
    let lower = magnitude.to_ascii_lowercase();
    let (base, figures) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?),
        [b'0', b'o', ..] => (8, lower.get(2..)?),
        [b'0', b'b', ..] => (2, lower.get(2..)?),
        [b'0', _, ..] => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    // `0b-11`: Go's YAML reader reads what follows a small `0b` by itself, with its own sign.
    if sign.is_none() && digits.starts_with("0b") && figures.starts_with(['+', '-']) {
        return i64::from_str_radix(figures, 2).ok().map(i128::from);
    }
    if figures.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(figures, base).ok()?);
    let number = if sign == Some("-") {
        -magnitude
    } else {
        magnitude
    };
    (sign.is_none() || i64::try_from(number).is_ok()).then_some(number)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let is_figures = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let is_exponent = exponent.is_none_or(|exponent| {
        let figures = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !figures.is_empty() && is_figures(figures)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    is_exponent
        && is_figures(whole)
        && is_figures(fraction)
        && !(whole.is_empty() && fraction.is_empty())
}

/// True where every underscore stands between two figures.
fn is_grouped(text: &str) -> bool {
    let mut parts = text.split('_');
    let ends = |part: &str| part.ends_with(|last: char| last.is_ascii_digit());
    let begins = |part: &str| part.starts_with(|first: char| first.is_ascii_digit());
    let Some(mut before) = parts.next() else {
        return true;
    };
    parts.all(|part| {
        let is_between = ends(before) && begins(part);
        before = part;
        is_between
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plain_scalar_is_read_as_kubectl_reads_it() {
        let table: Value =
            serde_json::from_str(include_str!("../../../../tests/yaml/kubectl.json")).unwrap();
        let mut rows = 0;
        for row in table.as_array().unwrap() {
            let Some(scalar) = row["scalar"].as_str() else {
                continue;
            };
            rows += 1;
            let value = row
                .get("documents")
                .map(|objects| &objects[0]["spec"]["value"]);
            let read = read_scalar(scalar);
            assert_eq!(read.as_ref().map(same), value.map(same), "{scalar}");
        }
        assert!(rows > 200, "{rows} rows");
    }

    /// Kubernetes has no unsigned numbers: kubectl writes a double that happens to fit into 64 bits.
    fn same(value: &Value) -> Value {
        match value.as_u64() {
            Some(number) => integer_value(number.into()),
            None => value.clone(),
        }
    }
}
