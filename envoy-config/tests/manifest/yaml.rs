//! The forms of YAML and JSON that manifests come in.

use envoy_config::manifest::Manifests;

use super::read;

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n";

fn names(manifests: &Manifests) -> Vec<&str> {
    manifests.namespaces.iter().map(|namespace| namespace.metadata.name.value.as_str()).collect()
}

/// Reads texts that hold the Namespaces of these names and nothing wrong.
fn holds(text: &str, expected: &[&str]) {
    let (manifests, diagnostics) = read(text);
    assert_eq!(diagnostics, [], "{text}");
    assert_eq!(names(&manifests), expected, "{text}");
}

#[test]
fn line_ends_marks_and_comments_make_no_difference() {
    holds(NAMESPACE, &["a"]);
    holds(&NAMESPACE.replace('\n', "\r\n"), &["a"]);
    holds(&format!("\u{feff}{NAMESPACE}"), &["a"]);
    holds(&format!("# a\n%YAML 1.2\n---\n# b\n{NAMESPACE}# c\n...\n"), &["a"]);
}

#[test]
fn empty_documents_are_none() {
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
fn a_list_has_its_items() {
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
    assert_eq!(manifests.namespaces[1].metadata.labels["team"], "x");
}

#[test]
fn a_tag_can_make_a_string_of_a_number() {
    holds("{apiVersion: v1, kind: Namespace, metadata: {name: !!str 1}}", &["1"]);
}

#[test]
fn a_document_that_does_not_parse_leaves_the_others() {
    let (manifests, diagnostics) =
        read(&format!("{NAMESPACE}---\na: [1, 2\n---\n{}", NAMESPACE.replace(": a", ": b")));
    assert_eq!(names(&manifests), ["a", "b"]);
    assert_eq!(diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), ["invalid-yaml"]);
}

#[test]
fn aliases_cannot_multiply_without_bound() {
    let aliases = |level: i32| format!("*a{}, ", level - 1).repeat(10);
    let level = |level: i32| format!("a{level}: &a{level} [{}]\n", aliases(level));
    let text = (0..12).map(level).collect::<Vec<_>>().concat().replace("*a-1", "x");
    let (_, diagnostics) = read(&text);
    assert_eq!(diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), ["invalid-yaml"]);
    assert!(diagnostics[0].message.contains("MiB"), "{diagnostics:?}");
}

#[test]
fn nesting_is_bounded_with_and_without_aliases() {
    let brackets = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let indented = (0..5_000).map(|depth| " ".repeat(depth) + "a:\n").collect::<Vec<_>>().concat();
    let level = |level: i32| format!("a{level}: &a{level} [[[[[[[[*a{}]]]]]]]]\n", level - 1);
    let aliased = (0..100).map(level).collect::<Vec<_>>().concat().replace("*a-1", "x");
    for text in [brackets, indented, aliased] {
        let (_, diagnostics) = read(&text);
        assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
        assert!(diagnostics[0].message.contains("nested deeper"), "{diagnostics:?}");
    }
}

#[test]
fn an_alias_inside_of_its_own_anchor_is_refused() {
    let (_, diagnostics) = read("a: &a [*a]\n");
    assert_eq!(diagnostics.len(), 1);
    assert_eq!((diagnostics[0].code, diagnostics[0].span.start), ("invalid-yaml", 7));
}
