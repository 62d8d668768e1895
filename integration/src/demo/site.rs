//! What a pod of the demo serves besides its echo: the page, and the requests of its buttons.
//!
//! `/` is the page for clients that accept HTML. The buttons request paths under `/-/`, which should have a rule without
//! session persistence: a response that ends a session must not start one.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, SET_COOKIE};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::json;
use session_persistence::config::Cookie;

use super::WatchedSession;
use super::page::Page;
use super::peers::{Peers, PeersError};
use crate::backend::{Overlaid, Overlay, Pod};

/// A site of several pods, each of which serves all of it.
#[derive(Debug)]
pub struct Site {
    page: Page,
    sessions: Vec<WatchedSession>,
    peers: Peers,
}

impl Site {
    /// A page that shows these sessions on these pods.
    #[must_use]
    pub fn new(sessions: Vec<WatchedSession>, peers: Peers) -> Self {
        Self { page: Page::new(), sessions, peers }
    }

    /// The response, if the request is for the site.
    async fn respond<B>(&self, request: &Request<B>, pod: &Pod) -> Option<Response<Full<Bytes>>> {
        let (method, path) = (request.method(), request.uri().path());
        if method == Method::GET && path == "/" && accepts_html(request) {
            return Some(self.page.answer(request.headers(), pod, &self.sessions));
        }
        let verb = path.strip_prefix("/-/")?;
        let mut answer = match (method, verb) {
            (&Method::GET, "pods") => told(self.peers.statuses().await),
            (&Method::POST, _) if !from_this_site(request) => {
                problem(StatusCode::FORBIDDEN, "not from this site")
            }
            (&Method::POST, "stop") => told(self.peers.stop(&argument(request, "pod")).await),
            (&Method::POST, "start") => told(self.peers.start().await),
            (&Method::POST, "forget") => self.forget(&argument(request, "rule")),
            _ => return None,
        };
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(answer)
    }

    /// Removes a cookie in the browser, which no script can do.
    fn forget(&self, rule: &str) -> Response<Full<Bytes>> {
        let session = self.sessions.iter().find(|session| session.rule == rule);
        match session.and_then(WatchedSession::cookie).map(|cookie| HeaderValue::try_from(expired(cookie))) {
            Some(Ok(line)) => {
                let mut answer = json(StatusCode::OK, &());
                answer.headers_mut().insert(SET_COOKIE, line);
                answer
            }
            _ => problem(StatusCode::NOT_FOUND, "there is no such cookie"),
        }
    }
}

impl Overlay for Site {
    fn answer<'a>(&'a self, request: &'a Request<Incoming>, pod: &'a Pod) -> Overlaid<'a> {
        Box::pin(self.respond(request, pod))
    }
}

/// The `Set-Cookie` value that ends a cookie: a browser knows it by its name and path.
fn expired(cookie: &Cookie) -> String {
    let secure = if cookie.secure { "; Secure" } else { "" };
    format!("{}=; Path={}; Max-Age=0{secure}; HttpOnly; SameSite=Lax", cookie.name, cookie.path)
}

fn accepts_html<B>(request: &Request<B>) -> bool {
    let accepted = request.headers().get_all(ACCEPT);
    accepted.iter().any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")))
}

/// Whether the request is not from another site. Clients other than browsers do not send the header.
fn from_this_site<B>(request: &Request<B>) -> bool {
    request.headers().get("sec-fetch-site").is_none_or(|site| site == "same-origin")
}

fn argument<B>(request: &Request<B>, name: &str) -> String {
    let query = request.uri().query().unwrap_or_default();
    let found = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn told<T: Serialize>(outcome: Result<T, PeersError>) -> Response<Full<Bytes>> {
    match outcome {
        Ok(value) => json(StatusCode::OK, &value),
        Err(error @ (PeersError::Unknown(_) | PeersError::Last(_))) => {
            problem(StatusCode::CONFLICT, &error.to_string())
        }
        Err(error) => problem(StatusCode::BAD_GATEWAY, &error.to_string()),
    }
}

fn problem(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    json(status, &json!({ "problem": why }))
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    // Writing such values to memory does not fail.
    let mut answer = Response::new(Full::from(serde_json::to_vec(value).unwrap_or_default()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
