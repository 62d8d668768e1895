//! Durations of the Gateway API (GEP-2257): `1h30m`, `10s`, `500ms`.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DurationError {
    #[error("it is empty")]
    Empty,
    #[error("it has more than four parts")]
    TooManyParts,
    #[error("expected a number followed by `h`, `m`, `s` or `ms`, as in `1h30m`")]
    Form,
    #[error("fractions are not allowed; use a smaller unit, such as `1500ms` instead of `1.5s`")]
    Fraction,
    #[error("a number has more than five digits")]
    TooManyDigits,
    #[error("unknown unit `{0}`; expected `h`, `m`, `s` or `ms`")]
    Unit(char),
}

/// A duration: `^([0-9]{1,5}(h|m|s|ms)){1,4}$`.
pub(crate) fn parse(text: &str) -> Result<Duration, DurationError> {
    const PARTS: usize = 4;
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    for _ in 0..PARTS {
        let (part, remaining) = part(rest)?;
        total += part;
        rest = remaining;
        if rest.is_empty() {
            return Ok(total);
        }
    }
    Err(DurationError::TooManyParts)
}

/// The first number and unit, and the rest of the text.
fn part(text: &str) -> Result<(Duration, &str), DurationError> {
    const DIGITS: usize = 5;
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).ok_or(DurationError::Form)?;
    if rest.starts_with('.') {
        return Err(DurationError::Fraction);
    }
    if digits.len() > DIGITS {
        return Err(DurationError::TooManyDigits);
    }
    let number: u64 = digits.parse().map_err(|_| DurationError::Form)?;
    if let Some(rest) = rest.strip_prefix("ms") {
        return Ok((Duration::from_millis(number), rest));
    }
    let mut characters = rest.chars();
    let seconds = match characters.next() {
        Some('h') => 3600,
        Some('m') => 60,
        Some('s') => 1,
        Some(unit) => return Err(DurationError::Unit(unit)),
        None => return Err(DurationError::Form),
    };
    Ok((Duration::from_secs(number * seconds), characters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_add_up() {
        for (text, milliseconds) in [
            ("10s", 10_000),
            ("1h", 3_600_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1h1m1s1ms", 3_661_001),
            ("0s", 0),
            ("99999h99999h99999h99999h", 4 * 99_999 * 3_600_000),
            ("00001s", 1000),
            ("1m1m", 120_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn invalid_durations_are_rejected_with_a_reason() {
        for (text, error) in [
            ("", DurationError::Empty),
            ("10", DurationError::Form),
            ("s", DurationError::Form),
            ("-1s", DurationError::Form),
            ("1.5s", DurationError::Fraction),
            ("123456s", DurationError::TooManyDigits),
            ("1s1s1s1s1s", DurationError::TooManyParts),
            ("1d", DurationError::Unit('d')),
            ("1S", DurationError::Unit('S')),
            ("1 s", DurationError::Unit(' ')),
            ("1µs", DurationError::Unit('µ')),
            ("1s ", DurationError::Form),
        ] {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
    }
}
