//! Properties of any text: reading never panics, and all spans are inside their source.

use envoy_config::diagnostic::{self, Diagnostic};
use envoy_config::manifest;
use envoy_config::source::{Source, Span};
use proptest::prelude::*;

/// Pieces of manifests that often produce errors when they are combined at random.
const PIECES: [&str; 48] = [
    "apiVersion: gateway.networking.k8s.io/v1\n",
    "apiVersion: v1\n",
    "kind: HTTPRoute\n",
    "kind: Gateway\n",
    "kind: Service\n",
    "kind: List\n",
    "kind: NamespaceList\n",
    "items:\n",
    "metadata:\n",
    "metadata: {name: a}\n",
    "spec:\n",
    "spec: {}\n",
    "rules:\n",
    "matches:\n",
    "path: {value: /}\n",
    "backendRefs: [{name: a, port: 80}]\n",
    "sessionPersistence:\n",
    "sessionName: a\n",
    "cookie: {}\n",
    "absoluteTimeout: 10s\n",
    "listeners:\n",
    "name: a\n",
    "labels: {a: b}\n",
    "- ",
    "  ",
    "    ",
    "      ",
    "---\n",
    "...\n",
    "&a ",
    "*a ",
    "*a\n",
    "<<: *a\n",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ": ",
    "\"",
    "'",
    "|\n",
    "\t",
    "# x\n",
    "\u{feff}",
    "ü",
    "\r\n",
    "!!str ",
];

fn sources() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES.as_slice()), 0..40)
        .prop_map(|pieces| pieces.concat());
    let bytes = prop::collection::vec(any::<u8>(), 0..200)
        .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    prop_oneof![pieces, bytes, any::<String>()]
}

fn within(span: Span, sources: &[Source]) -> bool {
    let text = &sources[span.source].text;
    span.start <= span.end && text.is_char_boundary(span.start) && text.is_char_boundary(span.end)
}

fn placed(diagnostic: &Diagnostic, sources: &[Source]) -> bool {
    let related = diagnostic.related.as_ref().is_none_or(|(span, _)| within(*span, sources));
    related && within(diagnostic.span, sources)
}

/// A valid route; the test changes one byte of it.
const ROUTE: &str = "\
apiVersion: gateway.networking.k8s.io/v1beta1
kind: HTTPRoute
metadata: {name: cookie, labels: &l {a: b}, annotations: {<<: *l}}
spec:
  parentRefs: [{name: eg, sectionName: http}]
  hostnames: ['*.example.com']
  rules:
  - matches: [{path: {type: Exact, value: /a}, headers: [{name: a, value: b}], method: GET}]
    backendRefs: [{name: backend, port: 3000, weight: 2}]
    sessionPersistence: {sessionName: A, absoluteTimeout: 10s, cookieConfig: {lifetimeType: Permanent}}
";

proptest! {
    #[test]
    fn reading_never_panics_and_all_spans_are_inside_their_source(texts in prop::collection::vec(sources(), 1..3)) {
        let source = |text| Source { name: String::from("any.yaml"), text };
        let sources: Vec<Source> = texts.into_iter().map(source).collect();
        let (_, diagnostics) = manifest::read(&sources);
        for diagnostic in &diagnostics {
            prop_assert!(placed(diagnostic, &sources), "{diagnostic:?}");
        }
        let printed = diagnostic::print(&diagnostics, &sources, false);
        prop_assert_eq!(printed.is_empty(), diagnostics.is_empty());
    }

    #[test]
    fn a_route_with_one_changed_byte_is_read_or_reported_with_a_place(at in 0..ROUTE.len(), byte in 0u8..128) {
        let mut bytes = ROUTE.as_bytes().to_vec();
        bytes[at] = byte;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let sources = [Source { name: String::from("any.yaml"), text }];
        let (manifests, diagnostics) = manifest::read(&sources);
        for diagnostic in &diagnostics {
            prop_assert!(placed(diagnostic, &sources), "{diagnostic:?}");
        }
        for route in &manifests.routes {
            prop_assert!(within(route.span, &sources) && within(route.metadata.name.span, &sources));
        }
        prop_assert!(!manifests.routes.is_empty() || !diagnostics.is_empty());
    }
}

#[test]
fn the_unchanged_route_is_valid() {
    let (manifests, diagnostics) = manifest::read(&[Source { name: String::new(), text: ROUTE.to_owned() }]);
    assert_eq!((manifests.routes.len(), diagnostics), (1, vec![]));
}
