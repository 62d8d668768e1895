//! Parses YAML into a tree of nodes with their places.
//!
//! There is one tree for each document, with anchors, aliases and merge keys resolved. Kubernetes converts YAML 1.1 to
//! JSON, so the keys of a mapping are unique strings, and [`scalar`] decides the type of a plain scalar. JSON is parsed
//! as YAML.
//!
//! Untrusted text is limited: [`DEPTH`] limits nesting, [`VALUES`] the values of a document, and [`COPIES`] what
//! anchors and aliases copy.

mod build;
mod scalar;

use std::borrow::Cow;

use granit_parser::{ErrorKind, Event, Options, Parser, ScanError};

pub(in crate::manifest) use scalar::Scalar;

use self::build::Builder;
use super::Reader;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// The limit of nested collections. Manifests need about fifteen levels.
const DEPTH: usize = 64;

/// The limit of values in a document, including copies by aliases. A List of 1,000 routes with 4 rules each has
/// 100,000.
const VALUES: usize = 2_000_000;

/// The limit of what anchors and aliases copy in all sources together, in bytes of memory. Both an alias and an anchor
/// make a copy.
const COPIES: usize = 64 << 20;

/// The bytes that anchors and aliases have copied so far.
#[derive(Default)]
pub(super) struct Copied(usize);

/// A value and its place. A value copied by an alias has the place of the original.
#[derive(Clone, Debug)]
pub(in crate::manifest) struct Node<'s> {
    pub(in crate::manifest) value: Value<'s>,
    pub(in crate::manifest) span: Span,
}

#[derive(Clone, Debug)]
pub(in crate::manifest) enum Value<'s> {
    Scalar(Scalar<'s>),
    Sequence(Vec<Node<'s>>),
    Mapping(Vec<Entry<'s>>),
}

/// A key of a mapping and its value.
#[derive(Clone, Debug)]
pub(in crate::manifest) struct Entry<'s> {
    pub(in crate::manifest) key: Key<'s>,
    pub(in crate::manifest) value: Node<'s>,
}

#[derive(Clone, Debug)]
pub(in crate::manifest) struct Key<'s> {
    pub(in crate::manifest) text: Cow<'s, str>,
    pub(in crate::manifest) span: Span,
    /// The type of the key if it is not a string: the key of `on: x` is a boolean.
    pub(in crate::manifest) misread: Option<&'static str>,
}

/// One document.
pub(in crate::manifest) struct Document<'s> {
    pub(in crate::manifest) root: Node<'s>,
    /// Whether it is valid YAML. Duplicate keys do not stop reading.
    pub(in crate::manifest) sound: bool,
}

/// Reads the documents of a source, one after the other, without empty ones. After a syntax error, reading continues
/// with the next document.
pub(super) fn documents(source: usize, text: &str, copied: &mut Copied, reader: &mut Reader) {
    let mut parser = Parser::new_from_str_with_options(text, options());
    let mut builder = Builder::new(source, copied);
    loop {
        let result = match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => return,
            Some(Ok((Event::DocumentEnd, _))) => {
                if let Some(document) = builder.finish(&mut reader.findings) {
                    reader.document(&document);
                }
                if reader.findings.is_full() {
                    return;
                }
                continue;
            }
            Some(Ok((event, span))) => builder.take(event, &span),
            Some(Err(error)) => Err(unreadable(source, text, &error)),
        };
        if let Err(error) = result {
            builder.give_up(*error, &mut reader.findings);
            match parser.proceed_next_document() {
                Ok(true) if !reader.findings.is_full() => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}

fn options() -> Options {
    granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    }
}

/// The error of the parser, at the character where it stopped.
fn unreadable(source: usize, text: &str, error: &ScanError) -> Box<Diagnostic> {
    let start = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let end = text.get(start..).and_then(|rest| rest.chars().next()).map_or(start, |c| start + c.len_utf8());
    let message = match error.kind() {
        ErrorKind::RecursionLimitExceeded => format!("YAML is nested more than {DEPTH} levels deep"),
        kind => format!("invalid YAML: {kind}"),
    };
    let diagnostic = Diagnostic::error(Code::InvalidYaml, Span { source, start, end }, message);
    Box::new(match error.kind() {
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
            diagnostic.hint("indent YAML with spaces, not with tabs")
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            diagnostic.hint("quote a string that contains `: `")
        }
        ErrorKind::UnknownAnchor => {
            diagnostic.hint("quote a string that starts with `*`; otherwise it is an alias")
        }
        _ => diagnostic,
    })
}

impl<'s> Node<'s> {
    /// Whether the value is omitted, `~` or `null`.
    pub(in crate::manifest) const fn is_null(&self) -> bool {
        matches!(self.value, Value::Scalar(Scalar::Null(_)))
    }

    /// The entry of a key, if this is a mapping with that key.
    pub(in crate::manifest) fn get(&self, key: &str) -> Option<&Entry<'s>> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key.text == key),
            Value::Scalar(_) | Value::Sequence(_) => None,
        }
    }

    /// The text of a key, if this is a mapping with that key and its value is a string.
    pub(in crate::manifest) fn text(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.value.value {
            Value::Scalar(Scalar::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A description for messages, such as `a list`.
    pub(in crate::manifest) fn describe(&self) -> String {
        match &self.value {
            Value::Scalar(scalar) => scalar.describe(),
            Value::Sequence(_) => String::from("a list"),
            Value::Mapping(_) => String::from("an object"),
        }
    }
}
