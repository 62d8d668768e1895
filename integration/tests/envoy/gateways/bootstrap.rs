//! The configuration that Envoy Gateway sends to its Envoys, as a bootstrap for one machine.
//!
//! Changed is only what must be: listeners, routes, clusters and endpoints are inline instead of from the xDS server; the listener's
//! and the endpoints' addresses; and the module is a file instead of a download.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value, json};

/// What `egctl x translate --to xds` prints for one Gateway.
pub(super) struct Xds(Value);

impl Xds {
    pub(super) fn read(text: &str, gateway: &str) -> Self {
        let printed: Value = serde_saphyr::from_str(text).unwrap();
        Self(printed["xds"][gateway]["configs"].clone())
    }

    /// The resources of a dump, by the dump's type and the path to a resource in each of its entries.
    fn resources(&self, dump: &str, list: &str, path: &str) -> Vec<Value> {
        let dumps = self.0.as_array().unwrap();
        let dump = dumps.iter().find(|found| found["@type"].as_str().unwrap().ends_with(dump)).unwrap();
        let entries = dump[list].as_array().unwrap().iter();
        entries
            .map(|entry| {
                let mut resource = entry.pointer(path).unwrap().clone();
                resource.as_object_mut().unwrap().remove("@type");
                resource
            })
            .collect()
    }

    /// The JSON that the filter gets.
    pub(super) fn plugin_configuration(&self) -> String {
        let listeners = self.resources("ListenersConfigDump", "dynamicListeners", "/activeState/listener");
        let mut found = None;
        for mut listener in listeners {
            if let Some(manager) = connection_manager(&mut listener) {
                for filter in manager["httpFilters"].as_array().unwrap() {
                    if let Some(value) = filter.pointer("/typedConfig/config/configuration/value") {
                        found = value.as_str().map(str::to_owned);
                    }
                }
            }
        }
        found.unwrap()
    }

    /// A bootstrap with this listener on a free port. The endpoints 10.0.0.1:3000 and so on have the addresses of the backends.
    pub(super) fn bootstrap(&self, listener: &str, module: &Path, backends: [SocketAddr; 3]) -> String {
        let mut listeners =
            self.resources("ListenersConfigDump", "dynamicListeners", "/activeState/listener");
        listeners.retain(|found| found["name"] == listener);
        let routes = self.resources("RoutesConfigDump", "dynamicRouteConfigs", "/routeConfig");
        for listener in &mut listeners {
            listener["address"]["socketAddress"] = json!({"address": "127.0.0.1", "portValue": 0});
            let manager = connection_manager(listener).unwrap();
            let rds = manager.remove("rds").unwrap();
            let route = routes.iter().find(|route| route["name"] == rds["routeConfigName"]).unwrap();
            manager.insert("routeConfig".to_owned(), route.clone());
            for filter in manager["httpFilters"].as_array_mut().unwrap() {
                if let Some(code) = filter.pointer_mut("/typedConfig/config/vmConfig/code") {
                    *code = json!({"local": {"filename": module}});
                }
            }
        }
        let mut assignments =
            self.resources("EndpointsConfigDump", "dynamicEndpointConfigs", "/endpointConfig");
        for endpoint in assignments.iter_mut().flat_map(endpoints) {
            let address = endpoint.pointer_mut("/endpoint/address/socketAddress").unwrap();
            let number = address["address"].as_str().and_then(|ip| ip.strip_prefix("10.0.0.")).unwrap();
            let backend = backends[number.parse::<usize>().unwrap() - 1];
            *address = json!({"address": backend.ip(), "portValue": backend.port()});
        }
        let mut clusters = self.resources("ClustersConfigDump", "dynamicActiveClusters", "/cluster");
        for cluster in &mut clusters {
            let cluster = cluster.as_object_mut().unwrap();
            let eds = cluster.remove("edsClusterConfig").unwrap();
            let is_own = |found: &&Value| found["clusterName"] == eds["serviceName"];
            cluster.insert("loadAssignment".to_owned(), assignments.iter().find(is_own).unwrap().clone());
            cluster.insert("type".to_owned(), json!("STATIC"));
        }
        let admin = json!({"address": {"socketAddress": {"address": "127.0.0.1", "portValue": 0}}});
        json!({"admin": admin, "staticResources": {"listeners": listeners, "clusters": clusters}}).to_string()
    }
}

fn connection_manager(listener: &mut Value) -> Option<&mut Map<String, Value>> {
    listener.pointer_mut("/defaultFilterChain/filters/0/typedConfig")?.as_object_mut()
}

fn endpoints(assignment: &mut Value) -> impl Iterator<Item = &mut Value> {
    let localities = assignment["endpoints"].as_array_mut().unwrap().iter_mut();
    localities.flat_map(|locality| locality["lbEndpoints"].as_array_mut().unwrap())
}
