//! Statuses for programs: a `List` of the objects with nothing but who they are and their `status`, as `kubectl get -o json`
//! prints one.

use serde::Serialize;

use super::ObjectStatus;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'s> {
    api_version: &'static str,
    kind: &'static str,
    items: &'s [ObjectStatus],
}

/// The statuses as JSON, in the given order, with a newline at the end.
///
/// # Errors
/// None of these values can be one; what `serde_json` would say.
pub fn write(statuses: &[ObjectStatus]) -> serde_json::Result<String> {
    let list = List { api_version: "v1", kind: "List", items: statuses };
    serde_json::to_string_pretty(&list).map(|text| text + "\n")
}
