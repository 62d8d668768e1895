//! Which listeners routes attach to (`ParentReference`, `AllowedRoutes`).

use envoy_config::diagnostic::Severity;
use envoy_config::model::Domain;
use envoy_config::options::Options;

use super::{
    BASE, compiled, exact, faulty, finding, gateway, model, model_with, names, prefix, route, route_of,
};

const TWO_PORTS: &str = "
  - {name: web, protocol: HTTP, port: 80}
  - {name: other, protocol: HTTP, port: 8080}";

fn in_namespace(document: &str, namespace: &str) -> String {
    document.replacen("metadata: {", &format!("metadata: {{namespace: {namespace}, "), 1)
}

fn allowing(namespaces: &str) -> String {
    gateway(
        "open",
        &format!("[{{name: http, protocol: HTTP, port: 81, allowedRoutes: {{namespaces: {namespaces}}}}}]"),
    )
}

fn shop(namespaces: &str, labels: Option<&str>) -> Vec<String> {
    let service = "
apiVersion: v1
kind: Service
metadata: {name: backend}
spec: {clusterIP: None, ports: [{port: 3000}]}";
    let mut documents = vec![
        BASE.to_owned(),
        allowing(namespaces),
        in_namespace(service, "shop"),
        in_namespace(&route_of("r", "parentRefs: [{name: open, namespace: default}]", &prefix("/")), "shop"),
    ];
    if let Some(labels) = labels {
        documents
            .push(format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: shop, labels: {labels}}}}}"));
    }
    documents
}

fn is_allowed(namespaces: &str, labels: Option<&str>) -> bool {
    let documents = shop(namespaces, labels);
    let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
    let (model, codes) = faulty(&documents);
    let model = model.unwrap();
    let open = model.listeners.iter().find(|listener| listener.name == "default/open/81").unwrap();
    let attached = !names(open, &Domain::Any).is_empty();
    assert_eq!(codes, if attached { vec![] } else { vec!["namespace-not-allowed"] });
    attached
}

#[test]
fn parent_refs_without_section_or_port_select_all_listeners() {
    let model = model(&[
        BASE,
        &gateway("two", TWO_PORTS).replace("port: 80}", "port: 81}"),
        &route_of("r", "parentRefs: [{name: two}]", &prefix("/")),
    ]);
    assert_eq!(names(&model.listeners[1], &Domain::Any), ["default/r/0/0"]);
    assert_eq!(names(&model.listeners[2], &Domain::Any), ["default/r/0/0"]);
}

#[test]
fn section_names_and_ports_select_listeners() {
    let base = BASE.replace("  - {name: http, protocol: HTTP, port: 80}", TWO_PORTS);
    for parent in ["sectionName: other", "port: 8080", "sectionName: other, port: 8080"] {
        let front = format!("parentRefs: [{{name: eg, {parent}}}]");
        let model = model(&[&base, &route_of("r", &front, &prefix("/"))]);
        assert!(names(&model.listeners[0], &Domain::Any).is_empty(), "{parent}");
        assert_eq!(names(&model.listeners[1], &Domain::Any), ["default/r/0/0"], "{parent}");
    }
}

#[test]
fn missing_listeners_are_errors_that_list_the_others() {
    let route_with =
        |parent: &str| route_of("r", &format!("parentRefs: [{{name: eg, {parent}}}]"), &prefix("/"));
    let found = finding(&[BASE, &route_with("sectionName: htpt")]);
    assert_eq!(
        (found.code.name(), found.hint.as_deref()),
        ("missing-listener", Some("did you mean `http`?"))
    );
    assert_eq!(found.field.as_deref(), Some("spec.parentRefs[0].sectionName"));
    let found = finding(&[BASE, &route_with("port: 81")]);
    assert_eq!(
        (found.code.name(), found.hint.as_deref()),
        ("missing-listener", Some("its other listeners are `http` on port 80"))
    );
    let found = finding(&[BASE, &route_with("sectionName: http, port: 81")]);
    assert_eq!(found.code.name(), "missing-listener");
    assert_eq!(found.message, "Gateway `eg` has no listener named `http` on port 81");
}

#[test]
fn missing_gateways_are_errors_with_a_suggestion() {
    let found = finding(&[BASE, &route_of("r", "parentRefs: [{name: ge}]", &prefix("/"))]);
    assert_eq!(
        (found.code.name(), found.hint.as_deref()),
        ("missing-gateway", Some("did you mean `default/eg`?"))
    );
    let found = finding(&[BASE, &route_of("r", "parentRefs: [{name: eg, namespace: infra}]", &prefix("/"))]);
    assert_eq!(found.code.name(), "missing-gateway");
    assert!(found.hint.unwrap().ends_with("default/eg"));
}

#[test]
fn routes_without_parents_are_warnings() {
    let found = finding(&[BASE, &route_of("r", "hostnames: [a.example]", &prefix("/"))]);
    assert_eq!((found.code.name(), found.severity), ("no-parent", Severity::Warning));
}

#[test]
fn each_parent_ref_is_checked_separately() {
    let (model, codes) =
        faulty(&[BASE, &route_of("r", "parentRefs: [{name: eg}, {name: gone}]", &prefix("/"))]);
    assert_eq!(codes, ["missing-gateway"]);
    assert_eq!(names(&model.unwrap().listeners[0], &Domain::Any), ["default/r/0/0"]);
}

#[test]
fn only_routes_of_the_gateways_namespace_attach_by_default() {
    assert!(!is_allowed("{}", None));
    assert!(!is_allowed("{from: Same}", None));
    assert!(is_allowed("{from: All}", None));
}

#[test]
fn namespace_selectors_match_labels() {
    for (selector, allowed) in [
        ("{matchLabels: {team: a}}", true),
        ("{matchLabels: {team: b}}", false),
        ("{matchLabels: {team: a, tier: x}}", false),
        ("{matchExpressions: [{key: team, operator: In, values: [b, a]}]}", true),
        ("{matchExpressions: [{key: team, operator: NotIn, values: [b, a]}]}", false),
        ("{matchExpressions: [{key: tier, operator: NotIn, values: [x]}]}", true),
        ("{matchExpressions: [{key: team, operator: Exists}]}", true),
        ("{matchExpressions: [{key: tier, operator: Exists}]}", false),
        ("{matchExpressions: [{key: tier, operator: DoesNotExist}]}", true),
        ("{matchExpressions: [{key: team, operator: DoesNotExist}]}", false),
        ("{matchLabels: {kubernetes.io/metadata.name: shop}}", true),
        ("{matchLabels: {kubernetes.io/metadata.name: default}}", false),
        ("{}", true),
    ] {
        let namespaces = format!("{{from: Selector, selector: {selector}}}");
        assert_eq!(is_allowed(&namespaces, Some("{team: a}")), allowed, "{selector}");
    }
}

#[test]
fn missing_namespaces_have_only_the_name_label() {
    assert!(is_allowed(
        "{from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: shop}}}",
        None
    ));
    let documents = shop("{from: Selector, selector: {matchLabels: {team: a}}}", None);
    let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
    let found = finding(&documents);
    assert_eq!(
        found.hint.as_deref(),
        Some("the listener selects namespaces by label: add Namespace `shop` to the input")
    );
}

#[test]
fn disjoint_hostnames_are_errors_that_list_those_of_the_listeners() {
    let base = BASE.replace("port: 80}", "port: 80, hostname: \"*.example.com\"}");
    let front = "parentRefs: [{name: eg}], hostnames: [example.com, www.example.org]";
    let found = finding(&[&base, &route_of("r", front, &prefix("/"))]);
    assert_eq!(
        (found.code.name(), found.hint.as_deref()),
        ("no-matching-hostname", Some("its listeners serve `*.example.com`"))
    );
}

#[test]
fn gateways_that_are_not_selected_and_their_routes_report_nothing() {
    let options = Options { gateway: Some("default/eg".parse().unwrap()), ..Options::default() };
    let other = gateway("other", "[{name: http, protocol: HTTP, port: 80}]");
    let broken = route_of("b", "parentRefs: [{name: other}]", "[{backendRefs: [{name: gone, port: 1}]}]");
    let model = model_with(&[BASE, &other, &route("r", &prefix("/")), &broken], &options);
    assert_eq!(model.listeners.len(), 1);
    assert_eq!(names(&model.listeners[0], &Domain::Any), ["default/r/0/0"]);
}

#[test]
fn gateways_with_a_missing_class_are_served_with_one_warning_per_class() {
    let one = BASE.replace("gatewayClassName: eg", "gatewayClassName: nginx");
    let other = gateway("other", "[{name: http, protocol: HTTP, port: 81}]")
        .replace("gatewayClassName: eg", "gatewayClassName: nginx");
    let found = compiled(&[&one, &other, &route("r", &prefix("/"))], &Options::default());
    let model = found.model.expect("it is served");
    assert_eq!(model.listeners.len(), 2);
    assert_eq!(names(&model.listeners[0], &Domain::Any), ["default/r/0/0"]);
    let [warning] = &found.diagnostics[..] else { panic!("{:#?}", found.diagnostics) };
    assert_eq!((warning.code.name(), warning.severity), ("missing-gateway-class", Severity::Warning));
    let message = "GatewayClass `nginx` not found in the input; its 2 Gateways are served anyway";
    assert_eq!(warning.message, message);
}

#[test]
fn no_class_is_needed_where_it_is_clear_which_gateway_is_served() {
    let (class, base) = BASE.split_once("---").unwrap();
    assert!(class.contains("kind: GatewayClass"));
    let route = route("r", &prefix("/"));
    let alone = compiled(&[base, &route], &Options::default());
    assert_eq!((alone.diagnostics, alone.notes.class_is_missing), (vec![], true));
    assert_eq!(alone.model.expect("it is served").listeners.len(), 1);

    let other = gateway("other", "[{name: http, protocol: HTTP, port: 81}]");
    let wanted = Options { gateway: Some("default/eg".parse().unwrap()), ..Options::default() };
    let named = compiled(&[base, &other, &route], &wanted);
    assert_eq!((named.diagnostics, named.notes.class_is_missing), (vec![], true));

    let unclear = compiled(&[base, &other, &route], &Options::default());
    let codes: Vec<_> = unclear.diagnostics.iter().map(|found| found.code.name()).collect();
    assert_eq!((codes, unclear.notes.class_is_missing), (vec!["missing-gateway-class"], false));
    assert!(!compiled(&[BASE, &route], &Options::default()).notes.class_is_missing);
}

#[test]
fn misspelt_class_names_get_a_suggestion() {
    let base = BASE.replace("gatewayClassName: eg", "gatewayClassName: ge");
    let found = finding(&[&base, &route("r", &prefix("/"))]);
    assert_eq!(
        (found.code.name(), found.hint.as_deref()),
        ("missing-gateway-class", Some("did you mean `eg`?"))
    );
}

#[test]
fn gateways_with_an_unreadable_class_are_served_without_a_second_error() {
    let base = BASE.replace("controllerName:", "controllrName:");
    let options = Options { keep_going: true, ..Options::default() };
    let found = compiled(&[&base, &route("r", &prefix("/"))], &options);
    assert_eq!(found.model.expect("it is served").listeners.len(), 1);
    assert!(found.diagnostics.iter().all(|one| one.object.as_deref() == Some("GatewayClass eg")));
}

#[test]
fn class_parameters_are_warnings() {
    let parameters = "controllerName: example.com/controller, parametersRef: {group: gateway.envoyproxy.io, \
                      kind: EnvoyProxy, name: custom, namespace: envoy-gateway-system}";
    let base = BASE.replace("controllerName: example.com/controller", parameters);
    let found = compiled(&[&base, &route("r", &prefix("/"))], &Options::default());
    assert_eq!(found.model.expect("it is served").listeners.len(), 1, "{:#?}", found.diagnostics);
    let [warning] = &found.diagnostics[..] else { panic!("{:#?}", found.diagnostics) };
    assert_eq!((warning.code.name(), warning.severity), ("parameters-not-applied", Severity::Warning));
    assert!(warning.message.contains("EnvoyProxy `custom`"), "{}", warning.message);
}

#[test]
fn manifests_without_a_gateway_say_what_to_add() {
    let found = compiled(&[&route("r", &prefix("/"))], &Options::default());
    assert!(found.model.is_none());
    assert_eq!(found.diagnostics[0].code.name(), "no-gateway");
    assert!(found.diagnostics[0].hint.as_ref().unwrap().contains("add a Gateway"));
}

#[test]
fn routes_that_attach_to_several_listeners_are_served_once_per_hostname() {
    let listeners = "
  - {name: a, protocol: HTTP, port: 80, hostname: a.example}
  - {name: all, protocol: HTTP, port: 80}";
    let base = BASE.replace("  - {name: http, protocol: HTTP, port: 80}", listeners);
    let model = model(&[&base, &route("r", &prefix("/"))]);
    assert_eq!(model.listeners.len(), 1);
    assert_eq!(names(&model.listeners[0], &exact("a.example")), ["default/r/0/0"]);
    assert_eq!(names(&model.listeners[0], &Domain::Any), ["default/r/0/0"]);
}
