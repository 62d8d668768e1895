//! Diagnostics as people read them: severity, code and message, the place with its line and a caret, the object, the
//! field, the hint.
//!
//! Only the lines around a place are handed to the renderer, so that the cost does not grow with the size of the source.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Severity};
use crate::source::{Source, Span};

/// Two places of one source that are at most so many bytes apart are shown in one piece.
const NEAR: usize = 2000;

/// Shows all of them, each with an empty line behind it, in the order of the sources and of the places in them; in
/// colour if that is wanted. Every span must belong to these sources; a place that does not is left out.
#[must_use]
pub fn print(diagnostics: &[Diagnostic], sources: &[Source], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut ordered: Vec<&Diagnostic> = diagnostics.iter().collect();
    ordered.sort_by_key(|d| (d.span.source, d.span.start, d.span.end, d.severity, d.code, &d.message));
    let mut out = String::new();
    for diagnostic in ordered {
        out.push_str(&renderer.render(&[report(diagnostic, sources)]));
        out.push('\n');
        if let Some(hint) = &diagnostic.hint {
            let (bold, plain) = if colour { ("\u{1b}[1m\u{1b}[96m", "\u{1b}[0m") } else { ("", "") };
            // Writing to a string cannot fail.
            let _ =
                write!(out, "\n{bold}hint{plain}: {}\n", annotate_snippets::normalize_untrusted_str(hint));
        }
        out.push('\n');
    }
    out
}

fn report<'a>(diagnostic: &'a Diagnostic, sources: &'a [Source]) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let note = |name: &'a str, text: &'a str| Element::from(Level::NOTE.with_name(name).message(text));
    level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code)
        .elements(places(diagnostic, sources))
        .elements(diagnostic.object.as_deref().map(|object| note("object", object)))
        .elements(diagnostic.field.as_deref().map(|field| note("field", field)))
}

/// The place and the related one: as one piece of source if they are near, or else as two.
fn places<'a>(diagnostic: &'a Diagnostic, sources: &'a [Source]) -> Vec<Element<'a>> {
    let primary = (AnnotationKind::Primary, diagnostic.span, diagnostic.label.as_deref());
    let Some((span, label)) = &diagnostic.related else {
        return piece(&[primary], sources).into_iter().collect();
    };
    let related = (AnnotationKind::Context, *span, Some(label.as_str()));
    if span.source == diagnostic.span.source && span.start.abs_diff(diagnostic.span.start) <= NEAR {
        piece(&[primary, related], sources).into_iter().collect()
    } else {
        piece(&[primary], sources).into_iter().chain(piece(&[related], sources)).collect()
    }
}

/// The lines of these places, which are of one source.
fn piece<'a>(
    places: &[(AnnotationKind, Span, Option<&'a str>)],
    sources: &'a [Source],
) -> Option<Element<'a>> {
    let source = sources.get(places.first()?.1.source)?;
    let first = places.iter().map(|(_, span, _)| span.start).min()?;
    let last = places.iter().map(|(_, span, _)| span.start).max()?;
    let window = source.line(first)?.start..source.line(last)?.end;
    let annotate =
        |&(kind, span, label): &(AnnotationKind, Span, Option<&'a str>)| -> Option<Annotation<'a>> {
            let shown = first_line(source, span)?;
            Some(kind.span(shown.start - window.start..shown.end - window.start).label(label))
        };
    Some(
        Snippet::source(source.text.get(window.clone())?)
            .line_start(source.line_number(first))
            .path(source.name.as_str())
            .annotations(places.iter().filter_map(annotate))
            .into(),
    )
}

/// The span's part in its first line: a whole object or rule is named by how it begins.
fn first_line(source: &Source, span: Span) -> Option<Range<usize>> {
    let line = source.line(span.start)?;
    let start = span.start.min(line.end);
    Some(start..span.end.clamp(start, line.end))
}
