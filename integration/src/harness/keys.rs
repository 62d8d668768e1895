//! Fresh keys for sealing tokens.

use std::fmt::Write;

/// A new random key, as the environment variable `SESSION_KEYS` takes it: 32 bytes as 64 hex characters.
///
/// # Errors
/// The system has no random numbers to give.
pub fn fresh() -> Result<String, getrandom::Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    Ok(key.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}
