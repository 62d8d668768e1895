//! Finds the share of a split rule that a token belongs to. A share is the part of the traffic that goes to one backendRef.
//!
//! In version 2, the plaintext contains a digest of the share, so the token is opened once. In version 1, the share was part of the
//! associated data, so a token opens only with the right share. Opening a token with each share would cost a decryption per share,
//! and clients decide how often. [`find`] only compares Poly1305 tags: all shares use the same key for the tag, and each tag covers
//! a few blocks. The token is then opened with the share that was found.

use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use chacha20::{XChaCha20, XNonce};
use poly1305::universal_hash::{KeyInit as _, UniversalHash as _};
use poly1305::{BLOCK_SIZE, Poly1305};

use crate::identity::digest;
pub(super) use crate::identity::{DIGEST_LENGTH as LENGTH, Digest};

/// The number of shares that are tried for a token of version 1: the maximum number of backendRefs of a rule (Gateway API). It
/// also limits the cost if a handwritten configuration has more shares.
const MAX_TRIED: usize = 16;

/// One share of a split rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    name: Box<str>,
    digest: Digest,
}

impl Share {
    /// The share of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), digest: digest(name) }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn digest(&self) -> Digest {
        self.digest
    }
}

/// The associated data of version 1 for this share. Names of cookies and headers contain no zero bytes.
pub(super) fn associated_data(of_rule: &[u8], share: &Share) -> Vec<u8> {
    [of_rule, &[0], share.name.as_bytes()].concat()
}

/// The position of the share that a token of version 1 belongs to, found by its tag.
pub(super) fn find(
    secret: &[u8; 32],
    of_rule: &[u8],
    (nonce, ciphertext, tag): (&[u8; 24], &[u8], &[u8; 16]),
    shares: &[Share],
) -> Option<usize> {
    // RFC 8439 section 2.8: the tag covers the associated data and the ciphertext, each padded with zero bytes to a whole
    // block, and the two lengths.
    let mut key = poly1305::Key::default();
    XChaCha20::new(secret.into(), &XNonce::from(*nonce)).apply_keystream(&mut key);
    let (common, rest) = of_rule.split_at_checked(of_rule.len() / BLOCK_SIZE * BLOCK_SIZE)?;
    let mut mac = Poly1305::new(&key);
    mac.update_padded(common);
    shares.iter().take(MAX_TRIED).position(|share| {
        let mut mac = mac.clone();
        mac.update_padded(&associated_data(rest, share));
        mac.update_padded(ciphertext);
        let lengths = [of_rule.len() + 1 + share.name.len(), ciphertext.len()];
        let lengths = lengths.map(|length| (length as u64).to_le_bytes());
        mac.update_padded(lengths.as_flattened());
        mac.verify(tag.into()).is_ok()
    })
}
