//! Turns a rendered bootstrap into one that owes this project's filter nothing: another HTTP filter (or none) in its place,
//! and nothing that only this project's filter needs. The listener's other filters stay, since every listener has them.
//!
//! It looks for what is there instead of expecting a shape, and then checks that no name of this project is left, so that a
//! change of the renderer cannot make the baselines dearer without anybody noticing. Only the access log stays as it is: every
//! Envoy writes the same line, in which the session of another filter is empty.

use serde_json::{Map, Value, json};
use session_persistence::names;

/// Why a bootstrap is no baseline.
#[derive(Debug, thiserror::Error)]
pub(super) enum BaselineError {
    /// It cannot be read back.
    #[error("the rendered bootstrap is not YAML: {0}")]
    Yaml(#[from] Box<serde_saphyr::Error>),
    /// It cannot be written again.
    #[error("cannot write the bootstrap: {0}")]
    Json(serde_json::Error),
    /// It has no connection manager with a router.
    #[error("the rendered bootstrap has no {0}")]
    Shape(&'static str),
    /// Something of this project is left in it.
    #[error("the baseline still mentions `{0}`: `baseline.rs` has to remove it")]
    Leftover(&'static str),
}

/// The HTTP filter in whose place the others stand: in it, the routes run this project's.
const FILTER_CHAIN: &str = "envoy.filters.http.filter_chain";

/// The names that only this project's configuration has.
const OURS: [&str; 6] = [
    names::FILTER,
    names::FILTER_STATE,
    names::METADATA_KEY,
    names::OVERRIDE_HOST_HEADER,
    "envoy.filters.http.wasm",
    FILTER_CHAIN,
];

/// The bootstrap with these HTTP filters in place of this project's.
///
/// # Errors
/// This project's is not there, or something of it is left.
pub(super) fn with_filters(rendered: &str, filters: &[Value]) -> Result<String, BaselineError> {
    let mut bootstrap: Value = serde_saphyr::from_str(rendered).map_err(Box::new)?;
    let mut managers = Vec::new();
    collect_managers(&mut bootstrap, &mut managers);
    if managers.is_empty() {
        return Err(BaselineError::Shape("connection manager"));
    }
    for manager in managers {
        let rendered = manager.get_mut("http_filters").and_then(Value::as_array_mut);
        let rendered = rendered.ok_or(BaselineError::Shape("HTTP filters"))?;
        let ours = rendered.iter().position(|filter| filter["name"] == FILTER_CHAIN);
        let ours = ours.ok_or(BaselineError::Shape(FILTER_CHAIN))?;
        rendered.splice(ours..=ours, filters.iter().cloned());
    }
    forget(&mut bootstrap);
    // JSON is YAML, too.
    let text = bootstrap.to_string();
    remove_logs(&mut bootstrap);
    let without_logs = bootstrap.to_string();
    match OURS.into_iter().find(|name| without_logs.contains(name)) {
        Some(name) => Err(BaselineError::Leftover(name)),
        None => Ok(text),
    }
}

/// The bootstrap of an Envoy that flushes its statistics only when asked to.
///
/// # Errors
/// It is not a YAML mapping.
pub(super) fn without_flushes(rendered: &str) -> Result<String, BaselineError> {
    let mut bootstrap: Map<String, Value> = serde_saphyr::from_str(rendered).map_err(Box::new)?;
    bootstrap.insert(String::from("stats_flush_on_admin"), Value::Bool(true));
    serde_json::to_string(&bootstrap).map_err(BaselineError::Json)
}

/// The bootstrap with clusters that take any number of requests at a time: Envoy's default is 1,024.
///
/// # Errors
/// It has no clusters.
pub(super) fn without_breakers(rendered: &str) -> Result<String, BaselineError> {
    let mut bootstrap: Value = serde_saphyr::from_str(rendered).map_err(Box::new)?;
    let clusters = bootstrap.pointer_mut("/static_resources/clusters").and_then(Value::as_array_mut);
    let clusters = clusters.filter(|clusters| !clusters.is_empty());
    let most = u32::MAX;
    let limits = json!({"max_connections": most, "max_pending_requests": most, "max_requests": most});
    for cluster in
        clusters.ok_or(BaselineError::Shape("clusters"))?.iter_mut().filter_map(Value::as_object_mut)
    {
        cluster.insert(String::from("circuit_breakers"), json!({"thresholds": [limits]}));
    }
    Ok(bootstrap.to_string())
}

/// Finds every HTTP connection manager.
fn collect_managers<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Map<String, Value>>) {
    match value {
        Value::Object(object) => {
            if object.contains_key("http_filters") {
                found.push(object);
            } else {
                object.values_mut().for_each(|value| collect_managers(value, found));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| collect_managers(value, found)),
        _ => {}
    }
}

/// Removes the configuration of filters per route, the constants for the log, and the private header from those that Envoy removes.
fn forget(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::Object(configs)) = object.get_mut("typed_per_filter_config") {
                configs.remove(FILTER_CHAIN);
            }
            if let Some(Value::Object(metadata)) = object.get_mut("filter_metadata") {
                metadata.remove(names::FILTER);
            }
            let removed = [json!(names::OVERRIDE_HOST_HEADER)];
            if object
                .get("request_headers_to_remove")
                .and_then(Value::as_array)
                .is_some_and(|all| *all == removed)
            {
                object.remove("request_headers_to_remove");
            }
            object.values_mut().for_each(forget);
        }
        Value::Array(values) => values.iter_mut().for_each(forget),
        _ => {}
    }
}

/// Removes the access logs.
fn remove_logs(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("access_log");
            object.values_mut().for_each(remove_logs);
        }
        Value::Array(values) => values.iter_mut().for_each(remove_logs),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RENDERED: &str = "listeners:\n- typed_config:\n    \
         access_log: ['%PROTOCOL% %FILTER_STATE(wasm.session_persistence:PLAIN)% %DURATION%']\n    \
         request_headers_to_remove: [x-session-persistence-override-host]\n    \
         routes: [{cluster: c, metadata: {filter_metadata: {session-persistence: {rule: r}}}, typed_per_filter_config: {envoy.filters.http.filter_chain: {}, other: 1}}]\n    \
         http_filters: [{name: envoy.filters.http.filter_chain}, {name: envoy.filters.http.router}]\n";

    #[test]
    fn a_baseline_keeps_log_route_and_other_filters_and_nothing_else_of_this_project() {
        let filter = json!({"name": "other"});
        let baseline: Value = serde_json::from_str(&with_filters(RENDERED, &[filter]).unwrap()).unwrap();
        let expected = json!({
            "access_log": ["%PROTOCOL% %FILTER_STATE(wasm.session_persistence:PLAIN)% %DURATION%"],
            "routes": [{"cluster": "c", "metadata": {"filter_metadata": {}}, "typed_per_filter_config": {"other": 1}}],
            "http_filters": [{"name": "other"}, {"name": "envoy.filters.http.router"}],
        });
        assert_eq!(baseline["listeners"][0]["typed_config"], expected);
    }

    #[test]
    fn what_is_left_of_this_project_is_an_error() {
        let rendered = RENDERED.to_owned() + "clusters: [{key: session-persistence-override-host}]\n";
        let error = with_filters(&rendered, &[]).unwrap_err();
        assert!(matches!(error, BaselineError::Leftover(names::FILTER)), "{error}");
    }

    #[test]
    fn a_listener_without_this_project_s_filter_is_an_error() {
        let error = with_filters("http_filters: [{name: other}]\n", &[]).unwrap_err();
        assert_eq!(error.to_string(), "the rendered bootstrap has no envoy.filters.http.filter_chain");
    }
}
