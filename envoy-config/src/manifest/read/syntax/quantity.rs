//! Quantities of Kubernetes, as far as Envoy Gateway uses them for sizes in bytes: `512`, `20Mi`, `1G`.

/// Why a text is not a size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::manifest) enum QuantityError {
    #[error("expected a number of bytes with an optional unit, such as `64Ki` or `1M`")]
    Form,
    #[error("the size must be less than 4Gi")]
    TooLarge,
}

/// A size from 1 byte to less than 4 GiB: `^[1-9]+[0-9]*([EPTGMK]i|[EPTGMk])?$`.
pub(in crate::manifest) fn bytes(text: &str) -> Result<u32, QuantityError> {
    const UNITS: [(&str, u64); 13] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("Ei", 1 << 60),
        ("k", 1000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("P", 1_000_000_000_000_000),
        ("E", 1_000_000_000_000_000_000),
        ("", 1),
    ];
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
    let (digits, unit) = unit.ok_or(QuantityError::Form)?;
    if digits.is_empty() || digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(QuantityError::Form);
    }
    let number: u64 = digits.parse().map_err(|_| QuantityError::TooLarge)?;
    let bytes = number.checked_mul(*unit).ok_or(QuantityError::TooLarge)?;
    u32::try_from(bytes).map_err(|_| QuantityError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_or_decimal_units() {
        for (text, size) in [
            ("1", 1),
            ("512", 512),
            ("64Ki", 65_536),
            ("20Mi", 20 << 20),
            ("3Gi", 3 << 30),
            ("5k", 5000),
            ("1M", 1_000_000),
            ("4G", 4_000_000_000),
            ("4294967295", u32::MAX),
        ] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
    }

    #[test]
    fn other_texts_are_rejected_with_a_reason() {
        for text in ["", "0", "0Mi", "Mi", "1.5Mi", "-1", "1 Mi", "1K", "1m", "1ki", "1e3"] {
            assert_eq!(bytes(text), Err(QuantityError::Form), "{text:?}");
        }
        for text in ["4Gi", "4294967296", "1T", "1Ei", "99999999999999999999"] {
            assert_eq!(bytes(text), Err(QuantityError::TooLarge), "{text:?}");
        }
    }
}
