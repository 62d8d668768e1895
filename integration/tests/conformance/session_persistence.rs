//! Session persistence: the tests of kubernetes-sigs/gateway-api#4954, which is open. They are provisional, and each is replayed
//! three times: with the shape that they have, with that of Gateway API 1.7, and with an XBackend.

use std::collections::BTreeSet;
use std::fmt::Write;

use integration::backend::{Backend, Pod};
use integration::harness::client::{Answer, Protocol};
use integration::harness::manifests::{pod, xbackend, xbackend_ref};

use crate::case::{Ask, get};
use crate::documents::{route, rule};
use crate::grpc::{call, grpc_route};
use crate::infrastructure::{INFRA, Infrastructure, SAME_NAMESPACE};
use crate::replay::Replay;

/// Where a manifest has session persistence, and in which shape.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the rule, as in Gateway API 1.1 to 1.6.
    Older,
    /// In the rule, as in Gateway API 1.7.
    Newer,
    /// In an XBackend.
    XBackend,
}

const PLACES: [Place; 3] = [Place::Older, Place::Newer, Place::XBackend];

/// A test: the lifetime of its cookies, the version of HTTP of the backend, and the route for the fields of its rule.
struct Test {
    permanent: bool,
    grpc: bool,
    route: fn(&[&str]) -> String,
    ask: Ask,
}

impl Test {
    fn persistence(&self, place: Place) -> &'static str {
        match (place, self.permanent) {
            (Place::Older, false) => "sessionPersistence: {type: Cookie}",
            (Place::Older, true) => {
                "sessionPersistence: {type: Cookie, absoluteTimeout: 1h, cookieConfig: {lifetimeType: Permanent}}"
            }
            (Place::Newer | Place::XBackend, false) => "sessionPersistence: {type: Cookie, cookie: {}}",
            (Place::Newer | Place::XBackend, true) => {
                "sessionPersistence: {type: Cookie, absoluteTimeout: 1h, cookie: {lifetimeType: Permanent}}"
            }
        }
    }

    async fn start(&self, place: Place) -> Replay {
        let mut infrastructure = Infrastructure::start();
        let persistence = self.persistence(place);
        let rule = match place {
            Place::Older | Place::Newer => {
                let port = if self.grpc { 8081 } else { 8080 };
                (self.route)(&[
                    &format!("backendRefs: [{{name: infra-backend-v1, port: {port}}}]"),
                    persistence,
                ])
            }
            Place::XBackend => {
                let pods = ["sticky-0", "sticky-1", "sticky-2"]
                    .map(|name| Pod { namespace: INFRA.to_owned(), ..Pod::new("sticky", name) });
                let pods = Backend::start_on_one_port(&pods).unwrap();
                let protocol = if self.grpc { "GRPC" } else { "HTTP" };
                let backend = xbackend(
                    &format!("name: sticky, namespace: {INFRA}"),
                    "sticky",
                    pods[0].address().port(),
                    &format!("protocol: {protocol}\n  {persistence}"),
                );
                let objects = pods.iter().map(|one| pod(one, "")).chain([backend]);
                objects.for_each(|object| write!(infrastructure.manifests, "---\n{object}").unwrap());
                infrastructure.pods.extend(pods);
                (self.route)(&[&format!("backendRefs: [{}]", xbackend_ref("sticky", ""))])
            }
        };
        Replay::start_on(infrastructure, &[], &[rule]).await
    }

    async fn answer(&self, replay: &Replay, cookie: Option<&str>) -> Answer {
        let ask = cookie.map_or_else(|| self.ask.clone(), |cookie| self.ask.clone().header("cookie", cookie));
        let protocol = if self.grpc { Protocol::Http2 } else { Protocol::Http1 };
        let answer = replay.answer(SAME_NAMESPACE, 80, &ask, protocol).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// The first answer has a cookie; with it, ten requests reach the same pod. The cookie has one of the attributes `Expires`
    /// and `Max-Age` if it is permanent.
    async fn check(&self) {
        for place in PLACES {
            let replay = self.start(place).await;
            let first = self.answer(&replay, None).await;
            let [cookie] = &first.values("set-cookie")[..] else { panic!("{place:?}: {first:?}") };
            let mut parts = cookie.split("; ");
            let pair = parts.next().unwrap();
            let lasts = parts.any(|part| part.starts_with("Expires=") || part.starts_with("Max-Age="));
            assert_eq!(lasts, self.permanent, "{place:?}: {cookie}");
            for _ in 0..10 {
                assert_eq!(self.answer(&replay, Some(pair)).await.pod(), first.pod(), "{place:?}");
            }
            let mut others = BTreeSet::new();
            for _ in 0..40 {
                others.extend(self.answer(&replay, None).await.pod());
            }
            assert!(others.len() > 1, "{place:?}: requests without the cookie reach one pod, too");
        }
    }
}

fn http(permanent: bool) -> Test {
    let route = |fields: &[&str]| route("session", SAME_NAMESPACE, &rule("/session-persistence", fields));
    Test { permanent, grpc: false, route, ask: get("/session-persistence") }
}

fn grpc(permanent: bool) -> Test {
    let route = |fields: &[&str]| {
        let rule = format!("\n  - {}", fields.join("\n    "));
        grpc_route("session", "{name: same-namespace}", &rule)
    };
    Test { permanent, grpc: true, route, ask: call("Pick") }
}

/// `HTTPRouteSessionPersistenceCookie`.
#[tokio::test]
async fn httproute_session_persistence_cookie() {
    http(false).check().await;
}

/// `HTTPRouteSessionPersistenceCookiePermanentLifetime`.
#[tokio::test]
async fn httproute_session_persistence_cookie_permanent_lifetime() {
    http(true).check().await;
}

/// `GRPCRouteSessionPersistenceCookie`. Each call has a connection of its own.
#[tokio::test]
async fn grpcroute_session_persistence_cookie() {
    grpc(false).check().await;
}

/// `GRPCRouteSessionPersistenceCookiePermanentLifetime`.
#[tokio::test]
async fn grpcroute_session_persistence_cookie_permanent_lifetime() {
    grpc(true).check().await;
}
