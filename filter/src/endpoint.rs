//! Endpoints: backend addresses as Envoy prints them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One backend address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(SocketAddr);

/// A text of Envoy's that is no `ip:port`: the address of a pipe or of an internal listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ip:port, so no session can be pinned to it")]
pub struct NotAnAddress;

impl Endpoint {
    /// The endpoint of this address.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    /// Reads what Envoy's property `upstream.address` says: `10.0.0.1:80` or `[2001:db8::1]:80`.
    ///
    /// # Errors
    /// Whatever is not an IP address with a port.
    pub fn parse(text: &[u8]) -> Result<Self, NotAnAddress> {
        std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).map(Self).ok_or(NotAnAddress)
    }

    /// The compact form inside a token: 4 or 16 bytes of address, 2 of port.
    pub(crate) fn encode(self, to: &mut Vec<u8>) {
        match self.0.ip() {
            IpAddr::V4(ip) => to.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => to.extend_from_slice(&ip.octets()),
        }
        to.extend_from_slice(&self.0.port().to_be_bytes());
    }

    /// Reads the compact form; its length tells the family.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (ip, port) = bytes.split_last_chunk::<2>()?;
        let ip = if let Ok(ip) = <[u8; 4]>::try_from(ip) {
            IpAddr::V4(Ipv4Addr::from(ip))
        } else {
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(ip).ok()?))
        };
        Some(Self(SocketAddr::new(ip, u16::from_be_bytes(*port))))
    }
}

impl fmt::Display for Endpoint {
    /// `ip:port` as Envoy prints it, which is also what `override_host` compares with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
