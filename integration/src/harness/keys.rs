//! New keys for sealing tokens.

use std::fmt::Write;

/// A new random key in the format of `SESSION_KEYS`: 32 bytes as 64 hexadecimal digits.
///
/// # Errors
/// The system provides no random numbers.
pub fn fresh() -> Result<String, getrandom::Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    Ok(key.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}
