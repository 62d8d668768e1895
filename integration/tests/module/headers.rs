//! A header map as Envoy keeps one: names in lower case, several entries of one name, values of any bytes.

use std::fmt;

use wasmi::Error;

use crate::guest::word;

/// The headers of one message in their order.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct HeaderMap {
    entries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl HeaderMap {
    /// The first value of this name: all that proxy-wasm's single getter shows of several.
    pub(crate) fn first(&self, name: &[u8]) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// Every value of this name, in order.
    pub(crate) fn all(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        let name = name.to_ascii_lowercase();
        self.entries.iter().filter(move |(key, _)| *key == name).map(|(_, value)| value.as_slice())
    }

    /// One more entry, whether the name is there or not.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) {
        self.entries.push((name.to_ascii_lowercase(), value.to_vec()));
    }

    /// This value in place of all the name had.
    pub(crate) fn replace(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    /// No entry of this name any more.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        let name = name.to_ascii_lowercase();
        self.entries.retain(|(key, _)| *key != name);
    }

    /// All entries in the form of proxy-wasm ABI 0.2.1: their number, the sizes of each name and value, then these.
    pub(crate) fn serialized(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = word(self.entries.len())?.to_le_bytes().to_vec();
        for text in self.entries.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend(word(text.len())?.to_le_bytes());
        }
        for text in self.entries.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(text);
            bytes.push(0);
        }
        Ok(bytes)
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl fmt::Debug for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &Vec<u8>| bytes.escape_ascii().to_string();
        f.debug_list().entries(self.entries.iter().map(|(name, value)| (text(name), text(value)))).finish()
    }
}
