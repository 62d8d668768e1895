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

    /// How many ListenerSets are attached to a Gateway.
    pub(crate) fn listener_sets(&self, gateway: &str) -> u64 {
        self.gateway(gateway)["attachedListenerSets"].as_u64().unwrap()
    }

    /// The status and the reason of a ListenerSet's condition.
    pub(crate) fn of_set(&self, namespace: &str, set: &str, condition: &str) -> String {
        told(&self.set(namespace, set)["conditions"], condition)
    }

    /// The status and the reason of the condition of a ListenerSet's listener.
    pub(crate) fn of_set_listener(
        &self,
        (namespace, set): (&str, &str),
        listener: &str,
        condition: &str,
    ) -> String {
        told(&named(self.set(namespace, set), listener)["conditions"], condition)
    }

    /// How many routes are attached to a ListenerSet's listener.
    pub(crate) fn attached_to_set(&self, (namespace, set): (&str, &str), listener: &str) -> u64 {
        named(self.set(namespace, set), listener)["attachedRoutes"].as_u64().unwrap()
    }

    /// The kind and the name of each parent in a route's status.
    pub(crate) fn parents(&self, namespace: &str, route: &str) -> Vec<String> {
        let route = self.find(|item| item["kind"].as_str().unwrap().ends_with("Route"), namespace, route);
        let parents = route["status"]["parents"].as_array().unwrap().iter();
        let title = |parent: &Value| {
            [&parent["parentRef"]["kind"], &parent["parentRef"]["name"]]
                .map(|text| text.as_str().unwrap())
                .join(" ")
        };
        parents.map(title).collect()
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

    fn set(&self, namespace: &str, name: &str) -> &Value {
        &self.find(|item| item["kind"] == "ListenerSet", namespace, name)["status"]
    }

    fn listener(&self, gateway: &str, listener: &str) -> &Value {
        named(self.gateway(gateway), listener)
    }

    fn find(&self, kind: impl Fn(&Value) -> bool, namespace: &str, name: &str) -> &Value {
        let named = |item: &&Value| {
            kind(item) && item["metadata"]["name"] == name && item["metadata"]["namespace"] == namespace
        };
        self.0.iter().find(named).unwrap_or_else(|| panic!("no status of {namespace}/{name}"))
    }
}

/// The listener of this name in the status of a Gateway or ListenerSet.
fn named<'s>(status: &'s Value, listener: &str) -> &'s Value {
    let listeners = status["listeners"].as_array().unwrap();
    listeners.iter().find(|found| found["name"] == listener).unwrap()
}

fn told(conditions: &Value, kind: &str) -> String {
    let found = conditions.as_array().unwrap().iter().find(|condition| condition["type"] == kind);
    found.map_or_else(String::new, |condition| {
        [&condition["status"], &condition["reason"]].map(|text| text.as_str().unwrap()).join(" ")
    })
}
