//! XBackends: Pods or EndpointSlices behind a label selector, and sessions that belong to each rule.

use std::collections::BTreeSet;
use std::time::Duration;

use integration::backend::{Backend, Pod};
use integration::harness::client::{Answer, Client};
use integration::harness::manifests::{Manifests, pod as pod_object, xbackend, xbackend_ref};
use integration::harness::{deadline, keys};

use crate::setup::{browser, client, deployment, now, pod, route, serve, start};

const COOKIE: &str = "{cookie: {name: session}}";

/// Pods `game-0`, `game-1` and so on, on one port and an address each.
pub(crate) fn pods_of_game<const N: usize>() -> [Backend; N] {
    Backend::start_on_one_port(&std::array::from_fn(|number| Pod::new("game", &format!("game-{number}"))))
        .unwrap()
}

/// An XBackend of all pods of the game on this port.
pub(crate) fn game(port: u16, fields: &str) -> String {
    xbackend("name: game", "game", port, fields)
}

/// A rule for all paths with this prefix that forwards to the XBackend `game`.
pub(crate) fn rule(prefix: &str) -> String {
    format!(
        "{{matches: [{{path: {{type: PathPrefix, value: {prefix}}}}}], backendRefs: [{}]}}",
        xbackend_ref("game", "")
    )
}

/// Rules for `/a` and `/b` that use one XBackend with this persistence.
fn manifests(pods: &[Backend], persistence: &str) -> Manifests {
    let rules = ["/a", "/b"].map(rule);
    let persistence = format!("sessionPersistence: {persistence}");
    let manifests = Manifests::gateway()
        .with(&route("route", &rules))
        .with(&game(pods[0].address().port(), &persistence));
    pods.iter().fold(manifests, |manifests, pod| manifests.with(&pod_object(pod, "")))
}

/// Sends five requests; returns the pod that all of them reached.
async fn only_pod(client: &Client, path: &str) -> String {
    let first = pod(&client.get(path).await.unwrap());
    for _ in 0..4 {
        assert_eq!(pod(&client.get(path).await.unwrap()), first, "{path}");
    }
    first
}

#[tokio::test]
async fn sessions_of_an_xbackend_stay_on_one_of_its_pods() {
    let pods = pods_of_game::<3>();
    let envoy = serve(&manifests(&pods, "{cookie: {}}")).await;
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let browser = browser(&envoy);
        // The rules have a balancer each, which would take turns in step.
        client(&envoy).get(if seen.len() % 2 == 0 { "/a" } else { "/b" }).await.unwrap();
        let there = [only_pod(&browser, "/a").await, only_pod(&browser, "/b").await];
        // Whatever the session of the one rule is, that of the other continues.
        assert_eq!(there, [only_pod(&browser, "/a").await, only_pod(&browser, "/b").await]);
        seen.insert(there);
    }
    assert!(seen.iter().any(|[a, b]| a != b), "the rules share a session: {seen:?}");
    let all: BTreeSet<&str> = seen.iter().flatten().map(String::as_str).collect();
    assert_eq!(all.len(), 3, "sessions are not balanced: {seen:?}");
}

/// GEP-1619: "Route rules referencing the same service MUST NOT share persistent sessions", even with one name.
#[tokio::test]
async fn rules_with_one_xbackend_do_not_share_sessions() {
    let pods = pods_of_game::<3>();
    let get = async |client: &Client, path: &str, token: &str| -> Answer {
        let headers = [("cookie", format!("session={token}")), ("x-session", token.to_owned())];
        client.get_with(path, &headers.each_ref().map(|(name, value)| (*name, value.as_str()))).await.unwrap()
    };
    for persistence in [COOKIE, "{type: Header, header: {name: x-session}}"] {
        let envoy = serve(&manifests(&pods, persistence)).await;
        let client = client(&envoy);
        let token = |answer: &Answer| answer.cookie("session").or_else(|| answer.value("x-session"));
        let first = client.get("/a").await.unwrap();
        let of_a = token(&first).unwrap();
        for _ in 0..5 {
            let again = get(&client, "/a", &of_a).await;
            assert_eq!((pod(&again), token(&again)), (pod(&first), None), "{persistence}");
        }
        let mut elsewhere = BTreeSet::new();
        for _ in 0..20 {
            let other = get(&client, "/b", &of_a).await;
            let of_b =
                token(&other).unwrap_or_else(|| panic!("{persistence}: the session of /a counts for /b"));
            assert_eq!(pod(&get(&client, "/b", &of_b).await), pod(&other), "{persistence}");
            elsewhere.insert(pod(&other));
        }
        assert!(elsewhere.len() > 1, "{persistence}: {elsewhere:?}");
    }
}

#[tokio::test]
async fn sessions_move_in_the_same_answer_when_their_pod_is_gone() {
    let mut pods = pods_of_game::<2>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let browser = browser(&envoy);
    let first = only_pod(&browser, "/a").await;
    pods.iter_mut().find(|one| one.pod().pod == first).unwrap().kill().await.unwrap();
    assert_ne!(only_pod(&browser, "/a").await, first);
}

#[tokio::test]
async fn sessions_of_an_xbackend_expire() {
    let pods = pods_of_game::<2>();
    for persistence in [
        "{absoluteTimeout: 2s, cookie: {name: session}}",
        "{absoluteTimeout: 2s, cookie: {name: session, lifetimeType: Permanent}}",
    ] {
        let envoy = serve(&manifests(&pods, persistence)).await;
        let client = client(&envoy);
        let began = now();
        let first = client.get("/a").await.unwrap().cookie("session").unwrap();
        let cookie = format!("session={first}");
        let renewed = deadline::until(Duration::from_secs(30), async || {
            client.get_with("/a", &[("cookie", &cookie)]).await.unwrap().cookie("session")
        });
        assert_ne!(renewed.await.unwrap(), first, "{persistence}");
        assert!(now() >= began + 2, "{persistence}: it ended too early");
    }
}

#[tokio::test]
async fn cookies_have_the_path_and_lifetime_of_the_xbackend() {
    let pods = pods_of_game::<1>();
    for (persistence, path, max_age) in [
        ("{cookie: {name: session}}", "Path=/", None),
        ("{absoluteTimeout: 1h, cookie: {name: session, path: /a}}", "Path=/a", None),
        (
            "{absoluteTimeout: 1h, cookie: {name: session, lifetimeType: Permanent}}",
            "Path=/",
            Some("Max-Age=3600"),
        ),
    ] {
        let envoy = serve(&manifests(&pods, persistence)).await;
        let cookie = client(&envoy).get("/a").await.unwrap().values("set-cookie").pop().unwrap();
        let attributes: Vec<&str> = cookie.split("; ").collect();
        assert!(attributes.contains(&path), "{persistence}: {cookie}");
        let found = attributes.iter().find(|one| one.starts_with("Max-Age") || one.starts_with("Expires"));
        assert_eq!(found.copied(), max_age, "{persistence}: {cookie}");
    }
}

/// A weight says where sessions begin, also among XBackends.
#[tokio::test]
async fn existing_sessions_take_precedence_over_the_weights_of_xbackends() {
    let [old, new] =
        Backend::start_on_one_port(&[Pod::new("old", "old-0"), Pod::new("new", "new-0")]).unwrap();
    let fields = format!("sessionPersistence: {COOKIE}");
    let backends = [&old, &new].into_iter().fold(Manifests::gateway(), |manifests, one| {
        let app = &one.pod().service;
        let backend = xbackend(&format!("name: {app}"), app, one.address().port(), &fields);
        manifests.with(&backend).with(&pod_object(one, ""))
    });
    let keys = keys::fresh().unwrap();
    let start_with = async |weights: [u32; 2]| {
        let refs = ["old", "new"].iter().zip(weights);
        let refs = refs.map(|(name, weight)| xbackend_ref(name, &format!(", weight: {weight}")));
        let rule = format!("{{backendRefs: [{}]}}", refs.collect::<Vec<_>>().join(", "));
        let manifests = backends.clone().with(&route("route", &[rule]));
        start(&deployment(&manifests).with_keys(&keys)).await
    };
    let answer = client(&start_with([1, 0]).await).get("/").await.unwrap();
    let cookie = format!("session={}", answer.cookie("session").unwrap());
    assert_eq!(pod(&answer), "old-0");
    let after = start_with([0, 1]).await;
    for _ in 0..5 {
        assert_eq!(pod(&client(&after).get_with("/", &[("cookie", &cookie)]).await.unwrap()), "old-0");
        assert_eq!(pod(&client(&after).get("/").await.unwrap()), "new-0");
    }
}

/// A Service with another name, port and target port, whose EndpointSlices say which pods the selector selects.
fn service(pods: &[Backend]) -> String {
    let endpoint = |one: &Backend| {
        let (name, ip) = (&one.pod().pod, one.address().ip());
        format!("{{addresses: [\"{ip}\"], targetRef: {{kind: Pod, namespace: default, name: {name}}}}}")
    };
    let endpoints: Vec<String> = pods.iter().map(endpoint).collect();
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: play}}\n\
         spec: {{selector: {{app: game}}, ports: [{{port: 80, targetPort: {port}}}]}}\n\
         ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: play-1, labels: {{kubernetes.io/service-name: play}}}}\n\
         addressType: IPv4\nports: [{{port: {port}}}]\nendpoints: [{endpoints}]\n",
        port = pods[0].address().port(),
        endpoints = endpoints.join(", "),
    )
}

#[tokio::test]
async fn slices_of_a_service_with_the_same_selector_have_the_endpoints() {
    let pods = pods_of_game::<2>();
    let persistence = format!("sessionPersistence: {COOKIE}");
    let manifests = Manifests::gateway()
        .with(&route("route", &[rule("/")]))
        .with(&game(pods[0].address().port(), &persistence))
        .with(&service(&pods));
    let envoy = serve(&manifests).await;
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        seen.insert(only_pod(&browser(&envoy), "/").await);
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}

/// A rule of Gateway API 1.6 becomes one of 1.7, and clients notice nothing.
#[tokio::test]
async fn sessions_continue_when_their_settings_move_to_an_xbackend() {
    let pods = pods_of_game::<3>();
    let keys = keys::fresh().unwrap();
    let matches = "matches: [{path: {type: PathPrefix, value: /cart}}]";
    for (older, newer) in [
        ("{sessionName: session}", "{cookie: {name: session, path: /cart}}"),
        (
            "{sessionName: session, absoluteTimeout: 1h, cookieConfig: {lifetimeType: Permanent}}",
            "{absoluteTimeout: 1h, cookie: {name: session, path: /cart, lifetimeType: Permanent}}",
        ),
        ("{sessionName: session, type: Header}", "{type: Header, header: {name: session}}"),
    ] {
        let inline = format!(
            "{{name: cart, {matches}, backendRefs: [{{name: play, port: 80}}], sessionPersistence: {older}}}"
        );
        let before = Manifests::gateway().with(&service(&pods)).with(&route("route", &[inline]));
        let before = start(&deployment(&before).with_keys(&keys)).await;
        let first = client(&before).get("/cart").await.unwrap();
        let token = first.cookie("session").or_else(|| first.value("session")).unwrap();

        let of_xbackend = format!("{{name: cart, {matches}, backendRefs: [{}]}}", xbackend_ref("game", ""));
        let after = Manifests::gateway()
            .with(&game(pods[0].address().port(), &format!("sessionPersistence: {newer}")))
            .with(&route("route", &[of_xbackend]));
        let after = pods.iter().fold(after, |manifests, one| manifests.with(&pod_object(one, "")));
        let envoy = start(&deployment(&after).with_keys(&keys)).await;
        let after = client(&envoy);
        let cookie = format!("session={token}");
        let headers = [("cookie", cookie.as_str()), ("session", token.as_str())];
        for _ in 0..10 {
            let answer = after.get_with("/cart", &headers).await.unwrap();
            assert_eq!(pod(&answer), pod(&first), "{older}");
            assert_eq!((answer.cookie("session"), answer.value("session")), (None, None), "{older}");
        }
        let [old, new] = [&first, &after.get("/cart").await.unwrap()].map(attributes);
        assert_eq!(old, new, "{older}: clients would have two cookies");
    }
}

/// The attributes of the cookie of an answer, if any.
fn attributes(answer: &Answer) -> Option<String> {
    let cookie = answer.values("set-cookie").pop()?;
    cookie.split_once("; ").map(|(_, attributes)| attributes.to_owned())
}
