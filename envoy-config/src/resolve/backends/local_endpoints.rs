//! Endpoints on Envoy's own machine or link: its admin interface, loopback and link-local addresses.
//!
//! Otherwise, whoever can write an EndpointSlice, an ExternalName or a Backend could send requests to
//! services that trust their own machine (the admin interface stops Envoy on `/quitquitquit`) or link (a
//! cloud's metadata service returns credentials). The API server rejects such addresses in EndpointSlices
//! (Kubernetes, `ValidateNonSpecialIP`). DNS names are resolved only when Envoy runs, so only names that
//! always mean loopback are found here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::diagnostic::Code;
use crate::options::{AdminAddress, Options};

/// Finds local endpoints.
pub(in crate::resolve) struct LocalEndpoints {
    admin: AdminAddress,
    allowed: bool,
}

/// Why an endpoint is local.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::resolve) enum LocalEndpoint {
    /// It is the admin interface.
    Admin,
    /// It is on Envoy's own machine.
    Loopback,
    /// It is on Envoy's own link: routers do not forward to it.
    LinkLocal,
}

/// Names for loopback addresses in the hosts files of common systems (RFC 6761 section 6.3 adds all names
/// below `localhost`).
const LOOPBACK_NAMES: [&str; 6] =
    ["localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"];

impl LocalEndpoints {
    pub(in crate::resolve) fn new(options: &Options) -> Self {
        Self { admin: options.admin.clone(), allowed: options.allow_loopback_endpoints }
    }

    /// Whether an address is local and not allowed.
    pub(in crate::resolve) fn address(&self, address: SocketAddr) -> Option<LocalEndpoint> {
        let ip = address.ip().to_canonical();
        let is_here = ip.is_loopback() || ip.is_unspecified();
        if self.is_admin(address.port(), |admin| {
            ip == admin || (is_here && admin.is_unspecified()) || (ip.is_unspecified() && admin.is_loopback())
        }) {
            return Some(LocalEndpoint::Admin);
        }
        let found = match ip {
            // Connecting to the unspecified address reaches the own machine.
            _ if is_here => LocalEndpoint::Loopback,
            IpAddr::V4(ip) if ip.is_link_local() => LocalEndpoint::LinkLocal,
            IpAddr::V6(ip) if ip.is_unicast_link_local() => LocalEndpoint::LinkLocal,
            IpAddr::V4(_) | IpAddr::V6(_) => return None,
        };
        (!self.allowed).then_some(found)
    }

    /// Whether a name is local and not allowed. Resolvers read numbers as addresses, as `inet_aton(3)` does.
    pub(in crate::resolve) fn name(&self, host: &str, port: u16) -> Option<LocalEndpoint> {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let address = host.parse().ok().or_else(|| numeric(&host).map(IpAddr::V4));
        if let Some(ip) = address {
            return self.address(SocketAddr::new(ip, port));
        }
        if !LOOPBACK_NAMES.contains(&host.as_str()) && !host.ends_with(".localhost") {
            return None;
        }
        if self.is_admin(port, |admin| admin.is_loopback() || admin.is_unspecified()) {
            return Some(LocalEndpoint::Admin);
        }
        (!self.allowed).then_some(LocalEndpoint::Loopback)
    }

    fn is_admin(&self, port: u16, meets: impl FnOnce(IpAddr) -> bool) -> bool {
        match &self.admin {
            AdminAddress::Tcp(admin) => admin.port() == port && meets(admin.ip().to_canonical()),
            AdminAddress::Unix(_) => false,
        }
    }
}

impl LocalEndpoint {
    pub(in crate::resolve) const fn code(self) -> Code {
        match self {
            Self::Admin => Code::AdminEndpoint,
            Self::Loopback => Code::LoopbackEndpoint,
            Self::LinkLocal => Code::LinkLocalEndpoint,
        }
    }

    /// What is wrong with this address or name.
    pub(in crate::resolve) fn message(self, endpoint: &str, port: u16) -> String {
        match self {
            Self::Admin => {
                format!(
                    "port {port} of `{endpoint}` is not allowed as an endpoint: it is Envoy's admin interface, which can stop Envoy"
                )
            }
            Self::Loopback => {
                format!("`{endpoint}` is not allowed as an endpoint: it is the machine that Envoy runs on")
            }
            Self::LinkLocal => {
                format!(
                    "`{endpoint}` is not allowed as an endpoint: a link-local address may be a cloud's metadata service"
                )
            }
        }
    }

    pub(in crate::resolve) fn hint(self) -> String {
        String::from(match self {
            Self::Admin => "if a backend uses this port, move the admin interface with `--admin-address`",
            Self::Loopback => {
                "use an address that other machines can reach; if backends run on Envoy's machine, allow this with `--allow-loopback-endpoints`"
            }
            Self::LinkLocal => {
                "use an address that routers can reach; if backends have link-local addresses, use `--allow-loopback-endpoints`, which allows these, too"
            }
        })
    }
}

/// An IPv4 address of one to four numbers: decimal, octal (`0…`) or hexadecimal (`0x…`). The last number
/// fills the rest.
fn numeric(host: &str) -> Option<Ipv4Addr> {
    let number = |part: &str| {
        if let Some(digits) = part.strip_prefix("0x") {
            return u32::from_str_radix(if digits.is_empty() { "0" } else { digits }, 16).ok();
        }
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let radix = if part.starts_with('0') { 8 } else { 10 };
        u32::from_str_radix(part, radix).ok().filter(|_| is_number)
    };
    let numbers: Vec<u32> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, front) = numbers.split_last()?;
    let free = 32 - 8 * u32::try_from(front.len()).ok().filter(|count| *count < 4)?;
    let fits = front.iter().all(|&part| part < 256) && u64::from(*last) < 1 << free;
    let high = front.iter().fold(0_u64, |sum, &part| sum << 8 | u64::from(part));
    let bits = u32::try_from(high << free | u64::from(*last)).ok()?;
    fits.then(|| Ipv4Addr::from_bits(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(admin: &str, allowed: bool) -> LocalEndpoints {
        LocalEndpoints { admin: admin.parse().unwrap(), allowed }
    }

    #[test]
    fn local_addresses_are_rejected_unless_allowed() {
        for (address, expected) in [
            ("127.0.0.1:80", Some(LocalEndpoint::Loopback)),
            ("127.255.255.254:80", Some(LocalEndpoint::Loopback)),
            ("0.0.0.0:80", Some(LocalEndpoint::Loopback)),
            ("[::1]:80", Some(LocalEndpoint::Loopback)),
            ("[::]:80", Some(LocalEndpoint::Loopback)),
            ("[::ffff:127.0.0.1]:80", Some(LocalEndpoint::Loopback)),
            ("[::ffff:0.0.0.0]:80", Some(LocalEndpoint::Loopback)),
            ("169.254.169.254:80", Some(LocalEndpoint::LinkLocal)),
            ("[::ffff:169.254.169.254]:80", Some(LocalEndpoint::LinkLocal)),
            ("[fe80::1]:80", Some(LocalEndpoint::LinkLocal)),
            ("[febf::1]:80", Some(LocalEndpoint::LinkLocal)),
            ("[fec0::1]:80", None),
            ("10.0.0.1:80", None),
            ("128.0.0.1:80", None),
            ("10.0.0.1:9901", None),
            ("[fd00::1]:80", None),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(local("127.0.0.1:9901", false).address(address), expected, "{address}");
            assert_eq!(local("127.0.0.1:9901", true).address(address), None, "{address}");
        }
    }

    #[test]
    fn the_admin_interface_is_rejected_even_if_loopback_is_allowed() {
        for (admin, endpoint) in [
            ("127.0.0.1:9901", "127.0.0.1:9901"),
            ("127.0.0.1:9901", "[::ffff:127.0.0.1]:9901"),
            ("127.0.0.1:9901", "0.0.0.0:9901"),
            ("127.0.0.1:9901", "[::]:9901"),
            ("[::1]:9901", "[::]:9901"),
            ("0.0.0.0:9901", "127.0.0.7:9901"),
            ("[::]:9901", "[::1]:9901"),
            ("[::]:9901", "127.0.0.1:9901"),
            ("10.0.0.1:9901", "10.0.0.1:9901"),
        ] {
            let found = local(admin, true).address(endpoint.parse().unwrap());
            assert_eq!(found, Some(LocalEndpoint::Admin), "{admin} {endpoint}");
        }
        for (admin, endpoint) in [
            ("127.0.0.1:9901", "127.0.0.1:9902"),
            ("127.0.0.1:9901", "127.0.0.2:9901"),
            ("/run/admin.sock", "127.0.0.1:9901"),
            ("0.0.0.0:9901", "10.0.0.1:9901"),
        ] {
            assert_eq!(local(admin, true).address(endpoint.parse().unwrap()), None, "{admin} {endpoint}");
        }
    }

    #[test]
    fn loopback_names_are_rejected() {
        for host in [
            "localhost",
            "LocalHost.",
            "a.localhost",
            "localhost.localdomain",
            "ip6-loopback",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "0",
            "0x",
        ] {
            let found = local("127.0.0.1:9901", false).name(host, 80);
            assert_eq!(found, Some(LocalEndpoint::Loopback), "{host}");
            assert_eq!(local("127.0.0.1:9901", true).name(host, 80), None, "{host}");
        }
        assert_eq!(local("127.0.0.1:9901", true).name("localhost", 9901), Some(LocalEndpoint::Admin));
        assert_eq!(local("127.0.0.1:9901", true).name("127.1", 9901), Some(LocalEndpoint::Admin));
        assert_eq!(local("127.0.0.1:9901", false).name("169.254.43518", 80), Some(LocalEndpoint::LinkLocal));
        for host in [
            "example.com",
            "localhost.example.com",
            "notlocalhost",
            "10.0.0.1",
            "1.2.3.4.5",
            "127.0.0.256",
            "0x7f.x",
            "4294967296",
        ] {
            assert_eq!(local("127.0.0.1:9901", false).name(host, 80), None, "{host}");
        }
    }
}
