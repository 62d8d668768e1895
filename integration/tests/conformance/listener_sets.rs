//! ListenerSets: which Gateways allow them, which listeners conflict, and which routes attach to them.

use crate::case::{Case, get};
use crate::documents::{
    TO_V1, TO_V2, TO_V3, gateway, gateway_with_sets, grant, http_route, listener_for, listener_set,
    namespace, rule, set_parent,
};
use crate::infrastructure::{INFRA, Target, V1, V2, V3};
use crate::replay::{Replay, statuses};

/// A namespace beside that of the Gateways.
const OTHER: &str = "other";

/// A Gateway that is allowed no ListenerSets accepts none; `from` is what it says.
fn check_not_allowed(gateway: &str) {
    let found = statuses(&[
        gateway.to_owned(),
        listener_set(INFRA, "set", "closed", &listener_for("http", "set.example")),
    ]);
    assert_eq!(found.of_gateway("closed", "Accepted"), "True Accepted");
    assert_eq!(found.listener_sets("closed"), 0);
    for condition in ["Accepted", "Programmed"] {
        assert_eq!(found.of_set(INFRA, "set", condition), "False NotAllowed");
    }
}

/// `from: None` allows no ListenerSets.
#[tokio::test]
async fn listenerset_allowed_namespace_none() {
    check_not_allowed(&gateway_with_sets("closed", "{from: None}"));
}

/// Without `allowedListeners`, no ListenerSet is allowed.
#[tokio::test]
async fn listenerset_default_not_allowed() {
    check_not_allowed(&gateway("closed", "\n  - {name: http, protocol: HTTP, port: 80}"));
}

/// Of two ListenerSets in different namespaces, the Gateway allows that in this namespace.
fn check_one_allowed(from: &str, allowed: &str, documents: &[String]) {
    let set = |namespace: &str| {
        listener_set(namespace, "set", "open", &listener_for("http", &format!("{namespace}.example")))
    };
    let of_test = [gateway_with_sets("open", from), set(INFRA), set(OTHER)];
    let found = statuses(&[&of_test, documents].concat());
    assert_eq!(found.of_gateway("open", "Accepted"), "True Accepted");
    assert_eq!(found.listener_sets("open"), 1);
    for namespace in [INFRA, OTHER] {
        let (accepted, programmed) = if namespace == allowed {
            ("True Accepted", "True Programmed")
        } else {
            ("False NotAllowed", "False NotAllowed")
        };
        assert_eq!(found.of_set(namespace, "set", "Accepted"), accepted);
        assert_eq!(found.of_set(namespace, "set", "Programmed"), programmed);
    }
    for condition in ["ResolvedRefs", "Accepted", "Programmed"] {
        let told = found.of_set_listener((allowed, "set"), "http", condition);
        assert!(told.starts_with("True "), "{condition}: {told}");
    }
}

/// `from: Same` allows the ListenerSets of the Gateway's namespace.
#[tokio::test]
async fn listenerset_allowed_namespace_same() {
    check_one_allowed("{from: Same}", INFRA, &[]);
}

/// `from: Selector` allows the ListenerSets of the selected namespaces.
#[tokio::test]
async fn listenerset_allowed_namespace_selector() {
    let selector = "{from: Selector, selector: {matchLabels: {allowed: ns}}}";
    check_one_allowed(selector, OTHER, &[namespace(OTHER, "allowed: ns")]);
}

/// `allowedRoutes` of a ListenerSet's listener counts from the namespace of the ListenerSet.
#[tokio::test]
async fn listenerset_allowed_routes_namespaces() {
    const STRANGE: &str = "strange";
    let listener = |name: &str, from: &str| {
        format!(
            "\n  - {{name: {name}, protocol: HTTP, port: 80, hostname: {name}.example, allowedRoutes: {{namespaces: {from}}}}}"
        )
    };
    let listeners = [
        listener("all", "{from: All}"),
        listener("same", "{from: Same}"),
        listener("selected", "{from: Selector, selector: {matchLabels: {allowed: ns}}}"),
    ];
    let backend = |target: Target| {
        format!("backendRefs: [{{name: {}, namespace: {}, port: 8080}}]", target.service, target.namespace)
    };
    let on = |namespace: &str, name: &str, parent: &str, target: Target| {
        let rules = rule(&format!("/{name}"), &[&backend(target)]);
        http_route(namespace, name, parent, "", &rules)
    };
    let set = set_parent(INFRA, "set");
    let cross = set_parent("cross", "cross");
    let from = [OTHER, STRANGE, "cross"].map(|namespace| {
        format!("{{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: {namespace}}}")
    });
    let documents = [
        gateway_with_sets("open", "{from: All}"),
        listener_set(INFRA, "set", "open", &listeners.concat()),
        listener_set("cross", "cross", "open", &listener("cross", "{from: Same}")),
        namespace(OTHER, "allowed: ns"),
        namespace(STRANGE, ""),
        namespace("cross", ""),
        grant(INFRA, "backends", &from.join(", "), "{group: \"\", kind: Service}"),
        on(INFRA, "same-namespace", &set, V1),
        on(OTHER, "selected-namespace", &set, V2),
        on(STRANGE, "other-namespace", &set, V3),
        on("cross", "with-its-set", &cross, V1),
        on(INFRA, "with-the-gateway", &cross, V2),
    ];
    let faulty = ["HTTPRoute gateway-conformance-infra/with-the-gateway"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    let found = &replay.statuses;
    assert_eq!(found.listener_sets("open"), 2);
    for (namespace, route) in
        [(INFRA, "same-namespace"), (OTHER, "selected-namespace"), (STRANGE, "other-namespace")]
    {
        assert_eq!(found.of_route(namespace, route, "Accepted"), ["True Accepted"], "{route}");
    }
    for (listener, routes) in [("all", 3), ("same", 1), ("selected", 1)] {
        assert_eq!(found.attached_to_set((INFRA, "set"), listener), routes, "{listener}");
    }
    assert_eq!(found.of_route("cross", "with-its-set", "Accepted"), ["True Accepted"]);
    assert_eq!(found.of_route(INFRA, "with-the-gateway", "Accepted"), ["False NotAllowedByListeners"]);
    assert_eq!(found.attached_to_set(("cross", "cross"), "cross"), 1);

    let at = |host: &str, route: &str| get(&format!("/{route}")).host(host);
    let cases = [
        at("all.example", "same-namespace").reaches(V1),
        at("all.example", "selected-namespace").reaches(V2),
        at("all.example", "other-namespace").reaches(V3),
        at("same.example", "same-namespace").reaches(V1),
        at("same.example", "selected-namespace").answers(404),
        at("same.example", "other-namespace").answers(404),
        at("selected.example", "same-namespace").answers(404),
        at("selected.example", "selected-namespace").reaches(V2),
        at("selected.example", "other-namespace").answers(404),
        at("cross.example", "with-its-set").reaches(V1),
        at("cross.example", "with-the-gateway").answers(404),
    ];
    replay.check("open", 80, &cases).await;
}

/// A listener with the protocol TLS supports no HTTPRoutes.
#[tokio::test]
async fn listenerset_allowed_routes_supported_kinds() {
    let listener = "\n  - {name: tls, protocol: TLS, port: 443, hostname: tls.example, tls: {mode: Passthrough}, \
                    allowedRoutes: {namespaces: {from: All}, kinds: [{kind: HTTPRoute}]}}";
    let found =
        statuses(&[gateway_with_sets("open", "{from: All}"), listener_set(INFRA, "set", "open", listener)]);
    assert_eq!(found.of_gateway("open", "Accepted"), "True Accepted");
    let told = found.of_set_listener((INFRA, "set"), "tls", "ResolvedRefs");
    assert_eq!(told, "False InvalidRouteKinds");
}

/// Each parentRef has a condition of its own, whether it names a Gateway or a ListenerSet.
#[tokio::test]
async fn listenerset_dual_parentref_independence() {
    let own = "name: two";
    let set = "group: gateway.networking.k8s.io, kind: ListenerSet, name: set";
    let parents = |more: &str| format!("{{{own}{more}}}, {{{set}{more}}}");
    let documents = [
        gateway_with_sets("two", "{from: Same}"),
        listener_set(INFRA, "set", "two", &listener_for("of-the-set", "set.example")),
        http_route(INFRA, "both", &parents(""), "", &rule("/both", &[TO_V1])),
        http_route(INFRA, "one", &parents(", sectionName: of-the-set"), "", &rule("/one", &[TO_V2])),
    ];
    let faulty = ["HTTPRoute gateway-conformance-infra/one"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    let accepted = |route: &str| replay.statuses.of_route(INFRA, route, "Accepted");
    assert_eq!(replay.statuses.listener_sets("two"), 1);
    assert_eq!(replay.statuses.attached_to_set((INFRA, "set"), "of-the-set"), 2);
    assert_eq!(accepted("both"), ["True Accepted", "True Accepted"]);
    assert_eq!(accepted("one"), ["False NoMatchingParent", "True Accepted"]);
    let cases = [
        get("/both").host("gateway.example").reaches(V1),
        get("/both").host("set.example").reaches(V1),
        get("/one").host("set.example").reaches(V2),
        get("/one").host("gateway.example").answers(404),
    ];
    replay.check("two", 80, &cases).await;
}

/// A parentRef to a Gateway does not find the listeners of its ListenerSets.
#[tokio::test]
async fn listenerset_gateway_parent_section_name_not_found() {
    let section = "sectionName: of-the-set";
    let documents = [
        gateway_with_sets("sections", "{from: Same}"),
        listener_set(INFRA, "set", "sections", &listener_for("of-the-set", "set.example")),
        http_route(
            INFRA,
            "by-set",
            &format!("{{kind: ListenerSet, name: set, {section}}}"),
            "",
            &rule("/good", &[TO_V1]),
        ),
        http_route(
            INFRA,
            "by-gateway",
            &format!("{{name: sections, {section}}}"),
            "",
            &rule("/bad", &[TO_V2]),
        ),
    ];
    let faulty = ["HTTPRoute gateway-conformance-infra/by-gateway"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    assert_eq!(replay.statuses.of_route(INFRA, "by-set", "Accepted"), ["True Accepted"]);
    assert_eq!(replay.statuses.of_route(INFRA, "by-gateway", "Accepted"), ["False NoMatchingParent"]);
    let cases = [
        get("/good").host("set.example").reaches(V1),
        get("/bad").host("gateway.example").answers(404),
        get("/bad").host("set.example").answers(404),
    ];
    replay.check("sections", 80, &cases).await;
}

/// Checks which listeners give way, given the conflicting listener of the Gateway, those of the ListenerSets, and the reason.
fn check_conflicts(with_gateway: [&str; 2], with_set: [&str; 2], reason: &str) {
    let [of_gateway, against_gateway] = with_gateway;
    let [first, against_first] = with_set;
    let document =
        format!("\n  - {{name: own, protocol: HTTP, port: 80, hostname: own.example}}{of_gateway}");
    let set = |name: &str, listeners: &[&str]| listener_set(INFRA, name, "contested", &listeners.concat());
    let found = statuses(&[
        gateway("contested", &format!("{document}\n  allowedListeners: {{namespaces: {{from: All}}}}")),
        set("set-1", &[&listener_for("fine", "one.example"), against_gateway, first]),
        set("set-2", &[against_gateway]),
        set("set-3", &[&listener_for("fine", "two.example"), against_first]),
        set("set-4", &[against_first]),
    ]);
    assert_eq!(found.of_gateway("contested", "Accepted"), "True Accepted");
    assert_eq!(found.listener_sets("contested"), 2);
    for listener in ["own", "contested"] {
        for condition in ["Accepted", "Programmed", "ResolvedRefs"] {
            let told = found.of_listener("contested", listener, condition);
            assert!(told.starts_with("True "), "{listener}: {condition}: {told}");
        }
    }
    for set in ["set-1", "set-3"] {
        let accepted = found.of_set(INFRA, set, "Accepted");
        assert!(accepted.starts_with("True "), "{set}: {accepted}");
        assert_eq!(found.of_set(INFRA, set, "Programmed"), "True Programmed");
        assert_eq!(found.of_set_listener((INFRA, set), "fine", "Programmed"), "True Programmed");
    }
    assert_eq!(found.of_set_listener((INFRA, "set-1"), "first", "Programmed"), "True Programmed");
    for set in ["set-2", "set-4"] {
        for condition in ["Accepted", "Programmed"] {
            assert_eq!(found.of_set(INFRA, set, condition), "False ListenersNotValid", "{set}");
        }
    }
    for set in ["set-1", "set-2", "set-3", "set-4"] {
        let told = |condition| found.of_set_listener((INFRA, set), "contested", condition);
        assert_eq!(told("Accepted"), format!("False {reason}"), "{set}");
        assert_eq!(told("Programmed"), format!("False {reason}"), "{set}");
        assert_eq!(told("Conflicted"), format!("True {reason}"), "{set}");
    }
}

/// Of two listeners with one hostname, that of the Gateway is served, or that of the ListenerSet that takes precedence.
#[tokio::test]
async fn listenerset_hostname_conflict() {
    let of_gateway = listener_for("contested", "contested.example");
    let first = listener_for("first", "first.example");
    let against_first = listener_for("contested", "first.example");
    check_conflicts([&of_gateway, &of_gateway], [&first, &against_first], "HostnameConflict");
}

/// Of two listeners with different protocols on one port, that of the Gateway is served.
#[tokio::test]
async fn listenerset_protocol_conflict() {
    let of_gateway = listener_for("contested", "contested.example");
    let other = "\n  - {name: contested, protocol: TCP, port: 80}";
    let first = listener_for("first", "first.example");
    check_conflicts([&of_gateway, other], [&first, other], "ProtocolConflict");
}

/// Routes attach to the listeners of the object that their parentRef names, and to no others.
#[tokio::test]
async fn listenerset_http_routing() {
    let set = |name: &str| set_parent(INFRA, name);
    let own = "{name: routing}";
    let section = |parent: &str, section: &str| parent.replace('}', &format!(", sectionName: {section}}}"));
    let listeners = |of: &str| {
        [1, 2]
            .map(|number| listener_for(&format!("listener-{number}"), &format!("{of}-{number}.example")))
            .concat()
    };
    let on = |name: &str, parents: &str, target: &str| {
        http_route(INFRA, name, parents, "", &rule(&format!("/{name}"), &[target]))
    };
    let documents = [
        gateway(
            "routing",
            &format!("{}\n  allowedListeners: {{namespaces: {{from: All}}}}", listeners("gateway")),
        ),
        listener_set(INFRA, "one", "routing", &listeners("one")),
        listener_set(INFRA, "two", "routing", &listeners("two")),
        on("everywhere", &format!("{own}, {}, {}", set("one"), set("two")), TO_V1),
        on("gateway", own, TO_V2),
        on("gateway-section", &section(own, "listener-1"), TO_V3),
        on("one", &set("one"), TO_V2),
        on("one-section", &section(&set("one"), "listener-1"), TO_V3),
        on("two", &set("two"), TO_V2),
    ];
    let replay = Replay::start(&documents).await;
    assert_eq!(replay.statuses.listener_sets("routing"), 2);
    for (set, listener, routes) in [
        ("one", "listener-1", 3),
        ("one", "listener-2", 2),
        ("two", "listener-1", 2),
        ("two", "listener-2", 2),
    ] {
        assert_eq!(replay.statuses.attached_to_set((INFRA, set), listener), routes, "{set}/{listener}");
    }
    let hosts = ["gateway-1", "gateway-2", "one-1", "one-2", "two-1", "two-2"];
    let served: [(&str, &[&str], Target); 6] = [
        ("everywhere", &hosts, V1),
        ("gateway", &["gateway-1", "gateway-2"], V2),
        ("gateway-section", &["gateway-1"], V3),
        ("one", &["one-1", "one-2"], V2),
        ("one-section", &["one-1"], V3),
        ("two", &["two-1", "two-2"], V2),
    ];
    let cases: Vec<Case> = served
        .iter()
        .flat_map(|&(path, on, target)| {
            hosts.iter().map(move |host| {
                let ask = get(&format!("/{path}")).host(&format!("{host}.example"));
                if on.contains(host) { ask.reaches(target) } else { ask.answers(404) }
            })
        })
        .collect();
    replay.check("routing", 80, &cases).await;
}

/// A ReferenceGrant for Gateways does not permit the references of ListenerSets.
#[tokio::test]
async fn listenerset_reference_grant() {
    let certificates = "tls: {certificateRefs: [{name: granted, namespace: granting}]}";
    let listener = |name: &str| {
        format!("\n  - {{name: https, protocol: HTTPS, port: 443, hostname: {name}.example, {certificates}}}")
    };
    let from = |kind: &str| format!("{{group: gateway.networking.k8s.io, kind: {kind}, namespace: {INFRA}}}");
    let to = "{group: \"\", kind: Secret}";
    let secret = include_str!("certificate.yaml")
        .replace(&format!("namespace: {INFRA}"), "namespace: granting")
        .replace("tls-validity-checks-certificate", "granted");
    let documents = [
        secret,
        gateway(
            "granted",
            &format!("{}\n  allowedListeners: {{namespaces: {{from: All}}}}", listener("own")),
        ),
        grant("granting", "for-gateways", &from("Gateway"), to),
        grant("granting", "for-sets", &from("ListenerSet"), to),
        listener_set(INFRA, "with", "granted", &listener("with")),
        listener_set(OTHER, "without", "granted", &listener("without")),
    ];
    let found = statuses(&documents);
    assert_eq!(found.of_gateway("granted", "Accepted"), "True Accepted");
    assert_eq!(found.of_set(INFRA, "with", "Accepted"), "True Accepted");
    assert_eq!(found.of_set(INFRA, "with", "Programmed"), "True Programmed");
    assert_eq!(found.of_set_listener((INFRA, "with"), "https", "ResolvedRefs"), "True ResolvedRefs");
    for condition in ["Accepted", "Programmed"] {
        assert_eq!(found.of_set(OTHER, "without", condition), "False ListenersNotValid");
    }
    assert_eq!(found.of_set_listener((OTHER, "without"), "https", "ResolvedRefs"), "False RefNotPermitted");
    // A grant for Gateways alone does not permit it.
    let mut without: Vec<String> = documents.to_vec();
    without.retain(|document| !document.contains("for-sets"));
    let found = statuses(&without);
    assert_eq!(found.of_set_listener((INFRA, "with"), "https", "ResolvedRefs"), "False RefNotPermitted");
}

/// The status of a route has the parents that it names, and no others.
#[tokio::test]
async fn listenerset_route_status_scoped_to_parentref() {
    let found = statuses(&[
        gateway_with_sets("scoped", "{from: Same}"),
        listener_set(INFRA, "set", "scoped", &listener_for("http", "set.example")),
        http_route(INFRA, "by-gateway", "{name: scoped}", "", &rule("/gateway", &[TO_V1])),
        http_route(INFRA, "by-set", &set_parent(INFRA, "set"), "", &rule("/set", &[TO_V2])),
    ]);
    assert_eq!(found.listener_sets("scoped"), 1);
    assert_eq!(found.attached_to_set((INFRA, "set"), "http"), 1);
    for (route, parent) in [("by-gateway", "Gateway scoped"), ("by-set", "ListenerSet set")] {
        assert_eq!(found.parents(INFRA, route), [parent]);
        assert_eq!(found.of_route(INFRA, route, "Accepted"), ["True Accepted"]);
    }
}
