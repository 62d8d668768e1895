//! The pods of a rule: sessions follow a pod to another address, and never stay at an address that another
//! pod has got. Endpoints without a pod keep their sessions by address.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;

use session_persistence::config::Pods;

use crate::model::{EndpointState, Endpoints};
use crate::resolve::backends::Backend;

/// The pods of all backendRefs of a rule. Of several addresses, a pod's sessions prefer one that is not draining.
pub(in crate::resolve) fn of_rule(backends: &[Backend]) -> Pods {
    let mut owners: BTreeMap<SocketAddr, (EndpointState, &str)> = BTreeMap::new();
    for backend in backends {
        let Endpoints::Addresses(endpoints) = &backend.locality.endpoints else { continue };
        for endpoint in endpoints {
            let Some(pod) = &endpoint.pod else { continue };
            let owner = (endpoint.state, pod.as_str());
            // Two Services can disagree while their EndpointSlices change. The newer pod does not drain.
            match owners.entry(endpoint.address) {
                Entry::Vacant(free) => {
                    free.insert(owner);
                }
                Entry::Occupied(mut known) => {
                    let first = owner.min(*known.get());
                    known.insert(first);
                }
            }
        }
    }
    let mut pods: BTreeMap<&str, Vec<(EndpointState, SocketAddr)>> = BTreeMap::new();
    for (address, (state, pod)) in owners {
        pods.entry(pod).or_default().push((state, address));
    }
    let named = pods.into_iter().map(|(pod, mut addresses)| {
        addresses.sort_unstable();
        (pod.to_owned(), addresses.into_iter().map(|(_, address)| address).collect())
    });
    // Each address has one owner, so this cannot fail.
    Pods::new(named).unwrap_or_default()
}
