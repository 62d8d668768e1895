//! The plaintext of a token, in both versions.

use super::share::{self, Digest};
use super::{ISSUED, SEEN, TAG};
use crate::endpoint::Endpoint;
use crate::identity::Identity;
use crate::time::Timestamp;

/// The contents of a token. For a client's token, only [`Opener::open`](super::Opener::open) creates them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// When the session began on this endpoint.
    pub issued: Timestamp,
    /// When the session was last used, as recorded in the token; not before `issued`.
    pub last_seen: Timestamp,
    /// The endpoint of the session.
    pub endpoint: Endpoint,
    /// The pod of the endpoint, if it was known.
    pub identity: Option<Identity>,
}

/// A flag of version 2: the address has 16 bytes instead of 4.
const IPV6: u8 = 1;
/// A flag of version 2: the digest of a share follows the port.
const SHARE: u8 = 2;
/// A flag of version 2: the digest of a pod follows.
const IDENTITY: u8 = 4;
/// A flag of version 2: the value of a backend's session header is the last field.
const VALUE: u8 = 8;
/// What follows both digests, so that the token is a whole number of words.
const PADDING: [u8; 1] = [0];

const IPV4_LENGTH: usize = ISSUED + SEEN + 4 + 2;
const IPV6_LENGTH: usize = ISSUED + SEEN + 16 + 2;

impl Contents {
    /// The plaintext of version 1.
    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        let [_, _, _, issued @ ..] = self.issued.unix_seconds().to_be_bytes();
        let seen = u32::try_from(self.last_seen.seconds_since(self.issued)).unwrap_or(u32::MAX);
        to.extend_from_slice(&issued);
        to.extend_from_slice(&seen.to_be_bytes());
        self.endpoint.encode(to);
    }

    /// Reads the plaintext of version 1.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (issued, rest) = bytes.split_first_chunk::<ISSUED>()?;
        let (seen, endpoint) = rest.split_first_chunk::<SEEN>()?;
        let issued = issued.iter().fold(0, |seconds, &byte| seconds << 8 | u64::from(byte));
        let last_seen = issued.saturating_add(u64::from(u32::from_be_bytes(*seen)));
        Some(Self {
            issued: Timestamp::from_unix_seconds(issued),
            last_seen: Timestamp::from_unix_seconds(last_seen),
            endpoint: Endpoint::decode(endpoint)?,
            identity: None,
        })
    }

    /// The plaintext of version 2.
    pub(super) fn encode_with_flags(&self, share: Option<Digest>, value: &[u8], to: &mut Vec<u8>) {
        let flags = to.len();
        to.push(0);
        self.encode(to);
        let mut set = if to.len() - flags > IPV4_LENGTH + 1 { IPV6 } else { 0 };
        if let Some(share) = share {
            set |= SHARE;
            to.extend_from_slice(&share);
        }
        if let Some(identity) = self.identity {
            set |= IDENTITY;
            to.extend_from_slice(&identity.digest());
            if share.is_some() {
                to.extend_from_slice(&PADDING);
            }
        }
        if let Ok(length @ 1..) = u16::try_from(value.len()) {
            set |= VALUE;
            to.extend_from_slice(&length.to_be_bytes());
            to.extend_from_slice(value);
            while !(to.len() + TAG).is_multiple_of(3) {
                to.push(0);
            }
        }
        if let Some(flags) = to.get_mut(flags) {
            *flags = set;
        }
    }

    /// Reads the plaintext of version 2: the contents, the share, and the value, which is empty if there is none. Unknown flags are
    /// rejected, because the length of their fields is unknown.
    pub(super) fn decode_with_flags(bytes: &[u8]) -> Option<(Self, Option<Digest>, &[u8])> {
        let (&flags, rest) = bytes.split_first()?;
        if flags & !(IPV6 | SHARE | IDENTITY | VALUE) != 0 {
            return None;
        }
        let length = if flags & IPV6 == 0 { IPV4_LENGTH } else { IPV6_LENGTH };
        let (contents, mut rest) = rest.split_at_checked(length)?;
        let mut digest = |flag| {
            if flags & flag == 0 {
                return Some(None);
            }
            let (digest, behind) = rest.split_first_chunk::<{ share::LENGTH }>()?;
            rest = behind;
            Some(Some(*digest))
        };
        let (share, identity) = (digest(SHARE)?, digest(IDENTITY)?);
        let padding = if share.is_some() && identity.is_some() { &PADDING[..] } else { &[] };
        let mut rest = rest.strip_prefix(padding)?;
        let mut value = &[][..];
        if flags & VALUE != 0 {
            let (length, behind) = rest.split_first_chunk()?;
            (value, rest) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            // Zero bytes up to a whole number of words.
            rest = if matches!(rest, [] | [0] | [0, 0]) { &[] } else { rest };
        }
        let identity = identity.map(Identity::from_digest);
        rest.is_empty().then_some((Self { identity, ..Self::decode(contents)? }, share, value))
    }
}
