//! The value of the private header: the endpoint of a session, in the form that the Envoy filter reads.

use base64::engine::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::Pin;
use crate::endpoint::Endpoint;

/// The value for a request of a strict session whose pod is gone: base64 of `0.0.0.0:0`, which no endpoint has, so that Envoy answers.
pub const NOWHERE: &[u8] = b"MC4wLjAuMDow";

/// The value for a request: the address for `override_host`, or its base64 for `stateful_session` in header mode.
#[must_use]
pub fn header_value(pin: Pin, endpoint: &Endpoint) -> &[u8] {
    match pin {
        Pin::Metadata => endpoint.as_bytes(),
        Pin::StatefulSession => endpoint.as_base64(),
    }
}

/// The endpoint that `stateful_session` reports in a response. It does so if another endpoint than the pinned one served.
#[must_use]
pub fn served_by(header_value: &[u8]) -> Option<Endpoint> {
    let mut text = [0; 64];
    let length = STANDARD.decode_slice(header_value, &mut text).ok()?;
    Endpoint::parse(text.get(..length)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn stateful_session_reads_and_writes_base64_of_the_address() {
        for (text, base64) in
            [("10.0.0.1:80", "MTAuMC4wLjE6ODA="), ("[2001:db8::1]:443", "WzIwMDE6ZGI4OjoxXTo0NDM=")]
        {
            let endpoint = Endpoint::parse(text.as_bytes()).unwrap();
            assert_eq!(*header_value(Pin::Metadata, &endpoint), *text.as_bytes());
            assert_eq!(*header_value(Pin::StatefulSession, &endpoint), *base64.as_bytes());
            assert_eq!(served_by(base64.as_bytes()), Some(endpoint));
        }
        assert_eq!(served_by(NOWHERE).unwrap().to_string(), "0.0.0.0:0");
        for wrong in ["", "10.0.0.1:80", "MTAuMC4wLjE6ODA", "bm90IGFuIGFkZHJlc3M="] {
            assert_eq!(served_by(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
