//! The texts that manifests come from, and places in them.

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
