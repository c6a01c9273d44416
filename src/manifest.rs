//! How kubectl reads the plain scalars of a YAML manifest: by YAML 1.1, with some of 1.2.
//!
//! A scalar is plain when it stands without quotes, block indicator and tag. Quoted ones are strings.
//!
//! ```
//! use serde_json::json;
//! use skupper_access_policy::manifest::read_scalar;
//!
//! assert_eq!(read_scalar("off"), Some(json!(false)));
//! assert_eq!(read_scalar("017"), Some(json!(15)));
//! assert_eq!(read_scalar("1 day"), Some(json!("1 day")));
//! ```
//!
//! Source: go.yaml.in/yaml/v2 resolve.go, and sigs.k8s.io/yaml, which kubectl reads manifests with.

use serde_json::{Number, Value};

/// The value of a plain scalar. `None` for what JSON has no value for: infinity and "not a number",
/// at which kubectl ends with an error.
#[must_use]
pub fn read_scalar(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Some(true.into());
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Some(false.into());
        }
        ".nan" | ".NaN" | ".NAN" => return None,
        _ => {}
    }
    if let ".inf" | ".Inf" | ".INF" = text.strip_prefix(['+', '-']).unwrap_or(text) {
        return None;
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return Some(text.into());
    }
    let digits = text.replace('_', "");
    if let Some(number) = integer(&digits) {
        return Some(number.into());
    }
    if !is_decimal(&digits) {
        return Some(text.into());
    }
    // Beyond a double Go's reader says "out of range", and the text stays one.
    let float = digits.parse::<f64>().ok().filter(|float| float.is_finite());
    Some(float.map_or_else(|| text.into(), number))
}

/// An integer of 64 bits, with or without sign, in a base that its prefix names.
fn integer(digits: &str) -> Option<Number> {
    let (sign, magnitude) = match digits.strip_prefix(['+', '-']) {
        Some(magnitude) => (digits.get(..1)?, magnitude),
        None => ("", digits),
    };
    let lower = magnitude.to_ascii_lowercase();
    let (base, figures) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?),
        [b'0', b'o', ..] => (8, lower.get(2..)?),
        [b'0', b'b', ..] => (2, lower.get(2..)?),
        [b'0', _, ..] => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    if figures.starts_with(['+', '-']) {
        return None;
    }
    let signed = i64::from_str_radix(&format!("{sign}{figures}"), base);
    if let Ok(number) = signed {
        return Some(number.into());
    }
    // Go reads an unsigned number without any sign only.
    (sign.is_empty())
        .then(|| u64::from_str_radix(figures, base).ok())?
        .map(Number::from)
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

/// As Go writes a double in JSON: a whole one without a fraction.
fn number(float: f64) -> Value {
    let text = if float.fract() == 0.0 && float.abs() < 1e21 {
        format!("{float:.0}")
    } else {
        return float.into();
    };
    text.parse::<i64>()
        .map_or_else(|_| float.into(), Value::from)
}
