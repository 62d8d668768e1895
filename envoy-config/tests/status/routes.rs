//! The statuses of routes at their parents (`httproute-*.go` of the conformance suite).

use envoy_config::options::Options;

use super::{
    BACKEND, BASE, formatted, gateway, gateway_status, in_namespace, of, one, parents, route,
    route_conditions, statuses, statuses_with,
};
use envoy_config::status::{ConditionType, ObjectStatus};

const FINE: [&str; 2] = ["Accepted=True Accepted", "ResolvedRefs=True ResolvedRefs"];

/// The conditions of a route with these fields at the start of its spec and these backendRefs, and the number
/// of routes at `eg`.
fn conditions(front: &str, backends: &str, more: &[&str]) -> (Vec<String>, usize) {
    let route = route("r", front, backends);
    let documents: Vec<&str> = [BASE, &route].into_iter().chain(more.iter().copied()).collect();
    let statuses = statuses(&documents);
    (route_conditions(&statuses, "r"), gateway_status(&statuses, "eg").1[0].attached_routes)
}

/// `httproute-simple-same-namespace`, `httproute-omitted-backendrefs`, `httproute-named-rule` and all that route requests.
#[test]
fn valid_routes_are_accepted_and_resolved() {
    for backends in [BACKEND, ""] {
        let (found, attached) = conditions("parentRefs: [{name: eg}]", backends, &[]);
        assert_eq!((found, attached), (FINE.map(str::to_owned).to_vec(), 1), "{backends}");
    }
}

/// `httproute-invalid-parentref-not-matching-listener-port`, `…-not-matching-section-name`,
/// `…-section-name-not-matching-port`.
#[test]
fn parent_refs_to_missing_listeners_have_no_matching_parent() {
    for parent in
        ["port: 81", "sectionName: http1, port: 80", "sectionName: http1", "sectionName: http, port: 81"]
    {
        let (found, attached) = conditions(&format!("parentRefs: [{{name: eg, {parent}}}]"), BACKEND, &[]);
        assert_eq!(found, ["Accepted=False NoMatchingParent", FINE[1]], "{parent}");
        assert_eq!(attached, 0, "{parent}");
    }
    assert_eq!(
        conditions("parentRefs: [{name: gone}]", BACKEND, &[]).0,
        ["Accepted=False NoMatchingParent", FINE[1]]
    );
}

/// `httproute-invalid-cross-namespace-parent-ref`, `httproute-cross-namespace`.
#[test]
fn routes_from_other_namespaces_are_not_allowed() {
    let service = in_namespace(
        "{apiVersion: v1, kind: Service, metadata: {name: backend}, spec: {ports: [{port: 3000}]}}",
        "shop",
    );
    let other = in_namespace(&route("r", "parentRefs: [{name: eg, namespace: default}]", BACKEND), "shop");
    let found = statuses(&[BASE, &service, &other]);
    assert_eq!(route_conditions(&found, "r"), ["Accepted=False NotAllowedByListeners", FINE[1]]);
    assert_eq!(gateway_status(&found, "eg").1[0].attached_routes, 0);

    let label = "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {takes: part}}}";
    let selecting = BASE.replace(
        "port: 80}",
        "port: 80, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {takes: part}}}}}",
    );
    let found = statuses(&[&selecting, &service, &other, label]);
    assert_eq!(route_conditions(&found, "r"), FINE);
    assert_eq!(gateway_status(&found, "eg").1[0].attached_routes, 1);
}

/// `httproute-disallowed-kind`.
#[test]
fn routes_of_other_kinds_are_not_allowed() {
    let calls = BASE.replace("port: 80}", "port: 80, allowedRoutes: {kinds: [{kind: GRPCRoute}]}}");
    let found = statuses(&[&calls, &route("r", "parentRefs: [{name: eg}]", BACKEND)]);
    assert_eq!(route_conditions(&found, "r"), ["Accepted=False NotAllowedByListeners", FINE[1]]);
    assert_eq!(gateway_status(&found, "eg").1[0].attached_routes, 0);
}

/// `httproute-hostname-intersection`.
#[test]
fn routes_with_disjoint_hostnames_have_no_matching_listener_hostname() {
    let named = BASE.replace("port: 80}", "port: 80, hostname: \"*.example.com\"}");
    for (hostname, expected) in [
        ("very.specific.example.com", FINE[0]),
        ("\"*.com\"", FINE[0]),
        ("example.com", "Accepted=False NoMatchingListenerHostname"),
        ("\"*.example.org\"", "Accepted=False NoMatchingListenerHostname"),
    ] {
        let front = format!("parentRefs: [{{name: eg}}], hostnames: [{hostname}]");
        let found = statuses(&[&named, &route("r", &front, BACKEND)]);
        assert_eq!(route_conditions(&found, "r"), [expected, FINE[1]], "{hostname}");
        let attached = usize::from(expected == FINE[0]);
        assert_eq!(gateway_status(&found, "eg").1[0].attached_routes, attached, "{hostname}");
    }
}

/// `httproute-invalid-nonexistent-backendref`, `httproute-invalid-backendref-unknown-kind`.
#[test]
fn routes_with_missing_or_unsupported_backends_are_accepted() {
    for (backends, reason) in [
        ("{name: gone, port: 3000}", "BackendNotFound"),
        ("{name: backend, port: 1}", "BackendNotFound"),
        ("{name: backend, kind: Unknown, group: example.com}", "InvalidKind"),
        ("{name: backend, port: 3000}, {name: gone, port: 3000, weight: 0}", "BackendNotFound"),
    ] {
        let (found, attached) = conditions("parentRefs: [{name: eg}]", backends, &[]);
        assert_eq!(found, [FINE[0], &format!("ResolvedRefs=False {reason}")], "{backends}");
        assert_eq!(attached, 1, "{backends}");
    }
}

/// `httproute-backend-protocol-*`: a protocol that cannot carry the requests.
#[test]
fn backends_with_other_protocols_are_unsupported() {
    for (protocol, expected) in [
        ("kubernetes.io/h2c", FINE[1]),
        ("kubernetes.io/ws", FINE[1]),
        ("mysql", "ResolvedRefs=False UnsupportedProtocol"),
    ] {
        let service = format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: other}}, spec: {{ports: [{{port: 3000, appProtocol: {protocol}}}]}}}}"
        );
        let (found, _) = conditions("parentRefs: [{name: eg}]", "{name: other, port: 3000}", &[&service]);
        assert_eq!(found, [FINE[0], expected], "{protocol}");
    }
}

/// `httproute-invalid-cross-namespace-backend-ref`, `httproute-invalid-reference-grant`,
/// `httproute-partially-invalid-via-invalid-reference-grant`, `httproute-reference-grant`.
#[test]
fn backends_in_other_namespaces_need_a_grant() {
    let service = in_namespace(
        "{apiVersion: v1, kind: Service, metadata: {name: backend}, spec: {ports: [{port: 3000}]}}",
        "shop",
    );
    let grant = |from: &str, to: &str| {
        format!(
            "{{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {{name: g, namespace: shop}}, \
             spec: {{from: [{{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: {from}}}], to: [{{group: \"\", kind: Service{to}}}]}}}}"
        )
    };
    let refused = "ResolvedRefs=False RefNotPermitted";
    let elsewhere = "{name: backend, namespace: shop, port: 3000}";
    for (backends, grants, expected) in [
        (elsewhere.to_owned(), vec![], refused),
        (elsewhere.to_owned(), vec![grant("other", "")], refused),
        (elsewhere.to_owned(), vec![grant("default", ", name: another")], refused),
        (format!("{BACKEND}, {elsewhere}"), vec![grant("other", "")], refused),
        (elsewhere.to_owned(), vec![grant("default", "")], FINE[1]),
        (elsewhere.to_owned(), vec![grant("default", ", name: backend")], FINE[1]),
    ] {
        let more: Vec<&str> =
            [service.as_str()].into_iter().chain(grants.iter().map(String::as_str)).collect();
        let (found, attached) = conditions("parentRefs: [{name: eg}]", &backends, &more);
        assert_eq!(found, [FINE[0], expected], "{backends} {grants:?}");
        assert_eq!(attached, 1);
    }
}

/// `httproute-multiple-gateways`: each parentRef has its own conditions, in the manifest's order, and its controller.
#[test]
fn each_parent_ref_has_its_own_conditions() {
    let second = gateway("second", "[{name: http, protocol: HTTP, port: 81, hostname: a.example}]");
    let front = "parentRefs: [{name: second, namespace: default}, {name: eg, sectionName: http, port: 80}, {name: gone}], \
                 hostnames: [b.example]";
    let found = statuses(&[BASE, &second, &route("r", front, BACKEND)]);
    let parents = parents(&found, "r");
    let reasons: Vec<String> =
        parents.iter().map(|parent| one(&parent.conditions, ConditionType::Accepted)).collect();
    assert_eq!(reasons, ["False NoMatchingListenerHostname", "True Accepted", "False NoMatchingParent"]);
    let references: Vec<_> = parents
        .iter()
        .map(|parent| {
            let reference = &parent.parent_ref;
            (
                reference.name.as_str(),
                reference.namespace.as_deref(),
                reference.section_name.as_deref(),
                reference.port,
            )
        })
        .collect();
    assert_eq!(
        references,
        [
            ("second", Some("default"), None, None),
            ("eg", None, Some("http"), Some(80)),
            ("gone", None, None, None)
        ]
    );
    let controllers: Vec<_> = parents.iter().map(|parent| parent.controller_name.as_deref()).collect();
    assert_eq!(controllers, [Some("example.com/controller"), Some("example.com/controller"), None]);
}

/// Unsupported filters, incompatible filters and an invalid expression, in some rules of a route or in all.
#[test]
fn invalid_rules_make_a_route_partially_invalid_or_invalid() {
    let route = |rules: &str| {
        format!(
            "{{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {{name: r}}, \
             spec: {{parentRefs: [{{name: eg}}], rules: {rules}}}}}"
        )
    };
    let redirect = "{type: RequestRedirect, requestRedirect: {hostname: a.example}}";
    let mirror = "{type: RequestMirror, requestMirror: {backendRef: {name: backend, port: 3000}}}";
    for (rule, reason) in [
        (
            String::from(
                "{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: Host, value: a}]}}]}",
            ),
            "UnsupportedValue",
        ),
        (String::from("{matches: [{path: {type: RegularExpression, value: '/('}}]}"), "UnsupportedValue"),
        (format!("{{filters: [{redirect}, {mirror}]}}"), "IncompatibleFilters"),
    ] {
        let some = statuses(&[BASE, &route(&format!("[{{}}, {rule}]"))]);
        let partly = "PartiallyInvalid=True UnsupportedValue";
        assert_eq!(route_conditions(&some, "r"), [FINE[0], FINE[1], partly], "{rule}");
        let message = &parents(&some, "r")[0].conditions[2].message;
        assert!(message.starts_with("Dropped Rule 1: "), "{message}");
        assert_eq!(gateway_status(&some, "eg").1[0].attached_routes, 1);

        let all = statuses(&[BASE, &route(&format!("[{rule}, {rule}]"))]);
        let refused = format!("Accepted=False {reason}");
        assert_eq!(route_conditions(&all, "r"), [refused.as_str(), FINE[1]], "{rule}");
        assert_eq!(gateway_status(&all, "eg").1[0].attached_routes, 0);
    }
}

#[test]
fn filters_of_unknown_kinds_do_not_resolve() {
    let route = "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r}, spec: {parentRefs: [{name: eg}], \
                 rules: [{filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: Thing, name: t}}]}]}}";
    assert_eq!(route_conditions(&statuses(&[BASE, route]), "r"), [FINE[0], "ResolvedRefs=False InvalidKind"]);
}

#[test]
fn unreadable_routes_are_not_accepted_by_any_parent() {
    let wrong = route("r", "parentRefs: [{name: eg}, {name: other}], hostname: a.example", BACKEND);
    let found = statuses(&[BASE, &wrong]);
    let parents = parents(&found, "r");
    assert_eq!(parents.len(), 2);
    for parent in parents {
        assert_eq!(formatted(&parent.conditions), ["Accepted=False UnsupportedValue"]);
        assert!(parent.conditions[0].message.contains("unknown field `hostname`"));
    }
    assert_eq!(gateway_status(&found, "eg").1[0].attached_routes, 0);
}

#[test]
fn routes_of_unreadable_gateways_are_pending() {
    let wrong = BASE.replace("protocol: HTTP", "protokol: HTTP");
    let found = statuses(&[&wrong, &route("r", "parentRefs: [{name: eg}]", BACKEND)]);
    assert_eq!(route_conditions(&found, "r")[0], "Accepted=Unknown Pending");
    assert_eq!(one(gateway_status(&found, "eg").0, ConditionType::Accepted), "False Invalid");
}

#[test]
fn objects_of_other_gateways_have_no_status() {
    let second = gateway("second", "[{name: http, protocol: HTTP, port: 80}]");
    let both = route("both", "parentRefs: [{name: eg}, {name: second}]", BACKEND);
    let other = route("other", "parentRefs: [{name: second}]", BACKEND);
    let options = Options { gateway: Some("default/eg".parse().unwrap()), ..Options::default() };
    let found = statuses_with(&[BASE, &second, &both, &other], &options);
    let names: Vec<&str> = found.iter().map(|one| one.metadata.name.as_str()).collect();
    assert_eq!(names, ["eg", "eg", "both"]);
    assert_eq!(parents(&found, "both").len(), 1);
    assert!(found.iter().all(ObjectStatus::is_fine), "{found:#?}");
}

#[test]
fn routes_without_parents_are_fine_unless_unreadable() {
    for (front, is_fine) in [("hostnames: [a.example]", true), ("hostname: a.example", false)] {
        let found = statuses(&[BASE, &route("r", front, BACKEND)]);
        assert!(parents(&found, "r").is_empty());
        let status = of(&found, "HTTPRoute", "r");
        assert_eq!((status.is_fine(), status.conditions().count()), (is_fine, 0), "{front}");
    }
}
