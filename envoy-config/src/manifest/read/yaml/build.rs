//! Builds the tree from the events of the parser: resolves anchors, aliases and merge keys, and reports duplicate keys.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, ScalarStyle, Span as ParserSpan, Tag};

use super::scalar::Scalar;
use super::{COPIES, Copied, DEPTH, Document, Entry, Key, Node, VALUES, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::read::findings::Findings;
use crate::source::Span;

/// The error that ends a document.
type Rejected = Box<Diagnostic>;

/// The unfinished tree of the current document.
pub(super) struct Builder<'s, 'c> {
    source: usize,
    open: Vec<Open<'s>>,
    root: Option<Node<'s>>,
    /// The values of anchors; `None` if the value is not finished.
    anchors: HashMap<usize, Option<(Node<'s>, Size)>>,
    copied: &'c mut Copied,
    /// The number of values in the current document.
    values: usize,
    /// Duplicate keys.
    duplicates: Vec<Diagnostic>,
}

/// An unfinished collection.
struct Open<'s> {
    anchor: usize,
    start: usize,
    collection: Collection<'s>,
}

enum Collection<'s> {
    Sequence(Vec<Node<'s>>),
    Mapping(Mapping<'s>),
}

#[derive(Default)]
struct Mapping<'s> {
    entries: Vec<Entry<'s>>,
    keys: HashMap<Cow<'s, str>, Span>,
    /// The key of the next value.
    next: Option<Slot<'s>>,
    /// The values of `<<`.
    merged: Vec<Node<'s>>,
}

enum Slot<'s> {
    Key(Key<'s>),
    Merge,
}

/// The size of a node with everything in it.
#[derive(Clone, Copy)]
struct Size {
    depth: usize,
    values: usize,
    bytes: usize,
}

impl<'s, 'c> Builder<'s, 'c> {
    pub(super) fn new(source: usize, copied: &'c mut Copied) -> Self {
        let (open, duplicates) = (Vec::new(), Vec::new());
        Self { source, open, root: None, anchors: HashMap::new(), copied, values: 0, duplicates }
    }

    /// Finishes the document; `None` if it is empty.
    pub(super) fn finish(&mut self, findings: &mut Findings) -> Option<Document<'s>> {
        let sound = self.duplicates.is_empty();
        let root = self.root.take();
        self.start_over(findings);
        root.filter(|root| !root.is_null()).map(|root| Document { root, sound })
    }

    /// Discards the current document after an error.
    pub(super) fn give_up(&mut self, why: Diagnostic, findings: &mut Findings) {
        self.start_over(findings);
        findings.add(why);
    }

    /// Resets the builder for the next document. Copies are still counted.
    fn start_over(&mut self, findings: &mut Findings) {
        self.duplicates.drain(..).for_each(|duplicate| findings.add(duplicate));
        self.open.clear();
        self.anchors.clear();
        self.root = None;
        self.values = 0;
    }

    /// Adds an event of the current document. Errors end the document, except for duplicate keys.
    pub(super) fn take(&mut self, event: Event<'s>, place: &ParserSpan) -> Result<(), Rejected> {
        let span = self.span(place);
        match event {
            Event::Scalar(text, ScalarStyle::Plain, 0, None) if text == "<<" && self.wants_key() => {
                if let Some(mapping) = self.mapping() {
                    mapping.next = Some(Slot::Merge);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let Some(scalar) = Scalar::read(text, style, tag.as_deref()) else {
                    return Err(foreign(span, tag.as_deref()));
                };
                self.add(Node { value: Value::Scalar(scalar), span }, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                expect_tag(span, tag.as_deref(), "seq")?;
                self.open(anchor, span.start, Collection::Sequence(Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                expect_tag(span, tag.as_deref(), "map")?;
                self.open(anchor, span.start, Collection::Mapping(Mapping::default()));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(anchor) => {
                let node = self.repeat(anchor, span)?;
                // Already counted as part of the copy.
                self.values -= 1;
                self.add(node, 0)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn span(&self, place: &ParserSpan) -> Span {
        let range = place.byte_range().unwrap_or(0..0);
        Span { source: self.source, start: range.start, end: range.end.max(range.start) }
    }

    fn mapping(&mut self) -> Option<&mut Mapping<'s>> {
        match self.open.last_mut() {
            Some(Open { collection: Collection::Mapping(mapping), .. }) => Some(mapping),
            _ => None,
        }
    }

    fn wants_key(&mut self) -> bool {
        self.mapping().is_some_and(|mapping| mapping.next.is_none())
    }

    fn open(&mut self, anchor: usize, start: usize, collection: Collection<'s>) {
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open { anchor, start, collection });
    }

    fn close(&mut self, end: Span) -> Result<(), Rejected> {
        let Some(Open { anchor, start, collection }) = self.open.pop() else { return Ok(()) };
        let (value, last) = match collection {
            Collection::Sequence(items) => {
                let last = items.last().map(|item| item.span.end);
                (Value::Sequence(items), last)
            }
            Collection::Mapping(mapping) => {
                let last = mapping.entries.last().map(|entry| entry.value.span.end);
                (Value::Mapping(mapping.merge()?), last)
            }
        };
        // The parser ends a block collection after the empty lines and comments that follow it.
        let end = if end.end > end.start { end.end } else { last.unwrap_or(start) };
        let span = Span { source: self.source, start, end: end.max(start) };
        self.add(Node { value, span }, anchor)
    }

    /// Adds a finished node to the open collection, or makes it the root.
    fn add(&mut self, node: Node<'s>, anchor: usize) -> Result<(), Rejected> {
        self.count(1, node.span)?;
        if anchor != 0 {
            let size = Size::of(&node);
            self.copy(size, node.span)?;
            self.anchors.insert(anchor, Some((node.clone(), size)));
        }
        match self.open.last_mut().map(|open| &mut open.collection) {
            None => self.root = Some(node),
            Some(Collection::Sequence(items)) => items.push(node),
            Some(Collection::Mapping(mapping)) => match mapping.next.take() {
                None => mapping.next = Some(Slot::Key(key(node)?)),
                Some(Slot::Merge) => mapping.merged.push(node),
                Some(Slot::Key(key)) => self.duplicates.extend(mapping.set(key, node)),
            },
        }
        Ok(())
    }

    /// Copies the value of an alias.
    fn repeat(&mut self, anchor: usize, span: Span) -> Result<Node<'s>, Rejected> {
        let Some(&Some((_, size))) = self.anchors.get(&anchor) else {
            return Err(rejected(span, "an alias cannot refer to a value that contains it"));
        };
        if self.open.len() + size.depth > DEPTH {
            return Err(rejected(
                span,
                format!("with this alias, YAML is nested more than {DEPTH} levels deep"),
            ));
        }
        self.copy(size, span)?;
        self.count(size.values, span)?;
        match self.anchors.get(&anchor) {
            Some(Some((node, _))) => Ok(node.clone()),
            _ => Err(rejected(span, "an alias cannot refer to a value that contains it")),
        }
    }

    /// Counts the bytes that an anchor or alias copies.
    fn copy(&mut self, size: Size, span: Span) -> Result<(), Rejected> {
        self.copied.0 = self.copied.0.saturating_add(size.bytes);
        if self.copied.0 <= COPIES {
            return Ok(());
        }
        let (limit, found) = (COPIES >> 20, self.copied.0.div_ceil(1 << 20));
        let message =
            format!("anchors and aliases copy {found} MiB in all manifests; the limit is {limit} MiB");
        Err(rejected(span, message))
    }

    /// Counts the values of the current document.
    fn count(&mut self, more: usize, span: Span) -> Result<(), Rejected> {
        self.values = self.values.saturating_add(more);
        if self.values <= VALUES {
            return Ok(());
        }
        let message =
            format!("a document can have at most {VALUES} values, but this one has at least {}", self.values);
        Err(Box::new(rejected(span, message).hint("split it into several documents")))
    }
}

impl<'s> Mapping<'s> {
    fn set(&mut self, key: Key<'s>, value: Node<'s>) -> Option<Diagnostic> {
        if let Some(&first) = self.keys.get(&key.text) {
            let message = format!("duplicate key `{}`", key.text);
            let diagnostic = Diagnostic::error(Code::DuplicateKey, key.span, message).label("duplicate");
            return Some(diagnostic.related(first, "first occurrence"));
        }
        self.keys.insert(key.text.clone(), key.span);
        // An omitted value has no place of its own.
        let span = if value.span.start == value.span.end { key.span } else { value.span };
        self.entries.push(Entry { key, value: Node { span, ..value } });
        None
    }

    /// Adds the entries of the `<<` values. Own keys take precedence, then earlier values over later ones.
    fn merge(mut self) -> Result<Vec<Entry<'s>>, Rejected> {
        let mut values = Vec::new();
        for node in std::mem::take(&mut self.merged) {
            match node.value {
                Value::Sequence(items) => values.extend(items),
                Value::Mapping(_) | Value::Scalar(_) => values.push(node),
            }
        }
        for node in values {
            let Value::Mapping(entries) = node.value else {
                return Err(rejected(node.span, "the value of a merge key `<<` must be a mapping"));
            };
            for entry in entries {
                if !self.keys.contains_key(&entry.key.text) {
                    self.keys.insert(entry.key.text.clone(), entry.key.span);
                    self.entries.push(entry);
                }
            }
        }
        Ok(self.entries)
    }
}

impl Size {
    fn of(node: &Node<'_>) -> Self {
        let start = Self { depth: 0, values: 1, bytes: size_of::<Node<'_>>() };
        match &node.value {
            Value::Scalar(_) => Self { bytes: start.bytes + (node.span.end - node.span.start), ..start },
            Value::Sequence(items) => items.iter().fold(start, |all, item| all.and(Self::of(item))),
            Value::Mapping(entries) => entries.iter().fold(start, |all, entry| {
                let key = Self { depth: 0, values: 0, bytes: size_of::<Key<'_>>() + entry.key.text.len() };
                all.and(key).and(Self::of(&entry.value))
            }),
        }
    }

    fn and(self, inside: Self) -> Self {
        Self {
            depth: self.depth.max(inside.depth + 1),
            values: self.values.saturating_add(inside.values),
            bytes: self.bytes.saturating_add(inside.bytes),
        }
    }
}

/// Converts a node to a key.
fn key(node: Node<'_>) -> Result<Key<'_>, Rejected> {
    let span = node.span;
    let Value::Scalar(scalar) = node.value else {
        return Err(rejected(span, "expected a string as key, found a collection"));
    };
    let misread = match &scalar {
        Scalar::Text(_) => None,
        Scalar::Null(_) => Some("nothing"),
        Scalar::Boolean(..) => Some("a boolean"),
        Scalar::Integer(..) | Scalar::Float(_) => Some("a number"),
    };
    Ok(Key { text: scalar.into_written(), span, misread })
}

fn expect_tag(span: Span, tag: Option<&Tag>, own: &str) -> Result<(), Rejected> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema_tag(own) => Err(foreign(span, Some(tag))),
        _ => Ok(()),
    }
}

fn foreign(span: Span, tag: Option<&Tag>) -> Rejected {
    let tag = tag.map(Tag::original).unwrap_or_default();
    rejected(span, format!("tag `{tag}` is not supported for this value"))
}

fn rejected(span: Span, message: impl Into<String>) -> Rejected {
    Box::new(Diagnostic::error(Code::InvalidYaml, span, message))
}
