//! Rule ids. Sessions end when an id changes, so these texts are frozen.

use std::collections::BTreeSet;

use envoy_config::model::{Listener, Model};
use envoy_config::options::Options;

use super::{BASE, compiled, model, route};

const SESSION: &str = "sessionPersistence: {}, backendRefs: [{name: backend, port: 3000}]";

fn of(model: &Model) -> Vec<String> {
    let hosts = model.listeners.iter().flat_map(Listener::virtual_hosts);
    let rules = hosts.flat_map(|host| &host.routes).filter_map(|route| route.persistence.as_ref());
    let ids: BTreeSet<String> = rules.map(|rule| rule.id().to_string()).collect();
    ids.into_iter().collect()
}

/// The id of a rule with these matches.
fn id(matches: &str) -> String {
    let ids = of(&model(&[BASE, &route("r", &format!("[{{matches: {matches}, {SESSION}}}]"))]));
    assert_eq!(ids.len(), 1);
    ids[0].clone()
}

#[test]
fn rule_ids_match_the_frozen_vectors() {
    for (matches, expected) in FROZEN {
        assert_eq!(id(matches), *expected, "{matches}");
    }
}

#[test]
fn named_rules_use_their_name_as_id() {
    let rules = format!("[{{name: cart, {SESSION}}}]");
    assert_eq!(of(&model(&[BASE, &route("r", &rules)])), ["default/r#cart"]);
}

/// The identities of the clusters of a route with these rules, sorted.
fn identities(rules: &[&str]) -> Vec<String> {
    let documents = [BASE, &route("r", &format!("[{}]", rules.join(", ")))];
    // Without `keep_going`, a model has no errors; rules with equal matches are a warning.
    let model = compiled(&documents, &Options::default()).model.unwrap();
    let mut identities: Vec<String> = model.clusters.iter().map(|cluster| cluster.identity.clone()).collect();
    identities.sort();
    identities
}

#[test]
fn identities_of_clusters_do_not_depend_on_the_order_of_rules() {
    const REF: &str = "backendRefs: [{name: backend, port: 3000}]";
    let named = format!("{{name: cart, {REF}, sessionPersistence: {{}}}}");
    let plain = format!("{{matches: [{{path: {{value: /a}}}}], {REF}}}");
    let other = format!("{{matches: [{{path: {{value: /b}}}}], {REF}}}");
    let before = identities(&[&named, &plain]);
    let [named_identity, unnamed] = before.as_slice() else { panic!("{before:?}") };
    assert_eq!(named_identity, "default/r#cart");
    assert!(unnamed.starts_with("default/r@"), "{unnamed}");
    assert_eq!(identities(&[&plain, &named]), before);
    let after = identities(&[&other, &plain, &named]);
    assert!(after.len() == 3 && before.iter().all(|identity| after.contains(identity)), "{after:?}");
    // Of two rules with equal matches, only the first one is served.
    assert_eq!(identities(&[&plain, &plain]), std::slice::from_ref(unnamed));
}

#[test]
fn defaults_have_the_same_id_as_explicit_values() {
    let whole = id("[{path: {type: PathPrefix, value: /}}]");
    assert_eq!(id("[{}]"), whole);
    assert_eq!(id("[{path: {}}]"), whole);
    assert_eq!(of(&model(&[BASE, &route("r", &format!("[{{{SESSION}}}]"))])), [whole]);
    assert_eq!(
        id("[{headers: [{name: a, value: b}]}]"),
        id("[{headers: [{type: Exact, name: A, value: b}], path: {value: /}}]")
    );
    assert_eq!(id("[{path: {value: /a/}}]"), id("[{path: {value: /a}}]"));
}

#[test]
fn ids_do_not_depend_on_the_order_of_matches_and_conditions() {
    assert_eq!(
        id("[{path: {value: /a}}, {path: {value: /b}}]"),
        id("[{path: {value: /b}}, {path: {value: /a}}]")
    );
    assert_eq!(
        id(
            "[{headers: [{name: a, value: x}, {name: b, value: z}], queryParams: [{name: a, value: x}, {name: b, value: z}]}]"
        ),
        id(
            "[{headers: [{name: b, value: z}, {name: a, value: x}], queryParams: [{name: b, value: z}, {name: a, value: x}]}]"
        )
    );
}

#[test]
fn ids_depend_on_everything_else_in_a_match() {
    let matches = [
        "[{}]",
        "[{path: {value: /a}}]",
        "[{path: {value: /A}}]",
        "[{path: {type: Exact, value: /a}}]",
        "[{path: {type: RegularExpression, value: /a}}]",
        "[{path: {value: /a}}, {path: {value: /b}}]",
        "[{method: GET}]",
        "[{method: PUT}]",
        "[{headers: [{name: a, value: x}]}]",
        "[{headers: [{name: ax, value: x}]}]",
        "[{headers: [{name: a, value: xx}]}]",
        "[{headers: [{type: RegularExpression, name: a, value: x}]}]",
        "[{queryParams: [{name: a, value: x}]}]",
        "[{headers: [{name: a, value: x}], queryParams: [{name: a, value: x}]}]",
        "[{headers: [{name: a, value: x}, {name: b, value: x}]}]",
        "[{headers: [{name: a, value: x}]}, {headers: [{name: b, value: x}]}]",
    ];
    let ids: BTreeSet<String> = matches.iter().map(|one| id(one)).collect();
    assert_eq!(ids.len(), matches.len());
}

#[test]
fn ids_do_not_depend_on_backends_weights_other_rules_or_gateways() {
    let plain = id("[{path: {value: /a}}]");
    let rules = "[{backendRefs: [{name: backend, port: 3000}]},
        {matches: [{path: {value: /a}}], sessionPersistence: {type: Header, sessionName: s, absoluteTimeout: 1h},
         backendRefs: [{name: backend, port: 3000, weight: 5}, {name: backend, port: 3000, weight: 2}]}]";
    let other = super::gateway("other", "[{name: http, protocol: HTTP, port: 81}]");
    let route =
        super::route_of("r", "parentRefs: [{name: other}, {name: eg}], hostnames: [a.example]", rules);
    assert_eq!(of(&model(&[BASE, &other, &route])), [plain]);
}

const FROZEN: &[(&str, &str)] = &[
    ("[{}]", "default/r@0a61c349ed0c6c53"),
    ("[{path: {type: Exact, value: /cart}}]", "default/r@c0977e59de7cf1af"),
    ("[{path: {type: RegularExpression, value: '/v[0-9]+/.*'}, method: POST}]", "default/r@0aa8d6ab5c2f74ac"),
    (
        "[{path: {value: /shop}, headers: [{name: X-Tenant, value: a}, {type: RegularExpression, name: b, value: 'c.*'}], \
         queryParams: [{name: q, value: '1'}]}, {path: {value: /admin}}]",
        "default/r@3b3ac63d6c89b784",
    ),
];
