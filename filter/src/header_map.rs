//! Reads all headers of a request or response, in the form in which Envoy passes them (proxy-wasm ABI 0.2.1): their number, the sizes
//! of each name and value, then the names and values, each followed by a zero byte. Numbers have four bytes, the lowest first.
//!
//! It takes one call to get them, and it is the only way to get several lines of a header as Envoy received them.

/// The values of the lines with this name, in order. A text in another form has none.
pub fn lines<'m>(map: &'m [u8], name: &[u8]) -> impl Iterator<Item = &'m [u8]> {
    let mut reader = Reader::new(map).unwrap_or_default();
    std::iter::from_fn(move || {
        loop {
            let (key, value) = reader.pair()?;
            if key == name {
                return Some(value);
            }
        }
    })
}

#[derive(Default)]
struct Reader<'m> {
    sizes: &'m [[u8; 4]],
    bytes: &'m [u8],
}

impl<'m> Reader<'m> {
    fn new(map: &'m [u8]) -> Option<Self> {
        let (count, rest) = map.split_first_chunk()?;
        let sizes = size(*count).checked_mul(8)?;
        let (sizes, bytes) = rest.split_at_checked(sizes)?;
        Some(Self { sizes: sizes.as_chunks().0, bytes })
    }

    fn pair(&mut self) -> Option<(&'m [u8], &'m [u8])> {
        Some((self.text()?, self.text()?))
    }

    fn text(&mut self) -> Option<&'m [u8]> {
        let (length, sizes) = self.sizes.split_first()?;
        let (text, rest) = self.bytes.split_at_checked(size(*length))?;
        self.sizes = sizes;
        self.bytes = rest.get(1..)?;
        Some(text)
    }
}

/// A number; the largest one if it does not fit.
fn size(bytes: [u8; 4]) -> usize {
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn serialized(pairs: &[(&str, &str)]) -> Vec<u8> {
        let number = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
        let mut map = number(pairs.len()).to_vec();
        for (name, value) in pairs {
            map.extend([number(name.len()), number(value.len())].concat());
        }
        for (name, value) in pairs {
            map.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
        }
        map
    }

    #[test]
    fn all_lines_of_a_name_are_found_in_order() {
        let map =
            serialized(&[(":path", "/"), ("cookie", "a=1, b"), ("x", ""), ("cookie", ""), ("cookie", "c")]);
        assert_eq!(lines(&map, b"cookie").collect::<Vec<_>>(), [&b"a=1, b"[..], b"", b"c"]);
        assert_eq!(lines(&map, b"x").collect::<Vec<_>>(), [b""]);
        assert_eq!(lines(&map, b"y").count(), 0);
    }

    #[test]
    fn other_texts_have_no_lines() {
        let map = serialized(&[("cookie", "a"), ("cookie", "b")]);
        for end in 0..map.len() {
            assert!(lines(&map[..end], b"cookie").count() < 2, "{end}");
        }
        assert_eq!(lines(&[0xff; 64], b"cookie").count(), 0);
    }
}
