//! Header changes (the fields of `envoy.config.route.v3.Route`).
//!
//! Envoy first removes headers, then overwrites, then appends. Each header has one change, so the order does not matter. The router
//! applies the changes: to requests after all filters, to responses before them, so tokens and the pin are not affected.

use serde::Serialize;

use crate::model::{self, HeaderChange, HeaderChanges};

#[derive(Default, Serialize)]
pub(super) struct HeaderMutations {
    #[serde(rename = "request_headers_to_add", skip_serializing_if = "Vec::is_empty")]
    request_add: Vec<HeaderValueOption>,
    #[serde(rename = "request_headers_to_remove", skip_serializing_if = "Vec::is_empty")]
    request_remove: Vec<String>,
    #[serde(rename = "response_headers_to_add", skip_serializing_if = "Vec::is_empty")]
    response_add: Vec<HeaderValueOption>,
    #[serde(rename = "response_headers_to_remove", skip_serializing_if = "Vec::is_empty")]
    response_remove: Vec<String>,
}

#[derive(Serialize)]
struct HeaderValueOption {
    header: HeaderValue,
    append_action: AppendAction,
}

#[derive(Serialize)]
struct HeaderValue {
    key: String,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum AppendAction {
    AppendIfExistsOrAdd,
    OverwriteIfExistsOrAdd,
}

/// Envoy's router does not retry a response with this header, whatever its status.
const FINAL: &str = "x-envoy-ratelimited";

impl HeaderMutations {
    pub(super) fn of(route: &model::Route) -> Self {
        let (request_add, request_remove) = lists(&route.request_headers);
        let (response_add, response_remove) = lists(&route.response_headers);
        Self { request_add, request_remove, response_add, response_remove }
    }

    /// The same, without these headers in the backends' answers.
    pub(super) fn without_answers<'a>(mut self, headers: impl IntoIterator<Item = &'a str>) -> Self {
        self.response_remove.extend(headers.into_iter().map(str::to_owned));
        self
    }

    /// The changes for a response that no router retries.
    pub(super) fn of_final_response() -> Self {
        let mark = HeaderValueOption::new(FINAL, "true", AppendAction::OverwriteIfExistsOrAdd);
        Self { response_add: vec![mark], ..Self::default() }
    }

    /// The same changes, and clients do not see the header of a final response.
    pub(super) fn without_final_mark(mut self) -> Self {
        self.response_remove.push(FINAL.to_owned());
        self
    }
}

impl HeaderMutations {
    /// Also sets these response headers. Values can contain `%COMMANDS%`.
    pub(super) fn overwrite_response(&mut self, headers: Vec<(&'static str, String)>) {
        self.response_add.extend(headers.into_iter().map(|(name, value)| HeaderValueOption {
            header: HeaderValue { key: name.to_owned(), value },
            append_action: AppendAction::OverwriteIfExistsOrAdd,
        }));
    }
}

/// The headers to add, and those to remove.
fn lists(changes: &HeaderChanges) -> (Vec<HeaderValueOption>, Vec<String>) {
    let mut add = Vec::new();
    let mut remove = Vec::new();
    for (name, change) in &changes.0 {
        let append = |value: &String| HeaderValueOption::new(name, value, AppendAction::AppendIfExistsOrAdd);
        match change {
            HeaderChange::Remove => remove.push(name.clone()),
            HeaderChange::Set(first, others) => {
                add.push(HeaderValueOption::new(name, first, AppendAction::OverwriteIfExistsOrAdd));
                add.extend(others.iter().map(append));
            }
            HeaderChange::Add(values) => add.extend(values.iter().map(append)),
            HeaderChange::FromFilterState(key, values) => {
                remove.push(name.clone());
                // Without that filter state, Envoy adds no header.
                let header = HeaderValue { key: name.clone(), value: format!("%FILTER_STATE({key}:PLAIN)%") };
                add.push(HeaderValueOption { header, append_action: AppendAction::AppendIfExistsOrAdd });
                add.extend(values.iter().map(append));
            }
        }
    }
    (add, remove)
}

impl HeaderValueOption {
    fn new(name: &str, value: &str, append_action: AppendAction) -> Self {
        // Envoy replaces commands such as `%START_TIME%` in values.
        Self { header: HeaderValue { key: name.to_owned(), value: value.replace('%', "%%") }, append_action }
    }
}
