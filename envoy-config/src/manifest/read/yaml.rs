//! YAML text as a tree of nodes that know their place.
//!
//! The tree is of one document; anchors, aliases and merge keys are resolved. Kubernetes reads YAML 1.1 into JSON, so a
//! mapping's keys are strings here, each once, and [`scalar`] decides what a plain scalar is. JSON is read as the YAML it
//! nearly is.
//!
//! Text from anywhere is bounded: nesting by [`DEPTH`], the values of a document by [`VALUES`], what anchors and aliases
//! copy by [`COPIES`].

mod build;
mod scalar;

use std::borrow::Cow;

use granit_parser::{ErrorKind, Event, Options, Parser, ScanError};

pub(in crate::manifest) use scalar::Scalar;

use self::build::Builder;
use super::Reader;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// How deep collections may be nested: manifests need about fifteen levels.
const DEPTH: usize = 64;

/// How many values one document may have, with those that aliases bring: a List of 1,000 routes with 4 rules each has 100,000.
const VALUES: usize = 2_000_000;

/// How much anchors and aliases may copy in all sources together, in bytes as they are stored. (Not only an alias is a
/// copy: until it comes, an anchor keeps one of what it stands for.)
const COPIES: usize = 64 << 20;

/// What anchors and aliases have copied so far.
#[derive(Default)]
pub(super) struct Copied(usize);

/// A value and its place. The place of a value that an alias brought is where it was written.
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
    /// What YAML reads the key as when that is no string: `on: x` has the key `true`.
    pub(in crate::manifest) misread: Option<&'static str>,
}

/// One document.
pub(in crate::manifest) struct Document<'s> {
    pub(in crate::manifest) root: Node<'s>,
    /// Whether nothing in it was wrong as YAML. (Keys that are there twice do not stop the reading.)
    pub(in crate::manifest) sound: bool,
}

/// The documents of a source that parse, without empty ones. What does not parse is told in the findings, and reading goes on
/// with the next document.
///
/// Each of them is handed on before the next one is read.
pub(super) fn documents(source: usize, text: &str, copied: &mut Copied, reader: &mut Reader) {
    let mut parser = Parser::new_from_str_with_options(text, options());
    let mut builder = Builder::new(source, copied);
    loop {
        let refused = match parser.next_event() {
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
        if let Err(refused) = refused {
            builder.give_up(*refused, &mut reader.findings);
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

/// The parser's words for what does not parse, at the character where it gave up.
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
    /// Whether the value is left out, `~` or `null`.
    pub(in crate::manifest) const fn is_null(&self) -> bool {
        matches!(self.value, Value::Scalar(Scalar::Null(_)))
    }

    /// The value of a key, if this is a mapping that has it.
    pub(in crate::manifest) fn get(&self, key: &str) -> Option<&Entry<'s>> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key.text == key),
            Value::Scalar(_) | Value::Sequence(_) => None,
        }
    }

    /// What messages call the value: a list, the boolean so and so.
    pub(in crate::manifest) fn describe(&self) -> String {
        match &self.value {
            Value::Scalar(scalar) => scalar.describe(),
            Value::Sequence(_) => String::from("a list"),
            Value::Mapping(_) => String::from("an object"),
        }
    }
}
