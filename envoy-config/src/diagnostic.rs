//! What is wrong with the manifests, or worth saying of them.
//!
//! A diagnostic names the object, the field's path and the place in its source, so that a person can mend the manifest
//! without knowing this program. Any stage makes them; [`print()`] shows them.

mod code;
mod confidential;
mod print;
mod suggest;

use crate::source::Span;

pub use code::{Code, Explanation, Stage};
pub(crate) use confidential::Secrecy;
pub use print::print;
pub use suggest::closest;
pub(crate) use suggest::within;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of finding it is.
    pub code: Code,
    /// The finding in a sentence without a full stop.
    pub message: String,
    /// The object it is about, as `HTTPRoute default/cookie`; none when the text is not yet an object.
    pub object: Option<String>,
    /// The field's path in the object, as `spec.rules[0].backendRefs[1].port`.
    pub field: Option<String>,
    /// Where to look.
    pub span: Span,
    /// What to say at that place, if anything: a few words.
    pub label: Option<String>,
    /// A second place that explains the first (`first defined here`).
    pub related: Option<(Span, String)>,
    /// What to do about it, if that is known.
    pub hint: Option<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is written (or, with `--keep-going`, the object or its part is left out).
    Error,
    /// Everything is written, but perhaps not what was meant.
    Warning,
}

impl Diagnostic {
    /// An error at this place, with nothing but its message as yet.
    #[must_use]
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, span, message.into())
    }

    /// A warning at this place, with nothing but its message as yet.
    #[must_use]
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, span, message.into())
    }

    fn new(severity: Severity, code: Code, span: Span, message: String) -> Self {
        let hint = code.closest().map(did_you_mean);
        Self { severity, code, message, object: None, field: None, span, label: None, related: None, hint }
    }

    /// The same, about this object.
    #[must_use]
    pub fn object(self, object: impl Into<String>) -> Self {
        Self { object: Some(object.into()), ..self }
    }

    /// The same, about the field of this path.
    #[must_use]
    pub fn field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// The same, with a few words at the place.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..self }
    }

    /// The same, with a second place and a few words there.
    #[must_use]
    pub fn related(self, span: Span, label: impl Into<String>) -> Self {
        Self { related: Some((span, label.into())), ..self }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same, with `did you mean` when one of the candidates is close to the word that was written.
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
