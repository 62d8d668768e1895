//! The keys that seal and open tokens, and the environment variable that holds them.
//!
//! `SESSION_KEYS` is a comma-separated list of 32-byte keys, each as 64 hex characters or as base64. The first key seals, all
//! keys open. To rotate keys, add the new key at the end of the list on every Envoy, then move it to the front, then wait until
//! the sessions of the old key have ended or been resealed, then remove the old key. This way, every Envoy can always open what
//! another one seals.

use std::fmt;

use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::names::KEYS_VARIABLE;

/// The length of a key in bytes.
pub const KEY_LENGTH: usize = 32;

/// Padding is optional, because some tools omit it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A secret key. Its bytes never leave this crate, and its memory is zeroed on drop.
pub struct Key {
    id: KeyId,
    secret: Zeroizing<[u8; KEY_LENGTH]>,
}

/// The id of a key in tokens: the first 4 bytes of the key's SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId(pub [u8; 4]);

/// The keys of one Envoy: the one that seals, and any number of others that only open. Never empty.
pub struct KeyRing {
    keys: Vec<Key>,
}

/// The environment variable does not contain valid keys. Messages never show key material.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The variable is not set, or empty.
    #[error(
        "{KEYS_VARIABLE} is not set: start Envoy with SESSION_KEYS=\"$(openssl rand -hex 32)\", the same for every Envoy \
         that is to share sessions, and list SESSION_KEYS under vm_config.environment_variables.host_env_keys"
    )]
    Absent,
    /// A key is not 32 bytes in hex or base64.
    #[error(
        "{KEYS_VARIABLE}: key {position} of {count} is not a 32-byte key (it has {length} characters): \
         write 64 hex characters (`openssl rand -hex 32`) or base64 (`openssl rand -base64 32`), keys separated by commas"
    )]
    Malformed {
        /// Which one, from 1.
        position: usize,
        /// How many there are.
        count: usize,
        /// The number of its characters.
        length: usize,
    },
    /// A key is listed twice: probably a mistake in a rotation.
    #[error("{KEYS_VARIABLE}: key {position} of {count} is a duplicate: remove it")]
    Repeated {
        /// Which one, from 1.
        position: usize,
        /// How many there are.
        count: usize,
    },
}

impl Key {
    /// A key of these bytes.
    #[must_use]
    pub fn new(secret: [u8; KEY_LENGTH]) -> Self {
        let secret = Zeroizing::new(secret);
        let digest: [u8; 32] = Sha256::digest(secret.as_slice()).into();
        let [a, b, c, d, ..] = digest;
        Self { id: KeyId([a, b, c, d]), secret }
    }

    /// Its id in tokens.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn secret(&self) -> &[u8; KEY_LENGTH] {
        &self.secret
    }

    fn parse(text: &str) -> Option<Self> {
        let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
        if text.len() == KEY_LENGTH * 2 {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            for pair in text.as_bytes().chunks_exact(2) {
                let [high, low] = *<&[u8; 2]>::try_from(pair).ok()?;
                decoded.push(digit(high)? << 4 | digit(low)?);
            }
        } else {
            BASE64.decode_vec(text, &mut decoded).ok()?;
        }
        let mut secret = <[u8; KEY_LENGTH]>::try_from(decoded.as_slice()).ok()?;
        let key = Self::new(secret);
        secret.zeroize();
        Some(key)
    }
}

impl KeyRing {
    /// A ring in which `current` seals, and all keys open.
    #[must_use]
    pub fn new(current: Key, older: impl IntoIterator<Item = Key>) -> Self {
        Self { keys: std::iter::once(current).chain(older).collect() }
    }

    /// Parses the value of `SESSION_KEYS`. White space around keys is ignored, because values often come from files.
    ///
    /// # Errors
    /// The first mistake and how to fix it, without key material.
    pub fn parse(variable: &str) -> Result<Self, KeyError> {
        if variable.trim_ascii().is_empty() {
            return Err(KeyError::Absent);
        }
        let count = variable.split(',').count();
        let mut keys: Vec<Key> = Vec::with_capacity(count);
        for (text, position) in variable.split(',').map(str::trim_ascii).zip(1..) {
            let key = Key::parse(text).ok_or(KeyError::Malformed {
                position,
                count,
                length: text.chars().count(),
            })?;
            if keys.iter().any(|known| known.secret == key.secret) {
                return Err(KeyError::Repeated { position, count });
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }

    /// The keys; the first one seals.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.keys).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn ids(variable: &str) -> Vec<KeyId> {
        KeyRing::parse(variable).unwrap().keys().map(Key::id).collect()
    }

    #[test]
    fn keys_are_hex_or_base64() {
        assert_eq!(ids(HEX), ids(BASE64));
        assert_eq!(ids(HEX), ids(&HEX.to_uppercase()));
        assert_eq!(ids(HEX), ids(BASE64.trim_end_matches('=')));
    }

    #[test]
    fn the_key_id_is_the_start_of_the_sha_256() {
        // printf 000102…1f | xxd -r -p | sha256sum
        assert_eq!(ids(HEX), [KeyId([0x63, 0x0d, 0xcd, 0x29])]);
    }

    #[test]
    fn keys_keep_their_order_and_white_space_is_ignored() {
        let ring = ids(&format!(" {OTHER},\n{HEX}\n"));
        assert_eq!(ring, [ids(OTHER), ids(HEX)].concat());
    }

    #[test]
    fn missing_keys_are_an_error_that_says_how_to_make_one() {
        for nothing in ["", " \n"] {
            let error = KeyRing::parse(nothing).unwrap_err();
            assert_eq!(error, KeyError::Absent);
            assert!(error.to_string().contains("openssl rand -hex 32"), "{error}");
        }
    }

    #[test]
    fn the_error_for_a_malformed_key_shows_its_position_but_not_its_value() {
        let secret = "hunter2hunter2";
        let error = KeyRing::parse(&format!("{HEX},{secret}")).unwrap_err();
        assert_eq!(error, KeyError::Malformed { position: 2, count: 2, length: 14 });
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(error.to_string().contains("SESSION_KEYS"), "{error}");
    }

    #[test]
    fn keys_of_the_wrong_length_are_rejected() {
        let cut = |by| HEX.get(by..).unwrap().to_owned();
        for wrong in [
            cut(1),
            cut(2),
            format!("{HEX}00"),
            format!("{BASE64}AA=="),
            format!("{HEX},"),
            format!(",{HEX}"),
        ] {
            assert!(matches!(KeyRing::parse(&wrong), Err(KeyError::Malformed { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_duplicate_key_is_an_error() {
        let error = KeyRing::parse(&format!("{HEX},{OTHER},{BASE64}")).unwrap_err();
        assert_eq!(error, KeyError::Repeated { position: 3, count: 3 });
    }

    #[test]
    fn debug_output_shows_no_key_material() {
        let shown = format!("{:?}", KeyRing::parse(HEX).unwrap());
        assert!(shown.contains("KeyId([99, 13, 205, 41])"), "{shown}");
        assert!(!shown.contains("10, 11, 12") && !shown.contains("0a0b0c"), "{shown}");
    }
}
