//! Valid objects: fields and defaults.

use std::net::IpAddr;

use envoy_config::diagnostic::Severity;
use envoy_config::manifest::Hostname;
use envoy_config::manifest::Manifests;
use envoy_config::manifest::core::endpoint_slice::AddressType;
use envoy_config::manifest::core::service::{ServiceKind, TargetPort};
use envoy_config::manifest::gateway_api::gateway::{AllowedNamespaces, Operator};
use envoy_config::manifest::gateway_api::route::{HttpMatch, Match, PathMatch, TextMatch};
use envoy_config::manifest::gateway_api::session_persistence::{Carrier, Path, SessionPersistence};
use session_persistence::config::Lifetime;

use super::{read, route};

fn valid(text: &str) -> Manifests {
    let (manifests, diagnostics) = read(text);
    assert_eq!(diagnostics, [], "{text}");
    manifests
}

fn session(fields: &str) -> SessionPersistence {
    let text = route(&format!("sessionPersistence: {fields}"));
    valid(&text).routes[0].spec.rules[0].as_ref().unwrap().session_persistence.clone().unwrap()
}

#[test]
fn gateways_are_read_with_defaults() {
    let text = "
apiVersion: gateway.networking.k8s.io/v1beta1
kind: Gateway
metadata: {name: eg, namespace: infra}
spec:
  gatewayClassName: eg
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - name: shop
    port: 80
    protocol: HTTP
    hostname: '*.example.com'
    allowedRoutes:
      kinds: [{kind: HTTPRoute}]
      namespaces:
        from: Selector
        selector:
          matchLabels: {team: shop}
          matchExpressions:
          - {key: stage, operator: NotIn, values: [test]}
          - {key: open, operator: Exists}
";
    let gateway = &valid(text).gateways[0];
    assert_eq!(
        (gateway.metadata.namespace.value.as_str(), gateway.spec.class.value.as_str()),
        ("infra", "eg")
    );
    let [http, shop] = gateway.spec.listeners.as_slice() else { panic!("{gateway:?}") };
    assert!(matches!(http.allowed_namespaces, AllowedNamespaces::Same) && http.hostname.is_none());
    assert_eq!(shop.hostname.as_ref().unwrap().value, Hostname::Wildcard("example.com".into()));
    let AllowedNamespaces::Selector(selector) = &shop.allowed_namespaces else { panic!("{shop:?}") };
    let operators: Vec<_> =
        selector.requirements.iter().map(|r| (r.key.as_str(), r.operator.clone())).collect();
    let expected = [
        ("team", Operator::In(vec!["shop".into()])),
        ("stage", Operator::NotIn(vec!["test".into()])),
        ("open", Operator::Exists),
    ];
    assert_eq!(operators, expected);
}

#[test]
fn the_namespace_of_a_cluster_scoped_object_is_removed_with_a_warning() {
    for (api, kind, spec) in [
        ("gateway.networking.k8s.io/v1", "GatewayClass", "spec: {controllerName: example.com/controller}"),
        ("v1", "Namespace", "spec: {}"),
    ] {
        let text = format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a, namespace: b}}\n{spec}\n");
        let (manifests, diagnostics) = read(&text);
        let [warning] = &diagnostics[..] else { panic!("{diagnostics:#?}") };
        assert_eq!((warning.code.name(), warning.severity), ("no-effect", Severity::Warning), "{kind}");
        let classes = manifests.gateway_classes.iter().map(|class| &class.metadata);
        let namespaces = manifests.namespaces.iter().map(|namespace| &namespace.metadata);
        let namespaces: Vec<&str> =
            classes.chain(namespaces).map(|metadata| metadata.namespace.value.as_str()).collect();
        assert_eq!(namespaces, [""], "{kind}");
    }
}

/// The matches of the first rule of an HTTPRoute.
fn http_matches(manifests: &Manifests) -> Vec<HttpMatch> {
    let http = |one: &Match| match one {
        Match::Http(one) => one.clone(),
        Match::Grpc(one) => panic!("{one:?}"),
    };
    manifests.routes[0].spec.rules[0].as_ref().unwrap().matches.iter().map(http).collect()
}

#[test]
fn a_rule_without_matches_matches_all_paths() {
    for rule in ["name: a", "matches: []", "matches: null", "matches: [{}]", "matches: [{path: {}}]"] {
        let manifests = valid(&route(rule));
        let matches = http_matches(&manifests);
        assert_eq!(matches.len(), 1);
        assert_eq!(matches[0].path, PathMatch::Prefix("/".into()), "{rule}");
    }
}

#[test]
fn an_http_route_without_rules_has_one_without_backends() {
    let text = "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r}, spec: {}}";
    let manifests = valid(text);
    let rules = &manifests.routes[0].spec.rules;
    let rule = rules[0].as_ref().unwrap();
    assert_eq!((rules.len(), rule.matches.len(), rule.backend_refs.len()), (1, 1, 0));
}

#[test]
fn matches_are_read_with_their_types() {
    let text = route(
        "matches:
- path: {type: Exact, value: /a%20b}
  method: GET
  headers: [{name: X-A, value: one two}, {name: b, type: RegularExpression, value: '[0-9]+'}]
  queryParams: [{name: Q, value: ü}]
- path: {type: RegularExpression, value: '/v[12]/.*'}",
    );
    let manifests = valid(&text);
    let matches = http_matches(&manifests);
    let [first, second] = matches.as_slice() else { panic!() };
    assert_eq!(first.path, PathMatch::Exact("/a%20b".into()));
    assert_eq!(first.method.as_ref().unwrap().value, "GET");
    assert_eq!(first.headers[0].name.value, "x-a");
    assert_eq!(first.headers[0].value, TextMatch::Exact("one two".into()));
    assert_eq!(first.headers[1].value, TextMatch::Regex("[0-9]+".into()));
    assert_eq!(first.query_params[0].name.value, "Q");
    assert_eq!(second.path, PathMatch::Regex("/v[12]/.*".into()));
}

#[test]
fn a_backend_is_a_service_with_weight_one_by_default() {
    let manifests =
        valid(&route("backendRefs: [{name: a, port: 80}, {name: b, port: 81, weight: 0, namespace: m}]"));
    let [a, b] = manifests.routes[0].spec.rules[0].as_ref().unwrap().backend_refs.as_slice() else {
        panic!()
    };
    assert_eq!((a.group.value.as_str(), a.kind.value.as_str(), a.weight.value), ("", "Service", 1));
    assert_eq!((b.weight.value, b.namespace.as_ref().unwrap().value.as_str()), (0, "m"));
}

#[test]
fn older_cookies_have_the_path_of_the_match() {
    let read = session("{sessionName: A, absoluteTimeout: 1m30s, cookieConfig: {lifetimeType: Permanent}}");
    assert_eq!(read.absolute_timeout.unwrap().value.seconds(), 90);
    let Carrier::Cookie { name, path, lifetime } = read.carrier else { panic!() };
    assert_eq!((name.unwrap().value.as_str(), path, lifetime), ("A", Path::OfMatch, Lifetime::Permanent));
}

#[test]
fn newer_cookies_have_their_own_path() {
    for (fields, path) in [("{}", "/"), ("{path: /shop}", "/shop")] {
        let Carrier::Cookie { name, path: read, lifetime } =
            session(&format!("{{cookie: {fields}}}")).carrier
        else {
            panic!()
        };
        assert_eq!((name, lifetime), (None, Lifetime::Session));
        assert!(matches!(read, Path::Given(given) if given.as_str() == path));
    }
}

#[test]
fn both_shapes_of_headers_mean_the_same() {
    for fields in ["{type: Header, sessionName: X-S}", "{type: Header, header: {name: X-S}}"] {
        let Carrier::Header { name } = session(fields).carrier else { panic!("{fields}") };
        assert_eq!(name.unwrap().value.as_str(), "x-s");
    }
}

#[test]
fn common_fields_alone_are_the_older_shape() {
    for fields in ["{}", "{type: Cookie}", "{idleTimeout: 5m}", "{type: Cookie, absoluteTimeout: 1h}"] {
        assert!(
            matches!(session(fields).carrier, Carrier::Cookie { name: None, path: Path::OfMatch, .. }),
            "{fields}"
        );
    }
    assert!(matches!(session("{type: Header}").carrier, Carrier::Header { name: None }));
}

#[test]
fn idle_timeout_belongs_to_both_shapes() {
    for fields in ["{sessionName: A, idleTimeout: 5m}", "{cookie: {}, idleTimeout: 5m}"] {
        assert_eq!(session(fields).idle_timeout.unwrap().value.seconds(), 300, "{fields}");
    }
}

#[test]
fn a_service_exported_from_a_cluster_is_accepted() {
    let text = "
apiVersion: v1
kind: Service
metadata:
  name: backend
  namespace: default
  uid: 0a1b
  resourceVersion: '123'
  creationTimestamp: 2026-01-02T03:04:05Z
  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}'}
  managedFields: [{manager: kubectl, fieldsV1: {'f:spec': {}}}]
spec:
  clusterIP: 10.96.0.7
  clusterIPs: [10.96.0.7]
  internalTrafficPolicy: Cluster
  ipFamilies: [IPv4]
  ipFamilyPolicy: SingleStack
  ports: [{name: http, port: 80, protocol: TCP, targetPort: web, nodePort: 30000, appProtocol: http}]
  selector: null
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 10800}}
  type: NodePort
status: {loadBalancer: {}}
";
    let service = &valid(text).services[0];
    assert_eq!(service.metadata.created, Some(1_767_323_045));
    assert_eq!(service.spec.kind.value, ServiceKind::Cluster);
    assert_eq!(service.spec.ports[0].target_port, TargetPort::Name("web".into()));
    assert!(service.spec.client_ip_affinity.is_some() && !service.spec.headless);
}

#[test]
fn services_can_be_headless_or_external() {
    let service = |spec: &str| {
        let text = format!("{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {spec}}}");
        valid(&text).services.remove(0).spec
    };
    assert!(service("{clusterIP: None}").headless);
    let external = service("{type: ExternalName, externalName: db.example.com}");
    assert_eq!(external.kind.value, ServiceKind::External("db.example.com".into()));
    let plain = service("{ports: [{port: 80}]}");
    assert_eq!((plain.ports[0].name.as_str(), &plain.ports[0].target_port), ("", &TargetPort::Number(80)));
}

#[test]
fn endpoint_conditions_have_the_defaults_of_kubernetes() {
    let text = "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: s, labels: {kubernetes.io/service-name: backend}}
addressType: IPv6
ports: [{name: '', port: 3000}, {port: null}]
endpoints:
- addresses: ['fd00::1']
- {addresses: ['fd00::2'], conditions: {ready: false}}
- {addresses: ['fd00::3'], conditions: {ready: false, serving: true, terminating: true}}
";
    let slice = &valid(text).endpoint_slices[0];
    let states: Vec<_> = slice.spec.endpoints.iter().map(|e| (e.ready, e.serving, e.terminating)).collect();
    assert_eq!(states, [(true, true, false), (false, false, false), (false, true, true)]);
    assert_eq!(slice.spec.address_type.value, AddressType::Ipv6);
    assert_eq!(slice.spec.endpoints[0].addresses[0].value, "fd00::1".parse::<IpAddr>().unwrap());
    assert_eq!((slice.spec.ports[0].port, slice.spec.ports[1].port), (Some(3000), None));
    assert_eq!(slice.metadata.labels["kubernetes.io/service-name"].value, "backend");
}

#[test]
fn namespaces_have_a_label_with_their_name() {
    let manifests = valid(
        "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: a}}, spec: {finalizers: []}}",
    );
    let labels = &manifests.namespaces[0].metadata.labels;
    assert_eq!(
        (labels["kubernetes.io/metadata.name"].value.as_str(), labels["team"].value.as_str()),
        ("shop", "a")
    );
    assert_eq!(manifests.namespaces[0].metadata.namespace.value, "");
}

#[test]
fn objects_of_other_kinds_are_counted_and_ignored() {
    for (api_version, kind) in [
        ("apps/v1", "Deployment"),
        ("v1", "ServiceAccount"),
        ("argoproj.io/v1alpha1", "Rollout"),
        ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
        ("networking.istio.io/v1", "Gateway"),
        ("gateway.envoyproxy.io/v1alpha1", "EnvoyGateway"),
        ("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy"),
    ] {
        let (manifests, diagnostics) =
            read(&format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{}}"));
        assert_eq!((diagnostics, manifests.ignored.is_empty()), (vec![], false), "{kind}");
    }
    let objects =
        ["apps/v1, kind: Deployment", "v1, kind: Pod", "apps/v1, kind: Deployment", "a.example/v1, kind: B"];
    let items = objects.map(|object| format!("{{apiVersion: {object}}}"));
    let (manifests, _) = read(&format!("{{apiVersion: v1, kind: List, items: [{}]}}", items.join(", ")));
    let counted =
        "ignored 4 objects that do not affect Gateway API routing: 2 Deployment, 1 B (a.example), 1 Pod";
    assert_eq!(manifests.ignored.to_string(), counted);
}
