//! The statuses of GatewayClasses, Gateways and listeners (`gateway-*.go` of the conformance suite).

use envoy_config::status::{ConditionType, Holds, ListenerStatus, Reason, Status};

use super::{BACKEND, BASE, formatted, gateway, gateway_status, holds, of, one, route, statuses};

const AUTHORITY: &str = "{group: \"\", kind: ConfigMap, name: authority}";

fn kinds(listener: &ListenerStatus) -> Vec<&str> {
    listener.supported_kinds.iter().map(|kind| kind.kind).collect()
}

/// `gatewayclass-observed-generation-bump`: a class is accepted, whatever its controller.
#[test]
fn gateway_classes_are_accepted() {
    let found = statuses(&[BASE]);
    let Status::Class { conditions } = &of(&found, "GatewayClass", "eg").status else { panic!("{found:?}") };
    assert_eq!(formatted(conditions), ["Accepted=True Accepted"]);
}

/// `gateway-with-attached-routes`.
#[test]
fn attached_routes_counts_accepted_routes() {
    let listeners = BASE.replace(
        "  - {name: http, protocol: HTTP, port: 80}",
        "  - {name: a, protocol: HTTP, port: 80, hostname: a.example}\n  - {name: b, protocol: HTTP, port: 81}",
    );
    let routes = [
        route("both", "parentRefs: [{name: eg}]", BACKEND),
        route("a-alone", "parentRefs: [{name: eg, sectionName: a}]", BACKEND),
        route("b-alone", "parentRefs: [{name: eg, port: 81}], hostnames: [b.example]", BACKEND),
        route("a-twice", "parentRefs: [{name: eg, sectionName: a}, {name: eg, sectionName: b}]", BACKEND),
        route("not-accepted", "parentRefs: [{name: eg, sectionName: a}], hostnames: [b.example]", BACKEND),
        // An unresolved backendRef does not affect the attachment.
        route("unresolved", "parentRefs: [{name: eg, sectionName: a}]", "{name: gone, port: 1}"),
    ];
    let documents: Vec<&str> =
        [listeners.as_str()].into_iter().chain(routes.iter().map(String::as_str)).collect();
    let found = statuses(&documents);
    let (conditions, listeners) = gateway_status(&found, "eg");
    let counted: Vec<_> = listeners.iter().map(|one| (one.name.as_str(), one.attached_routes)).collect();
    assert_eq!(counted, [("a", 4), ("b", 3)]);
    assert_eq!(
        formatted(conditions),
        ["Accepted=True Accepted", "Programmed=True Programmed", "ResolvedRefs=True ResolvedRefs"]
    );
    for listener in listeners {
        assert_eq!(
            formatted(&listener.conditions),
            [
                "Accepted=True Accepted",
                "Conflicted=False NoConflicts",
                "Programmed=True Programmed",
                "ResolvedRefs=True ResolvedRefs"
            ]
        );
        assert_eq!(kinds(listener), ["HTTPRoute", "GRPCRoute"]);
    }
}

/// `gateway-with-attached-routes`, the listener with a missing certificate;
/// `gateway-invalid-tls-configuration`.
#[test]
fn listeners_with_unresolved_certificates_count_their_routes() {
    let listener = |reference: &str| {
        gateway(
            "tls",
            &format!("[{{name: tls, protocol: HTTPS, port: 443, tls: {{certificateRefs: [{reference}]}}}}]"),
        )
    };
    let opaque = "{apiVersion: v1, kind: Secret, metadata: {name: opaque}, type: Opaque}";
    let malformed = "{apiVersion: v1, kind: Secret, metadata: {name: malformed}, type: kubernetes.io/tls, \
                     data: {tls.crt: SGVsbG8=, tls.key: SGVsbG8=}}";
    let route = route("r", "parentRefs: [{name: tls, sectionName: tls}]", "{name: gone, port: 8080}");
    for reference in [
        "{name: gone}",
        "{name: opaque}",
        "{name: malformed}",
        "{name: s, group: wrong.group.company.io}",
        "{name: s, kind: WrongKind}",
    ] {
        let found = statuses(&[BASE, &listener(reference), &route, opaque, malformed]);
        let (conditions, listeners) = gateway_status(&found, "tls");
        assert_eq!(
            formatted(&listeners[0].conditions),
            [
                "Accepted=True Accepted",
                "Conflicted=False NoConflicts",
                "Programmed=False Invalid",
                "ResolvedRefs=False InvalidCertificateRef"
            ],
            "{reference}"
        );
        assert_eq!(listeners[0].attached_routes, 1, "{reference}");
        assert_eq!(kinds(&listeners[0]), ["HTTPRoute", "GRPCRoute"]);
        assert_eq!(one(conditions, ConditionType::ResolvedRefs), "False ListenersNotResolved");
        assert_eq!(one(conditions, ConditionType::Programmed), "False Invalid");
        assert!(!of(&found, "Gateway", "tls").is_fine());
    }
}

/// `gateway-secret-missing-reference-grant`, `gateway-secret-invalid-reference-grant`.
#[test]
fn certificates_in_other_namespaces_need_a_grant() {
    let listener = gateway(
        "tls",
        "[{name: tls, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: s, namespace: web}]}}]",
    );
    let grant = |from: &str, to: &str| {
        format!(
            "{{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {{name: g, namespace: web}}, \
             spec: {{from: [{{group: gateway.networking.k8s.io, kind: Gateway, namespace: {from}}}], to: [{{group: \"\", kind: Secret{to}}}]}}}}"
        )
    };
    for (grants, expected) in [
        (vec![], "False RefNotPermitted"),
        (vec![grant("elsewhere", "")], "False RefNotPermitted"),
        (vec![grant("default", ", name: another")], "False RefNotPermitted"),
        // `gateway-secret-reference-grant-*`: the reference is permitted, so the Secret is looked up.
        (vec![grant("default", "")], "False InvalidCertificateRef"),
        (vec![grant("default", ", name: s")], "False InvalidCertificateRef"),
    ] {
        let documents: Vec<&str> =
            [BASE, &listener].into_iter().chain(grants.iter().map(String::as_str)).collect();
        let found = statuses(&documents);
        let listener = &gateway_status(&found, "tls").1[0];
        assert_eq!(one(&listener.conditions, ConditionType::ResolvedRefs), expected, "{grants:?}");
        assert_eq!(one(&listener.conditions, ConditionType::Programmed), "False Invalid");
    }
}

/// `gateway-invalid-route-kind`.
#[test]
fn unknown_route_kinds_do_not_resolve_and_are_not_supported() {
    let only = gateway(
        "only",
        "[{name: http, protocol: HTTP, port: 81, allowedRoutes: {kinds: [{kind: InvalidRoute}]}}]",
    );
    let both = gateway(
        "both",
        "[{name: http, protocol: HTTP, port: 82, allowedRoutes: {kinds: [{kind: InvalidRoute}, {kind: HTTPRoute}]}}]",
    );
    let found = statuses(&[BASE, &only, &both]);
    for (name, expected) in [("only", vec![]), ("both", vec!["HTTPRoute"])] {
        let listener = &gateway_status(&found, name).1[0];
        assert_eq!(
            one(&listener.conditions, ConditionType::ResolvedRefs),
            "False InvalidRouteKinds",
            "{name}"
        );
        assert_eq!(kinds(listener), expected, "{name}");
        assert_eq!(listener.attached_routes, 0);
    }
}

/// `gateway-invalid-listeners-unsupported-protocol`.
#[test]
fn listeners_with_unsupported_protocols_are_not_accepted() {
    let invalid = "{name: invalid, protocol: example.com/other, port: 81}";
    let only = gateway("only", &format!("[{invalid}]"));
    let mixed = gateway("mixed", &format!("[{{name: http, protocol: HTTP, port: 82}}, {invalid}]"));
    let found = statuses(&[BASE, &only, &mixed]);

    let (conditions, listeners) = gateway_status(&found, "only");
    assert_eq!(one(conditions, ConditionType::Accepted), "False ListenersNotValid");
    assert_eq!(one(&listeners[0].conditions, ConditionType::Accepted), "False UnsupportedProtocol");
    assert_eq!(kinds(&listeners[0]), [""; 0]);

    let (conditions, listeners) = gateway_status(&found, "mixed");
    assert_eq!(one(conditions, ConditionType::Accepted), "True ListenersNotValid");
    assert_eq!(one(conditions, ConditionType::Programmed), "True Programmed");
    assert_eq!(one(&listeners[0].conditions, ConditionType::Accepted), "True Accepted");
    assert_eq!(kinds(&listeners[0]), ["HTTPRoute", "GRPCRoute"]);
    assert_eq!(one(&listeners[1].conditions, ConditionType::Accepted), "False UnsupportedProtocol");
    assert_eq!(kinds(&listeners[1]), [""; 0]);
}

/// The conditions of `listenerset-protocol-conflict`, here for a conflict between listeners of one Gateway.
#[test]
fn listeners_with_different_protocols_on_one_port_are_conflicted() {
    let both = gateway(
        "both",
        "[{name: clear, protocol: HTTP, port: 443}, \
          {name: tls, protocol: HTTPS, port: 443, hostname: a.example, tls: {certificateRefs: [{name: s}]}}]",
    );
    let found = statuses(&[BASE, &both]);
    for listener in gateway_status(&found, "both").1 {
        assert_eq!(one(&listener.conditions, ConditionType::Conflicted), "True ProtocolConflict");
        assert_eq!(one(&listener.conditions, ConditionType::Accepted), "False ProtocolConflict");
        assert_eq!(one(&listener.conditions, ConditionType::Programmed), "False ProtocolConflict");
    }
}

#[test]
fn addresses_of_two_gateways_are_unavailable_to_both() {
    let found = statuses(&[BASE, &gateway("other", "[{name: http, protocol: HTTP, port: 80}]")]);
    for name in ["eg", "other"] {
        let (conditions, listeners) = gateway_status(&found, name);
        assert_eq!(one(conditions, ConditionType::Accepted), "False ListenersNotValid");
        assert_eq!(one(&listeners[0].conditions, ConditionType::Accepted), "False PortUnavailable");
    }
}

/// `httproute-https-listener-detect-misdirected-requests` does not check this, but the API requires it:
/// `OverlappingTLSConfig`.
#[test]
fn overlapping_tls_hostnames_are_reported_but_fine() {
    let tls = |name: &str, hostname: &str| {
        format!(
            "{{name: {name}, protocol: HTTPS, port: 443, hostname: \"{hostname}\", tls: {{certificateRefs: [{{name: s}}]}}}}"
        )
    };
    let listeners = [tls("a", "foo.example.com"), tls("b", "foo.example.org"), tls("c", "*.example.com")];
    let found = statuses(&[BASE, &gateway("tls", &format!("[{}]", listeners.join(", ")))]);
    let listeners = gateway_status(&found, "tls").1;
    let overlapping: Vec<bool> =
        listeners.iter().map(|one| holds(&one.conditions, ConditionType::OverlappingTLSConfig)).collect();
    assert_eq!(overlapping, [true, false, true]);
    let condition =
        listeners[0].conditions.iter().find(|one| one.kind == ConditionType::OverlappingTLSConfig);
    assert!(condition.unwrap().is_fine());
}

/// `gateway-with-clientcertificate-validation-insecure-fallback`.
#[test]
fn insecure_frontend_validation_lists_its_ports() {
    let message = |frontend: &str| {
        let field = format!("gatewayClassName: eg\n  tls: {{frontend: {frontend}}}");
        let found = statuses(&[&BASE.replace("gatewayClassName: eg", &field)]);
        let (conditions, _) = gateway_status(&found, "eg");
        let mut conditions = conditions.iter();
        let condition = conditions.find(|one| one.kind == ConditionType::InsecureFrontendValidationMode)?;
        assert!(condition.is_fine());
        assert_eq!((condition.status, condition.reason), (Holds::True, Reason::ConfigurationChanged));
        Some(condition.message.rsplit_once(": ").unwrap().1.to_owned())
    };
    let validation =
        |mode: &str| format!("{{validation: {{caCertificateRefs: [{AUTHORITY}], mode: {mode}}}}}");
    let (safe, fallback) = (validation("AllowValidOnly"), validation("AllowInsecureFallback"));
    assert_eq!(message(&format!("{{default: {safe}}}")), None);
    let everywhere = message(&format!("{{default: {fallback}}}"));
    assert_eq!(everywhere.as_deref(), Some("ports without their own `perPort` entry"));
    let one = message(&format!("{{default: {safe}, perPort: [{{port: 8443, tls: {fallback}}}]}}"));
    assert_eq!(one.as_deref(), Some("port 8443"));
}

#[test]
fn gateways_with_a_missing_class_are_accepted_without_a_controller_name() {
    let base = BASE.replace("gatewayClassName: eg", "gatewayClassName: other");
    let found = statuses(&[&base, &route("r", "parentRefs: [{name: eg}]", BACKEND)]);
    let (conditions, listeners) = gateway_status(&found, "eg");
    assert_eq!(one(conditions, ConditionType::Accepted), "True Accepted");
    assert_eq!(listeners[0].attached_routes, 1);
    let Status::Route { parents } = &of(&found, "HTTPRoute", "r").status else { panic!("{found:?}") };
    assert_eq!(parents[0].controller_name, None);
}

/// `gateway-invalid-parameters-ref`, `gateway-static-addresses`.
#[test]
fn gateways_with_unsupported_fields_are_not_programmed() {
    for (field, accepted, programmed) in [
        (
            "infrastructure: {parametersRef: {group: example.com, kind: Thing, name: t}}",
            "False InvalidParameters",
            "False Invalid",
        ),
        ("addresses: [{type: example.com/pool, value: blue}]", "False UnsupportedAddress", "False Invalid"),
        ("addresses: [{value: 192.0.2.1}]", "True Accepted", "False AddressNotUsable"),
    ] {
        let asking = BASE.replace("gatewayClassName: eg", &format!("gatewayClassName: eg\n  {field}"));
        let found = statuses(&[&asking, &route("r", "parentRefs: [{name: eg}]", BACKEND)]);
        let (conditions, listeners) = gateway_status(&found, "eg");
        assert_eq!(one(conditions, ConditionType::Accepted), accepted, "{field}");
        assert_eq!(one(conditions, ConditionType::Programmed), programmed, "{field}");
        assert_eq!(one(&listeners[0].conditions, ConditionType::Programmed), "False Invalid", "{field}");
    }
}

#[test]
fn listeners_with_an_invalid_selector_are_not_accepted() {
    let two = gateway(
        "two",
        "[{name: good, protocol: HTTP, port: 81}, \
         {name: bad, protocol: HTTP, port: 82, allowedRoutes: {namespaces: {from: Selector}}}]",
    );
    let found = statuses(&[BASE, &two]);
    let (conditions, listeners) = gateway_status(&found, "two");
    assert_eq!(one(conditions, ConditionType::Accepted), "True ListenersNotValid");
    let accepted: Vec<_> =
        listeners.iter().map(|listener| one(&listener.conditions, ConditionType::Accepted)).collect();
    assert_eq!(accepted, ["True Accepted", "False UnsupportedValue"]);
    assert_eq!(one(&listeners[1].conditions, ConditionType::Programmed), "False Invalid");
}
