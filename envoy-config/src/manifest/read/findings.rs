//! Collects what reading the manifests finds, and decides how far an error reaches: the whole object, or one part of
//! it.

use std::collections::HashSet;
use std::mem;

use crate::diagnostic::{Code, Diagnostic, Severity};

/// All findings so far, and the object that is being read.
///
/// A function that reads a value returns `None` after it has reported an error here.
#[derive(Default)]
pub(in crate::manifest) struct Findings {
    diagnostics: Vec<Diagnostic>,
    object: Option<String>,
    field_names: FieldNames,
    errors: usize,
    /// The positions of errors that affect only a part of their object.
    partial: HashSet<usize>,
    /// The part that is being read, if it can be left out on its own.
    part: Option<OpenPart>,
}

/// A part of an object that is being read.
struct OpenPart {
    /// What happens when it is left out.
    consequence: &'static str,
    problems: Vec<String>,
}

/// The result of reading a part of an object that can be left out on its own.
pub(in crate::manifest) enum Part<T> {
    Usable(T),
    /// It is left out, for these reasons.
    Unusable(String),
}

/// How many findings are kept. Nobody reads more, and each needs more memory than the text it is about.
const LIMIT: usize = 10_000;

/// Whether messages may contain the names of unknown fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::manifest) enum FieldNames {
    #[default]
    Shown,
    /// In a Secret with wrong indentation, a line of a private key can look like a field name.
    Hidden,
}

impl Findings {
    /// Reads an object: findings are about it until `read` returns. `None` if there was an error in it.
    pub(in crate::manifest) fn in_object<T>(
        &mut self,
        object: Option<String>,
        field_names: FieldNames,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let before = self.errors;
        self.object = object;
        self.field_names = field_names;
        let value = read(self);
        self.object = None;
        self.field_names = FieldNames::Shown;
        value.filter(|_| self.errors == before)
    }

    /// Reads a part of an object that can be left out on its own, such as a rule. Errors that an API server would
    /// report concern the whole object; those of [`Self::reject_part`] only the part. `None` if it could not be read.
    pub(in crate::manifest) fn in_part<T>(
        &mut self,
        consequence: &'static str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Part<T>> {
        let outer = self.part.replace(OpenPart { consequence, problems: Vec::new() });
        let value = read(self);
        match mem::replace(&mut self.part, outer) {
            Some(part) if !part.problems.is_empty() => Some(Part::Unusable(part.problems.join("; "))),
            Some(_) | None => value.map(Part::Usable),
        }
    }

    /// Reports a value that an API server accepts but that cannot be served, such as an invalid regular expression. The
    /// part that is being read is left out; outside of parts, the object.
    pub(in crate::manifest) fn reject_part<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        let Some(part) = &mut self.part else { return self.reject(diagnostic) };
        part.problems.push(diagnostic.message.clone());
        let message = format!("{}; {}", diagnostic.message, part.consequence);
        if !self.is_full() {
            self.partial.insert(self.diagnostics.len());
            let object = self.object.clone();
            self.diagnostics.push(Diagnostic { message, object, ..diagnostic });
        }
        None
    }

    /// Whether the part that is being read will be left out.
    pub(in crate::manifest) fn part_is_rejected(&self) -> bool {
        self.part.as_ref().is_some_and(|part| !part.problems.is_empty())
    }

    pub(in crate::manifest) const fn field_names(&self) -> FieldNames {
        self.field_names
    }

    /// Adds a finding about the current object.
    pub(in crate::manifest) fn add(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        if self.is_full() {
            return;
        }
        let object = self.object.clone();
        self.diagnostics.push(Diagnostic { object, ..diagnostic });
    }

    /// Adds the reason why a value could not be read, and returns `None` in its place.
    pub(in crate::manifest) fn reject<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.add(diagnostic);
        None
    }

    /// The number of findings.
    pub(in crate::manifest) const fn len(&self) -> usize {
        self.diagnostics.len()
    }

    /// The errors about whole objects among the findings from this position on, with their positions.
    pub(in crate::manifest) fn errors_from(
        &self,
        position: usize,
    ) -> impl Iterator<Item = (usize, &Diagnostic)> {
        let later = self.diagnostics.iter().enumerate().skip(position);
        let of_object = |position: &usize| !self.partial.contains(position);
        later.filter(move |(position, found)| found.severity == Severity::Error && of_object(position))
    }

    /// Whether no more findings are kept, so that reading can stop.
    pub(in crate::manifest) const fn is_full(&self) -> bool {
        self.diagnostics.len() >= LIMIT
    }

    /// All findings, with an error at the end if some were not kept.
    pub(in crate::manifest) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        if let Some(last) = self.diagnostics.last().filter(|_| self.is_full()) {
            let message = format!("reading stopped after {LIMIT} findings");
            let code = Code::TooManyFindings { limit: LIMIT };
            self.diagnostics.push(Diagnostic::error(code, last.span, message));
        }
        self.diagnostics
    }
}
