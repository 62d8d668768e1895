//! A cache of recently opened tokens, so that the token of a returning client is not decrypted with each request.
//!
//! It contains only tokens that opened, and only their contents: timeouts are still checked with every request. Its memory is
//! allocated once and has a fixed size. It has two entries for each hash of a nonce. Nonces are random, so clients cannot choose
//! tokens that collide, and a collision costs only the time to open a token again.

use super::Opened;

/// The length of the longest token, in words of 4 characters. All tokens consist of whole words.
const WORDS: usize = super::LONGEST_TEXT / 4;

/// Recently opened tokens of any number of rules.
pub struct Recent {
    buckets: Vec<[Option<Entry>; 2]>,
}

struct Entry {
    sealer: u64,
    /// The token, padded with zero bytes, which do not occur in base64.
    token: [u32; WORDS],
    opened: Opened,
}

impl Recent {
    /// A cache for this number of tokens, rounded up to an even number.
    #[must_use]
    pub fn of(tokens: usize) -> Self {
        Self { buckets: std::iter::repeat_with(|| [None, None]).take(tokens.div_ceil(2)).collect() }
    }

    /// The contents of a token that the sealer with this number has opened.
    pub(super) fn get(&self, sealer: u64, token: &[u8]) -> Option<Opened> {
        let bucket = self.buckets.get(self.position(sealer, token)?)?;
        let entry = bucket.iter().flatten().find(|entry| entry.is(sealer, token))?;
        Some(entry.opened.clone())
    }

    /// Adds a token, which replaces the older one in its bucket.
    pub(super) fn insert(&mut self, sealer: u64, token: &[u8], opened: Opened) {
        let position = self.position(sealer, token);
        if let Some([newer, older]) = position.and_then(|position| self.buckets.get_mut(position)) {
            *older = newer.replace(Entry::new(sealer, token, opened));
        }
    }

    /// The bucket of a token: a hash of 48 bits of its nonce, the 9th to the 16th character.
    fn position(&self, sealer: u64, token: &[u8]) -> Option<usize> {
        let nonce = u64::from_le_bytes(*token.get(8..)?.first_chunk()?);
        // Multiplication mixes the bits into the upper half.
        let mixed = (nonce ^ sealer).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        usize::try_from(mixed).ok()?.checked_rem(self.buckets.len())
    }
}

impl Entry {
    fn new(sealer: u64, token: &[u8], opened: Opened) -> Self {
        let mut words = [0; WORDS];
        for (place, word) in words.iter_mut().zip(token.as_chunks().0) {
            *place = u32::from_le_bytes(*word);
        }
        Self { sealer, token: words, opened }
    }

    /// Whether it is the same token. The comparison takes the same time wherever two tokens of a length differ, so that its duration
    /// does not reveal that. It copies nothing, because copying takes more instructions than comparing.
    fn is(&self, sealer: u64, token: &[u8]) -> bool {
        let (words, rest) = token.as_chunks();
        let Some((stored, padding)) = self.token.split_at_checked(words.len()) else { return false };
        let pairs = stored.iter().zip(words);
        let differences = pairs.fold(0, |all, (one, other)| all | (one ^ u32::from_le_bytes(*other)));
        let longer = padding.first().is_some_and(|word| *word != 0);
        rest.is_empty() && !longer && differences == 0 && self.sealer == sealer
    }
}

#[cfg(test)]
mod tests {
    use super::super::Contents;
    use super::*;
    use crate::endpoint::Endpoint;
    use crate::test;
    use crate::time::Timestamp;

    fn opened(port: u16) -> Opened {
        let now = Timestamp::from_unix_seconds(0);
        let endpoint = Endpoint::new(([10, 0, 0, 1], port).into());
        Opened {
            contents: Contents { issued: now, last_seen: now, endpoint, identity: None },
            older_key: false,
            share: None,
        }
    }

    #[test]
    fn a_token_is_found_only_with_its_sealer_and_all_its_characters() {
        for length in super::super::LENGTHS {
            let token = "a".repeat(length);
            let mut recent = Recent::of(8);
            recent.insert(1, token.as_bytes(), opened(80));
            assert_eq!(recent.get(1, token.as_bytes()), Some(opened(80)));
            assert_eq!(recent.get(2, token.as_bytes()), None);
            for position in 0..length {
                let mut other = token.clone();
                other.replace_range(position..=position, "b");
                assert_eq!(recent.get(1, other.as_bytes()), None, "{position} of {length}");
            }
            for other in (0..200).filter(|other| *other != length) {
                assert_eq!(recent.get(1, "a".repeat(other).as_bytes()), None, "{other} of {length}");
            }
        }
    }

    #[test]
    fn the_oldest_token_in_a_bucket_is_replaced() {
        let tokens = ["a", "b", "c"].map(|character| character.repeat(80));
        let mut recent = Recent::of(1);
        for (token, port) in tokens.iter().zip(1..) {
            recent.insert(1, token.as_bytes(), opened(port));
        }
        let found = tokens.map(|token| recent.get(1, token.as_bytes()));
        assert_eq!(found, [None, Some(opened(2)), Some(opened(3))]);
    }

    #[test]
    fn an_entry_takes_at_most_192_bytes() {
        assert!(size_of::<Option<Entry>>() <= 192, "{}", size_of::<Option<Entry>>());
    }

    #[test]
    fn a_cache_of_size_0_stores_nothing() {
        let mut recent = Recent::of(0);
        let token = "a".repeat(80);
        recent.insert(1, token.as_bytes(), opened(80));
        assert_eq!(recent.get(1, token.as_bytes()), None);
    }
}
