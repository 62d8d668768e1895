//! Source texts of manifests, and spans in them.

use std::ops::Range;

/// One input: a file or standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name in messages: the path as given by the user, or `<stdin>`.
    pub name: String,
    /// The YAML (or JSON) text.
    pub text: String,
}

/// A range in one of the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The source's position in the list of sources.
    pub source: usize,
    /// The byte offset of the first character.
    pub start: usize,
    /// The byte offset after the last character.
    pub end: usize,
}

/// A value and its place. A default value has the place of the object or field that omits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl Source {
    /// The byte range of the line that contains this offset, without the line ending. `None` if the offset is after the
    /// end of the text or inside a character.
    pub(crate) fn line(&self, offset: usize) -> Option<Range<usize>> {
        let (before, after) = self.text.split_at_checked(offset)?;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = after.find('\n').map_or(self.text.len(), |newline| offset + newline);
        let cut = usize::from(end > start && self.text.as_bytes().get(end - 1) == Some(&b'\r'));
        Some(start..end - cut)
    }
}

impl<T> Spanned<T> {
    /// Replaces the value and keeps the place.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: change(self.value), span: self.span }
    }
}
