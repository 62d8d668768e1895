//! Tokens: seals and opens what a client stores. Clients cannot read or change a token, or use it for another rule.
//!
//! A token is base64url without padding of
//!
//! ```text
//! version (1 byte) ‖ key id (4) ‖ nonce (24) ‖ ciphertext ‖ tag (16)
//! ```
//!
//! sealed with XChaCha20-Poly1305, whose nonces are long enough to be random, even if many Envoys share a key. The associated data
//! is the version, the key id, the rule id, and the kind and name of the carrier: a token opens only for the rule and carrier for
//! which it was issued. Numbers are big-endian, times are Unix seconds.
//!
//! **Version 1** is issued for rules that are not split, if the pod of the endpoint is not known. The plaintext is
//!
//! ```text
//! issue time (5 bytes) ‖ seconds from issue to last use (4) ‖ address (4 or 16) ‖ port (2)
//! ```
//!
//! The token has 80 characters for an IPv4 endpoint, 96 for IPv6. Earlier releases also issued version 1 for split rules, with a zero
//! byte and the name of the share appended to the associated data. These tokens still open (module `share`).
//!
//! **Version 2** is issued for split rules, and for endpoints whose pod is known. The plaintext is
//!
//! ```text
//! flags (1 byte) ‖ the plaintext of version 1 ‖ the digest of the share (8) ‖ the digest of the pod (8) ‖ a zero byte
//! ```
//!
//! Flag 1 means that the address is IPv6, flag 2 that the digest of a share is present, flag 4 that the digest of a pod is present. The
//! zero byte follows both digests, so that the token is a whole number of words of 4 characters. Flag 8 means that the token is an
//! [`envelope`](crate::envelope): the length (2 bytes) and the value of the backend's session header come last, and zero bytes up to
//! a whole number of words. So flags and length determine the exact length of the plaintext, and later versions of the filter can add
//! fields with other flags. A token with an unknown flag does not open: an earlier release, which does not know flag 4, starts a new
//! session. The token opens with one decryption, whatever the number of shares, and without a value has
//!
//! | characters | IPv4 | IPv6 |
//! | --- | --- | --- |
//! | with a share or a pod | 92 | 108 |
//! | with both | 104 | 120 |
//!
//! Tokens of all versions must open forever: `vectors` in the tests are frozen.
//!
//! [`candidates`](crate::candidates) decides which parts of a request are tried as tokens, and [`session`](crate::session) whether an
//! opened token is still valid.

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
/// The length in bytes of the longest token: version 2, with a share and a pod, for an IPv6 endpoint.
const LONGEST: usize = OVERHEAD + 1 + ISSUED + SEEN + 16 + 2 + 2 * share::LENGTH + 1;

/// The length in characters of the longest token.
const LONGEST_TEXT: usize = 120;
/// The maximum length in bytes of the value in an envelope. Session ids of MCP servers are UUIDs, hashes or JSON Web Tokens.
pub const VALUE_LIMIT: usize = 1024;

/// The lengths in bytes of the shortest and the longest token with a value: one byte for an IPv4 endpoint, and the limit with
/// everything else.
const SHORTEST_ENVELOPE: usize = OVERHEAD + 1 + ISSUED + SEEN + 4 + 2 + 2 + 1 + 2;
const LONGEST_ENVELOPE: usize = LONGEST + 2 + VALUE_LIMIT + 1;

/// The possible lengths of a token in characters, for IPv4 and IPv6: version 1, version 2 with one digest, and with two.
const LENGTHS: [usize; 6] = [80, 96, 92, 108, 104, LONGEST_TEXT];

/// A nonce: random, and never used twice.
pub type Nonce = [u8; NONCE];

/// A token that opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its contents.
    pub contents: Contents,
    /// Whether it was sealed with an older key than the current one.
    pub older_key: bool,
    /// The position of its share among those of the rule; `None` if the rule is not split.
    pub share: Option<usize>,
}

/// Why a text is not a token of this rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not base64url, or of another length or version than tokens have.
    #[error("it is not a token")]
    Malformed,
    /// Sealed with a key that is not in the ring.
    #[error("its key is not among ours")]
    UnknownKey,
    /// Changed, or issued for another rule, carrier or share.
    #[error("it was changed, or issued for another rule")]
    Forged,
}

/// Whether a token can have this many characters.
#[must_use]
pub fn has_length(characters: usize) -> bool {
    LENGTHS.contains(&characters)
}

/// Whether an envelope can have this many characters.
#[must_use]
pub const fn has_length_of_envelope(characters: usize) -> bool {
    let bytes = characters / 4 * 3;
    characters.is_multiple_of(4) && SHORTEST_ENVELOPE <= bytes && bytes <= LONGEST_ENVELOPE
}

/// Seals and opens the tokens of one rule.
pub struct Sealer {
    /// Unique for each sealer: [`Recent`] finds tokens by it.
    number: u64,
    /// For each key of the ring; the first one seals.
    keys: Vec<RuleKey>,
}

/// A key of the ring, for one rule.
struct RuleKey {
    key: KeyId,
    secret: Zeroizing<[u8; KEY_LENGTH]>,
    /// The associated data of version 1; the first byte is the version.
    associated_data: Vec<u8>,
}

/// Opens the tokens of one request.
///
/// Tokens of version 1 for split rules cost more than others (see the module `share`), so only the first of each request is tried.
pub struct Opener<'a> {
    sealer: &'a Sealer,
    shares: &'a [Share],
    recent: Option<&'a RefCell<Recent>>,
    searched: bool,
    /// The value in the last token that was opened.
    value: Vec<u8>,
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
        let keys = ring.keys().map(|key| RuleKey::new(key, id, carrier)).collect();
        Self { number: NUMBERS.fetch_add(1, Ordering::Relaxed), keys }
    }

    /// Seals a token, for a share of the rule if the rule is split. `nonce` must be fresh random bytes.
    #[must_use]
    pub fn seal(&self, contents: &Contents, share: Option<&Share>, nonce: &Nonce) -> Option<String> {
        self.seal_around(&[], contents, share, nonce)
    }

    /// Seals a token around the value of a backend's session header, unless that is empty. `None` if it is longer than
    /// [`VALUE_LIMIT`].
    #[must_use]
    pub fn seal_around(
        &self,
        value: &[u8],
        contents: &Contents,
        share: Option<&Share>,
        nonce: &Nonce,
    ) -> Option<String> {
        let rule_key = self.keys.first().filter(|_| value.len() <= VALUE_LIMIT)?;
        let mut token = Vec::with_capacity(LONGEST + value.len());
        let has_flags = share.is_some() || contents.identity.is_some() || !value.is_empty();
        token.push(if has_flags { VERSION_2 } else { VERSION_1 });
        token.extend_from_slice(&rule_key.key.0);
        token.extend_from_slice(nonce);
        let head = token.len();
        let associated_data = if has_flags {
            contents.encode_with_flags(share.map(Share::digest), value, &mut token);
            &rule_key.of_version_2()
        } else {
            contents.encode(&mut token);
            &rule_key.associated_data
        };
        let plaintext = token.get_mut(head..)?;
        let nonce = XNonce::from(*nonce);
        let tag = rule_key.cipher().encrypt_inout_detached(&nonce, associated_data, plaintext.into()).ok()?;
        token.extend_from_slice(&tag);
        Some(URL_SAFE_NO_PAD.encode(token.as_slice()))
    }

    /// The opener for the tokens of one request. `shares` is empty if the rule is not split.
    #[must_use]
    pub fn opener<'a>(&'a self, shares: &'a [Share]) -> Opener<'a> {
        Opener { sealer: self, shares, recent: None, searched: false, value: Vec::new() }
    }

    /// Opens a token of a rule that is not split.
    ///
    /// # Errors
    /// Why the text is not a token of this rule.
    pub fn open(&self, text: &[u8]) -> Result<Opened, OpenError> {
        self.opener(&[]).open(text)
    }
}

impl<'a> Opener<'a> {
    /// Uses this cache of opened tokens.
    #[must_use]
    pub fn remembering(self, recent: &'a RefCell<Recent>) -> Self {
        Self { recent: Some(recent), ..self }
    }

    /// The value in the last token that was opened; empty if it has none.
    #[must_use]
    pub fn take_value(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.value)
    }

    /// Opens a token of a client. It is decrypted only if its key is in the ring and it is not in the cache. Envelopes are not
    /// cached: the entries of the cache have one size.
    ///
    /// # Errors
    /// Why the text is not a token of this rule.
    pub fn open(&mut self, text: &[u8]) -> Result<Opened, OpenError> {
        let Some(recent) = self.recent else { return self.decrypt(text) };
        let sealer = self.sealer.number;
        if let Some(opened) = recent.borrow().get(sealer, text) {
            self.value.clear();
            return Ok(opened);
        }
        let opened = self.decrypt(text)?;
        if self.value.is_empty() {
            recent.borrow_mut().insert(sealer, text, opened.clone());
        }
        Ok(opened)
    }

    fn decrypt(&mut self, text: &[u8]) -> Result<Opened, OpenError> {
        self.value.clear();
        if text.len() <= LONGEST_TEXT {
            return self.decrypt_in(text, &mut [0; LONGEST]);
        }
        if !has_length_of_envelope(text.len()) {
            return Err(OpenError::Malformed);
        }
        self.decrypt_in(text, &mut vec![0; text.len() / 4 * 3])
    }

    /// Decrypts a token in these bytes, which must be enough.
    fn decrypt_in(&mut self, text: &[u8], bytes: &mut [u8]) -> Result<Opened, OpenError> {
        let length = URL_SAFE_NO_PAD.decode_slice(text, bytes).map_err(|_| OpenError::Malformed)?;
        let token = bytes.get_mut(..length).ok_or(OpenError::Malformed)?;
        let (&mut version, rest) = token.split_first_mut().ok_or(OpenError::Malformed)?;
        let (key, rest) = rest.split_first_chunk_mut::<4>().ok_or(OpenError::Malformed)?;
        let (nonce, rest) = rest.split_first_chunk_mut::<NONCE>().ok_or(OpenError::Malformed)?;
        let (text, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(OpenError::Malformed)?;
        match (version, length) {
            (VERSION_1, 60 | 72) | (VERSION_2, 69 | 78 | 81 | 90) => {}
            (VERSION_2, length) if has_length_of_envelope(length / 3 * 4) && length % 3 == 0 => {}
            _ => return Err(OpenError::Malformed),
        }
        let mut parts = Parts { version, nonce: *nonce, text, tag: *tag };
        // Key ids can collide by chance (1 in 4 billion), so all keys with this id are tried.
        let mut failure = OpenError::UnknownKey;
        for (age, rule_key) in
            self.sealer.keys.iter().enumerate().filter(|(_, rule_key)| rule_key.key.0 == *key)
        {
            match self.open_with(rule_key, &mut parts) {
                Ok((contents, share)) => return Ok(Opened { contents, older_key: age > 0, share }),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn open_with(
        &mut self,
        rule_key: &RuleKey,
        parts: &mut Parts<'_>,
    ) -> Result<(Contents, Option<usize>), OpenError> {
        if parts.version == VERSION_2 {
            rule_key.decrypt(parts, &rule_key.of_version_2())?;
            let (contents, share, value) =
                Contents::decode_with_flags(parts.text).ok_or(OpenError::Malformed)?;
            self.value.extend_from_slice(value);
            // If the rule no longer has this share, or is no longer split, the session ends, like that of another rule.
            let known = self.shares.iter().position(|known| Some(known.digest()) == share);
            return match (share, known) {
                (Some(_), Some(known)) => Ok((contents, Some(known))),
                (None, _) if self.shares.is_empty() => Ok((contents, None)),
                _ => Err(OpenError::Forged),
            };
        }
        let share = if self.shares.is_empty() {
            rule_key.decrypt(parts, &rule_key.associated_data)?;
            None
        } else {
            if std::mem::replace(&mut self.searched, true) {
                return Err(OpenError::Forged);
            }
            let sealed = (&parts.nonce, &*parts.text, &parts.tag);
            let position = share::find(&rule_key.secret, &rule_key.associated_data, sealed, self.shares)
                .ok_or(OpenError::Forged)?;
            let share = self.shares.get(position).ok_or(OpenError::Forged)?;
            rule_key.decrypt(parts, &share::associated_data(&rule_key.associated_data, share))?;
            Some(position)
        };
        Ok((Contents::decode(parts.text).ok_or(OpenError::Malformed)?, share))
    }
}

impl RuleKey {
    fn new(key: &Key, id: &RuleId, carrier: &Carrier) -> Self {
        let (kind, name) = match carrier {
            Carrier::Cookie(cookie) => (0, cookie.name.as_str()),
            Carrier::Header(header) => (1, header.name.as_str()),
        };
        // The length of the id comes first, so that different ids and names never give the same bytes.
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
