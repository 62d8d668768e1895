//! Statuses as a table: a line for each object, listener, parentRef and ancestor, followed by its problems.
//!
//! ```text
//! Gateway default/eg                    ok
//!   listener http                       ok      2 routes
//! HTTPRoute default/shop                not ok
//!   parent eg, section http             not ok
//!     ResolvedRefs: False, BackendNotFound
//!       Service `default/gone` not found in the input
//! ```

use std::fmt::Write as _;

use annotate_snippets::normalize_untrusted_str;

use super::{AncestorStatus, Condition, ListenerStatus, ObjectReference, ObjectStatus, ParentStatus, Status};

/// The width of a line, and the maximum width of the title column; longer titles are not cut.
const WIDTH: usize = 100;

/// A line of the table, and the conditions below it.
struct Line<'s> {
    title: String,
    fine: bool,
    note: String,
    /// Those that are not fine.
    conditions: Vec<&'s Condition>,
}

/// The statuses as a table, in the given order.
#[must_use]
pub fn write(statuses: &[ObjectStatus]) -> String {
    let lines: Vec<Line<'_>> = statuses.iter().flat_map(lines).collect();
    let widths = lines.iter().map(|line| line.title.chars().count());
    let width = widths.filter(|&width| width <= WIDTH).max().unwrap_or_default();
    let mut out = String::new();
    for line in &lines {
        let word = if line.fine { "ok" } else { "not ok" };
        let Line { title, note, .. } = line;
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", format!("{title:width$}  {word:6}  {note}").trim_end());
        let mut wrong = line.conditions.iter().peekable();
        while let Some(Condition { kind, status, reason, message }) = wrong.next() {
            let _ = writeln!(out, "    {kind}: {status}, {reason}");
            // A message that several conditions share is printed once.
            if wrong.peek().is_none_or(|next| next.message != *message) {
                for part in wrapped(message) {
                    let _ = writeln!(out, "      {part}");
                }
            }
        }
    }
    let wrong = statuses.iter().filter(|one| !one.is_fine()).count();
    let _ = match (statuses.len(), wrong) {
        (0, _) => writeln!(out, "No objects with a status."),
        (all, 0) => writeln!(out, "\n{}, all ok.", objects(all)),
        (all, wrong) => writeln!(out, "\n{}, {wrong} not ok.", objects(all)),
    };
    out
}

fn objects(count: usize) -> String {
    if count == 1 { String::from("1 object") } else { format!("{count} objects") }
}

fn lines(object: &ObjectStatus) -> Vec<Line<'_>> {
    let namespace = &object.metadata.namespace;
    let slash = if namespace.is_empty() { "" } else { "/" };
    let mut whole = Line {
        title: normalize_untrusted_str(&format!(
            "{} {namespace}{slash}{}",
            object.kind, object.metadata.name
        )),
        fine: object.is_fine(),
        note: String::new(),
        conditions: Vec::new(),
    };
    let parts: Vec<Line<'_>> = match &object.status {
        Status::Class { conditions } => {
            whole.conditions = wrong(conditions).collect();
            Vec::new()
        }
        Status::Gateway { conditions, listeners, attached_listener_sets } => {
            whole.conditions = wrong(conditions).collect();
            whole.note = match attached_listener_sets {
                0 => String::new(),
                1 => String::from("1 ListenerSet"),
                sets => format!("{sets} ListenerSets"),
            };
            listeners.iter().map(listener).collect()
        }
        Status::ListenerSet { conditions, listeners } => {
            whole.conditions = wrong(conditions).collect();
            listeners.iter().map(listener).collect()
        }
        Status::Route { parents } => {
            if parents.is_empty() {
                whole.note = String::from("no parents");
            }
            parents.iter().map(parent).collect()
        }
        Status::Policy { ancestors } => ancestors.iter().map(ancestor).collect(),
    };
    let parts = match object.status {
        Status::Route { .. } | Status::Policy { .. } => said_once(&mut whole, parts),
        Status::Class { .. } | Status::Gateway { .. } | Status::ListenerSet { .. } => parts,
    };
    [whole].into_iter().chain(parts).collect()
}

/// A problem that all parts share is printed once, for the whole object.
fn said_once<'s>(whole: &mut Line<'s>, mut parts: Vec<Line<'s>>) -> Vec<Line<'s>> {
    if let [first, others @ ..] = parts.as_slice()
        && !others.is_empty()
    {
        let in_all = |one: &&&Condition| others.iter().all(|part| part.conditions.contains(*one));
        whole.conditions = first.conditions.iter().filter(in_all).copied().collect();
        for part in &mut parts {
            part.conditions.retain(|one| !whole.conditions.contains(one));
            if !part.fine && part.conditions.is_empty() {
                part.note = String::from("see above");
            }
        }
    }
    parts
}

fn wrong(conditions: &[Condition]) -> impl Iterator<Item = &Condition> {
    conditions.iter().filter(|condition| !condition.is_fine())
}

fn part(title: String, note: String, conditions: &[Condition]) -> Line<'_> {
    let conditions: Vec<&Condition> = wrong(conditions).collect();
    Line { title, fine: conditions.is_empty(), note, conditions }
}

fn listener(listener: &ListenerStatus) -> Line<'_> {
    let note = match listener.attached_routes {
        1 => String::from("1 route"),
        routes => format!("{routes} routes"),
    };
    part(format!("  listener {}", listener.name), note, &listener.conditions)
}

fn parent(parent: &ParentStatus) -> Line<'_> {
    part(format!("  parent {}", reference(&parent.parent_ref)), String::new(), &parent.conditions)
}

fn ancestor(ancestor: &AncestorStatus) -> Line<'_> {
    let ObjectReference { kind, .. } = &ancestor.ancestor_ref;
    let title = format!("  for {kind} {}", reference(&ancestor.ancestor_ref));
    part(title, String::new(), &ancestor.conditions)
}

fn reference(reference: &ObjectReference) -> String {
    let ObjectReference { namespace, name, section_name, port, .. } = reference;
    let namespace = namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let section = section_name.as_ref().map(|name| format!(", section {name}")).unwrap_or_default();
    let port = port.map(|port| format!(", port {port}")).unwrap_or_default();
    format!("{namespace}{name}{section}{port}")
}

/// Wraps the words of a message into lines.
fn wrapped(message: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in normalize_untrusted_str(message).split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH - "      ".len() => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
