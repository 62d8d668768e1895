//! The type of a scalar in YAML 1.1, which Kubernetes uses (`sigs.k8s.io/yaml`): `yes` and `on` are booleans, `0x10`
//! and `010` are numbers. Dates are strings.

use std::borrow::Cow;

use granit_parser::{ScalarStyle, Tag};

/// A scalar, with the text as written.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::manifest) enum Scalar<'s> {
    /// Omitted, `~` or `null`.
    Null(Cow<'s, str>),
    Boolean(bool, Cow<'s, str>),
    /// An integer. One that does not fit in 64 bits is a [`Scalar::Float`].
    Integer(i64, Cow<'s, str>),
    Float(Cow<'s, str>),
    Text(Cow<'s, str>),
}

impl<'s> Scalar<'s> {
    /// Reads a scalar by its style and tag. `None` if the tag is not supported or does not fit the text.
    pub(in crate::manifest) fn read(
        text: Cow<'s, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
    ) -> Option<Self> {
        let Some(tag) = tag else {
            return Some(if style == ScalarStyle::Plain { Self::plain(text) } else { Self::Text(text) });
        };
        if tag.handle().is_empty() && tag.suffix() == "!" {
            return Some(Self::Text(text));
        }
        let wanted = tag.core_suffix()?;
        if wanted == "str" {
            return Some(Self::Text(text));
        }
        let scalar = Self::plain(text);
        let fits = matches!(
            (&scalar, wanted),
            (Self::Null(_), "null")
                | (Self::Boolean(..), "bool")
                | (Self::Integer(..), "int" | "float")
                | (Self::Float(_), "float")
        );
        fits.then_some(scalar)
    }

    fn plain(text: Cow<'s, str>) -> Self {
        match &*text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null(text),
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
                Self::Boolean(true, text)
            }
            "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
                Self::Boolean(false, text)
            }
            written if !written.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
                Self::Text(text)
            }
            // Underscores are allowed in numbers.
            written => match (integer(&written.replace('_', "")), float(&written.replace('_', ""))) {
                (Some(number), _) => Self::Integer(number, text),
                (None, true) => Self::Float(text),
                (None, false) => Self::Text(text),
            },
        }
    }

    /// The text as written.
    pub(in crate::manifest) fn into_written(self) -> Cow<'s, str> {
        match self {
            Self::Null(text)
            | Self::Boolean(_, text)
            | Self::Integer(_, text)
            | Self::Float(text)
            | Self::Text(text) => text,
        }
    }

    pub(in crate::manifest) fn describe(&self) -> String {
        match self {
            Self::Null(_) => String::from("null"),
            Self::Boolean(_, text) => format!("the boolean `{text}`"),
            Self::Integer(_, text) | Self::Float(text) => format!("the number `{text}`"),
            Self::Text(_) => String::from("a string"),
        }
    }
}

/// Decimal, `0x`, `0o`, `0b` or, after a leading zero, octal.
fn integer(written: &str) -> Option<i64> {
    let (negative, digits) = match written.strip_prefix(['+', '-']) {
        Some(digits) => (written.starts_with('-'), digits),
        None => (false, written),
    };
    let (digits, radix) = match digits.split_at_checked(2) {
        Some(("0x" | "0X", rest)) => (rest, 16),
        Some(("0o" | "0O", rest)) => (rest, 8),
        Some(("0b" | "0B", rest)) => (rest, 2),
        _ if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        _ => (digits, 10),
    };
    // The standard library would accept a second sign.
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let number = i64::from_str_radix(digits, radix).ok()?;
    Some(if negative { -number } else { number })
}

/// Whether a text is a decimal fraction, with or without an exponent, or YAML's name for infinity or not-a-number.
fn float(written: &str) -> bool {
    let unsigned = written.strip_prefix(['+', '-']).unwrap_or(written);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(written, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Scalar<'_> {
        Scalar::plain(Cow::Borrowed(text))
    }

    #[test]
    fn booleans_of_yaml_1_1_are_recognised() {
        for word in ["yes", "on", "true", "y", "Y", "ON"] {
            assert_eq!(plain(word), Scalar::Boolean(true, word.into()));
        }
        for word in ["no", "off", "false", "n", "N", "Off"] {
            assert_eq!(plain(word), Scalar::Boolean(false, word.into()));
        }
        assert_eq!(plain("yEs"), Scalar::Text("yEs".into()));
    }

    #[test]
    fn integers_can_have_any_radix() {
        for (text, number) in [
            ("80", 80),
            ("0", 0),
            ("-3", -3),
            ("+3", 3),
            ("0x1F", 31),
            ("0o17", 15),
            ("017", 15),
            ("0b101", 5),
            ("1_000", 1000),
        ] {
            assert_eq!(plain(text), Scalar::Integer(number, text.into()));
        }
    }

    #[test]
    fn fractions_and_exponents_are_numbers() {
        for text in [
            "1e3",
            "1.5",
            ".5",
            "5.",
            "-1E-9",
            ".inf",
            "-.Inf",
            ".nan",
            "99999999999999999999",
            "089",
            "1_0.5",
        ] {
            assert_eq!(plain(text), Scalar::Float(text.into()));
        }
    }

    #[test]
    fn other_texts_with_digits_are_strings() {
        for text in
            ["10s", "1.2.3", "10.0.0.1", "2026-01-01", "1e", "e3", ".", "-", "+", "--1", "0x", "0x-1", "1:30"]
        {
            assert_eq!(plain(text), Scalar::Text(text.into()));
        }
    }
}
