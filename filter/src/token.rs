//! Tokens: what a client holds, sealed so that it can neither read, change, move nor outlive it.
//!
//! A token is base64url without padding of
//!
//! ```text
//! version (1 byte) ‖ key id (4) ‖ nonce (24) ‖ ciphertext ‖ tag (16)
//! ```
//!
//! sealed with XChaCha20-Poly1305, whose nonce is long enough to be drawn at random by any number of Envoys that share a
//! key. The associated data is the version, the key id, the rule's id and the carrier's kind and name: a token opens only for
//! the rule and the carrier that it was issued for. Numbers are big-endian, times are Unix seconds.
//!
//! **Version 1** is issued where a rule is not split. The plaintext is
//!
//! ```text
//! issue time (5 bytes) ‖ seconds from then to last seen (4) ‖ address (4 or 16) ‖ port (2)
//! ```
//!
//! A token of an IPv4 endpoint has 80 characters, one of an IPv6 endpoint 96. Earlier releases issued version 1 for split
//! rules, too, with a zero byte and the name of the share behind the associated data; these still open (module `share`).
//!
//! **Version 2** is issued for split rules. The plaintext is
//!
//! ```text
//! flags (1 byte) ‖ the plaintext of version 1 ‖ the digest of the share (8)
//! ```
//!
//! Each flag says whether a field of a fixed length is there, or which of two lengths it has: 1 for an IPv6 address, 2 for a
//! share. So the flags give the exact length of the plaintext, and other flags can add other fields; a token with a flag
//! that is not known does not open. Its 92 characters (108 for IPv6) open in one step, whatever the number of shares.
//!
//! All versions must open for ever: `vectors` in the tests are frozen.
//!
//! Which parts of a request are tried as tokens is decided in [`candidates`](crate::candidates), and whether an opened token
//! is still good in [`session`](crate::session).

mod contents;
mod recent;
mod share;

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::engine::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

pub use self::contents::Contents;
pub use self::recent::Recent;
pub use self::share::Share;
use crate::config::{Carrier, RuleId};
use crate::key::{KEY_LENGTH, Key, KeyId, KeyRing};

const VERSION_1: u8 = 1;
const VERSION_2: u8 = 2;
const ISSUED: usize = 5;
const SEEN: usize = 4;
const NONCE: usize = 24;
const TAG: usize = 16;
const OVERHEAD: usize = 1 + 4 + NONCE + TAG;
/// The bytes of the longest token: of version 2, with a share, for an IPv6 endpoint.
const LONGEST: usize = OVERHEAD + 1 + ISSUED + SEEN + 16 + 2 + share::LENGTH;

/// The characters of the longest token.
const LONGEST_TEXT: usize = 108;
/// How many characters a token can have: of version 1 for an IPv4 and an IPv6 endpoint, then of version 2.
const LENGTHS: [usize; 4] = [80, 96, 92, LONGEST_TEXT];

/// A nonce: random, and never used twice.
pub type Nonce = [u8; NONCE];

/// A token that opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What it says.
    pub contents: Contents,
    /// Whether an older key than today's sealed it.
    pub older_key: bool,
    /// The position of its share among those of the rule; none where the rule is not split.
    pub share: Option<usize>,
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
    /// Changed on the way, or issued for another rule, carrier or share.
    #[error("it was changed, or issued for another rule")]
    Forged,
}

/// Whether a token can have this many characters.
#[must_use]
pub fn has_length(characters: usize) -> bool {
    LENGTHS.contains(&characters)
}

/// Seals and opens the tokens of one rule.
pub struct Sealer {
    /// Unlike that of any other sealer, whatever its rule: what tokens of [`Recent`] are known by.
    number: u64,
    /// For each key of the ring, the sealing one first.
    locks: Vec<Lock>,
}

struct Lock {
    key: KeyId,
    secret: Zeroizing<[u8; KEY_LENGTH]>,
    /// Of version 1, in which the first byte is the version.
    associated_data: Vec<u8>,
}

/// Opens the tokens of one request.
///
/// A token of version 1 for a split rule costs more than others (see the module `share`), so only the first of a request is looked at.
pub struct Opener<'a> {
    sealer: &'a Sealer,
    shares: &'a [Share],
    recent: Option<&'a RefCell<Recent>>,
    searched: bool,
}

/// The parts of a token.
struct Parts<'a> {
    version: u8,
    nonce: Nonce,
    text: &'a mut [u8],
    tag: [u8; TAG],
}

impl Sealer {
    /// The sealer of the rule with this id and carrier.
    #[must_use]
    pub fn new(ring: &KeyRing, id: &RuleId, carrier: &Carrier) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let locks = ring.keys().map(|key| Lock::new(key, id, carrier)).collect();
        Self { number: NUMBERS.fetch_add(1, Ordering::Relaxed), locks }
    }

    /// Seals a token, for a share of the rule if the rule is split. `nonce` must be fresh random bytes.
    #[must_use]
    pub fn seal(&self, contents: &Contents, share: Option<&Share>, nonce: &Nonce) -> Option<String> {
        let lock = self.locks.first()?;
        let mut token = Vec::with_capacity(LONGEST);
        token.push(if share.is_some() { VERSION_2 } else { VERSION_1 });
        token.extend_from_slice(&lock.key.0);
        token.extend_from_slice(nonce);
        let head = token.len();
        let associated_data = if let Some(share) = share {
            contents.encode_with_flags(share.digest(), &mut token);
            &lock.of_version_2()
        } else {
            contents.encode(&mut token);
            &lock.associated_data
        };
        let plaintext = token.get_mut(head..)?;
        let nonce = XNonce::from(*nonce);
        let tag = lock.cipher().encrypt_inout_detached(&nonce, associated_data, plaintext.into()).ok()?;
        token.extend_from_slice(&tag);
        Some(URL_SAFE_NO_PAD.encode(token.as_slice()))
    }

    /// What opens the tokens of one request: of these shares, or none if the rule is not split.
    #[must_use]
    pub const fn opener<'a>(&'a self, shares: &'a [Share]) -> Opener<'a> {
        Opener { sealer: self, shares, recent: None, searched: false }
    }

    /// Opens a token of a rule that is not split.
    ///
    /// # Errors
    /// Why the text is no token of this rule.
    pub fn open(&self, text: &[u8]) -> Result<Opened, OpenError> {
        self.opener(&[]).open(text)
    }
}

impl<'a> Opener<'a> {
    /// The same, with what opened lately.
    #[must_use]
    pub const fn remembering(self, recent: &'a RefCell<Recent>) -> Self {
        Self { recent: Some(recent), ..self }
    }

    /// Opens what a client sent, if it did not open lately. Nothing is decrypted unless the key is one of ours.
    ///
    /// # Errors
    /// Why the text is no token of this rule.
    pub fn open(&mut self, text: &[u8]) -> Result<Opened, OpenError> {
        let Some(recent) = self.recent else { return self.decrypt(text) };
        let key = recent::Key::new(self.sealer.number, text).ok_or(OpenError::Malformed)?;
        if let Some(opened) = recent.borrow().get(&key) {
            return Ok(opened);
        }
        let opened = self.decrypt(text)?;
        recent.borrow_mut().insert(key, opened.clone());
        Ok(opened)
    }

    fn decrypt(&mut self, text: &[u8]) -> Result<Opened, OpenError> {
        let mut bytes = [0; LONGEST];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| OpenError::Malformed)?;
        let token = bytes.get_mut(..length).ok_or(OpenError::Malformed)?;
        let (&mut version, rest) = token.split_first_mut().ok_or(OpenError::Malformed)?;
        let (key, rest) = rest.split_first_chunk_mut::<4>().ok_or(OpenError::Malformed)?;
        let (nonce, rest) = rest.split_first_chunk_mut::<NONCE>().ok_or(OpenError::Malformed)?;
        let (text, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(OpenError::Malformed)?;
        match (version, length) {
            (VERSION_1, 60 | 72) | (VERSION_2, 69 | 81) => {}
            _ => return Err(OpenError::Malformed),
        }
        let mut parts = Parts { version, nonce: *nonce, text, tag: *tag };
        // Of two keys with one id, which chance may give once in four thousand million, each is tried.
        let mut refusal = OpenError::UnknownKey;
        for (age, lock) in self.sealer.locks.iter().enumerate().filter(|(_, lock)| lock.key.0 == *key) {
            match self.open_with(lock, &mut parts) {
                Ok((contents, share)) => return Ok(Opened { contents, older_key: age > 0, share }),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    fn open_with(
        &mut self,
        lock: &Lock,
        parts: &mut Parts<'_>,
    ) -> Result<(Contents, Option<usize>), OpenError> {
        if parts.version == VERSION_2 {
            lock.decrypt(parts, &lock.of_version_2())?;
            let (contents, share) = Contents::decode_with_flags(parts.text).ok_or(OpenError::Malformed)?;
            // The session of a share that the rule no longer has ends, as one of another rule.
            let known = self.shares.iter().position(|known| Some(known.digest()) == share);
            return Ok((contents, Some(known.ok_or(OpenError::Forged)?)));
        }
        let share = if self.shares.is_empty() {
            lock.decrypt(parts, &lock.associated_data)?;
            None
        } else {
            if std::mem::replace(&mut self.searched, true) {
                return Err(OpenError::Forged);
            }
            let sealed = (&parts.nonce, &*parts.text, &parts.tag);
            let position = share::find(&lock.secret, &lock.associated_data, sealed, self.shares)
                .ok_or(OpenError::Forged)?;
            let share = self.shares.get(position).ok_or(OpenError::Forged)?;
            lock.decrypt(parts, &share::associated_data(&lock.associated_data, share))?;
            Some(position)
        };
        Ok((Contents::decode(parts.text).ok_or(OpenError::Malformed)?, share))
    }
}

impl Lock {
    fn new(key: &Key, id: &RuleId, carrier: &Carrier) -> Self {
        let (kind, name) = match carrier {
            Carrier::Cookie(cookie) => (0, cookie.name.as_str()),
            Carrier::Header(header) => (1, header.name.as_str()),
        };
        // Lengths in front, so that no two pairs of id and name run together to the same bytes.
        let mut associated_data = vec![VERSION_1];
        associated_data.extend_from_slice(&key.id().0);
        associated_data.extend_from_slice(&(id.as_str().len() as u64).to_be_bytes());
        associated_data.extend_from_slice(id.as_str().as_bytes());
        associated_data.push(kind);
        associated_data.extend_from_slice(name.as_bytes());
        Self { key: key.id(), secret: Zeroizing::new(*key.secret()), associated_data }
    }

    fn of_version_2(&self) -> Vec<u8> {
        let mut associated_data = self.associated_data.clone();
        if let Some(version) = associated_data.first_mut() {
            *version = VERSION_2;
        }
        associated_data
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.secret).into())
    }

    /// Decrypts the text of a token in place.
    fn decrypt(&self, parts: &mut Parts<'_>, associated_data: &[u8]) -> Result<(), OpenError> {
        let (nonce, tag) = (XNonce::from(parts.nonce), Tag::from(parts.tag));
        let text = (&mut *parts.text).into();
        let opened = self.cipher().decrypt_inout_detached(&nonce, associated_data, text, &tag);
        opened.map_err(|_| OpenError::Forged)
    }
}

#[cfg(test)]
mod tests;
