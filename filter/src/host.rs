//! The only module that calls Envoy: it reads bytes, calls the core and applies its decisions.
//!
//! It never panics, because a panic poisons the VM of the worker. It never pauses a request and never answers by itself. It uses the
//! SDK's free functions on bytes, because the getters of its traits panic if a client sends invalid UTF-8. In the filter chain of
//! one route, a request of a session takes four calls to Envoy, five if the filter has to remove a backend's session header. Tests
//! limit the number of calls, above all of those that return data: each of them costs more than opening a token.

mod calls;
mod counters;
mod nonces;

use std::cell::RefCell;
use std::env::VarError;
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, MapType, Status};
use zeroize::Zeroizing;

use self::calls::{now, property};
use self::counters::Counters;
use self::nonces::Nonces;
use crate::caching;
use crate::config::Pin;
use crate::endpoint::Endpoint;
use crate::names::{KEYS_VARIABLE, OVERRIDE_HOST_HEADER, UNSPLIT_SHARE};
use crate::pin;
use crate::plugin::{Plugin, Route, SessionHeader};
use crate::session::{self, Issue, Session};
use crate::token::Recent;
use crate::unavailable;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Debug);
    proxy_wasm::set_root_context(|_| Box::new(Root(None)));
}}

/// The property with the name of the route that Envoy chose.
const ROUTE_NAME: &[u8] = b"xds\0route_name";

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

/// The number of tokens in the cache of a worker, which takes at most 402 KB: 192 bytes for each, and up to 200 for its address.
const CACHED_TOKENS: usize = 1_024;

thread_local! {
    /// The token cache of all plugins of a worker: there is a plugin for each route, and most have few clients.
    static RECENT: Rc<RefCell<Recent>> = Rc::new(RefCell::new(Recent::of(CACHED_TOKENS)));
    /// Defined once: there can be thousands of plugins, and each definition makes Envoy look up the name. For the same reason, the
    /// version is logged here.
    static COUNTERS: Rc<Counters> = {
        log::info!("session-persistence {}", env!("CARGO_PKG_VERSION"));
        Rc::new(Counters::define())
    };
}

/// The plugin of a route or listener; `None` until it is configured.
struct Root(Option<Rc<Configured>>);

struct Configured {
    plugin: Plugin,
    counters: Rc<Counters>,
    nonces: Nonces,
}

/// A request and its response.
struct Exchange {
    configured: Option<Rc<Configured>>,
    /// The session; `None` if the route has no session persistence.
    session: Option<Found>,
}

/// The session of a request.
struct Found {
    /// The route of its token's share, or the one that Envoy chose.
    route: Rc<Route>,
    session: Session,
    /// Whether Envoy had to choose another route, to the share of the session.
    redirected: bool,
    /// Whether it has a body, which Envoy cannot always send again.
    body: bool,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let keys = Zeroizing::new(match std::env::var(KEYS_VARIABLE) {
            Ok(keys) => keys,
            Err(VarError::NotPresent) => String::new(),
            // No key is this text either.
            Err(VarError::NotUnicode(_)) => String::from("?"),
        });
        let config = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX).ok().flatten();
        let plugin = match Plugin::new(&config.unwrap_or_default(), &keys) {
            Ok(plugin) => plugin.remembering(RECENT.with(Rc::clone)),
            Err(error) => {
                log::error!("{error}");
                return false;
            }
        };
        log::debug!("rules for {} routes", plugin.len());
        let counters = COUNTERS.with(Rc::clone);
        self.0 = Some(Rc::new(Configured { plugin, counters, nonces: Nonces::default() }));
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Exchange { configured: self.0.clone(), session: None }))
    }
}

impl Context for Exchange {}

impl HttpContext for Exchange {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        if let Some(configured) = self.configured.as_deref() {
            self.session = configured.request().map(|found| Found { body: !end, ..found });
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, count: usize, _end: bool) -> Action {
        if let (Some(configured), Some(found)) = (self.configured.as_deref(), self.session.take()) {
            configured.response(found, count);
        }
        Action::Continue
    }
}

impl Configured {
    /// Finds the session of a request and pins the request.
    fn request(&self) -> Option<Found> {
        let initial = self.plugin.own().or_else(|| self.named_route());
        let found = initial.map(|route| self.find_session(route));
        // Without a pin, this removes a private header that a client sent.
        let pin = found.as_ref().and_then(|(session, route)| match session.endpoint() {
            Some(endpoint) => Some(pin::header_value(route.rule().pin(), endpoint)),
            None => session.is_held_by(route.rule()).then_some(pin::NOWHERE),
        });
        report("pin", hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, OVERRIDE_HOST_HEADER, pin));
        let (session, route) = found?;
        if session.endpoint().is_none() {
            show(&session);
        }
        if let Session::Rejected(rejection) = session {
            self.counters.rejected(rejection);
            log::debug!("{}: token rejected: {rejection}", route.rule().id());
        }
        // Requests of strict sessions always have another route, without retries.
        let held = session.is_held_by(route.rule());
        let share = if held {
            Some(route.rule().share().unwrap_or(UNSPLIT_SHARE))
        } else {
            let chosen = initial.and_then(|route| route.rule().share());
            route.rule().share().filter(|share| chosen != Some(share))
        };
        if let Some(share) = share {
            let set = hostcalls::set_property(vec!["session_persistence_share"], Some(share.as_bytes()));
            report("share", set);
            report("route", hostcalls::call_foreign_function("clear_route_cache", None).map(drop));
        }
        Some(Found { route: Rc::clone(route), session, redirected: share.is_some() && !held, body: false })
    }

    /// The route that Envoy chose, if it has session persistence.
    fn named_route(&self) -> Option<&Rc<Route>> {
        self.plugin.route(&property(ROUTE_NAME).unwrap_or_default())
    }

    /// The session of a request to this route, and the route of its token's share.
    fn find_session<'p>(&'p self, route: &'p Rc<Route>) -> (Session, &'p Rc<Route>) {
        let name = route.request_header();
        let Some(first) = hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, name).ok().flatten()
        else {
            return (Session::None, route);
        };
        let all;
        let mut reading = self.plugin.read(route, now());
        if !reading.line(&first) && reading.wants_more_lines(&first) {
            // That call returns only the first of several lines. The property returns all lines, joined with commas.
            all = property(&[b"request\0headers\0", name.as_bytes()].concat()).unwrap_or_default();
            reading.line(all.get(first.len()..).unwrap_or_default());
        }
        reading.session()
    }

    /// Issues a token if one is due, or removes it if the session ends.
    fn response(&self, Found { mut route, mut session, redirected, body }: Found, headers: usize) {
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
            }
        }
        let route = &*route;
        let held = session.is_held_by(route.rule());
        let may_end = !held && body && headers <= LOCAL_REPLY_HEADERS && session.is_on(chosen.as_ref());
        let issue = session::on_response(route.rule(), &session, chosen);
        // A local reply may also have an upstream address: that of the endpoint that failed.
        let details =
            (issue.is_some() || may_end || held).then(|| property(b"response\0code_details")).flatten();
        let details = details.unwrap_or_default();
        if *details == *b"via_upstream" {
            if let Some(issue) = issue.filter(|issue| self.issue(route, issue)) {
                self.counters.issued(&issue);
                return;
            }
        } else if may_end && Session::ends_with(&details) {
            answer(route.end());
            self.counters.ended();
            return;
        } else if held {
            explain_unavailable(&session);
        }
        if let Some(name) = route.header_to_remove() {
            report("header", hostcalls::set_map_value(MapType::HttpResponseHeaders, name, None));
        }
    }

    /// Seals a token and adds it to the response. Returns whether there was one.
    fn issue(&self, route: &Route, issue: &Issue) -> bool {
        let Some(due) = issue.at(now(), route.rule()) else { return false };
        let nonce = match self.nonces.next() {
            Ok(nonce) => nonce,
            Err(error) => {
                log::error!("no token issued: no random numbers: {error}");
                return false;
            }
        };
        let Some(header) = route.issue(&due, &nonce) else {
            log::error!("no token issued: sealing failed");
            return false;
        };
        answer(header);
        true
    }
}

/// Writes the session into the filter state for the access log. Not called if the access log finds the session elsewhere, because
/// each call costs.
fn show(session: &Session) {
    let shown = session.to_string();
    report("filter state", hostcalls::set_property(vec!["session_persistence"], Some(shown.as_bytes())));
}

/// Tells the client of a strict session when to try again, if Envoy could not reach its endpoint.
fn explain_unavailable(session: &Session) {
    show(session);
    let value = |name| hostcalls::get_map_value_bytes(MapType::HttpResponseHeaders, name).ok().flatten();
    let status = value(":status").unwrap_or_default();
    for (name, value) in unavailable::headers(&status, value("grpc-status").as_deref()) {
        report(name, hostcalls::set_map_value(MapType::HttpResponseHeaders, name, Some(value)));
    }
}

/// The endpoint that Envoy chose last for this request.
fn chosen(route: &Route, session: &Session) -> Option<Endpoint> {
    match route.rule().pin() {
        Pin::Metadata => {
            let own = session.endpoint().filter(|endpoint| is_chosen(endpoint));
            own.cloned().or_else(|| session.endpoint_of(&property(UPSTREAM_ADDRESS)?))
        }
        Pin::StatefulSession => {
            let headers = MapType::HttpResponseHeaders;
            let Some(named) = hostcalls::get_map_value_bytes(headers, OVERRIDE_HOST_HEADER).ok().flatten()
            else {
                return session.endpoint().cloned();
            };
            report("private header", hostcalls::set_map_value(headers, OVERRIDE_HOST_HEADER, None));
            pin::served_by(&named)
        }
    }
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

/// Adds a token to the response, which shared caches must then not store.
fn answer(header: SessionHeader<'_>) {
    match header {
        SessionHeader::SetCookie(value) => {
            let added = hostcalls::add_map_value(MapType::HttpResponseHeaders, "set-cookie", &value);
            report("set-cookie", added);
        }
        SessionHeader::Session { name, token } => {
            report("header", hostcalls::set_map_value(MapType::HttpResponseHeaders, name, Some(&token)));
        }
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

fn report(what: &str, outcome: Result<(), Status>) {
    if let Err(status) = outcome {
        log::error!("Envoy refused the {what}: {status:?}");
    }
}
