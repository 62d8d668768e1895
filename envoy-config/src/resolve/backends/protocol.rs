//! The protocol of a Service port (GEP-1911, with the names of KEP-3726).
//!
//! A port without `appProtocol` uses HTTP/1.1, or HTTP/2 for gRPC requests. A BackendTLSPolicy decides
//! whether TLS is used, not the port; a protocol whose name implies TLS requires such a policy.

use crate::diagnostic::closest;
use crate::manifest::gateway_api::route::RouteKind;
use crate::model::HttpVersion;

/// What an `appProtocol` means for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Protocol {
    pub(super) version: HttpVersion,
    /// Its name implies TLS.
    pub(super) secure: bool,
}

/// The supported names, with the version (`None`: the route's default) and whether the name implies TLS.
/// Names without a domain are IANA's, in any case. `grpc` is not registered, but widely used.
const NAMES: [(&str, Option<HttpVersion>, bool); 6] = [
    ("http", None, false),
    ("https", None, true),
    ("grpc", Some(HttpVersion::Http2), false),
    ("kubernetes.io/h2c", Some(HttpVersion::Http2), false),
    // A WebSocket starts as an HTTP/1.1 upgrade.
    ("kubernetes.io/ws", Some(HttpVersion::Http1), false),
    ("kubernetes.io/wss", Some(HttpVersion::Http1), true),
];

impl Protocol {
    /// `None` for a protocol that cannot carry the requests of such a route.
    pub(super) fn of(app_protocol: Option<&str>, kind: RouteKind) -> Option<Self> {
        let own = match kind {
            RouteKind::Http => HttpVersion::Http1,
            RouteKind::Grpc => HttpVersion::Http2,
        };
        let Some(name) = app_protocol else { return Some(Self { version: own, secure: false }) };
        let (_, version, secure) = NAMES.into_iter().find(|(known, ..)| is(known, name))?;
        let fits = kind == RouteKind::Http || version != Some(HttpVersion::Http1);
        fits.then_some(Self { version: version.unwrap_or(own), secure })
    }
}

fn is(known: &str, name: &str) -> bool {
    if known.contains('/') { known == name } else { known.eq_ignore_ascii_case(name) }
}

/// What to write instead of an unsupported name.
pub(super) fn hint(name: &str, kind: RouteKind) -> String {
    let usable =
        || NAMES.iter().map(|(name, ..)| *name).filter(|name| Protocol::of(Some(name), kind).is_some());
    if let Some(near) = closest(name, usable()) {
        return format!("did you mean `{near}`?");
    }
    let list: Vec<String> = usable().map(|name| format!("`{name}`")).collect();
    format!("use one of {}, or remove `appProtocol`", list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: Option<&str>, kind: RouteKind) -> Option<HttpVersion> {
        Protocol::of(name, kind).map(|protocol| protocol.version)
    }

    #[test]
    fn ports_without_app_protocol_use_the_routes_http_version() {
        for name in [None, Some("http"), Some("HTTP"), Some("https")] {
            assert_eq!(version(name, RouteKind::Http), Some(HttpVersion::Http1), "{name:?}");
            assert_eq!(version(name, RouteKind::Grpc), Some(HttpVersion::Http2), "{name:?}");
        }
    }

    #[test]
    fn h2c_carries_both_kinds_and_web_sockets_cannot_carry_grpc() {
        for name in ["kubernetes.io/h2c", "grpc"] {
            for kind in [RouteKind::Http, RouteKind::Grpc] {
                assert_eq!(version(Some(name), kind), Some(HttpVersion::Http2), "{name}");
            }
        }
        for name in ["kubernetes.io/ws", "kubernetes.io/wss"] {
            assert_eq!(version(Some(name), RouteKind::Http), Some(HttpVersion::Http1), "{name}");
            assert_eq!(version(Some(name), RouteKind::Grpc), None, "{name}");
        }
    }

    #[test]
    fn unknown_protocols_are_unsupported_and_prefixed_names_are_case_sensitive() {
        for name in ["", "mysql", "kubernetes.io/H2C", "h2c", "example.com/http", "kubernetes.io/http"] {
            assert_eq!(Protocol::of(Some(name), RouteKind::Http), None, "{name}");
        }
        assert_eq!(hint("kubernetes.io/h2", RouteKind::Http), "did you mean `kubernetes.io/h2c`?");
        assert!(!hint("mysql", RouteKind::Grpc).contains("kubernetes.io/ws"));
    }

    #[test]
    fn protocol_names_imply_tls() {
        let secure = |name| Protocol::of(Some(name), RouteKind::Http).unwrap().secure;
        assert!(secure("https") && secure("HTTPS") && secure("kubernetes.io/wss"));
        assert!(!secure("http") && !secure("kubernetes.io/ws"));
    }
}
