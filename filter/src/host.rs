//! The only module that calls Envoy: it reads bytes, calls the core and applies its decisions.
//!
//! It never panics, because a panic poisons the VM of the worker. It never pauses a request and never answers by itself. It uses the
//! SDK's free functions on bytes, because the getters of its traits panic if a client sends invalid UTF-8. In the filter chain of
//! one route, a request of a session takes four calls to Envoy, five if the filter has to remove a backend's session header. Tests
//! limit the number of calls, above all of those that return data: each of them costs more than opening a token.
//!
//! - `request`: finds the session and pins the request.
//! - `response`: issues a token, or ends the session.
//! - `hiding`, `backend_signals`: what a rule can ask for in addition, in one or the other.
//! - `calls`, `counters`, `nonces`, `warnings`: what both call.

mod backend_signals;
mod calls;
mod counters;
mod hiding;
mod nonces;
mod request;
mod response;
mod warnings;

use std::cell::RefCell;
use std::env::VarError;
use std::rc::Rc;

use log::Level;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, Status};
use zeroize::Zeroizing;

use self::calls::property;
use self::nonces::Nonces;
use self::warnings::{Cause, warn};
use crate::names::KEYS_VARIABLE;
use crate::plugin::{Plugin, Route};
use crate::session::Session;
use crate::token::Recent;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Debug);
    proxy_wasm::set_root_context(|_| Box::new(Root(None)));
}}

/// The property with the name of the route that Envoy chose.
const ROUTE_NAME: &[u8] = b"xds\0route_name";

/// The number of tokens in the cache of a worker, which takes at most 402 KB: 192 bytes for each, and up to 200 for its address.
const CACHED_TOKENS: usize = 1_024;

thread_local! {
    /// The token cache of all plugins of a worker: there is a plugin for each route, and most have few clients.
    static RECENT: Rc<RefCell<Recent>> = Rc::new(RefCell::new(Recent::of(CACHED_TOKENS)));
    /// Logs the version once: there can be thousands of plugins.
    static VERSION: () = log::info!("session-persistence {}", env!("CARGO_PKG_VERSION"));
}

/// The plugin of a route or listener; `None` until it is configured.
struct Root(Option<Rc<Configured>>);

struct Configured {
    plugin: Plugin,
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
    /// The value of the backend's session header in the token; empty if there is none.
    value: Vec<u8>,
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
        VERSION.with(|()| ());
        self.0 = Some(Rc::new(Configured { plugin, nonces: Nonces::default() }));
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
    /// The route that Envoy chose, if it has session persistence.
    fn named_route(&self) -> Option<&Rc<Route>> {
        self.plugin.route(&property(ROUTE_NAME).unwrap_or_default())
    }
}

/// Writes the session into the filter state for the access log. Not called if the access log finds the session elsewhere, because
/// each call costs.
fn show(session: &Session) {
    let shown = session.to_string();
    report("filter state", hostcalls::set_property(vec!["session_persistence"], Some(shown.as_bytes())));
}

fn report(what: &str, outcome: Result<(), Status>) {
    if let Err(status) = outcome {
        warn(Level::Error, Cause::Refused, format_args!("Envoy refused the {what}: {status:?}"));
    }
}
