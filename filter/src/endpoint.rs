//! Endpoints: backend addresses, in the form in which Envoy prints them.

use std::cell::OnceCell;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use base64::engine::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One backend address; cheap to clone.
///
/// Its text is stored, because every request needs it: formatting or parsing an address takes nearly half as many instructions as
/// opening a token.
#[derive(Clone)]
pub struct Endpoint(Rc<Named>);

struct Named {
    address: SocketAddr,
    text: String,
    /// The text in base64, once it was needed.
    base64: OnceCell<String>,
}

/// An address of Envoy that is not `ip:port`: a pipe, an internal listener, or an address with an IPv6 zone, which has a different
/// meaning on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ip:port, so no session can be pinned to it")]
pub struct NotAnAddress;

impl Endpoint {
    /// The endpoint of this address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self(Rc::new(Named { address, text: address.to_string(), base64: OnceCell::new() }))
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// The text, `10.0.0.1:80` or `[2001:db8::1]:80`, as Envoy prints it and as `override_host` expects it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.text.as_bytes()
    }

    /// The text in base64, as Envoy's `stateful_session` in header mode expects it.
    #[must_use]
    pub fn as_base64(&self) -> &[u8] {
        self.0.base64.get_or_init(|| STANDARD.encode(&self.0.text)).as_bytes()
    }

    /// Parses the value of Envoy's property `upstream.address`: `10.0.0.1:80` or `[2001:db8::1]:80`.
    ///
    /// # Errors
    /// The text is not an IP address with a port.
    pub fn parse(text: &[u8]) -> Result<Self, NotAnAddress> {
        let address =
            std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(NotAnAddress)?;
        match address {
            SocketAddr::V6(address) if address.scope_id() != 0 => Err(NotAnAddress),
            _ => Ok(Self::new(address)),
        }
    }

    /// Writes the compact form in tokens: 4 or 16 bytes of address, 2 bytes of port.
    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        match self.0.address.ip() {
            IpAddr::V4(ip) => to.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => to.extend_from_slice(&ip.octets()),
        }
        to.extend_from_slice(&self.0.address.port().to_be_bytes());
    }

    /// Reads the compact form; the address family follows from its length.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (ip, port) = bytes.split_last_chunk::<2>()?;
        let ip = if let Ok(ip) = <[u8; 4]>::try_from(ip) {
            IpAddr::V4(Ipv4Addr::from(ip))
        } else {
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(ip).ok()?))
        };
        Some(Self::new(SocketAddr::new(ip, u16::from_be_bytes(*port))))
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.0.address == other.0.address
    }
}

impl Eq for Endpoint {}

impl fmt::Display for Endpoint {
    /// The same as [`as_bytes`](Self::as_bytes).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.text.fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.0.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn an_endpoint_is_printed_as_envoy_prints_it() {
        for text in [
            "10.0.0.1:80",
            "255.255.255.255:65535",
            "[2001:db8::1]:443",
            "[::1]:1",
            "[::ffff:10.0.0.1]:80",
            "[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
        ] {
            let endpoint = Endpoint::parse(text.as_bytes()).unwrap();
            assert_eq!((endpoint.to_string().as_str(), endpoint.as_bytes()), (text, text.as_bytes()));
        }
    }

    #[test]
    fn pipes_internal_listeners_hostnames_and_zones_are_rejected() {
        for text in [
            "/run/app.sock",
            "envoy://listener/id",
            "localhost:80",
            "[fe80::1%1]:80",
            "10.0.0.1",
            "10.0.0.1:99999",
            "",
            "\u{fffd}",
        ] {
            assert_eq!(Endpoint::parse(text.as_bytes()), Err(NotAnAddress), "{text}");
        }
        assert_eq!(Endpoint::parse(b"\xff\xfe"), Err(NotAnAddress));
    }

    #[test]
    fn the_compact_form_has_one_length_for_each_family() {
        for (text, length) in [("10.0.0.1:80", 6), ("[2001:db8::1]:443", 18)] {
            let endpoint = Endpoint::parse(text.as_bytes()).unwrap();
            let mut bytes = Vec::new();
            endpoint.encode(&mut bytes);
            assert_eq!((bytes.len(), Endpoint::decode(&bytes)), (length, Some(endpoint)));
        }
        for length in (0..30).filter(|length| ![6, 18].contains(length)) {
            assert_eq!(Endpoint::decode(&vec![1; length]), None, "{length}");
        }
    }
}
