//! What a gateway sends to its Envoys, as a bootstrap for one machine.
//!
//! Changed is only what must be: listeners, routes, clusters and endpoints are inline instead of from the xDS server; the listener's
//! and the endpoints' addresses; and the module is a file instead of a download.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value, json};

/// The resources.
pub(super) struct Sent {
    pub(super) listeners: Vec<Value>,
    pub(super) routes: Vec<Value>,
    pub(super) clusters: Vec<Value>,
    pub(super) endpoints: Vec<Value>,
}

impl Sent {
    /// The JSON that the filters of all listeners get.
    pub(super) fn configurations(mut self) -> Vec<String> {
        let managers = self.listeners.iter_mut().filter_map(connection_manager);
        let filters = managers.flat_map(|manager| manager["httpFilters"].as_array().unwrap().clone());
        let values = filters.filter_map(|filter| {
            filter.pointer("/typedConfig/config/configuration/value")?.as_str().map(str::to_owned)
        });
        values.collect()
    }

    /// A bootstrap with the listeners for HTTP on free ports. The endpoints 10.0.0.1:3000 and so on have the addresses of the backends.
    pub(super) fn bootstrap(mut self, module: &Path, backends: [SocketAddr; 3]) -> String {
        self.listeners.retain_mut(|listener| {
            connection_manager(listener).is_some_and(|found| found.contains_key("rds"))
        });
        for listener in &mut self.listeners {
            listener["address"]["socketAddress"] = json!({"address": "127.0.0.1", "portValue": 0});
            let manager = connection_manager(listener).unwrap();
            let rds = manager.remove("rds").unwrap();
            let route = self.routes.iter().find(|route| route["name"] == rds["routeConfigName"]).unwrap();
            manager.insert("routeConfig".to_owned(), route.clone());
            for filter in manager["httpFilters"].as_array_mut().unwrap() {
                if let Some(code) = filter.pointer_mut("/typedConfig/config/vmConfig/code") {
                    *code = json!({"local": {"filename": module}});
                }
            }
        }
        for endpoint in self.endpoints.iter_mut().flat_map(endpoints) {
            let address = endpoint.pointer_mut("/endpoint/address/socketAddress").unwrap();
            let number = address["address"].as_str().and_then(|ip| ip.strip_prefix("10.0.0.")).unwrap();
            let backend = backends[number.parse::<usize>().unwrap() - 1];
            *address = json!({"address": backend.ip(), "portValue": backend.port()});
        }
        for cluster in &mut self.clusters {
            let cluster = cluster.as_object_mut().unwrap();
            let Some(eds) = cluster.remove("edsClusterConfig") else { continue };
            let is_own = |found: &&Value| found["clusterName"] == eds["serviceName"];
            cluster.insert("loadAssignment".to_owned(), self.endpoints.iter().find(is_own).unwrap().clone());
            cluster.insert("type".to_owned(), json!("STATIC"));
        }
        let admin = json!({"address": {"socketAddress": {"address": "127.0.0.1", "portValue": 0}}});
        let resources = json!({"listeners": self.listeners, "clusters": self.clusters});
        json!({"admin": admin, "staticResources": resources}).to_string()
    }
}

/// The connection manager of a listener, if it is for HTTP.
pub(super) fn connection_manager(listener: &mut Value) -> Option<&mut Map<String, Value>> {
    let chain = if listener["filterChains"].is_array() { "/filterChains/0" } else { "/defaultFilterChain" };
    listener.pointer_mut(&format!("{chain}/filters/0/typedConfig"))?.as_object_mut()
}

fn endpoints(assignment: &mut Value) -> impl Iterator<Item = &mut Value> {
    let localities = assignment.get_mut("endpoints").and_then(Value::as_array_mut);
    localities.into_iter().flatten().flat_map(|locality| locality["lbEndpoints"].as_array_mut().unwrap())
}
