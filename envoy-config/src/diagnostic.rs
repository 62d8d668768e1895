//! What is wrong with the manifests, or worth saying of them.
//!
//! A diagnostic names the object, the field's path and the place in its source, so that a person can mend the manifest
//! without knowing this program.

use crate::source::Span;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of finding it is: stable, kebab-case, explained in the README.
    pub code: &'static str,
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
