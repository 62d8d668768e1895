//! The texts that manifests come from, and places in them.

use std::ops::Range;

/// One input: a file, or standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What messages call it: the path as the user gave it, or `<stdin>`.
    pub name: String,
    /// The YAML (or JSON) text.
    pub text: String,
}

/// A place in one of the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The source's position in the list of sources.
    pub source: usize,
    /// The byte offset of the first character.
    pub start: usize,
    /// The byte offset behind the last character.
    pub end: usize,
}

/// A value and where it was written; for a defaulted value, the object or field that it was left out of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl Source {
    /// The bytes of the line that holds this offset, without the line's end. None when the text has no character there
    /// and does not end there either.
    pub(crate) fn line(&self, offset: usize) -> Option<Range<usize>> {
        let (before, after) = self.text.split_at_checked(offset)?;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = after.find('\n').map_or(self.text.len(), |newline| offset + newline);
        let cut = usize::from(end > start && self.text.as_bytes().get(end - 1) == Some(&b'\r'));
        Some(start..end - cut)
    }
}

impl<T> Spanned<T> {
    /// Another value of the same place.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: change(self.value), span: self.span }
    }
}
