//! A cache of recently opened tokens, so that the token of a returning client is not decrypted with each request.
//!
//! It contains only tokens that opened, and only their contents: timeouts are still checked with every request. Its memory is
//! allocated once and has a fixed size. It has two entries for each hash of a nonce. Nonces are random, so clients cannot choose
//! tokens that collide, and a collision costs only the time to open a token again.

use super::Opened;

/// The length of the longest token, in words of 8 characters.
const WORDS: usize = super::LONGEST_TEXT.div_ceil(8);
/// A token, padded with zero bytes, which do not occur in base64.
type Text = [u64; WORDS];

/// Recently opened tokens of any number of rules.
pub struct Recent {
    buckets: Vec<[Option<Entry>; 2]>,
}

struct Entry {
    key: CacheKey,
    opened: Opened,
}

/// The token of a rule, by which its contents are found.
pub(super) struct CacheKey {
    sealer: u64,
    token: Text,
}

impl Recent {
    /// A cache for this number of tokens, rounded up to an even number.
    #[must_use]
    pub fn of(tokens: usize) -> Self {
        Self { buckets: std::iter::repeat_with(|| [None, None]).take(tokens.div_ceil(2)).collect() }
    }

    pub(super) fn get(&self, key: &CacheKey) -> Option<Opened> {
        let bucket = self.buckets.get(self.position(key)?)?;
        let entry = bucket.iter().flatten().find(|entry| entry.key.is(key))?;
        Some(entry.opened.clone())
    }

    /// Adds a token, which replaces the older one in its bucket.
    pub(super) fn insert(&mut self, key: CacheKey, opened: Opened) {
        let position = self.position(&key);
        if let Some([newer, older]) = position.and_then(|position| self.buckets.get_mut(position)) {
            *older = newer.replace(Entry { key, opened });
        }
    }

    /// The bucket of a token: a hash of 48 bits of its nonce, the 9th to the 16th character.
    fn position(&self, key: &CacheKey) -> Option<usize> {
        // Multiplication mixes the bits into the upper half.
        let mixed = (key.token.get(1)? ^ key.sealer).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        usize::try_from(mixed).ok()?.checked_rem(self.buckets.len())
    }
}

impl CacheKey {
    /// The key of a client's token; `None` if that is longer than any token.
    pub(super) fn new(sealer: u64, token: &[u8]) -> Option<Self> {
        let mut text = [0; WORDS];
        let (words, rest) = token.as_chunks::<8>();
        let mut last = [0; 8];
        last.get_mut(..rest.len())?.copy_from_slice(rest);
        let whole = text.get_mut(..words.len())?;
        for (place, word) in whole.iter_mut().zip(words) {
            *place = u64::from_le_bytes(*word);
        }
        if !rest.is_empty() {
            *text.get_mut(words.len())? = u64::from_le_bytes(last);
        }
        Some(Self { sealer, token: text })
    }

    /// Whether it is the same token. The comparison takes constant time, so that its duration does not reveal where two differ.
    fn is(&self, other: &Self) -> bool {
        let differences = self.token.iter().zip(&other.token).map(|(one, other)| one ^ other);
        differences.fold(self.sealer ^ other.sealer, |all, difference| all | difference) == 0
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
        Opened { contents: Contents { issued: now, last_seen: now, endpoint }, older_key: false, share: None }
    }

    fn key(sealer: u64, token: &str) -> CacheKey {
        CacheKey::new(sealer, token.as_bytes()).unwrap()
    }

    #[test]
    fn a_token_is_found_only_with_its_sealer_and_all_its_characters() {
        for length in [80, 92, 96, 108] {
            let token = "a".repeat(length);
            let mut recent = Recent::of(8);
            recent.insert(key(1, &token), opened(80));
            assert_eq!(recent.get(&key(1, &token)), Some(opened(80)));
            assert_eq!(recent.get(&key(2, &token)), None);
            for position in 0..length {
                let mut other = token.clone();
                other.replace_range(position..=position, "b");
                assert_eq!(recent.get(&key(1, &other)), None, "{position} of {length}");
            }
            assert_eq!(recent.get(&key(1, &"a".repeat(length - 1))), None);
        }
        assert!(CacheKey::new(1, "a".repeat(121).as_bytes()).is_none());
    }

    #[test]
    fn the_oldest_token_in_a_bucket_is_replaced() {
        let tokens = ["a", "b", "c"].map(|character| character.repeat(80));
        let mut recent = Recent::of(1);
        for (token, port) in tokens.iter().zip(1..) {
            recent.insert(key(1, token), opened(port));
        }
        let found = tokens.map(|token| recent.get(&key(1, &token)));
        assert_eq!(found, [None, Some(opened(2)), Some(opened(3))]);
    }

    #[test]
    fn an_entry_takes_at_most_176_bytes() {
        assert!(size_of::<Option<Entry>>() <= 176, "{}", size_of::<Option<Entry>>());
    }

    #[test]
    fn a_cache_of_size_0_stores_nothing() {
        let mut recent = Recent::of(0);
        recent.insert(key(1, "a"), opened(80));
        assert_eq!(recent.get(&key(1, "a")), None);
    }
}
