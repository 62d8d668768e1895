//! Formats diagnostics for people: severity, code, message, source line with a caret, object, field and hint.
//!
//! The renderer gets only the lines around a place, so the cost of a diagnostic does not depend on the length of its
//! source.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::confidential::Secrecy;
use super::shown::{Lines, first_line, in_order};
use super::{Diagnostic, Severity};
use crate::source::{Source, Span};

/// Longer lines are not printed: a JSON manifest on one line would be repeated for every diagnostic.
const LONGEST: usize = 4000;

/// Two places of one source that are at most this many bytes apart are printed in one snippet.
const NEAR: usize = 2000;

/// Explains why lines and values are missing.
const HIDDEN_NOTE: &str = "note: a source that may contain a Secret is not shown, and `[hidden]` stands for values in it; keep \
                           Secrets in files of their own\n\n";

/// Formats all diagnostics, in the order of the sources and of the places in them, each followed by an empty line.
/// Spans outside of the sources are omitted.
#[must_use]
pub fn print(diagnostics: &[Diagnostic], sources: &[Source], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let secrecy = Secrecy::of(sources);
    let shown = in_order(diagnostics, &secrecy);
    let sources = Lines::all(sources, &secrecy);
    let mut out = String::new();
    for diagnostic in &shown {
        out.push_str(&renderer.render(&[report(diagnostic, &sources)]));
        out.push('\n');
        if let Some(hint) = &diagnostic.hint {
            let (bold, plain) = if colour { ("\u{1b}[1m\u{1b}[96m", "\u{1b}[0m") } else { ("", "") };
            // Writing to a string cannot fail.
            let _ =
                write!(out, "\n{bold}hint{plain}: {}\n", annotate_snippets::normalize_untrusted_str(hint));
        }
        out.push('\n');
    }
    if shown.iter().any(|found| secrecy.hides(found.span.source)) {
        out.push_str(HIDDEN_NOTE);
    }
    out
}

fn report<'a>(diagnostic: &'a Diagnostic, sources: &[Lines<'a>]) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let note = |name: &'a str, text: &'a str| Element::from(Level::NOTE.with_name(name).message(text));
    level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.name())
        .elements(places(diagnostic, sources))
        .elements(diagnostic.object.as_deref().map(|object| note("object", object)))
        .elements(diagnostic.field.as_deref().map(|field| note("field", field)))
}

/// The place and the related one: in one snippet if they are close to each other, otherwise in two.
fn places<'a>(diagnostic: &'a Diagnostic, sources: &[Lines<'a>]) -> Vec<Element<'a>> {
    let primary = (AnnotationKind::Primary, diagnostic.span, diagnostic.label.as_deref());
    let Some((span, label)) = &diagnostic.related else {
        return snippet(&[primary], sources);
    };
    let related = (AnnotationKind::Context, *span, Some(label.as_str()));
    let between = span.start.min(diagnostic.span.start)..span.start.max(diagnostic.span.start);
    if span.source == diagnostic.span.source && between.len() <= NEAR {
        snippet(&[primary, related], sources)
    } else {
        snippet(&[primary], sources).into_iter().chain(snippet(&[related], sources)).collect()
    }
}

/// A snippet with these places, all of one source. Long or confidential lines are not printed.
fn snippet<'a>(
    places: &[(AnnotationKind, Span, Option<&'a str>)],
    sources: &[Lines<'a>],
) -> Vec<Element<'a>> {
    let lines = places.first().and_then(|(_, span, _)| sources.get(span.source));
    let Some(lines) = lines else { return Vec::new() };
    let window = || {
        let first = places.iter().map(|(_, span, _)| span.start).min()?;
        let last = places.iter().map(|(_, span, _)| span.start).max()?;
        Some(lines.source.line(first)?.start..lines.source.line(last)?.end)
    };
    let Some(window) = window() else { return Vec::new() };
    if window.len() <= LONGEST && !lines.confidential {
        with_lines(places, lines, window).into_iter().collect()
    } else {
        places.iter().flat_map(|place| without_lines(place, lines)).collect()
    }
}

/// File, line, column and label of a place, without the source line.
fn without_lines<'a>(
    (_, span, label): &(AnnotationKind, Span, Option<&'a str>),
    lines: &Lines<'a>,
) -> Vec<Element<'a>> {
    let origin = Origin::path(lines.source.name.as_str());
    let origin = origin.line(lines.number(span.start)).char_column(lines.column(span.start));
    let note = label.map(|label| Level::NOTE.message(label));
    [Element::from(origin)].into_iter().chain(note.map(Element::from)).collect()
}

/// The source lines of these places, with annotations.
fn with_lines<'a>(
    places: &[(AnnotationKind, Span, Option<&'a str>)],
    lines: &Lines<'a>,
    window: Range<usize>,
) -> Option<Element<'a>> {
    let source = lines.source;
    let annotate =
        |&(kind, span, label): &(AnnotationKind, Span, Option<&'a str>)| -> Option<Annotation<'a>> {
            let shown = first_line(source, span)?;
            Some(kind.span(shown.start - window.start..shown.end - window.start).label(label))
        };
    Some(
        Snippet::source(source.text.get(window.clone())?)
            .line_start(lines.number(window.start))
            .path(source.name.as_str())
            .annotations(places.iter().filter_map(annotate))
            .into(),
    )
}

#[cfg(test)]
mod tests;
