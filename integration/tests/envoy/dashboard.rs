//! The queries of `docs/dashboard.json` and `docs/alerts.yaml` find series in what a real Envoy gives Prometheus, after a run in which
//! every event happens.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;

use integration::backend::Backend;
use integration::harness::deployment::Deployment;
use integration::harness::keys;
use integration::harness::manifests::Manifests;
use integration::harness::workspace;
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use crate::metrics::{Series, scrape};
use crate::setup::{Mint, client, pods, pods_of, route, rule, start};
use crate::strict::strict;
use crate::uploads::{read_more_than_kept, upload};

/// A query and where it is.
struct Query {
    place: String,
    text: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The queries of all panels, with values for Grafana's variables, and those of variables as selectors.
fn dashboard() -> Vec<Query> {
    let file = fs::read_to_string(workspace::root().join("docs/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&file).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{panel}");
            let variables =
                [("$__rate_interval", "5m"), ("$rule", ".*"), ("$cluster", ".*"), ("$instance", ".*")];
            let query =
                variables.iter().fold(text(&target["expr"]), |text, (name, value)| text.replace(name, value));
            assert!(!query.contains('$'), "an unknown variable: {query}");
            queries.push(Query { place: format!("panel {}", panel["title"]), text: query });
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        let Some(query) = variable["query"]["query"].as_str() else { continue };
        let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
        let (metric, label) = inner.split_once(", ").unwrap();
        let place = format!("variable {}", variable["name"]);
        queries.push(Query { place, text: format!("{metric}{{{label}!=\"\"}}") });
    }
    queries
}

fn alerts() -> Vec<Query> {
    let file = fs::read_to_string(workspace::root().join("docs/alerts.yaml")).unwrap();
    let alerts: Value = serde_saphyr::from_str(&file).unwrap();
    let rules =
        alerts["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    rules.map(|rule| Query { place: format!("alert {}", rule["alert"]), text: text(&rule["expr"]) }).collect()
}

/// The selectors of a query.
#[derive(Default)]
struct Selectors(Vec<VectorSelector>);

impl ExprVisitor for Selectors {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        match expression {
            Expr::VectorSelector(selector) => self.0.push(selector.clone()),
            Expr::MatrixSelector(matrix) => self.0.push(matrix.vs.clone()),
            _ => {}
        }
        Ok(true)
    }
}

fn selectors(query: &Query) -> Vec<VectorSelector> {
    let parsed = parser::parse(&query.text).unwrap_or_else(|error| panic!("{}: {error}", query.place));
    let mut selectors = Selectors::default();
    walk_expr(&mut selectors, &parsed).unwrap();
    assert!(!selectors.0.is_empty(), "{}", query.place);
    selectors.0
}

/// Whether a selector finds this series. Prometheus adds the label `instance`.
fn finds(selector: &VectorSelector, series: &Series) -> bool {
    let matches = |matcher: &Matcher| {
        let value = match matcher.name.as_str() {
            "instance" => "127.0.0.1:9901",
            name => series.labels.get(name).map_or("", String::as_str),
        };
        match &matcher.op {
            MatchOp::Equal => value == matcher.value,
            MatchOp::NotEqual => value != matcher.value,
            MatchOp::Re(regex) => regex.is_match(value),
            MatchOp::NotRe(regex) => !regex.is_match(value),
        }
    };
    selector.name.as_ref() == Some(&series.name) && selector.matchers.matchers.iter().all(matches)
}

/// Every label by which a query groups or which a legend shows must be one of the series.
fn labels(text: &str) -> Vec<&str> {
    let grouped = text.split(" by (").skip(1).filter_map(|rest| rest.split_once(')'));
    grouped.flat_map(|(labels, _)| labels.split(", ")).filter(|label| *label != "instance").collect()
}

const PERSISTENCE: &str = "{sessionName: session, type: Cookie, absoluteTimeout: 1h, idleTimeout: 100s}";

/// The endpoint of the Service `named`, which is that of a pod.
fn endpoint_of_a_pod(address: SocketAddr) -> String {
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: named-0, labels: {{kubernetes.io/service-name: named}}}}\naddressType: IPv4\n\
         ports: [{{name: http, port: {}}}]\n\
         endpoints: [{{addresses: [\"{}\"], targetRef: {{kind: Pod, namespace: default, name: named-0}}}}]\n",
        address.port(),
        address.ip(),
    )
}

/// Sessions of the route `own` start and end with those of the backend.
const OWN_SESSIONS: &str = "apiVersion: session-persistence.dev/v1alpha1\nkind: SessionPersistencePolicy\n\
    metadata: {name: own}\nspec:\n  \
    targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: own}]\n  \
    startOn: {backendCookie: {name: JSESSIONID}}\n  endOn: {backendHeader: {name: X-Logout}}\n";

/// Serves requests until every event has happened that can be caused from outside, and scrapes the metrics.
async fn run() -> Vec<Series> {
    let (old, new) = (keys::fresh().unwrap(), keys::fresh().unwrap());
    let mut pods = pods::<2>();
    let [mut one_strict, named, own] = pods_of::<3>("other");
    let none: [Backend; 0] = [];
    let route_to = |name: &str, path: &str| route(name, &[rule(path, &[(name, 1)], PERSISTENCE)]);
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .service("strict", [&one_strict])
        .service("own", [&own])
        .service("named", &none)
        .with(&endpoint_of_a_pod(named.address()))
        .with(&route_to("backend", "/"))
        .with(&route_to("strict", "/strict"))
        .with(&route_to("named", "/named"))
        .with(&route_to("own", "/own"))
        .with(&strict("kind: HTTPRoute, name: strict"))
        .with(OWN_SESSIONS);
    let deployment = Deployment::within(&manifests, &read_more_than_kept()).unwrap();
    let envoy = start(&deployment.with_keys(&format!("{new},{old}"))).await;
    let client = client(&envoy);
    let of = |route: &str, key: &str| Mint::new(&manifests, &format!("default/{route}/0/0"), key);
    let (mint, named_mint) = (of("backend", &new), of("named", &new));
    let [zero, one] = [pods[0].address(), pods[1].address()];
    let good = mint.fresh(zero);
    let mut forged = good.clone();
    forged.replace_range(good.len() - 4.., if good.ends_with("AAAA") { "BBBB" } else { "AAAA" });
    let visit = async |path: &str, token: &str| {
        let cookie = format!("session={token}");
        client.get_with(path, &[("cookie", &cookie)]).await.unwrap().status
    };
    for (path, token) in [
        ("/", "nonsense"),
        ("/", &good),
        ("/", &forged),
        ("/", &of("backend", &keys::fresh().unwrap()).fresh(zero)),
        ("/", &of("backend", &old).fresh(zero)),
        ("/", &mint.token(3_601, 1, zero)),
        ("/", &mint.token(200, 150, zero)),
        ("/", &mint.token(50, 50, zero)),
        ("/", &mint.token(-120, -120, zero)),
        ("/named", &named_mint.fresh(named.address())),
        ("/named", &named_mint.of_pod("default/gone", named.address())),
    ] {
        assert_eq!(visit(path, token).await, 200, "{path}");
    }
    // The backend starts no session, and ends one.
    assert_eq!(visit("/own", "").await, 200);
    let cookie = format!("session={}", of("own", &new).fresh(own.address()));
    let end = [("cookie", cookie.as_str()), ("x-echo-set-header", "x-logout: 1")];
    assert_eq!(client.get_with("/own", &end).await.unwrap().status, 200);
    pods[1].kill().await.unwrap();
    assert_eq!(visit("/", &mint.fresh(one)).await, 200);
    // Whichever Envoy knows first: that the endpoint is gone, or that the body is too large to be sent again.
    let lost = upload(&client, &mint.fresh(one)).await.status;
    assert!(matches!(lost, 503 | 507), "{lost}");
    one_strict.kill().await.unwrap();
    assert_eq!(visit("/strict", &of("strict", &new).fresh(one_strict.address())).await, 503);
    scrape(&envoy).await
}

#[tokio::test]
async fn every_query_of_the_dashboard_and_the_alerts_finds_series() {
    let series = run().await;
    let (panels, alerts) = (dashboard(), alerts());
    assert!(panels.len() > 20 && alerts.len() > 4, "{} and {}", panels.len(), alerts.len());
    for query in panels.iter().chain(&alerts) {
        for selector in selectors(query) {
            let found: Vec<&Series> = series.iter().filter(|series| finds(&selector, series)).collect();
            let Some(first) = found.first() else { panic!("{}: nothing for {selector}", query.place) };
            for label in labels(&query.text) {
                assert!(first.labels.contains_key(label), "{}: no label {label}: {first:?}", query.place);
            }
            let sum: f64 = found.iter().map(|series| series.value).sum();
            println!("{} | {selector} | {} series | {sum}", query.place, found.len());
        }
    }
    let used: Vec<String> = panels.iter().flat_map(selectors).filter_map(|selector| selector.name).collect();
    let own = series.iter().filter(|series| series.name.starts_with("session_persistence_"));
    let own: BTreeSet<&String> = own.map(|series| &series.name).collect();
    let events = ["ended", "lost", "moved", "not_started", "rejected", "renewed", "started", "unavailable"];
    assert_eq!(own.len(), events.len(), "{own:?}");
    for event in events {
        let name = format!("session_persistence_{event}");
        assert!(own.contains(&name) && used.contains(&name), "{name} is in no panel, or did not happen");
    }
}

#[test]
fn a_selector_without_series_is_found_out() {
    let line = r#"session_persistence_started{session_persistence_rule="a"} 1"#;
    let series = Series::parse(line);
    for (text, expected) in [
        (r#"session_persistence_started{session_persistence_rule=~".*"}"#, true),
        (r#"session_persistence_started{session_persistence_rule="b"}"#, false),
        (r#"session_persistence_started{session_persistence_reason="key"}"#, false),
        (r#"session_persistence_started{rule!=""}"#, false),
        ("session_persistence_start", false),
    ] {
        let query = Query { place: String::new(), text: format!("sum(rate({text}[5m]))") };
        assert_eq!(finds(&selectors(&query)[0], &series), expected, "{text}");
    }
}
