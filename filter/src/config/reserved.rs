//! Headers that cannot carry a session, because they have a meaning in HTTP, Envoy, gRPC, browsers or tracing: a token would not
//! return to the filter, or would replace another value.
//!
//! Measured on Envoy 1.40 with the rendered configuration, over HTTP/1.1 and HTTP/2: sessions do not persist in `connection`,
//! `content-length`, `host`, `keep-alive`, `proxy-connection`, `te`, `transfer-encoding`, `upgrade`, `x-forwarded-client-cert`,
//! `x-forwarded-proto`, `x-request-id` and the `x-envoy-` headers of requests, which Envoy removes or overwrites ("HTTP header sanitizing" in its
//! documentation). Envoy forwards the others, but clients, other proxies and backends interpret them.

use crate::names::OVERRIDE_HOST_HEADER;

/// Whether a header of this name, in lower case, cannot carry a session.
pub(super) fn is_reserved(name: &str) -> bool {
    FAMILIES.iter().any(|family| name.starts_with(family)) || NAMES.contains(&name)
}

/// Prefixes of reserved names.
const FAMILIES: [&str; 12] = [
    // Content negotiation (RFC 9110 section 12).
    "accept-",
    // CORS (Fetch standard).
    "access-control-",
    // Representation data (RFC 9110 section 8).
    "content-",
    "cross-origin-",
    // Reserved for gRPC's own use (gRPC over HTTP/2).
    "grpc-",
    // Preconditions (RFC 9110 section 13).
    "if-",
    // For the next proxy; scripts in browsers cannot set them.
    "proxy-",
    // Only browsers can set them (Fetch standard).
    "sec-",
    // Tracing (Zipkin, Datadog).
    "x-b3-",
    "x-datadog-",
    // Envoy removes them from requests of clients and sets them in responses.
    "x-envoy-",
    // Information about the client, which Envoy sets, extends or removes.
    "x-forwarded-",
];

/// Other reserved names: from the IANA registry of HTTP field names, and those that proxies and tracing use.
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
    // The private header of the pin.
    OVERRIDE_HOST_HEADER,
];
