//! Where a value stands in its object: the path of its field, and the diagnostics that refer to it.

use std::fmt;

use super::yaml::Node;
use crate::diagnostic::{AllowedValues, Code, Diagnostic, closest};
use crate::source::Span;

/// A value of the object that is being read, and its path.
#[derive(Clone, Copy)]
pub(in crate::manifest) struct At<'a> {
    pub(in crate::manifest) node: &'a Node<'a>,
    pub(in crate::manifest) path: FieldPath<'a>,
}

/// The path of a field, from the inside out.
#[derive(Clone, Copy)]
pub(in crate::manifest) enum FieldPath<'a> {
    /// The object itself.
    Root,
    /// A field or key of an object.
    Field(&'a FieldPath<'a>, &'a str),
    /// An item of a list.
    Item(&'a FieldPath<'a>, usize),
}

impl At<'_> {
    pub(in crate::manifest) const fn span(&self) -> Span {
        self.node.span
    }

    /// An error in this value.
    pub(in crate::manifest) fn error(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        self.path.place(Diagnostic::error(code, self.span(), message))
    }

    /// A warning about this value.
    pub(in crate::manifest) fn warning(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        self.path.place(Diagnostic::warning(code, self.span(), message))
    }

    /// An error that says what was expected in place of this value.
    pub(in crate::manifest) fn wrong_type(&self, expected: &'static str) -> Diagnostic {
        let code = Code::WrongType { expected };
        self.error(code, format!("expected {expected}, found {}", self.node.describe()))
    }

    /// An error that lists the values that are allowed in place of this one.
    pub(in crate::manifest) fn unknown_value<'w>(
        &self,
        found: &str,
        allowed: impl IntoIterator<Item = &'w str>,
    ) -> Diagnostic {
        let values: Vec<String> = allowed.into_iter().map(str::to_owned).collect();
        let list: Vec<String> = values.iter().map(|word| format!("`{word}`")).collect();
        let expected = match list.as_slice() {
            [one] => one.clone(),
            _ => format!("one of {}", list.join(", ")),
        };
        // Numbers that look alike are not typos of each other.
        let is_word = found.contains(char::is_alphabetic);
        let closest = closest(found, values.iter().map(String::as_str)).filter(|_| is_word);
        let closest = closest.map(str::to_owned);
        let message = format!("unknown value `{found}`; expected {expected}");
        let allowed = Box::new(AllowedValues { values, closest });
        self.error(Code::UnknownValue { allowed }, message)
    }

    /// An error about the number of items or characters of this value.
    pub(in crate::manifest) fn wrong_length(
        &self,
        found: usize,
        limit: usize,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.error(Code::WrongLength { found, limit }, message)
    }
}

impl FieldPath<'_> {
    /// The diagnostic with this path as its field.
    pub(in crate::manifest) fn place(&self, diagnostic: Diagnostic) -> Diagnostic {
        match self {
            Self::Root => diagnostic,
            Self::Field(..) | Self::Item(..) => diagnostic.field(self.to_string()),
        }
    }
}

impl fmt::Display for FieldPath<'_> {
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
