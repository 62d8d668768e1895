//! YAML and JSON syntax of manifests.

use envoy_config::manifest::{self, Manifests};
use envoy_config::source::Source;

use super::read;

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n";

fn names(manifests: &Manifests) -> Vec<&str> {
    manifests.namespaces.iter().map(|namespace| namespace.metadata.name.value.as_str()).collect()
}

/// Checks that texts contain the Namespaces with these names and no errors.
fn holds(text: &str, expected: &[&str]) {
    let (manifests, diagnostics) = read(text);
    assert_eq!(diagnostics, [], "{text}");
    assert_eq!(names(&manifests), expected, "{text}");
}

#[test]
fn line_endings_markers_and_comments_make_no_difference() {
    holds(NAMESPACE, &["a"]);
    holds(&NAMESPACE.replace('\n', "\r\n"), &["a"]);
    holds(&format!("\u{feff}{NAMESPACE}"), &["a"]);
    holds(&format!("# a\n%YAML 1.2\n---\n# b\n{NAMESPACE}# c\n...\n"), &["a"]);
}

#[test]
fn empty_documents_are_skipped() {
    for text in ["", "\n", "---\n", "---\n---\n# nothing\n---\n~\n", "\u{feff}"] {
        holds(text, &[]);
    }
    holds(&format!("---\n---\n{NAMESPACE}---\n"), &["a"]);
}

#[test]
fn json_is_read_as_yaml() {
    holds(
        "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Namespace\",\n\t\"metadata\": {\"name\": \"\\u0061\"}\n}\n",
        &["a"],
    );
}

#[test]
fn lists_contain_objects() {
    let item = "{apiVersion: v1, kind: Namespace, metadata: {name: a}}";
    holds(
        &format!("apiVersion: v1\nkind: List\nmetadata: {{resourceVersion: ''}}\nitems:\n- {item}\n"),
        &["a"],
    );
    holds(
        "{apiVersion: v1, kind: NamespaceList, items: [{metadata: {name: a}}, {metadata: {name: b}}]}",
        &["a", "b"],
    );
    holds("{apiVersion: v1, kind: List, items: []}", &[]);
}

#[test]
fn anchors_aliases_and_merge_keys_are_resolved() {
    let text = "
apiVersion: v1
kind: List
items:
- &first
  apiVersion: v1
  kind: Namespace
  metadata: &meta {name: a, labels: {team: x}}
- <<: *first
  metadata:
    <<: [*meta, {name: c}]
    name: b
";
    holds(text, &["a", "b"]);
    let (manifests, _) = read(text);
    assert_eq!(manifests.namespaces[1].metadata.labels["team"].value, "x");
}

#[test]
fn a_tag_can_turn_a_number_into_a_string() {
    holds("{apiVersion: v1, kind: Namespace, metadata: {name: !!str 1}}", &["1"]);
}

#[test]
fn other_documents_are_read_after_a_syntax_error() {
    let (manifests, diagnostics) =
        read(&format!("{NAMESPACE}---\na: [1, 2\n---\n{}", NAMESPACE.replace(": a", ": b")));
    assert_eq!(names(&manifests), ["a", "b"]);
    assert_eq!(diagnostics.iter().map(|d| d.code.name()).collect::<Vec<_>>(), ["invalid-yaml"]);
}

#[test]
fn copies_by_anchors_and_aliases_are_limited() {
    let aliases = |level: i32| format!("*a{}, ", level - 1).repeat(10);
    let level = |level: i32| format!("a{level}: &a{level} [{}]\n", aliases(level));
    let multiplied = (0..12).map(level).collect::<Vec<_>>().concat().replace("*a-1", "x");
    // Without aliases: each anchor keeps a copy of its value.
    let anchors = (0..60).map(|level| format!("&a{level} [")).collect::<Vec<_>>().concat();
    let nested = format!("{anchors}{}{}", "x, ".repeat(20_000), "]".repeat(60));
    for text in [multiplied, nested] {
        let (_, diagnostics) = read(&text);
        assert_eq!(diagnostics.iter().map(|d| d.code.name()).collect::<Vec<_>>(), ["invalid-yaml"]);
        let message = &diagnostics[0].message;
        assert!(message.starts_with("anchors and aliases copy "), "{message}");
        assert!(message.ends_with(" MiB in all manifests; the limit is 64 MiB"), "{message}");
    }
}

#[test]
fn copies_are_counted_for_all_sources_together() {
    let anchors = (0..60).map(|level| format!("&a{level} [")).collect::<Vec<_>>().concat();
    let text = format!("{anchors}{}{}", "x, ".repeat(2_000), "]".repeat(60));
    let source = |number| Source { name: format!("{number}.yaml"), text: text.clone() };
    let (_, one) = manifest::read(&[source(0)]);
    assert!(one.iter().all(|found| found.code.name() != "invalid-yaml"), "{one:?}");
    let (_, many) = manifest::read(&(0..20).map(source).collect::<Vec<_>>());
    assert!(many.iter().any(|found| found.message.contains("the limit is 64 MiB")), "{many:?}");
}

#[test]
fn the_values_of_a_document_are_limited() {
    let text = format!("[{}]\n---\n{NAMESPACE}", "1,".repeat(2_000_001));
    let (manifests, diagnostics) = read(&text);
    assert_eq!(names(&manifests), ["a"], "the other document is read");
    assert_eq!(diagnostics.len(), 1);
    let message = &diagnostics[0].message;
    assert_eq!(message, "a document can have at most 2000000 values, but this one has at least 2000001");
}

#[test]
fn reading_stops_after_ten_thousand_findings() {
    let (_, diagnostics) = read(&"--- a\n".repeat(20_000));
    assert_eq!(diagnostics.len(), 10_001);
    assert_eq!(diagnostics[10_000].code.name(), "too-many-findings");
    let fields = (0..20_000).map(|number| format!("  f{number}: 1\n")).collect::<Vec<_>>().concat();
    let (manifests, diagnostics) = read(&format!("{NAMESPACE}spec:\n{fields}"));
    assert_eq!((manifests.namespaces.len(), diagnostics.len()), (0, 10_001));
}

#[test]
fn nesting_is_limited_with_and_without_aliases() {
    let brackets = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let indented = (0..5_000).map(|depth| " ".repeat(depth) + "a:\n").collect::<Vec<_>>().concat();
    let level = |level: i32| format!("a{level}: &a{level} [[[[[[[[*a{}]]]]]]]]\n", level - 1);
    let aliased = (0..100).map(level).collect::<Vec<_>>().concat().replace("*a-1", "x");
    for text in [brackets, indented, aliased] {
        let (_, diagnostics) = read(&text);
        assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
        assert!(diagnostics[0].message.contains("nested more than 64 levels deep"), "{diagnostics:?}");
    }
}

#[test]
fn an_alias_inside_its_own_anchor_is_an_error() {
    let (_, diagnostics) = read("a: &a [*a]\n");
    assert_eq!(diagnostics.len(), 1);
    assert_eq!((diagnostics[0].code.name(), diagnostics[0].span.start), ("invalid-yaml", 7));
}
