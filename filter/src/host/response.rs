//! The response: asks Envoy which endpoint served the request, and issues or ends what [`session`] decides.

use std::rc::Rc;

use log::Level;
use proxy_wasm::hostcalls;
use proxy_wasm::types::MapType;

use super::backend_signals;
use super::calls::{now, property};
use super::counters::count;
use super::warnings::{Cause, warn};
use super::{Configured, Found, report, show};
use crate::caching;
use crate::config::{Pin, Rule};
use crate::endpoint::Endpoint;
use crate::envelope;
use crate::event::{Event, State};
use crate::pin;
use crate::plugin::{Route, SessionHeader};
use crate::session::{self, Issue, Session};
use crate::unavailable;

/// The property with the address of the endpoint that Envoy chose last.
const UPSTREAM_ADDRESS: &[u8] = b"upstream\0address";

/// The property with the metadata of that endpoint, in the namespace [`names::ENDPOINT_NAMESPACE`](crate::names::ENDPOINT_NAMESPACE).
/// A key follows.
const ENDPOINT_METADATA: &[u8] = b"xds\0upstream_host_metadata\0filter_metadata\0session-persistence\0";

/// The maximum length of an address: `[` 8 groups `]:65535`, the last two groups of which can be an IPv4 address.
const LONGEST_ADDRESS: usize = 53;

/// The maximum number of headers of a local reply: status, type and length, or those of gRPC. Asking Envoy for the kind of response
/// costs more than opening a token.
const LOCAL_REPLY_HEADERS: usize = 4;

impl Configured {
    /// Issues a token if one is due, or removes it if the session ends.
    pub(super) fn response(
        &self,
        Found { mut route, mut session, redirected, body, mut value }: Found,
        headers: usize,
    ) {
        let read = State::read(&session);
        let (had_token, had_session) = (session != Session::None, session.is_valid());
        let chosen = chosen(&route, &session);
        // With the other pin, the access log finds the session's endpoint in the metadata.
        let moved = session.endpoint().is_some() && !session.is_on(chosen.as_ref());
        if moved && route.rule().pin() == Pin::StatefulSession {
            show(&session);
        }
        if redirected {
            // A share without endpoints has no route for its sessions, so Envoy may have chosen another one.
            if let Some(taken) = self.named_route()
                && taken.rule().share() != route.rule().share()
            {
                route = Rc::clone(taken);
                session = Session::None;
                value.clear();
            }
        }
        let route = &*route;
        let held = session.is_held_by(route.rule());
        let may_end = !held && body && headers <= LOCAL_REPLY_HEADERS && session.is_on(chosen.as_ref());
        let enveloped = route.rule().is_enveloped();
        let endpoint = if enveloped { chosen.clone() } else { None };
        let mut issue = session::on_response(route.rule(), &session, chosen);
        // The backend ends its own session, or has not started one.
        let is_ended = route.rule().end_on().is_some_and(backend_signals::ends);
        let is_unstarted = !(is_ended || had_session)
            && matches!(issue, Some(Issue::New(_)))
            && route.rule().start_on().is_some_and(|signal| !backend_signals::starts(signal));
        let mut header = route.header_to_remove();
        let sent;
        let mut around = &[][..];
        if enveloped {
            let name = route.request_header();
            // All lines, joined with commas: the backend gets one line back.
            sent = property(&[b"response\0headers\0", name.as_bytes()].concat()).unwrap_or_default();
            header = (!sent.is_empty()).then_some(name);
            let found = envelope::on_response(&session, issue, endpoint.as_ref(), &value, &sent);
            (issue, around) = found.map_or((None, around), |(issue, value)| (Some(issue), value));
        }
        // A local reply may also have an upstream address: that of the endpoint that failed.
        let details = (issue.is_some() || may_end || held || is_ended)
            .then(|| property(b"response\0code_details"))
            .flatten();
        let details = details.unwrap_or_default();
        let event = if *details == *b"via_upstream" {
            if is_ended {
                had_token.then(|| end(route, Event::EndedBackend))
            } else if is_unstarted {
                Some(Event::NotStartedBackend)
            } else {
                issue.and_then(|issue| self.issue(route, &issue, around))
            }
        } else if may_end && Session::ends_with(&details) {
            Some(end(route, Event::EndedUnreachable))
        } else if held {
            explain_unavailable(&session)
        } else {
            None
        };
        if let Some(event) = event {
            count(route.rule().id(), event);
        }
        // A session that continues has no event: the access log has a constant for it.
        if event.is_some() || read != State::VALID {
            let state = State { read, event };
            let shown = hostcalls::set_property(vec!["session_persistence_state"], Some(&state.flags()));
            report("filter state", shown);
        }
        if !event.is_some_and(Event::is_answered)
            && let Some(name) = header
        {
            report("header", hostcalls::set_map_value(MapType::HttpResponseHeaders, name, None));
        }
    }

    /// Seals a token, around a value of the backend unless that is empty, and adds it to the response. `None` if the session timed out
    /// while its request was served.
    fn issue(&self, route: &Route, issue: &Issue, around: &[u8]) -> Option<Event> {
        let due = issue.at(now(), route.rule())?;
        let id = route.rule().id();
        let nonce = match self.nonces.next() {
            Ok(nonce) => nonce,
            Err(error) => {
                warn(
                    Level::Error,
                    Cause::Random,
                    format_args!("{id}: no token issued: no random numbers: {error}"),
                );
                return Some(Event::NotStartedRandom);
            }
        };
        let Some(header) = route.issue_around(around, &due, &nonce) else {
            let bytes = around.len();
            warn(
                Level::Error,
                Cause::Sealing,
                format_args!("{id}: no token issued: cannot seal {bytes} bytes of the backend"),
            );
            return Some(Event::NotStartedSealing);
        };
        answer(route.rule(), header);
        Some(issue.into())
    }
}

/// Takes the token from the client.
fn end(route: &Route, event: Event) -> Event {
    answer(route.rule(), route.end());
    event
}

/// Tells the client of a strict session when to try again, if Envoy could not reach its endpoint.
fn explain_unavailable(session: &Session) -> Option<Event> {
    show(session);
    let value = |name| hostcalls::get_map_value_bytes(MapType::HttpResponseHeaders, name).ok().flatten();
    let status = value(":status").unwrap_or_default();
    let headers = unavailable::headers(&status, value("grpc-status").as_deref());
    for (name, value) in headers {
        report(name, hostcalls::set_map_value(MapType::HttpResponseHeaders, name, Some(value)));
    }
    (!headers.is_empty()).then_some(Event::Unavailable)
}

/// The endpoint that Envoy chose last for this request.
fn chosen(route: &Route, session: &Session) -> Option<Endpoint> {
    match route.rule().pin() {
        Pin::Metadata => {
            let own = session.endpoint().filter(|endpoint| is_chosen(endpoint));
            own.cloned().or_else(|| upstream(route, session))
        }
        Pin::StatefulSession => {
            let (headers, rule) = (MapType::HttpResponseHeaders, route.rule());
            let Some(named) = hostcalls::get_map_value_bytes(headers, rule.pin_header()).ok().flatten()
            else {
                return session.endpoint().cloned();
            };
            report("private header", hostcalls::set_map_value(headers, rule.pin_header(), None));
            // The routes of `envoy-config` remove a header that a backend wrote. Those of a gateway do not.
            if rule.is_in_gateway() {
                return upstream(route, session);
            }
            pin::served_by(&named)
        }
    }
}

/// The endpoint that Envoy chose last, by its address. Those of Unix sockets and of listeners inside Envoy, such as the tunnels of
/// Istio's ambient mode, cannot have sessions.
fn upstream(route: &Route, session: &Session) -> Option<Endpoint> {
    let text = property(UPSTREAM_ADDRESS)?;
    let found = session.endpoint_of(&text);
    if found.is_none() && !text.is_empty() {
        let (id, shown) = (route.rule().id(), std::str::from_utf8(&text).unwrap_or_default());
        warn(
            Level::Warn,
            Cause::Address,
            format_args!("{id}: no session: the endpoint {shown} has no IP address"),
        );
    }
    found
}

/// Whether the metadata of the endpoint that Envoy chose last has this address. This costs much less than to read the address; but
/// endpoints with a DNS name, and those of a configuration written by hand, may have no metadata.
fn is_chosen(endpoint: &Endpoint) -> bool {
    let (prefix, address) = (ENDPOINT_METADATA, endpoint.as_bytes());
    // On the stack: allocating takes more instructions than copying.
    let mut path = [0; ENDPOINT_METADATA.len() + LONGEST_ADDRESS];
    let length = prefix.len() + address.len();
    let Some(path) = path.get_mut(..length) else { return false };
    let (start, end) = path.split_at_mut(prefix.len());
    start.copy_from_slice(prefix);
    end.copy_from_slice(address);
    property(path).is_some()
}

/// Adds a token to the response, which shared caches must then not store, unless the rule says that they may.
fn answer(rule: &Rule, header: SessionHeader<'_>) {
    match header {
        SessionHeader::SetCookie(value) => {
            let added = hostcalls::add_map_value(MapType::HttpResponseHeaders, "set-cookie", &value);
            report("set-cookie", added);
        }
        SessionHeader::Session { name, token } => {
            report("header", hostcalls::set_map_value(MapType::HttpResponseHeaders, name, Some(&token)));
        }
    }
    if !rule.protects_caches() {
        return;
    }
    let cache_control = property(b"response\0headers\0cache-control").unwrap_or_default();
    if let Some(value) = caching::private(&cache_control) {
        let set = hostcalls::set_map_value(MapType::HttpResponseHeaders, "cache-control", Some(&value));
        report("cache-control", set);
    }
    for name in caching::TARGETED {
        report("caching", hostcalls::set_map_value(MapType::HttpResponseHeaders, name, None));
    }
}
