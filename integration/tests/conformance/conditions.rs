//! The conditions that `envoy-config check --output json` reports for the objects of a replay.

use std::collections::BTreeSet;

use envoy_config::status::{ObjectStatus, json};
use serde_json::Value;

use crate::infrastructure::INFRA;

/// The statuses of all objects.
pub(crate) struct Statuses(Vec<Value>);

impl Statuses {
    /// As a program reads them.
    pub(crate) fn new(statuses: &[ObjectStatus]) -> Self {
        let text = json::write(statuses).unwrap();
        let mut list: Value = serde_json::from_str(&text).unwrap();
        Self(serde_json::from_value(list["items"].take()).unwrap())
    }

    /// The status and the reason of a route's condition, one text for each parent: `False NoMatchingParent`.
    pub(crate) fn of_route(&self, namespace: &str, name: &str, condition: &str) -> Vec<String> {
        let route = self.find(|item| item["kind"].as_str().unwrap().ends_with("Route"), namespace, name);
        let parents = route["status"]["parents"].as_array().unwrap();
        parents.iter().map(|parent| told(&parent["conditions"], condition)).collect()
    }

    /// The status and the reason of a policy's condition, once for all ancestors that are told the same.
    pub(crate) fn of_policy(&self, name: &str, condition: &str) -> Vec<String> {
        let policy = self.find(|item| item["kind"].as_str().unwrap().ends_with("Policy"), INFRA, name);
        let ancestors = policy["status"]["ancestors"].as_array().unwrap();
        let told: BTreeSet<_> =
            ancestors.iter().map(|ancestor| told(&ancestor["conditions"], condition)).collect();
        told.into_iter().collect()
    }

    /// The status and the reason of a Gateway's condition.
    pub(crate) fn of_gateway(&self, gateway: &str, condition: &str) -> String {
        told(&self.gateway(gateway)["conditions"], condition)
    }

    /// The status and the reason of a listener's condition.
    pub(crate) fn of_listener(&self, gateway: &str, listener: &str, condition: &str) -> String {
        told(&self.listener(gateway, listener)["conditions"], condition)
    }

    /// The kinds of routes that a listener takes.
    pub(crate) fn kinds(&self, gateway: &str, listener: &str) -> Vec<String> {
        let kinds = self.listener(gateway, listener)["supportedKinds"].as_array().unwrap();
        kinds.iter().map(|kind| kind["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// How many routes are attached to a listener.
    pub(crate) fn attached_to(&self, gateway: &str, listener: &str) -> u64 {
        self.listener(gateway, listener)["attachedRoutes"].as_u64().unwrap()
    }

    /// How many routes are attached to the listeners of a Gateway.
    pub(crate) fn attached(&self, gateway: &str) -> u64 {
        let listeners = self.gateway(gateway)["listeners"].as_array().unwrap();
        listeners.iter().map(|listener| listener["attachedRoutes"].as_u64().unwrap()).sum()
    }

    fn gateway(&self, name: &str) -> &Value {
        &self.find(|item| item["kind"] == "Gateway", INFRA, name)["status"]
    }

    fn listener(&self, gateway: &str, listener: &str) -> &Value {
        let listeners = self.gateway(gateway)["listeners"].as_array().unwrap();
        listeners.iter().find(|found| found["name"] == listener).unwrap()
    }

    fn find(&self, kind: impl Fn(&Value) -> bool, namespace: &str, name: &str) -> &Value {
        let named = |item: &&Value| {
            kind(item) && item["metadata"]["name"] == name && item["metadata"]["namespace"] == namespace
        };
        self.0.iter().find(named).unwrap_or_else(|| panic!("no status of {namespace}/{name}"))
    }
}

fn told(conditions: &Value, kind: &str) -> String {
    let found = conditions.as_array().unwrap().iter().find(|condition| condition["type"] == kind);
    found.map_or_else(String::new, |condition| {
        [&condition["status"], &condition["reason"]].map(|text| text.as_str().unwrap()).join(" ")
    })
}
