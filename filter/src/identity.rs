//! The identity of an endpoint: the pod that has its address.
//!
//! A pod of a `StatefulSet` keeps its name when it restarts, but not its address, and another pod may get the address. So a session
//! belongs to a pod where [`Pods`](crate::config::Pods) are known, and follows it. [`session`](crate::session) decides what that means
//! for a request.

use sha2::{Digest as _, Sha256};

/// The bytes of a digest in a token.
pub(crate) const DIGEST_LENGTH: usize = 8;

/// The first bytes of the SHA-256 of a name. The operator chooses the names, so collisions are not a concern.
pub(crate) type Digest = [u8; DIGEST_LENGTH];

/// The digest of a name.
pub(crate) fn digest(name: &str) -> Digest {
    let whole: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    std::array::from_fn(|byte| whole.get(byte).copied().unwrap_or_default())
}

/// A pod, by the digest of its `namespace/name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(u64);

impl Identity {
    /// The pod with this `namespace/name`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::from_digest(digest(name))
    }

    pub(crate) const fn from_digest(digest: Digest) -> Self {
        Self(u64::from_be_bytes(digest))
    }

    /// A hash of it: half of the digest.
    #[allow(clippy::cast_possible_truncation, reason = "half of the digest")]
    pub(crate) const fn hash(self) -> u32 {
        self.0 as u32
    }

    pub(crate) const fn digest(self) -> Digest {
        self.0.to_be_bytes()
    }
}
