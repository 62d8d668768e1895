//! Tokens: what a client holds, sealed so that it can neither read, change, move nor outlive it.
//!
//! A token is base64url without padding of
//!
//! ```text
//! version (1 byte, 1) ‖ key id (4) ‖ nonce (24) ‖ ciphertext ‖ tag (16)
//! ```
//!
//! sealed with XChaCha20-Poly1305, whose nonce is long enough to be drawn at random by any number of Envoys that share a
//! key. The associated data is the version, the key id, the rule's id and the carrier's kind and name: a token opens for
//! the rule and the carrier that it was issued for, and for no other. Where the backends of a rule are told apart, a zero
//! byte and the name of the share stand behind that, so that it opens for no other share either. The plaintext is
//!
//! ```text
//! issue time (5 bytes) ‖ seconds from then to last seen (4) ‖ address (4 or 16) ‖ port (2)
//! ```
//!
//! with big-endian numbers and times in Unix seconds. A token of an IPv4 endpoint has 80 characters, one of an IPv6
//! endpoint 96. Version 1 must open for ever: `vectors` in the tests are frozen.
//!
//! Whether an opened token is still good is the business of [`session`](crate::session).

use base64::engine::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, Tag, XChaCha20Poly1305, XNonce};

use crate::config::{Carrier, RuleId};
use crate::endpoint::Endpoint;
use crate::key::{Key, KeyId, KeyRing};
use crate::time::Timestamp;

const VERSION: u8 = 1;
const ISSUED: usize = 5;
const SEEN: usize = 4;
const NONCE: usize = 24;
const TAG: usize = 16;
const OVERHEAD: usize = 1 + 4 + NONCE + TAG;
/// The bytes of the longest token: an IPv6 endpoint's.
const LONGEST: usize = OVERHEAD + ISSUED + SEEN + 16 + 2;

/// A nonce: random, and never used twice.
pub type Nonce = [u8; NONCE];

/// What a token says. Only [`Sealer::open`] makes one out of what a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// When the session began on this endpoint.
    pub issued: Timestamp,
    /// When the session was last used, as far as the token knows; not before `issued`.
    pub last_seen: Timestamp,
    /// Where the session lives.
    pub endpoint: Endpoint,
}

/// A token that opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What it says.
    pub contents: Contents,
    /// Whether an older key than today's sealed it.
    pub older_key: bool,
}

/// Why a text is no token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not base64url, of no length that a token has, or of another version.
    #[error("it is not a token")]
    Malformed,
    /// Sealed with a key that is not (or no longer) in the ring.
    #[error("its key is not among ours")]
    UnknownKey,
    /// Changed on the way, or issued for another rule or carrier.
    #[error("it was changed, or issued for another rule")]
    Forged,
}

/// Seals and opens the tokens of one rule.
pub struct Sealer {
    /// For each key of the ring, the sealing one first.
    locks: Vec<Lock>,
}

struct Lock {
    key: KeyId,
    cipher: XChaCha20Poly1305,
    associated_data: Vec<u8>,
}

impl Sealer {
    /// The sealer of the rule with this id and carrier, and of one of its shares if it has several.
    #[must_use]
    pub fn new(ring: &KeyRing, id: &RuleId, carrier: &Carrier, share: Option<&str>) -> Self {
        Self { locks: ring.keys().map(|key| Lock::new(key, id, carrier, share)).collect() }
    }

    /// Seals a token. `nonce` must be fresh random bytes.
    #[must_use]
    pub fn seal(&self, contents: &Contents, nonce: &Nonce) -> Option<String> {
        let lock = self.locks.first()?;
        let mut token = Vec::with_capacity(LONGEST);
        token.push(VERSION);
        token.extend_from_slice(&lock.key.0);
        token.extend_from_slice(nonce);
        let head = token.len();
        contents.encode(&mut token);
        let plaintext = token.get_mut(head..)?;
        let nonce = XNonce::from(*nonce);
        let tag = lock.cipher.encrypt_inout_detached(&nonce, &lock.associated_data, plaintext.into()).ok()?;
        token.extend_from_slice(&tag);
        Some(URL_SAFE_NO_PAD.encode(token))
    }

    /// Opens what a client sent. Nothing is allocated, and nothing is decrypted unless the key is one of ours.
    ///
    /// # Errors
    /// Why the text is no token of this rule.
    pub fn open(&self, text: &[u8]) -> Result<Opened, OpenError> {
        let mut bytes = [0; LONGEST];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| OpenError::Malformed)?;
        let token = bytes.get_mut(..length).ok_or(OpenError::Malformed)?;
        let (version, rest) = token.split_first_mut().ok_or(OpenError::Malformed)?;
        let (key, rest) = rest.split_first_chunk_mut::<4>().ok_or(OpenError::Malformed)?;
        let (nonce, rest) = rest.split_first_chunk_mut::<NONCE>().ok_or(OpenError::Malformed)?;
        let (plaintext, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(OpenError::Malformed)?;
        if *version != VERSION || !Contents::LENGTHS.contains(&plaintext.len()) {
            return Err(OpenError::Malformed);
        }
        // Of two keys with one id, which chance may give once in four thousand million, each is tried.
        let mut refusal = OpenError::UnknownKey;
        for (age, lock) in self.locks.iter().enumerate().filter(|(_, lock)| lock.key.0 == *key) {
            refusal = OpenError::Forged;
            let (nonce, tag) = (XNonce::from(*nonce), Tag::from(*tag));
            let opened = lock.cipher.decrypt_inout_detached(
                &nonce,
                &lock.associated_data,
                (&mut *plaintext).into(),
                &tag,
            );
            if opened.is_ok() {
                let contents = Contents::decode(plaintext).ok_or(OpenError::Malformed)?;
                return Ok(Opened { contents, older_key: age > 0 });
            }
        }
        Err(refusal)
    }
}

impl Lock {
    fn new(key: &Key, id: &RuleId, carrier: &Carrier, share: Option<&str>) -> Self {
        let (kind, name) = match carrier {
            Carrier::Cookie(cookie) => (0, cookie.name.as_str()),
            Carrier::Header(header) => (1, header.name.as_str()),
        };
        // Lengths in front, so that no two pairs of id and name run together to the same bytes.
        let mut associated_data = vec![VERSION];
        associated_data.extend_from_slice(&key.id().0);
        associated_data.extend_from_slice(&(id.as_str().len() as u64).to_be_bytes());
        associated_data.extend_from_slice(id.as_str().as_bytes());
        associated_data.push(kind);
        associated_data.extend_from_slice(name.as_bytes());
        if let Some(share) = share {
            // No name of a cookie or header has a zero byte in it.
            associated_data.push(0);
            associated_data.extend_from_slice(share.as_bytes());
        }
        Self { key: key.id(), cipher: XChaCha20Poly1305::new(key.secret().into()), associated_data }
    }
}

impl Contents {
    const LENGTHS: [usize; 2] = [ISSUED + SEEN + 4 + 2, ISSUED + SEEN + 16 + 2];

    fn encode(&self, to: &mut Vec<u8>) {
        let [_, _, _, issued @ ..] = self.issued.unix_seconds().to_be_bytes();
        let seen = u32::try_from(self.last_seen.seconds_since(self.issued)).unwrap_or(u32::MAX);
        to.extend_from_slice(&issued);
        to.extend_from_slice(&seen.to_be_bytes());
        self.endpoint.encode(to);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (issued, rest) = bytes.split_first_chunk::<ISSUED>()?;
        let (seen, endpoint) = rest.split_first_chunk::<SEEN>()?;
        let issued = issued.iter().fold(0, |seconds, &byte| seconds << 8 | u64::from(byte));
        let last_seen = issued.saturating_add(u64::from(u32::from_be_bytes(*seen)));
        Some(Self {
            issued: Timestamp::from_unix_seconds(issued),
            last_seen: Timestamp::from_unix_seconds(last_seen),
            endpoint: Endpoint::decode(endpoint)?,
        })
    }
}

#[cfg(test)]
mod tests;
