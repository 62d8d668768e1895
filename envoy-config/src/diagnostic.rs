//! Diagnostics: errors and warnings about manifests.
//!
//! A diagnostic has a code, the object, the path of the field and its place in the source, so that users can correct a
//! manifest without knowing this program. All stages create diagnostics; [`print()`] formats them for people, [`github`]
//! and [`sarif`] for programs.

mod code;
mod confidential;
mod explain;
mod github;
mod print;
mod sarif;
mod shown;
mod suggest;

use crate::source::Span;

pub use code::{AllowedValues, Code, Explanation, Stage};
pub(crate) use confidential::Secrecy;
pub use github::github;
pub use print::print;
pub use sarif::sarif;
pub use suggest::closest;
pub(crate) use suggest::within;

/// An error or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it is an error or a warning.
    pub severity: Severity,
    /// What kind of finding it is.
    pub code: Code,
    /// What is wrong: one sentence without a full stop.
    pub message: String,
    /// The object, such as `HTTPRoute default/cookie`; `None` if the text is not an object.
    pub object: Option<String>,
    /// The path of the field, such as `spec.rules[0].backendRefs[1].port`.
    pub field: Option<String>,
    /// The place in the source.
    pub span: Span,
    /// A few words to print at that place.
    pub label: Option<String>,
    /// A second place, with a label such as `first defined here`.
    pub related: Option<(Span, String)>,
    /// How to fix it.
    pub hint: Option<String>,
}

/// Whether a diagnostic is an error or a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is written; with `--keep-going`, the object or a part of it is left out.
    Error,
    /// Everything is written, but may not be what the user wants.
    Warning,
}

impl Diagnostic {
    /// Creates an error.
    #[must_use]
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, span, message.into())
    }

    /// Creates a warning.
    #[must_use]
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, span, message.into())
    }

    fn new(severity: Severity, code: Code, span: Span, message: String) -> Self {
        let hint = code.closest().map(did_you_mean);
        Self { severity, code, message, object: None, field: None, span, label: None, related: None, hint }
    }

    /// Sets the object.
    #[must_use]
    pub fn object(self, object: impl Into<String>) -> Self {
        Self { object: Some(object.into()), ..self }
    }

    /// Sets the path of the field.
    #[must_use]
    pub fn field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// Sets the label of the place.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..self }
    }

    /// Sets a second place and its label.
    #[must_use]
    pub fn related(self, span: Span, label: impl Into<String>) -> Self {
        Self { related: Some((span, label.into())), ..self }
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Sets the hint `did you mean …?` if a candidate is similar to the word that was written.
    #[must_use]
    pub fn did_you_mean<'a>(self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(word, candidates) {
            Some(candidate) => self.hint(did_you_mean(candidate)),
            None => self,
        }
    }
}

fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}
