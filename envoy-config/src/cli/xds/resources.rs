//! The resources in a file (`envoy.service.discovery.v3.DiscoveryResponse`), and those of two versions of it together.
//!
//! The files in the directory are the only record of what Envoy has: a program that starts again continues from there. A file that
//! cannot be read counts as empty, and is replaced.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

/// The resources of a file by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Resources(pub(super) BTreeMap<String, Value>);

#[derive(Deserialize)]
struct Response {
    resources: Vec<Value>,
}

impl Resources {
    pub(super) fn of(text: &str) -> Self {
        let resources =
            serde_saphyr::from_str(text).map_or(Vec::new(), |response: Response| response.resources);
        let named = resources.into_iter().filter_map(|resource| {
            let name = resource.get("name").or_else(|| resource.get("cluster_name"))?;
            Some((name.as_str()?.to_owned(), resource))
        });
        Self(named.collect())
    }

    /// These resources, and those of the old version that are not among them.
    pub(super) fn with(mut self, old: Self) -> Self {
        for (name, old) in old.0 {
            self.0.entry(name).or_insert(old);
        }
        self
    }

    /// These listeners, and those of the old version that are not among them, as far as two of them do not bind one address. A listener
    /// of both versions has the filter chains of both: a hostname that is new is served before the routes of other hostnames refuse
    /// it, and one that goes until they serve it.
    pub(super) fn with_listeners(mut self, old: Self) -> Self {
        for (name, old) in old.0 {
            let is_bound = |other: &Value| other.get("address") == old.get("address");
            let is_taken = self.0.values().any(is_bound);
            match self.0.get_mut(&name) {
                Some(new) => add_chains(new, old),
                None if is_taken => {}
                None => {
                    self.0.insert(name, old);
                }
            }
        }
        self
    }

    /// These endpoints or clusters. Those of these names also have the endpoints of the old version, which drain: routes send a session
    /// to its pod at the old address until they say that the pod has another one.
    pub(super) fn with_endpoints(mut self, old: &Self, names: &BTreeSet<String>) -> Self {
        for name in names {
            if let Some(new) = self.0.get_mut(name).and_then(assignment_mut)
                && let Some(old) = old.0.get(name).and_then(assignment)
            {
                add_draining(new, old);
            }
        }
        self
    }

    pub(super) fn into_values(self) -> Vec<Value> {
        self.0.into_values().collect()
    }
}

const CHAINS: &str = "filter_chains";
const ASSIGNMENT: &str = "load_assignment";
const ENDPOINTS: &str = "lb_endpoints";

/// The localities of endpoints, or of a cluster that has its endpoints itself.
fn assignment(resource: &Value) -> Option<&Vec<Value>> {
    resource.get(ASSIGNMENT).unwrap_or(resource).get("endpoints")?.as_array()
}

fn assignment_mut(resource: &mut Value) -> Option<&mut Vec<Value>> {
    let of_cluster = resource.get(ASSIGNMENT).is_some();
    let assignment = if of_cluster { resource.get_mut(ASSIGNMENT)? } else { resource };
    assignment.get_mut("endpoints")?.as_array_mut()
}

fn address(endpoint: &Value) -> Option<&Value> {
    // Endpoints that answer with errors have another kind of address.
    endpoint.get("endpoint")?.get("address")?.get("socket_address")
}

/// Adds the endpoints of old localities that are in no new one.
fn add_draining(new: &mut Vec<Value>, old: &[Value]) {
    let endpoints =
        |locality: &Value| locality.get(ENDPOINTS).and_then(Value::as_array).cloned().unwrap_or_default();
    let kept: Vec<Value> = new.iter().flat_map(endpoints).filter_map(|one| address(&one).cloned()).collect();
    for locality in old {
        let mut leaving = endpoints(locality);
        leaving.retain(|endpoint| address(endpoint).is_some_and(|address| !kept.contains(address)));
        if leaving.is_empty() {
            continue;
        }
        for endpoint in leaving.iter_mut().filter_map(Value::as_object_mut) {
            endpoint.insert(String::from("health_status"), Value::from("DRAINING"));
        }
        let name = locality.get("locality");
        let same = new.iter_mut().find(|one| one.get("locality") == name);
        if let Some(known) = same.and_then(|one| one.get_mut(ENDPOINTS)).and_then(Value::as_array_mut) {
            known.extend(leaving);
        } else {
            // Without a weight, it gets no new sessions.
            new.push(json!({"locality": name, ENDPOINTS: leaving}));
        }
    }
}

/// Adds the filter chains of the old listener whose hostnames the new one does not have. If anything else changes, Envoy replaces the
/// listener in any case.
fn add_chains(new: &mut Value, mut old: Value) {
    let (Some(new), Some(old)) = (new.as_object_mut(), old.as_object_mut()) else { return };
    let (Some(mut chains), Some(old_chains)) = (new.remove(CHAINS), old.remove(CHAINS)) else { return };
    if *new == *old
        && let (Value::Array(chains), Value::Array(old_chains)) = (&mut chains, old_chains)
    {
        let hostnames = |chain: &Value| chain.get("filter_chain_match").cloned();
        for old in old_chains {
            if chains.iter().all(|chain| hostnames(chain) != hostnames(&old)) {
                chains.push(old);
            }
        }
    }
    new.insert(CHAINS.to_owned(), chains);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(values: &Value) -> Resources {
        Resources::of(&json!({"resources": values}).to_string())
    }

    fn listener(name: &str, port: u16, hostnames: &[&str]) -> Value {
        let chains: Vec<Value> =
            hostnames.iter().map(|name| json!({"filter_chain_match": {"server_names": [name]}})).collect();
        json!({"name": name, "address": {"port": port}, "filter_chains": chains})
    }

    #[test]
    fn new_resources_replace_old_ones_of_the_same_name() {
        let old = resources(&json!([{"name": "a", "version": 1}, {"name": "b"}]));
        let new = resources(&json!([{"name": "a", "version": 2}, {"cluster_name": "c"}]));
        let both = json!([{"name": "a", "version": 2}, {"name": "b"}, {"cluster_name": "c"}]);
        assert_eq!(Value::Array(new.with(old).into_values()), both);
    }

    fn endpoint(port: u16, is_draining: bool) -> Value {
        let address = json!({"endpoint": {"address": {"socket_address": {"port_value": port}}}});
        let mut endpoint = address;
        if is_draining {
            endpoint["health_status"] = json!("DRAINING");
        }
        endpoint
    }

    fn locality(name: &str, endpoints: &[Value]) -> Value {
        json!({"locality": {"sub_zone": name}, "lb_endpoints": endpoints})
    }

    #[test]
    fn endpoints_that_go_drain_where_sessions_follow_pods() {
        let error = json!({"endpoint": {"address": {"envoy_internal_address": {}}}});
        let old = [
            locality("a", &[endpoint(1, false), endpoint(2, false), error]),
            locality("b", &[endpoint(3, false)]),
        ];
        let new = [locality("a", &[endpoint(2, false), endpoint(4, true)])];
        let both = [
            locality("a", &[endpoint(2, false), endpoint(4, true), endpoint(1, true)]),
            locality("b", &[endpoint(3, true)]),
        ];
        for in_cluster in [false, true] {
            let named = |localities: &[Value]| {
                if in_cluster {
                    resources(
                        &json!([{"name": "c", "load_assignment": {"cluster_name": "c", "endpoints": localities}}]),
                    )
                } else {
                    resources(&json!([{"cluster_name": "c", "endpoints": localities}]))
                }
            };
            let following = BTreeSet::from([String::from("c"), String::from("other")]);
            assert_eq!(named(&new).with_endpoints(&named(&old), &following), named(&both));
            assert_eq!(named(&new).with_endpoints(&named(&new), &following), named(&new));
            assert_eq!(named(&new).with_endpoints(&named(&old), &BTreeSet::new()), named(&new));
        }
    }

    #[test]
    fn unreadable_files_have_no_resources() {
        for text in ["", "[", "a: b", "resources: 1"] {
            assert_eq!(Resources::of(text), Resources::default(), "{text}");
        }
    }

    #[test]
    fn listeners_have_the_filter_chains_of_both_versions() {
        let old = resources(&json!([listener("a", 1, &["x", "y"]), listener("gone", 2, &[])]));
        let new = resources(&json!([listener("a", 1, &["y", "z"])]));
        let both = json!([listener("a", 1, &["y", "z", "x"]), listener("gone", 2, &[])]);
        assert_eq!(Value::Array(new.with_listeners(old).into_values()), both);
    }

    #[test]
    fn listeners_that_move_do_not_keep_filter_chains() {
        let old = resources(&json!([listener("a", 1, &["x"])]));
        let new = resources(&json!([listener("a", 2, &["y"])]));
        assert_eq!(new.clone().with_listeners(old), new);
    }

    #[test]
    fn two_listeners_never_bind_one_address() {
        let old = resources(&json!([listener("old", 1, &[])]));
        let new = resources(&json!([listener("new", 1, &[])]));
        assert_eq!(new.clone().with_listeners(old), new);
    }
}
