//! The answer to a request of a strict session whose endpoint cannot serve it: Envoy's own, with the time after which a client can
//! try again. The client keeps its token, so that its session continues when the endpoint is back.

/// How many seconds a client should wait (RFC 9110, section 10.2.3): about as long as a process takes to start again, or a health
/// check to notice it.
const SECONDS: &str = "5";

/// The same in milliseconds, for gRPC clients with a retry policy (gRFC A6, "Pushback").
const MILLISECONDS: &str = "5000";

/// `UNAVAILABLE`, which Envoy makes of 503 for gRPC.
const UNAVAILABLE: &[u8] = b"14";

/// The headers to add to an answer of Envoy itself with this `:status` and `grpc-status`. None if it is not about the endpoint.
#[must_use]
pub fn headers(status: &[u8], grpc_status: Option<&[u8]>) -> &'static [(&'static str, &'static str)] {
    match (status, grpc_status) {
        (_, Some(UNAVAILABLE)) => &[("retry-after", SECONDS), ("grpc-retry-pushback-ms", MILLISECONDS)],
        (b"503", None) => &[("retry-after", SECONDS)],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn clients_are_told_when_to_try_again() {
        let names = |status: &str, grpc: Option<&str>| {
            let added = headers(status.as_bytes(), grpc.map(str::as_bytes));
            added.iter().map(|(name, _)| *name).collect::<Vec<_>>()
        };
        assert_eq!(names("503", None), ["retry-after"]);
        assert_eq!(names("200", Some("14")), ["retry-after", "grpc-retry-pushback-ms"]);
        for (status, grpc) in [("504", None), ("413", None), ("200", None), ("200", Some("4")), ("", None)] {
            assert_eq!(names(status, grpc), [""; 0], "{status} {grpc:?}");
        }
    }
}
