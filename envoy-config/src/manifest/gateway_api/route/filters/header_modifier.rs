//! `requestHeaderModifier` and `responseHeaderModifier` (`HTTPHeaderFilter`).

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::gateway_api::route::value_match::header_text;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{parsed, usable};
use crate::source::{Span, Spanned};

/// Changes of the headers of a message. Each header is in only one of the lists.
#[derive(Clone, Debug, Default)]
pub struct HeaderModifier {
    /// `set`.
    pub set: Vec<Header>,
    /// `add`.
    pub add: Vec<Header>,
    /// `remove`: names in lower case.
    pub remove: Vec<Spanned<String>>,
}

/// A header.
#[derive(Clone, Debug)]
pub struct Header {
    /// `name`, in lower case.
    pub name: Spanned<String>,
    /// `value`.
    pub value: String,
}

const MODIFIER: Known = Known { read: &["set", "add", "remove"], unread: &[], unsupported: &[] };

const HEADER: Known = Known { read: &["name", "value"], unread: &[], unsupported: &[] };

pub(in crate::manifest) fn read(at: At<'_>, findings: &mut Findings) -> Option<HeaderModifier> {
    let fields = Fields::of(at, &MODIFIER, findings)?;
    let set = fields.optional("set", findings, headers).unwrap_or_default();
    let add = fields.optional("add", findings, headers).unwrap_or_default();
    let remove = fields.optional("remove", findings, removed).unwrap_or_default();
    // "Only one action for a given header name is permitted" (Gateway API, `HTTPHeaderFilter`).
    let mut actions: HashMap<&str, (&str, Span)> = HashMap::new();
    let set_names = set.iter().map(|header| ("set", &header.name));
    let add_names = add.iter().map(|header| ("add", &header.name));
    let removed_names = remove.iter().map(|name| ("remove", name));
    for (action, name) in set_names.chain(add_names).chain(removed_names) {
        match actions.get(name.value.as_str()) {
            // Duplicates in one list have been reported.
            Some(&(other, first)) if other != action => {
                let message = format!(
                    "the header is in both `{other}` and `{action}`; a filter can change each header in one way only"
                );
                let error = Diagnostic::error(Code::DuplicateValue, name.span, message);
                findings.add(at.path.place(error).label("duplicate").related(first, "first occurrence"));
            }
            Some(_) => {}
            None => {
                actions.insert(&name.value, (action, name.span));
            }
        }
    }
    Some(HeaderModifier { set, add, remove })
}

/// Header names are case-insensitive. If names differ only in case, the first one applies (Gateway API, `HTTPHeader`).
fn headers(at: At<'_>, findings: &mut Findings) -> Option<Vec<Header>> {
    let written = list(at, 0..=16, findings, header)?;
    unique(&at, "header", written.iter().map(|(name, _)| (&name.value, name.span)), findings);
    let mut first: HashMap<String, &Spanned<String>> = HashMap::new();
    let mut kept = Vec::new();
    for (as_written, value) in &written {
        let name = as_written.clone().map(|name| name.to_ascii_lowercase());
        match first.get(&name.value) {
            None => {
                first.insert(name.value.clone(), as_written);
                kept.push(Header { name, value: value.clone() });
            }
            // Reported as a duplicate.
            Some(first) if first.value == as_written.value => {}
            Some(first) => {
                let message = "this entry has no effect: an earlier one has the same header name (header names are case-insensitive)";
                let warning = Diagnostic::warning(Code::NoEffect, name.span, message);
                findings.add(at.path.place(warning).related(first.span, "this one applies"));
            }
        }
    }
    Some(kept)
}

fn header(at: At<'_>, findings: &mut Findings) -> Option<(Spanned<String>, String)> {
    let fields = Fields::of(at, &HEADER, findings)?;
    let name = fields.required("name", findings, parsed(Code::InvalidHeaderName, names::token));
    let value = fields.required("value", findings, header_text);
    Some((name?, value?))
}

fn removed(at: At<'_>, findings: &mut Findings) -> Option<Vec<Spanned<String>>> {
    let names = list(at, 0..=16, findings, parsed_name)?;
    unique(&at, "header", names.iter().map(|name| (&name.value, name.span)), findings);
    Some(names.into_iter().map(|name| name.map(|name| name.to_ascii_lowercase())).collect())
}

fn parsed_name(at: At<'_>, findings: &mut Findings) -> Option<Spanned<String>> {
    usable(Code::InvalidHeaderName, names::token)(at, findings)
}
