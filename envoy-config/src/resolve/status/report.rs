//! Collects findings, and knows which objects could not be read: a reference to such an object is not a
//! second error.

use std::collections::HashSet;

use super::decisions::{Decisions, ObjectKey, Part, Verdict};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::manifest::{Metadata, Object};
use crate::notes::Notes;
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The findings and decisions so far.
pub(in crate::resolve) struct Report {
    pub(in crate::resolve) diagnostics: Vec<Diagnostic>,
    pub(in crate::resolve) decisions: Decisions,
    pub(in crate::resolve) notes: Notes,
    unread: HashSet<String>,
    /// Their kinds and namespaces, for example `EndpointSlice default`.
    unread_namespaces: HashSet<String>,
    unread_documents: bool,
}

impl Report {
    /// A report that continues that of the reader.
    pub(in crate::resolve) fn after(reading: &[Diagnostic], notes: Notes) -> Self {
        let errors = || reading.iter().filter(|found| found.severity == Severity::Error);
        Self {
            diagnostics: Vec::new(),
            decisions: Decisions::default(),
            notes,
            unread: errors().filter_map(|error| error.object.clone()).collect(),
            unread_namespaces: errors()
                .filter_map(|error| error.object.as_ref()?.split_once('/'))
                .map(|(kind_and_namespace, _)| kind_and_namespace.to_owned())
                .collect(),
            // A document that is not an object could be any object.
            unread_documents: errors().any(|error| error.object.is_none()),
        }
    }

    /// Whether this object may be one that could not be read.
    pub(in crate::resolve) fn may_be_unread(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.unread_documents || self.unread.contains(&title(kind, namespace, name))
    }

    /// Whether there may be an object of this kind that could not be read.
    pub(in crate::resolve) fn may_have_unread(&self, kind: &str) -> bool {
        let of_kind = |object: &String| object.strip_prefix(kind).is_some_and(|rest| rest.starts_with(' '));
        self.unread_documents || self.unread.iter().any(of_kind)
    }

    /// Whether there is an object of this kind in this namespace that could not be read.
    pub(in crate::resolve) fn has_unread_in(&self, kind: &str, namespace: &str) -> bool {
        self.unread_namespaces.contains(&title(kind, "", namespace))
    }

    /// Whether there may be such an object.
    pub(in crate::resolve) fn may_have_unread_in(&self, kind: &str, namespace: &str) -> bool {
        self.unread_documents || self.has_unread_in(kind, namespace)
    }

    /// Adds an error. The caller can set its label, hint and related place.
    pub(in crate::resolve) fn error(
        &mut self,
        code: Code,
        place: Place<'_>,
        message: String,
    ) -> &mut Diagnostic {
        self.add(Severity::Error, code, place, message)
    }

    /// Adds a warning. The caller can set its label, hint and related place.
    pub(in crate::resolve) fn warning(
        &mut self,
        code: Code,
        place: Place<'_>,
        message: String,
    ) -> &mut Diagnostic {
        self.add(Severity::Warning, code, place, message)
    }

    fn add(&mut self, severity: Severity, code: Code, place: Place<'_>, message: String) -> &mut Diagnostic {
        self.decide(&place, &message);
        let Place { kind, metadata, field, span, .. } = place;
        let found = match severity {
            Severity::Error => Diagnostic::error(code, span, message),
            Severity::Warning => Diagnostic::warning(code, span, message),
        };
        let found = found.object(title(kind, &metadata.namespace.value, &metadata.name.value));
        self.diagnostics.push_mut(if field.is_empty() { found } else { found.field(field) })
    }

    /// Forgets findings from `own` on that are repeated from `before`, where the same object was resolved for other listeners.
    pub(in crate::resolve) fn forget_repeated(&mut self, before: usize, own: usize) {
        for found in self.diagnostics.split_off(own) {
            if !self.diagnostics.iter().skip(before).any(|earlier| *earlier == found) {
                self.diagnostics.push(found);
            }
        }
    }

    /// Records a verdict without a finding, because the reader has already reported the error.
    pub(in crate::resolve) fn decide(&mut self, place: &Place<'_>, message: &str) {
        if let Some((object, verdict)) = place.verdict(message) {
            self.decisions.record(object, verdict);
        }
    }
}

/// A field of an object, and the condition that a finding there affects.
#[derive(Clone)]
pub(in crate::resolve) struct Place<'m> {
    kind: &'static str,
    metadata: &'m Metadata,
    field: String,
    span: Span,
    because: Option<Because<'m>>,
}

/// The condition of a part of an object that a finding affects.
#[derive(Clone)]
struct Because<'m> {
    kind: &'static str,
    metadata: &'m Metadata,
    part: Part,
    condition: ConditionType,
    reason: Reason,
}

impl<'m> Place<'m> {
    /// The field with this path; an empty path means the whole object.
    pub(in crate::resolve) fn new<T>(object: &'m Object<T>, field: impl Into<String>, span: Span) -> Self {
        Self::of(object.kind, &object.metadata, field, span)
    }

    /// The same for an object of this kind.
    pub(in crate::resolve) fn of(
        kind: &'static str,
        metadata: &'m Metadata,
        field: impl Into<String>,
        span: Span,
    ) -> Self {
        Self { kind, metadata, field: field.into(), span, because: None }
    }

    /// A finding here makes this condition of this part of the object false.
    pub(in crate::resolve) fn because(self, part: Part, condition: ConditionType, reason: Reason) -> Self {
        let (kind, metadata) = (self.kind, self.metadata);
        self.because_of(kind, metadata, part, condition, reason)
    }

    /// A finding here makes this condition of this part of another object false.
    pub(in crate::resolve) fn because_of(
        self,
        kind: &'static str,
        metadata: &'m Metadata,
        part: Part,
        condition: ConditionType,
        reason: Reason,
    ) -> Self {
        Self { because: Some(Because { kind, metadata, part, condition, reason }), ..self }
    }

    /// The verdict of a finding here, if it affects a condition.
    pub(in crate::resolve) fn verdict(&self, message: &str) -> Option<(ObjectKey, Verdict)> {
        let &Because { kind, metadata, part, condition, reason } = self.because.as_ref()?;
        let verdict = Verdict { part, condition, reason, message: message.to_owned() };
        Some((ObjectKey::new(kind, metadata), verdict))
    }

    /// Where the field is written.
    pub(in crate::resolve) fn span(&self) -> Span {
        self.span
    }
}

/// `Kind namespace/name`, or `Kind name` where there is no namespace.
fn title(kind: &str, namespace: &str, name: &str) -> String {
    if namespace.is_empty() { format!("{kind} {name}") } else { format!("{kind} {namespace}/{name}") }
}
