//! Formats diagnostics as workflow commands of GitHub Actions, which become annotations on the lines of a pull request.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message>

use std::fmt::Write as _;

use super::confidential::Secrecy;
use super::shown::{Lines, Place, in_order};
use super::{Diagnostic, Severity};
use crate::source::Source;

/// A command for each diagnostic, such as `::error file=shop.yaml,line=3,…::message`.
#[must_use]
pub fn github(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    let secrecy = Secrecy::of(sources);
    let lines = Lines::all(sources, &secrecy);
    let mut out = String::new();
    for found in in_order(diagnostics, &secrecy) {
        command(&found, Place::of(found.span, &lines), &mut out);
    }
    out
}

fn command(found: &Diagnostic, place: Option<Place<'_>>, out: &mut String) {
    out.push_str(match found.severity {
        Severity::Error => "::error ",
        Severity::Warning => "::warning ",
    });
    // Standard input is no file of the repository.
    if let Some(Place { name, line, column, end }) = place.filter(|place| place.name != "<stdin>") {
        // The last column is one that still belongs to the place.
        let last = end.saturating_sub(1).max(column);
        let name = property(name.strip_prefix("./").unwrap_or(name));
        // Writing to a string cannot fail.
        let _ = write!(out, "file={name},line={line},endLine={line},col={column},endColumn={last},");
    }
    let details = [
        found.object.as_ref().map(|object| format!("object: {object}")),
        found.field.as_ref().map(|field| format!("field: {field}")),
        found.hint.as_ref().map(|hint| format!("hint: {hint}")),
    ];
    let details = details.into_iter().flatten();
    let message = [found.message.clone()].into_iter().chain(details).collect::<Vec<_>>().join("\n");
    let _ = writeln!(out, "title={}::{}", property(found.code.name()), data(&message));
}

/// Escapes the text behind the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::Span;

    #[test]
    fn commands_have_the_place_and_escape_what_would_end_them() {
        let text = String::from("kind: Gateway\nname: ä: broken\nrest");
        let sources = [Source { name: String::from("./a,b:c%.yaml"), text }];
        let span = |start, end| Span { source: 0, start, end };
        let found = [
            Diagnostic::error(Code::MissingField, span(20, 27), "100% of\nlines: wrong")
                .hint("write\r\nmore"),
            Diagnostic::warning(Code::NoEffect, span(0, 20), "many lines")
                .object("Gateway default/eg")
                .field("spec"),
            Diagnostic::warning(Code::NoEffect, Span { source: 9, start: 0, end: 1 }, "nowhere"),
        ];
        assert_eq!(
            github(&found, &sources),
            "::warning file=a%2Cb%3Ac%25.yaml,line=1,endLine=1,col=1,endColumn=13,title=no-effect::\
             many lines%0Aobject: Gateway default/eg%0Afield: spec\n\
             ::error file=a%2Cb%3Ac%25.yaml,line=2,endLine=2,col=7,endColumn=12,title=missing-field::\
             100%25 of%0Alines: wrong%0Ahint: write%0D%0Amore\n\
             ::warning title=no-effect::nowhere\n"
        );
    }
}
