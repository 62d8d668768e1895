//! Where the reading of an object has come to, and what it has found so far.

use std::collections::HashSet;
use std::fmt;
use std::mem;

use super::yaml::Node;
use crate::diagnostic::{Code, Diagnostic, Severity, closest};
use crate::source::Span;

/// Everything found so far, and the object that is being read.
///
/// A function that reads a value answers None when it could not and has said why here.
#[derive(Default)]
pub(super) struct Log {
    diagnostics: Vec<Diagnostic>,
    object: Option<String>,
    manner: Manner,
    errors: usize,
    /// The positions of errors that spoil only a part of their object.
    partial: HashSet<usize>,
    /// The part that is being read, if it can be left out by itself.
    part: Option<Reading>,
}

/// A part of an object that is being read.
struct Reading {
    /// What it means that it is left out.
    consequence: &'static str,
    problems: Vec<String>,
}

/// What came of a part of an object that can be left out by itself.
pub(super) enum Part<T> {
    Usable(T),
    /// It has to be left out, for these reasons.
    Unusable(String),
}

/// How many findings are kept: nobody reads more, and each takes more memory than the text that it is about.
const LIMIT: usize = 10_000;

/// How to speak of the object that is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Manner {
    /// With the names of all its fields.
    #[default]
    Plain,
    /// Without the names that are in no list: with an indentation gone wrong, a line of a private key is one.
    Discreet,
}

/// A node of the object that is being read, and its path.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) node: &'a Node<'a>,
    pub(super) path: Path<'a>,
}

/// The path of a field, from the inside out.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    /// The object itself.
    Root,
    /// A field or key of an object.
    Field(&'a Path<'a>, &'a str),
    /// An item of a list.
    Item(&'a Path<'a>, usize),
}

impl Log {
    /// Reads an object: what is found meanwhile is about it. None when there was any error in it.
    pub(super) fn about<T>(
        &mut self,
        object: Option<String>,
        manner: Manner,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let before = self.errors;
        self.object = object;
        self.manner = manner;
        let value = read(self);
        self.object = None;
        self.manner = Manner::Plain;
        value.filter(|_| self.errors == before)
    }

    /// Reads a part of an object that can be left out by itself: a rule, say. What is wrong with it for the API server is wrong
    /// with the object; what only [`Self::spoil`] reports is wrong with the part alone. None when it could not be read.
    pub(super) fn part<T>(
        &mut self,
        consequence: &'static str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Part<T>> {
        let outer = self.part.replace(Reading { consequence, problems: Vec::new() });
        let value = read(self);
        match mem::replace(&mut self.part, outer) {
            Some(reading) if !reading.problems.is_empty() => {
                Some(Part::Unusable(reading.problems.join("; ")))
            }
            Some(_) | None => value.map(Part::Usable),
        }
    }

    /// Adds the reason why a value is of no use that the API server takes: a regular expression that is none. It spoils the
    /// part that is being read, or else the object.
    pub(super) fn spoil<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        let Some(part) = &mut self.part else { return self.refuse(diagnostic) };
        part.problems.push(diagnostic.message.clone());
        let message = format!("{}; {}", diagnostic.message, part.consequence);
        if !self.is_full() {
            self.partial.insert(self.diagnostics.len());
            let object = self.object.clone();
            self.diagnostics.push(Diagnostic { message, object, ..diagnostic });
        }
        None
    }

    /// Whether the part that is being read has to be left out.
    pub(super) fn is_spoilt(&self) -> bool {
        self.part.as_ref().is_some_and(|part| !part.problems.is_empty())
    }

    pub(super) const fn manner(&self) -> Manner {
        self.manner
    }

    /// Adds a finding about the current object.
    pub(super) fn add(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        if self.is_full() {
            return;
        }
        let object = self.object.clone();
        self.diagnostics.push(Diagnostic { object, ..diagnostic });
    }

    /// Adds the reason why a value could not be read.
    pub(super) fn refuse<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.add(diagnostic);
        None
    }

    /// How many findings there are.
    pub(super) const fn len(&self) -> usize {
        self.diagnostics.len()
    }

    /// The errors in objects as a whole behind the first so many findings, with their positions among all findings.
    pub(super) fn errors_behind(&self, findings: usize) -> impl Iterator<Item = (usize, &Diagnostic)> {
        let behind = self.diagnostics.iter().enumerate().skip(findings);
        let of_object = |position: &usize| !self.partial.contains(position);
        behind.filter(move |(position, found)| found.severity == Severity::Error && of_object(position))
    }

    /// Whether no more findings are kept, so that there is no use in reading on.
    pub(super) const fn is_full(&self) -> bool {
        self.diagnostics.len() >= LIMIT
    }

    /// What was found, with an error at the end if there is more.
    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        if let Some(last) = self.diagnostics.last().filter(|_| self.is_full()) {
            let message = format!("reading stopped after {LIMIT} findings");
            self.diagnostics.push(Diagnostic::error(
                Code::TooManyFindings { limit: LIMIT },
                last.span,
                message,
            ));
        }
        self.diagnostics
    }
}

impl At<'_> {
    pub(super) const fn span(&self) -> Span {
        self.node.span
    }

    /// An error in this value.
    pub(super) fn error(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        self.path.place(Diagnostic::error(code, self.span(), message))
    }

    /// A warning about this value.
    pub(super) fn warning(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        self.path.place(Diagnostic::warning(code, self.span(), message))
    }

    /// An error that says what was expected in place of this value.
    pub(super) fn wrong_type(&self, expected: &str) -> Diagnostic {
        let code = Code::WrongType { expected: expected.to_owned() };
        self.error(code, format!("expected {expected}, found {}", self.node.describe()))
    }

    /// An error that lists the values that are allowed in place of this one.
    pub(super) fn unknown_value<'w>(
        &self,
        found: &str,
        allowed: impl IntoIterator<Item = &'w str>,
    ) -> Diagnostic {
        let allowed: Vec<String> = allowed.into_iter().map(str::to_owned).collect();
        let list: Vec<String> = allowed.iter().map(|word| format!("`{word}`")).collect();
        let expected =
            if let [one] = list.as_slice() { one.clone() } else { format!("one of {}", list.join(", ")) };
        let is_word = found.contains(char::is_alphabetic);
        let closest = closest(found, allowed.iter().map(String::as_str)).filter(|_| is_word);
        let message = format!("unknown value `{found}`; expected {expected}");
        let closest = closest.map(str::to_owned);
        self.error(Code::UnknownValue { allowed, closest }, message)
    }

    /// An error about the number of items or characters of this value.
    pub(super) fn wrong_length(
        &self,
        found: usize,
        least: usize,
        most: Option<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.error(Code::WrongLength { found, least, most }, message)
    }
}

impl Path<'_> {
    /// The diagnostic with this path as its field.
    pub(super) fn place(&self, diagnostic: Diagnostic) -> Diagnostic {
        match self {
            Self::Root => diagnostic,
            Self::Field(..) | Self::Item(..) => diagnostic.field(self.to_string()),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let simple = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric());
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) if simple(name) => f.write_str(name),
            Self::Field(parent, name) if simple(name) => write!(f, "{parent}.{name}"),
            Self::Field(parent, name) => write!(f, "{parent}[{name:?}]"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
