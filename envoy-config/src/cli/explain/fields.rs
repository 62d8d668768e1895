//! Explains fields with the tables of the documentation, which the program carries: a row names one or more fields in its first
//! columns, and says in the others how they are supported.

use std::fmt::Write as _;

/// The page about this project's own kind.
const POLICY: (&str, &str) = ("SessionPersistencePolicy", "docs/session-policy.md");

const PAGES: [(&str, &str); 4] = [
    ("docs/gateway-api.md", include_str!("../../../../docs/gateway-api.md")),
    ("docs/configuration.md", include_str!("../../../../docs/configuration.md")),
    ("docs/health.md", include_str!("../../../../docs/health.md")),
    (POLICY.1, include_str!("../../../../docs/session-policy.md")),
];

/// The titles of columns that name fields.
const FIELDS: [&str; 5] = ["field", "field of `cookie`", "kind or field", "Gateway API 1.1 to 1.6", "newer"];

/// A row of a table about fields.
struct Row<'p> {
    page: &'p str,
    /// The heading above the table.
    heading: &'p str,
    titles: &'p [&'p str],
    cells: Vec<&'p str>,
}

/// The rows about a field, or about the nearest field that contains it; `None` if there are none.
pub(super) fn explain(path: &str) -> Option<String> {
    let mut path = segments(path);
    let kind = path.first().filter(|first| first.starts_with(|c: char| c.is_ascii_uppercase())).cloned();
    while !path.is_empty() {
        let mut best = (0, String::new());
        for (page, text) in PAGES {
            each_row(page, text, |row| {
                if kind.as_deref().is_some_and(|kind| row.belongs_to_another(kind)) {
                    return;
                }
                let length =
                    row.fields().filter(|field| path.ends_with(field)).map(|field| field.len()).max();
                let Some(length) = length.filter(|length| *length >= best.0) else { return };
                if length > best.0 {
                    best = (length, String::new());
                }
                row.write(&mut best.1);
            });
        }
        if best.0 > 0 {
            return Some(best.1);
        }
        path.pop();
    }
    None
}

/// The names in a path, without indexes.
fn segments(path: &str) -> Vec<String> {
    let names = path.split('.').map(|name| name.split('[').next().unwrap_or(name));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Calls `visit` with each row that is about fields.
fn each_row<'p>(page: &'p str, text: &'p str, mut visit: impl FnMut(&Row<'_>)) {
    let mut heading = "";
    let mut titles: Vec<&'p str> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix('#') {
            heading = title.trim_start_matches('#').trim();
        }
        let Some(row) = line.strip_prefix('|').and_then(|row| row.strip_suffix('|')) else {
            titles.clear();
            continue;
        };
        let cells: Vec<&'p str> = row.split('|').map(str::trim).collect();
        if titles.is_empty() {
            titles = cells;
        } else if cells.iter().all(|cell| cell.starts_with("--"))
            || !titles.iter().any(|title| FIELDS.contains(title))
        {
        } else {
            visit(&Row { page, heading, titles: &titles, cells });
        }
    }
}

impl Row<'_> {
    /// The columns with their titles.
    fn columns(&self) -> impl Iterator<Item = (&str, &str)> {
        self.titles.iter().copied().zip(self.cells.iter().copied())
    }

    /// The fields that the row is about: what stands in backticks.
    fn fields(&self) -> impl Iterator<Item = Vec<String>> {
        let named = self.columns().filter(|(title, _)| FIELDS.contains(title)).map(|(_, cell)| cell);
        named.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(segments)
    }

    /// Whether the table is about another kind. What is said about HTTPRoutes holds for GRPCRoutes.
    fn belongs_to_another(&self, kind: &str) -> bool {
        if kind == POLICY.0 || self.page == POLICY.1 {
            let names_it = self.fields().any(|field| field == [kind]);
            return (kind == POLICY.0) != (self.page == POLICY.1) && !names_it;
        }
        let is_kind = |heading| ["HTTPRoute", "GRPCRoute", "Gateway"].contains(&heading);
        let own = if kind == "GRPCRoute" { "HTTPRoute" } else { kind };
        is_kind(self.heading) && is_kind(kind) && self.heading != own
    }

    fn write(&self, out: &mut String) {
        let separator = if out.is_empty() { "" } else { "\n" };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{separator}{} ({})", self.heading, self.page);
        for (title, cell) in self.columns().filter(|(_, cell)| !cell.is_empty()) {
            let _ = writeln!(out, "  {title}: {cell}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(path: &str) -> String {
        explain(path).unwrap_or_default()
    }

    #[test]
    fn fields_are_found_by_their_path_in_any_style() {
        for path in [
            "HTTPRoute.spec.rules.timeouts.request",
            "spec.rules[0].timeouts",
            "httproute.spec.rules[12].timeouts.backendRequest",
        ] {
            assert!(
                explained(path).starts_with("HTTPRoute (docs/gateway-api.md)\n  field: `timeouts`\n"),
                "{path}"
            );
        }
        let lifetime = explained("spec.rules[0].sessionPersistence.cookieConfig.lifetimeType");
        assert!(
            lifetime.contains("`cookie.lifetimeType`") && lifetime.contains("meaning here: "),
            "{lifetime}"
        );
        assert!(explained("BackendTrafficPolicy.spec.circuitBreaker").contains("(docs/health.md)"));
    }

    #[test]
    fn fields_of_the_policy_of_this_project_are_explained() {
        for path in ["SessionPersistencePolicy.spec.startOn.backendCookie.name", "spec.startOn"] {
            let found = explained(path);
            assert!(
                found.starts_with("Fields (docs/session-policy.md)\n  field: `startOn`\n"),
                "{path}: {found}"
            );
        }
        assert!(
            explained("SessionPersistencePolicy.spec.cookie.sameSite").contains("`Strict`, `Lax`, `None`")
        );
        assert!(explained("SessionPersistencePolicy").contains("(docs/gateway-api.md)"));
        let cookie = explained("HTTPRoute.spec.rules[0].sessionPersistence.cookie.name");
        assert!(!cookie.is_empty() && !cookie.contains("session-policy.md)\n"), "{cookie}");
    }

    #[test]
    fn the_kind_selects_its_table() {
        assert!(explained("Gateway.spec.addresses").starts_with("Gateway ("));
        assert!(explained("GRPCRoute.spec.rules.retry").starts_with("HTTPRoute ("));
        assert_eq!(explained("Gateway.spec.hostnames"), "");
        assert_eq!(explained("nonsense"), "");
        assert_eq!(explained(""), "");
    }
}
