//! References to backends that are missing, forbidden or of an unknown kind (500), and to parents that do not exist (not
//! served).

use crate::case::get;
use crate::documents::{gateway, grant, http_route, route};
use crate::infrastructure::{APP_V1, INFRA, SAME_NAMESPACE, V1, WEB, WEB_BACKEND};
use crate::replay::Replay;

/// A backendRef of a kind that nobody knows answers 500, whatever its name.
#[tokio::test]
async fn httproute_invalid_backendref_unknown_kind() {
    let rules =
        "\n  - backendRefs: [{group: unknown.example, kind: Fountain, name: infra-backend-v1, port: 8080}]";
    let faulty = ["HTTPRoute gateway-conformance-infra/unknown-kind"];
    let replay = Replay::start_with_errors(&faulty, &[route("unknown-kind", SAME_NAMESPACE, rules)]).await;
    assert_eq!(replay.statuses.of_route(INFRA, "unknown-kind", "Accepted"), ["True Accepted"]);
    assert_eq!(replay.statuses.of_route(INFRA, "unknown-kind", "ResolvedRefs"), ["False InvalidKind"]);
    replay.check(SAME_NAMESPACE, 80, &[get("/any").answers(500)]).await;
}

/// A Service that is not there answers 500.
#[tokio::test]
async fn httproute_invalid_nonexistent_backendref() {
    let rules = "\n  - backendRefs: [{name: no-such-service, port: 8080}]";
    let faulty = ["HTTPRoute gateway-conformance-infra/no-service"];
    let replay = Replay::start_with_errors(&faulty, &[route("no-service", SAME_NAMESPACE, rules)]).await;
    assert_eq!(replay.statuses.of_route(INFRA, "no-service", "Accepted"), ["True Accepted"]);
    assert_eq!(replay.statuses.of_route(INFRA, "no-service", "ResolvedRefs"), ["False BackendNotFound"]);
    replay.check(SAME_NAMESPACE, 80, &[get("/").answers(500)]).await;
}

/// A Service of another namespace that grants nothing answers 500.
#[tokio::test]
async fn httproute_invalid_cross_namespace_backend_ref() {
    let rules =
        "\n  - backendRefs: [{name: web-backend, namespace: gateway-conformance-web-backend, port: 8080}]";
    let faulty = ["HTTPRoute gateway-conformance-infra/elsewhere"];
    let replay = Replay::start_with_errors(&faulty, &[route("elsewhere", SAME_NAMESPACE, rules)]).await;
    assert_eq!(replay.statuses.of_route(INFRA, "elsewhere", "Accepted"), ["True Accepted"]);
    assert_eq!(replay.statuses.of_route(INFRA, "elsewhere", "ResolvedRefs"), ["False RefNotPermitted"]);
    replay.check(SAME_NAMESPACE, 80, &[get("/").answers(500)]).await;
}

/// A Gateway that takes routes of its own namespace alone serves none of another.
#[tokio::test]
async fn httproute_invalid_cross_namespace_parent_ref() {
    let parent = "{name: same-namespace, namespace: gateway-conformance-infra}";
    let rules = "\n  - backendRefs: [{name: web-backend, port: 8080}]";
    let documents = [http_route(WEB, "from-elsewhere", parent, "", rules)];
    let faulty = ["HTTPRoute gateway-conformance-web-backend/from-elsewhere"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    assert_eq!(replay.statuses.of_route(WEB, "from-elsewhere", "Accepted"), ["False NotAllowedByListeners"]);
    assert_eq!(replay.statuses.of_route(WEB, "from-elsewhere", "ResolvedRefs"), ["True ResolvedRefs"]);
    assert_eq!(replay.statuses.attached(SAME_NAMESPACE), 0);
    replay.check(SAME_NAMESPACE, 80, &[get("/").answers(404)]).await;
}

/// A port that the Gateway does not have is no parent.
#[tokio::test]
async fn httproute_invalid_parentref_not_matching_listener_port() {
    unmatched_parent("{name: same-namespace, port: 81}").await;
}

/// A listener that the Gateway does not have is no parent, though another one has the port.
#[tokio::test]
async fn httproute_invalid_parentref_not_matching_section_name() {
    unmatched_parent("{name: same-namespace, port: 80, sectionName: not-http}").await;
}

async fn unmatched_parent(parent: &str) {
    let rules = "\n  - backendRefs: [{name: infra-backend-v1, port: 8080}]";
    let documents = [
        http_route(INFRA, "lost", parent, "", rules),
        http_route(INFRA, "found", "{name: same-namespace}", "found.example", rules),
    ];
    let faulty = ["HTTPRoute gateway-conformance-infra/lost"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    assert_eq!(replay.statuses.of_route(INFRA, "lost", "Accepted"), ["False NoMatchingParent"]);
    assert_eq!(replay.statuses.attached(SAME_NAMESPACE), 1);
    let cases = [get("/").answers(404), get("/").host("found.example").reaches(V1)];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// A listener of that name with another port is no parent.
#[tokio::test]
async fn httproute_invalid_parentref_section_name_not_matching_port() {
    let listener = "\n  - {name: http, protocol: HTTP, port: 80, allowedRoutes: {kinds: [{kind: HTTPRoute}], namespaces: {from: All}}}";
    let rules = "\n  - backendRefs: [{name: infra-backend-v1, port: 8080}]";
    let parent = "{name: one-listener, sectionName: http, port: 81}";
    let documents = [gateway("one-listener", listener), http_route(INFRA, "lost", parent, "", rules)];
    let faulty = ["HTTPRoute gateway-conformance-infra/lost"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    assert_eq!(replay.statuses.of_route(INFRA, "lost", "Accepted"), ["False NoMatchingParent"]);
    assert_eq!(replay.statuses.attached("one-listener"), 0);
    replay.check("one-listener", 80, &[get("/").answers(404)]).await;
}

const FROM_ROUTES: &str =
    "{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: gateway-conformance-infra}";
const TO_WEB: &str = "{group: '', kind: Service, name: web-backend}";
const TO_ELSEWHERE: &str =
    "\n  - backendRefs: [{name: web-backend, namespace: gateway-conformance-web-backend, port: 8080}]";

/// A Service that is granted is reached, and no longer so without the grant.
#[tokio::test]
async fn httproute_reference_grant() {
    let elsewhere = route("elsewhere", SAME_NAMESPACE, TO_ELSEWHERE);
    let replay = Replay::start(&[grant(WEB, "granted", FROM_ROUTES, TO_WEB), elsewhere.clone()]).await;
    replay.check(SAME_NAMESPACE, 80, &[get("/").reaches(WEB_BACKEND)]).await;
    let faulty = ["HTTPRoute gateway-conformance-infra/elsewhere"];
    let replay = Replay::start_with_errors(&faulty, &[elsewhere]).await;
    replay.check(SAME_NAMESPACE, 80, &[get("/").answers(500)]).await;
}

/// Grants in another namespace, from others or to others are none.
#[tokio::test]
async fn httproute_invalid_reference_grant() {
    let from = |group: &str, kind: &str, namespace: &str| {
        format!("{{group: {group}, kind: {kind}, namespace: {namespace}}}")
    };
    let to =
        |group: &str, kind: &str, name: &str| format!("{{group: '{group}', kind: {kind}, name: {name}}}");
    let group = "gateway.networking.k8s.io";
    let documents = [
        grant(INFRA, "wrong-namespace", FROM_ROUTES, TO_WEB),
        grant(WEB, "wrong-from-group", &from("other.example", "HTTPRoute", INFRA), TO_WEB),
        grant(WEB, "wrong-from-kind", &from(group, "Gateway", INFRA), TO_WEB),
        grant(WEB, "wrong-from-namespace", &from(group, "HTTPRoute", "elsewhere"), TO_WEB),
        grant(WEB, "wrong-to-group", FROM_ROUTES, &to("other.example", "Service", "web-backend")),
        grant(WEB, "wrong-to-kind", FROM_ROUTES, &to("", "Secret", "web-backend")),
        grant(WEB, "wrong-to-name", FROM_ROUTES, &to("", "Service", "other-backend")),
        route("elsewhere", SAME_NAMESPACE, TO_ELSEWHERE),
    ];
    let faulty = ["HTTPRoute gateway-conformance-infra/elsewhere"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    assert_eq!(replay.statuses.of_route(INFRA, "elsewhere", "Accepted"), ["True Accepted"]);
    assert_eq!(replay.statuses.of_route(INFRA, "elsewhere", "ResolvedRefs"), ["False RefNotPermitted"]);
    replay.check(SAME_NAMESPACE, 80, &[get("/").answers(500)]).await;
}

/// A rule without a grant answers 500, its sibling with one serves.
#[tokio::test]
async fn httproute_partially_invalid_via_invalid_reference_grant() {
    let rules = "
  - matches: [{path: {type: PathPrefix, value: /beta}}]
    backendRefs: [{name: app-backend-v2, namespace: gateway-conformance-app-backend, port: 8080}]
  - backendRefs: [{name: app-backend-v1, namespace: gateway-conformance-app-backend, port: 8080}]";
    let documents = [
        grant(
            APP_V1.namespace,
            "one-service",
            FROM_ROUTES,
            "{group: '', kind: Service, name: app-backend-v1}",
        ),
        route("half-granted", SAME_NAMESPACE, rules),
    ];
    let faulty = ["HTTPRoute gateway-conformance-infra/half-granted"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    assert_eq!(replay.statuses.of_route(INFRA, "half-granted", "Accepted"), ["True Accepted"]);
    assert_eq!(replay.statuses.of_route(INFRA, "half-granted", "ResolvedRefs"), ["False RefNotPermitted"]);
    replay.check(SAME_NAMESPACE, 80, &[get("/beta").answers(500), get("/").reaches(APP_V1)]).await;
}
