//! Statuses as JSON: a `List` of objects with their identity and `status`, as `kubectl get -o json` prints
//! it.

use serde::Serialize;

use super::ObjectStatus;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'s> {
    api_version: &'static str,
    kind: &'static str,
    items: &'s [ObjectStatus],
}

/// The statuses as JSON, in the given order, with a trailing newline.
///
/// # Errors
/// The error of `serde_json`, which cannot occur with these values.
pub fn write(statuses: &[ObjectStatus]) -> serde_json::Result<String> {
    let list = List { api_version: "v1", kind: "List", items: statuses };
    serde_json::to_string_pretty(&list).map(|text| text + "\n")
}
