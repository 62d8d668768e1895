//! What all output formats share: the diagnostics in their order, without what may be a private key (`confidential`), and
//! their lines and columns. The lines of a source are counted once.

use std::ops::Range;

use super::confidential::Secrecy;
use super::{Diagnostic, Severity};
use crate::source::{Source, Span};

/// All diagnostics without values of Secrets, in the order of the sources and of the places in them.
pub(super) fn in_order(diagnostics: &[Diagnostic], secrecy: &Secrecy<'_>) -> Vec<Diagnostic> {
    let mut shown: Vec<_> = diagnostics.iter().map(|found| without_secrets(found, secrecy)).collect();
    shown.sort_by(|one, other| key(one).cmp(&key(other)));
    shown
}

fn key(found: &Diagnostic) -> (usize, usize, usize, Severity, &'static str, &str) {
    let Diagnostic { span, severity, code, message, .. } = found;
    (span.source, span.start, span.end, *severity, code.name(), message)
}

fn without_secrets(found: &Diagnostic, secrecy: &Secrecy<'_>) -> Diagnostic {
    let text = |text: &String| secrecy.message(text).into_owned();
    Diagnostic {
        message: text(&found.message),
        object: found.object.as_deref().map(|object| secrecy.name(object).into_owned()),
        field: found.field.as_deref().map(|field| secrecy.path(field).into_owned()),
        label: found.label.as_ref().map(text),
        related: found.related.as_ref().map(|(span, label)| (*span, text(label))),
        hint: found.hint.as_ref().map(text),
        ..found.clone()
    }
}

/// A source, the ends of its lines, and whether the lines are hidden.
pub(super) struct Lines<'a> {
    pub(super) source: &'a Source,
    ends: Vec<usize>,
    pub(super) confidential: bool,
}

/// A place in a source: a part of one line. Lines and columns start at 1; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The name of the source.
    pub(super) name: &'a str,
    pub(super) line: usize,
    pub(super) column: usize,
    /// The column behind the last character.
    pub(super) end: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn all(sources: &'a [Source], secrecy: &Secrecy<'_>) -> Vec<Self> {
        let lines = |(number, source): (usize, &'a Source)| Self {
            source,
            ends: source.text.match_indices('\n').map(|(end, _)| end).collect(),
            confidential: secrecy.hides(number),
        };
        sources.iter().enumerate().map(lines).collect()
    }

    /// The line of an offset.
    pub(super) fn number(&self, offset: usize) -> usize {
        1 + self.ends.partition_point(|&end| end < offset)
    }

    /// The column of an offset.
    pub(super) fn column(&self, offset: usize) -> usize {
        let before = self.source.line(offset).and_then(|line| self.source.text.get(line.start..offset));
        1 + before.unwrap_or_default().chars().count()
    }
}

impl<'a> Place<'a> {
    /// The place of a span; `None` if the span is outside of the sources.
    pub(super) fn of(span: Span, sources: &[Lines<'a>]) -> Option<Self> {
        let lines = sources.get(span.source)?;
        let shown = first_line(lines.source, span)?;
        Some(Self {
            name: lines.source.name.as_str(),
            line: lines.number(shown.start),
            column: lines.column(shown.start),
            end: lines.column(shown.end),
        })
    }
}

/// The first line of a span: an object or rule is identified by its beginning.
pub(super) fn first_line(source: &Source, span: Span) -> Option<Range<usize>> {
    let line = source.line(span.start)?;
    let start = span.start.min(line.end);
    Some(start..span.end.clamp(start, line.end))
}
