//! The pods of a rule: which addresses a pod has, and which pod an address belongs to. Both are prepared when the configuration is
//! read, because every request asks.

use std::net::SocketAddr;

use serde::{Serialize, Serializer};

use super::ByName;
use super::read::{At, Problem, Refused};
use crate::endpoint::Endpoint;
use crate::identity::Identity;

/// The addresses of pods, by `namespace/name`. Each address belongs to one pod.
///
/// In JSON, this is an object: `{"shop/cart-0": "10.0.0.1:8080", "shop/cart-1": "10.0.0.2:8080 10.0.0.2:8081"}`. Spaces separate
/// the addresses of a pod. The first one is preferred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    written: ByName<String>,
    /// Pod by pod, in the order of preference.
    rows: Vec<Row>,
    /// The first row of each pod.
    by_identity: Slots,
    by_address: Slots,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    identity: Identity,
    address: SocketAddr,
}

/// Rows by a hash: a table of twice as many slots, in which a row is in the first free one. (A `HashMap` adds two kilobytes to the
/// module.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Slots(Vec<u32>);

/// A slot without a row.
const FREE: u32 = u32::MAX;

/// Why there are no such pods.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PodsError {
    /// A text is not addresses that are separated by single spaces.
    #[error("expected addresses `ip:port`, separated by single spaces")]
    Addresses,
    /// An address belongs to two pods, or is repeated.
    #[error("the address {0} occurs twice")]
    Twice(SocketAddr),
}

impl Pods {
    /// The pods with these names and addresses, of which the first is preferred.
    ///
    /// # Errors
    /// An address occurs twice.
    pub fn new(pods: impl IntoIterator<Item = (String, Vec<SocketAddr>)>) -> Result<Self, PodsError> {
        let text = |addresses: Vec<SocketAddr>| {
            addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" ")
        };
        let written: ByName<String> =
            pods.into_iter().map(|(name, addresses)| (name, text(addresses))).collect();
        let mut rows = Vec::new();
        for (name, addresses) in written.iter() {
            add(&mut rows, name, addresses)?;
        }
        Self::of(written, rows)
    }

    pub(super) fn read(at: &At<'_>) -> Result<Self, Refused> {
        let (mut written, mut rows) = (Vec::new(), Vec::new());
        for (name, addresses) in at.entries()? {
            let text = addresses.text()?;
            add(&mut rows, name, text)
                .map_err(|error| addresses.refuse(Problem::Value(error.to_string())))?;
            written.push((name.clone(), text.to_owned()));
        }
        Self::of(ByName::sorted(written), rows).map_err(|error| at.refuse(Problem::Value(error.to_string())))
    }

    fn of(written: ByName<String>, rows: Vec<Row>) -> Result<Self, PodsError> {
        let (mut by_identity, mut by_address) = (Slots::of(rows.len()), Slots::of(rows.len()));
        for (position, row) in (0..).zip(&rows) {
            if !by_address.add(hash(row.address), position, |other| is_at(&rows, other, row.address)) {
                return Err(PodsError::Twice(row.address));
            }
            by_identity.add(row.identity.hash(), position, |other| is_of(&rows, other, row.identity));
        }
        Ok(Self { written, rows, by_identity, by_address })
    }

    /// Whether no pod is known: all sessions of the rule are pinned to addresses.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The `namespace/name` of a pod. This takes long, because names are not prepared.
    #[must_use]
    pub fn name_of(&self, pod: Identity) -> Option<&str> {
        let mut named = self.written.iter().map(|(name, _)| name.as_str());
        named.find(|name| Identity::of(name) == pod)
    }

    /// The pod that this endpoint belongs to.
    #[must_use]
    pub fn identity_of(&self, endpoint: &Endpoint) -> Option<Identity> {
        let address = endpoint.address();
        let row = self.by_address.find(hash(address), |row| is_at(&self.rows, row, address))?;
        self.rows.get(row).map(|row| row.identity)
    }

    /// The endpoint of a pod: `last`, where its session was, if that is still an address of it; otherwise the first of the same port
    /// and family, or the first. `None` if the pod is gone.
    #[must_use]
    pub fn endpoint_of(&self, pod: Identity, last: &Endpoint) -> Option<Endpoint> {
        let before = last.address();
        let first = self.by_identity.find(pod.hash(), |row| is_of(&self.rows, row, pod))?;
        let mut found: Option<(SocketAddr, bool)> = None;
        for row in self.rows.get(first..)?.iter().take_while(|row| row.identity == pod) {
            if row.address == before {
                return Some(last.clone());
            }
            let is_similar = row.address.port() == before.port() && row.address.is_ipv4() == before.is_ipv4();
            if found.is_none_or(|(_, is_best)| is_similar && !is_best) {
                found = Some((row.address, is_similar));
            }
        }
        found.map(|(address, _)| Endpoint::new(address))
    }
}

/// Adds the addresses of a pod.
fn add(rows: &mut Vec<Row>, name: &str, addresses: &str) -> Result<(), PodsError> {
    let identity = Identity::of(name);
    for text in addresses.as_bytes().split(|byte| *byte == b' ') {
        let endpoint = Endpoint::parse(text).map_err(|_| PodsError::Addresses)?;
        rows.push(Row { identity, address: endpoint.address() });
    }
    Ok(())
}

fn is_at(rows: &[Row], row: usize, address: SocketAddr) -> bool {
    rows.get(row).is_some_and(|row| row.address == address)
}

fn is_of(rows: &[Row], row: usize, pod: Identity) -> bool {
    rows.get(row).is_some_and(|row| row.identity == pod)
}

impl Slots {
    /// A table for this number of rows.
    fn of(rows: usize) -> Self {
        Self(vec![FREE; rows.saturating_mul(2).next_power_of_two()])
    }

    /// The slot for this hash: that of the row that `is` the one, or a free one. There always is a free one.
    fn slot(&self, hash: u32, is: impl Fn(usize) -> bool) -> usize {
        let mask = self.0.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        while self.0.get(slot).is_some_and(|row| *row != FREE && !is(*row as usize)) {
            slot = (slot + 1) & mask;
        }
        slot
    }

    /// Adds a row, unless there is one that `is` the same. Returns whether it was added.
    fn add(&mut self, hash: u32, row: u32, is: impl Fn(usize) -> bool) -> bool {
        let slot = self.slot(hash, is);
        let free = self.0.get_mut(slot).filter(|slot| **slot == FREE);
        free.map(|slot| *slot = row).is_some()
    }

    /// The row that `is` the one.
    fn find(&self, hash: u32, is: impl Fn(usize) -> bool) -> Option<usize> {
        let row = self.0.get(self.slot(hash, is)).filter(|row| **row != FREE)?;
        Some(*row as usize)
    }
}

/// A hash of an address. Addresses come from the operator, so it need not resist attacks.
fn hash(address: SocketAddr) -> u32 {
    // Multiplication mixes the bits into the upper half.
    let mix = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let ip = match address {
        SocketAddr::V4(address) => u64::from(address.ip().to_bits()),
        SocketAddr::V6(address) => {
            let words = address.ip().octets();
            words.as_chunks().0.iter().fold(0, |mixed, word| mix(mixed) ^ u64::from_be_bytes(*word))
        }
    };
    u32::try_from(mix(ip ^ u64::from(address.port()) << 32) >> 32).unwrap_or_default()
}

impl Serialize for Pods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn pods(pods: &[(&str, &[&str])]) -> Pods {
        let address = |text: &&str| text.parse().unwrap();
        let pods = pods
            .iter()
            .map(|(name, addresses)| ((*name).to_owned(), addresses.iter().map(address).collect()));
        Pods::new(pods).unwrap()
    }

    fn endpoint(text: &str) -> Endpoint {
        Endpoint::parse(text.as_bytes()).unwrap()
    }

    /// The endpoint of a session on this pod that was at this address.
    fn found(pods: &Pods, pod: &str, last: &str) -> String {
        let endpoint = pods.endpoint_of(Identity::of(pod), &endpoint(last));
        endpoint.map_or_else(String::new, |endpoint| endpoint.to_string())
    }

    #[test]
    fn a_pod_is_found_by_its_name_and_by_its_addresses() {
        let pods =
            pods(&[("shop/cart-0", &["10.0.0.1:80"]), ("shop/cart-1", &["10.0.0.2:80", "[fd00::2]:80"])]);
        for (address, pod) in [
            ("10.0.0.1:80", Some("shop/cart-0")),
            ("10.0.0.2:80", Some("shop/cart-1")),
            ("[fd00::2]:80", Some("shop/cart-1")),
            ("10.0.0.1:81", None),
            ("10.0.0.3:80", None),
            ("[fd00::1]:80", None),
            ("[::ffff:10.0.0.1]:80", None),
        ] {
            assert_eq!(pods.identity_of(&endpoint(address)), pod.map(Identity::of), "{address}");
        }
        assert_eq!(found(&pods, "shop/cart-0", "10.0.0.9:80"), "10.0.0.1:80");
        assert_eq!(found(&pods, "shop/cart-2", "10.0.0.1:80"), "");
        assert_eq!(pods.name_of(Identity::of("shop/cart-1")), Some("shop/cart-1"));
        assert_eq!(pods.name_of(Identity::of("shop/cart-2")), None);
    }

    #[test]
    fn a_session_stays_at_its_address_or_goes_to_a_similar_one() {
        let pods = pods(&[("a/b", &["10.0.0.1:80", "10.0.0.1:81", "[fd00::1]:82", "[fd00::1]:80"])]);
        for (last, now) in [
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("[fd00::1]:82", "[fd00::1]:82"),
            ("10.0.0.9:81", "10.0.0.1:81"),
            ("10.0.0.9:80", "10.0.0.1:80"),
            ("[fd00::9]:80", "[fd00::1]:80"),
            ("10.0.0.9:82", "10.0.0.1:80"),
            ("[fd00::9]:81", "10.0.0.1:80"),
        ] {
            assert_eq!(found(&pods, "a/b", last), now, "{last}");
        }
    }

    #[test]
    fn the_first_of_two_similar_addresses_is_preferred() {
        for addresses in [["10.0.0.1:80", "10.0.0.2:80"], ["10.0.0.2:80", "10.0.0.1:80"]] {
            let pods = pods(&[("a/b", &addresses)]);
            assert_eq!(found(&pods, "a/b", "10.0.0.9:80"), addresses[0]);
        }
    }

    #[test]
    fn no_address_occurs_twice() {
        let address: SocketAddr = "[fd00::1]:80".parse().unwrap();
        let other = "[fd00::2]:80".parse().unwrap();
        let named = |name: &str, addresses: &[SocketAddr]| (name.to_owned(), addresses.to_vec());
        for twice in [
            vec![named("a", &[address, other, address])],
            vec![named("a", &[address]), named("b", &[other, address])],
        ] {
            assert_eq!(Pods::new(twice), Err(PodsError::Twice(address)));
        }
    }

    #[test]
    fn without_pods_nothing_is_found() {
        let pods = Pods::default();
        assert!(pods.is_empty() && Pods::new([]).unwrap().is_empty());
        for pods in [pods, Pods::new([]).unwrap()] {
            assert_eq!(pods.identity_of(&endpoint("10.0.0.1:80")), None);
            assert_eq!(found(&pods, "a/b", "10.0.0.1:80"), "");
        }
    }

    #[test]
    fn thousands_of_pods_are_found_in_few_steps() {
        let name = |number: u16| format!("shop/cart-{number}");
        let [four, six]: [&dyn Fn(u16) -> SocketAddr; 2] = [
            &|number| {
                let [high, low] = number.to_be_bytes();
                ([10, 0, high, low], 8080).into()
            },
            &|number| ([0xfd00, 0, 0, 1, 0, 0, 0, number], 8080).into(),
        ];
        for address in [four, six] {
            let pods = Pods::new((0..5_000).map(|number| (name(number), vec![address(number)]))).unwrap();
            let steps = std::cell::Cell::new(0);
            for number in 0..5_000 {
                let (pod, endpoint) = (Identity::of(&name(number)), Endpoint::new(address(number)));
                assert_eq!(pods.identity_of(&endpoint), Some(pod));
                assert_eq!(pods.endpoint_of(pod, &Endpoint::new(address(5_000))), Some(endpoint));
                pods.by_address.find(hash(address(number)), |row| {
                    steps.set(steps.get() + 1);
                    is_at(&pods.rows, row, address(number))
                });
            }
            assert!(steps.get() < 15_000, "{}", steps.get());
        }
    }
}
