//! Headers that cannot carry a session, because HTTP, Envoy, gRPC, a browser or a tracer gives them another meaning: a token would
//! not come back in them, or would take the place of another value.
//!
//! Measured on Envoy 1.40 as rendered, over HTTP/1.1 and HTTP/2: no session holds in `connection`, `content-length`, `host`,
//! `keep-alive`, `proxy-connection`, `te`, `transfer-encoding`, `upgrade`, `x-forwarded-client-cert`, `x-forwarded-proto`,
//! `x-request-id` and the `x-envoy-` headers of requests, which Envoy removes or overwrites ("HTTP header sanitizing" in its
//! documentation). The others pass through this Envoy, but clients, other proxies and backends read something else from them.

use crate::names::OVERRIDE_HOST_HEADER;

/// Whether a header of this name, in lower case, cannot carry a session.
pub(super) fn is_reserved(name: &str) -> bool {
    FAMILIES.iter().any(|family| name.starts_with(family)) || NAMES.contains(&name)
}

/// How the names of such headers begin.
const FAMILIES: [&str; 12] = [
    // Content negotiation (RFC 9110 section 12).
    "accept-",
    // CORS (Fetch standard).
    "access-control-",
    // What a message holds (RFC 9110 section 8).
    "content-",
    "cross-origin-",
    // Reserved for gRPC's own use (gRPC over HTTP/2).
    "grpc-",
    // Preconditions (RFC 9110 section 13).
    "if-",
    // For the next proxy; no script in a browser may set it.
    "proxy-",
    // For the browser alone (Fetch standard).
    "sec-",
    // Tracing (Zipkin, Datadog).
    "x-b3-",
    "x-datadog-",
    // Envoy's own: it removes those of clients and sets those of answers.
    "x-envoy-",
    // What proxies say of the client, which Envoy sets, appends to or removes.
    "x-forwarded-",
];

/// Other such headers: fields of HTTP (IANA, "Hypertext Transfer Protocol (HTTP) Field Name Registry"), and what proxies and tracers use.
const NAMES: &[&str] = &[
    "accept",
    "age",
    "allow",
    "alt-svc",
    "alt-used",
    "authentication-info",
    "authorization",
    "b3",
    "baggage",
    "cache-control",
    "cdn-cache-control",
    "cdn-loop",
    "clear-site-data",
    "connection",
    "cookie",
    "date",
    "digest",
    "early-data",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "keep-alive",
    "last-event-id",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "nel",
    "origin",
    "origin-agent-cluster",
    "permissions-policy",
    "pragma",
    "priority",
    "range",
    "referer",
    "referrer-policy",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "retry-after",
    "server",
    "server-timing",
    "set-cookie",
    "signature",
    "signature-input",
    "strict-transport-security",
    "te",
    "timing-allow-origin",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-amzn-trace-id",
    "x-client-trace-id",
    "x-cloud-trace-context",
    "x-content-type-options",
    "x-frame-options",
    "x-http-method-override",
    "x-ot-span-context",
    "x-real-ip",
    "x-request-id",
    // The pin, which the filter hands to Envoy.
    OVERRIDE_HOST_HEADER,
];
