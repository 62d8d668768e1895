//! The web page: one document with inline style and script, and a Content-Security-Policy that allows nothing else.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use serde::Serialize;
use session_persistence::candidates::{Candidate, Search};
use sha2::{Digest, Sha256};

use super::WatchedSession;
use crate::backend::Pod;

/// The document; [`FACTS`] is the placeholder of its data.
const DOCUMENT: &str = include_str!("page.html");

/// The placeholder of the [`Facts`].
const FACTS: &str = "{facts}";

/// How much of a token is shown, at each end.
const SHOWN: usize = 4;

/// The page, ready to be served.
#[derive(Debug)]
pub(super) struct Page {
    policy: Option<HeaderValue>,
}

/// The data of the page's script.
#[derive(Serialize)]
struct Facts<'a> {
    /// The pod that answered with this document.
    pod: &'a str,
    sessions: &'a [WatchedSession],
    /// The shortened tokens that came with the request for this document, by the rule's name.
    sent: BTreeMap<&'a str, String>,
}

impl Page {
    pub(super) fn new() -> Self {
        let [script, style] = ["script", "style"].map(|element| hash(inside(DOCUMENT, element)));
        let policy = format!(
            "default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Self { policy: HeaderValue::try_from(policy).ok() }
    }

    /// The page for a request with these headers.
    pub(super) fn answer(
        &self,
        request: &HeaderMap,
        pod: &Pod,
        sessions: &[WatchedSession],
    ) -> Response<Full<Bytes>> {
        let sent =
            sessions.iter().filter_map(|session| Some((session.rule.as_str(), sent(request, session)?)));
        let facts = Facts { pod: &pod.pod, sessions, sent: sent.collect() };
        // Writing maps of strings to memory does not fail. In a script element, no `<` may come from outside.
        let facts = serde_json::to_string(&facts).unwrap_or_default().replace('<', "\\u003c");
        let mut answer = Response::new(Full::from(DOCUMENT.replacen(FACTS, &facts, 1)));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if let Some(policy) = &self.policy {
            headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        }
        answer
    }
}

/// The beginning and the end of the token that the request has for this session.
fn sent(request: &HeaderMap, session: &WatchedSession) -> Option<String> {
    let name = session.cookie()?.name.to_string();
    let mut search = Search::of_cookie(&name);
    let token = request.get_all(COOKIE).iter().find_map(|line| {
        search.line(line.as_bytes()).find_map(|candidate| match candidate {
            Candidate::Token(token) => Some(token),
            Candidate::Other => None,
        })
    })?;
    let token = String::from_utf8_lossy(token);
    let short: Vec<char> = token.chars().collect();
    let ends = [short.get(..SHOWN)?, short.get(short.len().checked_sub(SHOWN)?..)?];
    Some(ends.map(|end| end.iter().collect::<String>()).join("…"))
}

/// What stands in the element of this name that has no attributes.
fn inside<'a>(document: &'a str, element: &str) -> &'a str {
    let behind = document.split_once(&format!("<{element}>")).map_or("", |(_, behind)| behind);
    behind.split_once(&format!("</{element}>")).map_or("", |(inside, _)| inside)
}

/// As a content security policy names an inline element.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
