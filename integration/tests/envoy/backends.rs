//! Backends: protocols, address families, hostnames, other namespaces, and references that do not resolve.

use std::net::{Ipv6Addr, SocketAddr};

use integration::backend::{Backend, Pod};
use integration::harness::keys;
use integration::harness::manifests::Manifests;

use crate::setup::{
    COOKIE, Mint, browser, client, deployment, get_with_cookie, pod, pods, pods_of, pods_of_new_sessions,
    route, rule, serve, serve_valid_parts, start, token,
};

fn to(references: &str, persistence: &str) -> String {
    format!("{{backendRefs: [{references}], sessionPersistence: {persistence}}}")
}

#[tokio::test]
async fn sessions_persist_with_h2c_backends() {
    let pods = pods::<4>();
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .with(&route("route", &[rule("/", &[("backend", 1)], COOKIE)]));
    let text =
        manifests.text().replace("targetPort: http}", "targetPort: http, appProtocol: kubernetes.io/h2c}");
    let envoy = serve(&Manifests::default().with(&text)).await;
    let browser = browser(&envoy);
    let first = browser.get("/get").await.unwrap();
    assert_eq!(first.echo().unwrap()["proto"], "HTTP/2.0");
    for _ in 0..8 {
        assert_eq!(pod(&browser.get("/get").await.unwrap()), pod(&first));
    }
    assert_eq!(client(&envoy).get("/get").await.unwrap().echo().unwrap()["proto"], "HTTP/2.0");
}

#[tokio::test]
async fn http_1_and_h2c_backends_split_requests_and_keep_sessions() {
    let (old, new) = (pods_of::<2>("old"), pods_of::<2>("new"));
    let manifests = Manifests::gateway()
        .service("new", &new)
        .with(&route("route", &[rule("/", &[("new", 1), ("old", 3)], COOKIE)]));
    let text =
        manifests.text().replace("targetPort: http}", "targetPort: http, appProtocol: kubernetes.io/h2c}");
    let envoy = serve(&Manifests::default().with(&text).service("old", &old)).await;
    let mut to_new = 0;
    for _ in 0..200 {
        let answer = client(&envoy).get("/get").await.unwrap();
        let is_new = pod(&answer).starts_with("new");
        to_new += u32::from(is_new);
        let expected = if is_new { "HTTP/2.0" } else { "HTTP/1.1" };
        assert_eq!(answer.echo().unwrap()["proto"], expected);
    }
    // The die of a divided rule is thrown per request: five standard deviations around a quarter.
    assert!((20..=80).contains(&to_new), "{to_new} of 200 went to the backend of weight 1 of 4");
    for _ in 0..8 {
        let browser = browser(&envoy);
        let first = pod(&browser.get("/get").await.unwrap());
        for _ in 0..8 {
            assert_eq!(pod(&browser.get("/get").await.unwrap()), first);
        }
    }
}

/// A slice with one address of a pod.
fn slice(name: &str, address: SocketAddr, pod: &str) -> String {
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: {name}, labels: {{kubernetes.io/service-name: backend}}}}\n\
         addressType: {family}\nports: [{{name: http, port: {port}}}]\n\
         endpoints: [{{addresses: ['{ip}'], targetRef: {{kind: Pod, namespace: default, name: {pod}}}}}]\n",
        port = address.port(),
        ip = address.ip(),
    )
}

/// A pod that listens on both families, on one port.
fn dual_stack(name: &str) -> [Backend; 2] {
    loop {
        let four = Backend::start(Pod::new("backend", &format!("{name}-4"))).unwrap();
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, four.address().port()));
        // The port may be somebody's on the other family.
        if let Ok(six) = Backend::start_at(six, Pod::new("backend", &format!("{name}-6"))) {
            return [four, six];
        }
    }
}

#[tokio::test]
async fn dual_stack_pods_are_weighted_once_and_keep_sessions_on_both_addresses() {
    let [[a4, a6], [b4, _]] = ["a", "b"].map(dual_stack);
    let manifests = Manifests::gateway()
        .service("backend", [] as [&Backend; 0])
        .with(&slice("backend-4", a4.address(), "a"))
        .with(&slice("backend-6", a6.address(), "a"))
        .with(&slice("backend-5", b4.address(), "b"))
        .with(&route("route", &[rule("/", &[("backend", 1)], COOKIE)]));
    let keys = keys::fresh().unwrap();
    let envoy = start(&deployment(&manifests).with_keys(&keys)).await;
    let client = client(&envoy);
    let mut reached = pods_of_new_sessions(&client, 10).await;
    reached.sort();
    assert_eq!(reached, [["a-4"; 5], ["b-4"; 5]].concat());
    let mint = Mint::new(&manifests, "default/route/0/0", &keys);
    for backend in [&a4, &a6] {
        // The session of a token that names no pod is one of the pod that has its address, and gets a token that names it.
        let adopted = get_with_cookie(&client, &mint.fresh(backend.address())).await;
        let token = token(&adopted).expect("a token that names the pod");
        for _ in 0..5 {
            let answer = get_with_cookie(&client, &token).await;
            assert_eq!((pod(&answer), answer.cookie("session")), (backend.pod().pod.clone(), None));
        }
    }
}

#[tokio::test]
async fn external_names_are_resolved_and_keep_sessions() {
    let [target] = pods::<1>();
    let port = target.address().port();
    let manifests = Manifests::gateway()
        .with(
            "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {type: ExternalName, externalName: localhost}\n",
        )
        .with(&route("route", &[to(&format!("{{name: shop, port: {port}}}"), COOKIE)]));
    let envoy = serve(&manifests).await;
    let browser = browser(&envoy);
    for _ in 0..3 {
        assert_eq!(pod(&browser.get("/get").await.unwrap()), "backend-0");
    }
}

#[tokio::test]
async fn envoy_gateway_backends_serve_addresses_and_hostnames() {
    let pods = pods::<3>();
    let [a, b, c] = pods.each_ref().map(|pod| pod.address().port());
    let backend = |name: &str, endpoints: &str| {
        format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: Backend\nmetadata: {{name: {name}}}\n\
             spec: {{endpoints: [{endpoints}]}}\n"
        )
    };
    let reference = |name: &str| format!("{{group: gateway.envoyproxy.io, kind: Backend, name: {name}}}");
    let both = format!("{}, {}", reference("addresses"), reference("name"));
    let ip = |port: u16| format!("{{ip: {{address: 127.0.0.1, port: {port}}}}}");
    let manifests = Manifests::gateway()
        .with(&backend("addresses", &format!("{}, {}", ip(a), ip(b))))
        .with(&backend("name", &format!("{{fqdn: {{hostname: localhost, port: {c}}}}}")))
        .with(&route("route", &[to(&both, COOKIE)]));
    let envoy = serve(&manifests).await;
    let mut reached = pods_of_new_sessions(&client(&envoy), 20).await;
    reached.sort();
    assert_eq!(reached, [vec!["backend-0"; 5], vec!["backend-1"; 5], vec!["backend-2"; 10]].concat());
    let browser = browser(&envoy);
    let first = pod(&browser.get("/get").await.unwrap());
    for _ in 0..5 {
        assert_eq!(pod(&browser.get("/get").await.unwrap()), first);
    }
}

const ELSEWHERE: &str = "
apiVersion: v1
kind: Service
metadata: {name: elsewhere, namespace: shop}
spec: {ports: [{name: http, port: 3000}]}
";

fn grant(name: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\n\
         metadata: {{name: routes, namespace: shop}}\nspec:\n  \
         from: [{{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}}]\n  \
         to: [{{group: '', kind: Service, name: {name}}}]\n"
    )
}

#[tokio::test]
async fn cross_namespace_backends_need_a_reference_grant() {
    let ([own], [other]) = (pods(), pods_of("other"));
    let elsewhere = slice("elsewhere-1", other.address(), "other")
        .replace("name: backend}", "name: elsewhere}")
        .replace("{name: elsewhere-1,", "{name: elsewhere-1, namespace: shop,");
    let references = "{name: backend, port: 3000}, {name: elsewhere, namespace: shop, port: 3000}";
    let manifests = |granted: &str| {
        Manifests::gateway()
            .service("backend", [&own])
            .with(ELSEWHERE)
            .with(&elsewhere)
            .with(&grant(granted))
            .with(&route("route", &[to(references, COOKIE)]))
    };
    let envoy = serve(&manifests("elsewhere")).await;
    let mut reached = pods_of_new_sessions(&client(&envoy), 10).await;
    reached.sort();
    assert_eq!(reached, [["backend-0"; 5], ["other-0"; 5]].concat());

    let envoy = serve_valid_parts(&manifests("another")).await;
    assert_eq!(refused_of_10(&envoy, "/").await, 5);
}

/// How many of ten requests get 500; a pod answers the others, without a session.
async fn refused_of_10(envoy: &integration::harness::envoy::Process, path: &str) -> usize {
    let client = client(envoy);
    let mut refused = 0;
    for _ in 0..10 {
        let answer = client.get(path).await.unwrap();
        match answer.status {
            500 => {
                assert!(answer.values("set-cookie").is_empty(), "{answer:?}");
                refused += 1;
            }
            _ => assert_eq!(pod(&answer), "backend-0"),
        }
    }
    refused
}

#[tokio::test]
async fn unresolved_references_answer_500_by_weight_and_sessions_continue() {
    let [own] = pods::<1>();
    let service = |name: &str, spec: &str| {
        format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n")
    };
    let references = [
        "{name: gone, port: 3000}",
        "{name: backend, port: 3001}",
        "{name: udp, port: 53}",
        "{name: unknown, port: 80}",
        "{name: secure, port: 80}",
        "{name: headless, port: 80}",
        "{name: leads-elsewhere, port: 80}",
        "{name: elsewhere, namespace: shop, port: 3000}",
        "{group: multicluster.x-k8s.io, kind: ServiceImport, name: imported, port: 80}",
        "{group: example.com, kind: Bucket, name: b}",
        "{group: gateway.envoyproxy.io, kind: Backend, name: gone}",
        "{group: gateway.envoyproxy.io, kind: Backend, name: socket}",
    ];
    let rules: Vec<String> = references
        .iter()
        .enumerate()
        .map(|(number, reference)| {
            format!(
                "{{matches: [{{path: {{value: /{number}}}}}], \
                 backendRefs: [{{name: backend, port: 3000}}, {reference}], sessionPersistence: {COOKIE}}}"
            )
        })
        .collect();
    let manifests = Manifests::gateway()
        .service("backend", [&own])
        .with(ELSEWHERE)
        .with(&service("udp", "ports: [{port: 53, protocol: UDP}]"))
        .with(&service("unknown", "ports: [{port: 80, appProtocol: postgresql}]"))
        .with(&service("secure", "ports: [{port: 80, appProtocol: kubernetes.io/wss}]"))
        .with(&service("headless", "clusterIP: None, ports: [{port: 80, targetPort: web}]"))
        .with(&service(
            "leads-elsewhere",
            "type: ExternalName, externalName: elsewhere.shop.svc.cluster.local",
        ))
        .with(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: Backend\nmetadata: {name: socket}\n\
             spec: {endpoints: [{unix: {path: /run/backend}}]}\n",
        )
        .with(&route("route", &rules));
    let envoy = serve_valid_parts(&manifests).await;
    for (number, reference) in references.iter().enumerate() {
        let path = format!("/{number}");
        assert_eq!(refused_of_10(&envoy, &path).await, 5, "{reference}");
        let browser = browser(&envoy);
        while browser.get(&path).await.unwrap().status != 200 {}
        for _ in 0..4 {
            assert_eq!(pod(&browser.get(&path).await.unwrap()), "backend-0", "{reference}");
        }
    }
}

#[tokio::test]
async fn backends_without_endpoints_answer_503_by_weight_and_sessions_continue() {
    let [own] = pods::<1>();
    let rule = rule("/", &[("backend", 1), ("empty", 1)], COOKIE);
    let manifests = Manifests::gateway()
        .service("backend", [&own])
        .service("empty", [] as [&Backend; 0])
        .with(&format!(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
             metadata: {{name: empty-1, labels: {{kubernetes.io/service-name: empty}}}}\n\
             addressType: IPv4\nports: [{{name: http, port: {}}}]\nendpoints: []\n",
            own.address().port()
        ))
        .with(&route("route", &[rule]));
    let envoy = serve(&manifests).await;
    let client = client(&envoy);
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(client.get("/get").await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 5], [503; 5]].concat());
    let browser = browser(&envoy);
    while browser.get("/get").await.unwrap().status != 200 {}
    for _ in 0..6 {
        assert_eq!(pod(&browser.get("/get").await.unwrap()), "backend-0");
    }
}
