//! Tokens that opened lately, so that a returning client's need not be decrypted with each of its requests.
//!
//! Only what opened is kept, and only what a token says: whether the session is over is asked with every request. The memory is
//! allocated once and has a fixed size. Each token has one place, of two, by its nonce, which is random: a client that made
//! tokens collide would have to be given them first, and would lose no more than the time to open them.

use super::Opened;

/// The characters of the longest token, as words.
const WORDS: usize = super::LONGEST_TEXT.div_ceil(8);
/// A token, filled up with zeros, which are no characters of base64.
type Text = [u64; WORDS];

/// Recently opened tokens of any number of rules.
pub struct Recent {
    places: Vec<[Option<Entry>; 2]>,
}

struct Entry {
    key: Key,
    opened: Opened,
}

/// A token as it is looked up.
pub(super) struct Key {
    sealer: u64,
    token: Text,
}

impl Recent {
    /// A memory of so many tokens, or one more.
    #[must_use]
    pub fn of(tokens: usize) -> Self {
        Self { places: std::iter::repeat_with(|| [None, None]).take(tokens.div_ceil(2)).collect() }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Opened> {
        let place = self.places.get(self.position(key)?)?;
        let entry = place.iter().flatten().find(|entry| entry.key.is(key))?;
        Some(entry.opened.clone())
    }

    /// Remembers a token in place of the older one of two.
    pub(super) fn insert(&mut self, key: Key, opened: Opened) {
        let position = self.position(&key);
        if let Some([newer, older]) = position.and_then(|position| self.places.get_mut(position)) {
            *older = newer.replace(Entry { key, opened });
        }
    }

    /// Where a token has its place: by 48 bits of its nonce, the 9th to the 16th character.
    fn position(&self, key: &Key) -> Option<usize> {
        // Spreads them over the upper bits.
        let mixed = (key.token.get(1)? ^ key.sealer).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        usize::try_from(mixed).ok()?.checked_rem(self.places.len())
    }
}

impl Key {
    /// The key of a token that a client sent; none if it is longer than any.
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

    /// Whether it is the same token. All of it is compared, so that the time taken says nothing about where two differ.
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

    fn key(sealer: u64, token: &str) -> Key {
        Key::new(sealer, token.as_bytes()).unwrap()
    }

    #[test]
    fn a_token_is_found_under_its_sealer_and_all_its_characters() {
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
        assert!(Key::new(1, "a".repeat(121).as_bytes()).is_none());
    }

    #[test]
    fn the_older_of_two_tokens_in_one_place_is_forgotten() {
        let tokens = ["a", "b", "c"].map(|character| character.repeat(80));
        let mut recent = Recent::of(1);
        for (token, port) in tokens.iter().zip(1..) {
            recent.insert(key(1, token), opened(port));
        }
        let found = tokens.map(|token| recent.get(&key(1, &token)));
        assert_eq!(found, [None, Some(opened(2)), Some(opened(3))]);
    }

    #[test]
    fn nothing_is_remembered_in_no_place() {
        let mut recent = Recent::of(0);
        recent.insert(key(1, "a"), opened(80));
        assert_eq!(recent.get(&key(1, "a")), None);
    }
}
