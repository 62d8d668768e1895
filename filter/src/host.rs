//! The only module that touches Envoy: it reads bytes, asks the core and applies what it answers.
//!
//! It never panics, never pauses a request and never answers by itself: a panic would poison the worker's VM, and a
//! request without a session is still a request. On the way of a client that comes back with its cookie there are six calls
//! to Envoy, with its header seven; tests limit their number, since those that return data cost more than opening the token.

mod abi;
mod contexts;
mod counters;
mod nonces;

use std::rc::Rc;

use zeroize::Zeroizing;

use self::abi::{Headers, Level, Received, Status};
use self::counters::Counters;
use self::nonces::Nonces;
use crate::endpoint::Endpoint;
use crate::names::{KEYS_VARIABLE, OVERRIDE_HOST_HEADER};
use crate::plugin::{AnswerHeader, Plugin, Route};
use crate::session::{self, Issue, Session};
use crate::time::Timestamp;

/// The property with the name of the route that Envoy has chosen.
const ROUTE_NAME: &[u8] = b"xds\0route_name";

/// The property with the endpoint that Envoy has chosen.
const UPSTREAM_ADDRESS: &[u8] = b"upstream\0address";

/// The property that says who gave the answer.
const CODE_DETAILS: &[u8] = b"response\0code_details";

/// The plugin of one listener, configured.
struct Configured {
    plugin: Plugin,
    counters: Counters,
    nonces: Nonces,
}

/// The session of a request.
struct Found {
    /// The route that its token is for, or the one it came to if it has none.
    route: Rc<Route>,
    session: Session,
    /// It was sent to look for another route, to the share of its session.
    redirected: bool,
}

impl Configured {
    /// What Envoy's configuration and environment make of a plugin; none if they are wrong, which the log then says.
    fn from_envoy() -> Option<Self> {
        let keys = Zeroizing::new(
            std::env::var_os(KEYS_VARIABLE).unwrap_or_default().to_string_lossy().into_owned(),
        );
        let plugin = match Plugin::new(&abi::configuration().unwrap_or_default(), &keys) {
            Ok(plugin) => plugin,
            Err(error) => {
                abi::log(Level::Error, &error.to_string());
                return None;
            }
        };
        let (version, routes) = (env!("CARGO_PKG_VERSION"), plugin.len());
        abi::log(Level::Info, &format!("session-persistence {version} serves {routes} routes"));
        Some(Self { plugin, counters: Counters::define(), nonces: Nonces::default() })
    }

    /// Finds out what session the request has, and pins it.
    fn request(&self) -> Option<Found> {
        let name = abi::property(ROUTE_NAME).unwrap_or_default();
        let came_to = self.plugin.route(&name);
        let found = came_to.map(|route| self.find_session(route));
        let session = found.map_or(Session::None, |(session, _)| session);
        // What the access log shows of a pinned session is the endpoint, which is also the pin. Without a pin, what a client
        // may have sent under the private name is removed.
        let shown = session.to_string();
        let pin = if matches!(session, Session::Pinned(_)) {
            abi::replace_header(Headers::Request, OVERRIDE_HOST_HEADER, shown.as_bytes())
        } else {
            abi::remove_header(Headers::Request, OVERRIDE_HOST_HEADER)
        };
        report("pin", pin);
        let (_, route) = found?;
        report("filter state", abi::set_filter_state("session_persistence", shown.as_bytes()));
        if let Session::Refused(refusal) = session {
            self.counters.refused(refusal);
            let route = String::from_utf8_lossy(&name);
            abi::log(Level::Debug, &format!("{route}: token refused: {refusal}"));
        }
        let share = route
            .rule()
            .share()
            .filter(|share| came_to.and_then(|route| route.rule().share()) != Some(share));
        if let Some(share) = share {
            report("share", abi::set_filter_state("session_persistence_share", share.as_bytes()));
            report("route", abi::clear_route_cache());
        }
        Some(Found { route: Rc::clone(route), session, redirected: share.is_some() })
    }

    /// The session of a request to this route, and the route that its token is for.
    fn find_session<'p>(&'p self, route: &'p Rc<Route>) -> (Session, &'p Rc<Route>) {
        let name = route.request_header();
        let Some(first) = abi::header(Headers::Request, name) else { return (Session::None, route) };
        let now = now();
        let found = self.plugin.session(route, &first, now);
        if let (Session::Pinned(_), _) = found {
            return found;
        }
        // Of several lines of one header, that call gives the first; the property gives all, with commas between them.
        match all_lines(name) {
            Some(all) if *all != *first => self.plugin.session(route, &all, now),
            _ => found,
        }
    }

    /// Gives the client a token, if one is due.
    fn response(&self, Found { mut route, mut session, redirected }: Found) {
        if redirected {
            // The share may have no endpoint, and then no route that waits for its sessions.
            let name = abi::property(ROUTE_NAME).unwrap_or_default();
            if let Some(taken) = self.plugin.route(&name)
                && taken.rule().share() != route.rule().share()
            {
                route = Rc::clone(taken);
                session = Session::None;
            }
        }
        let route = &*route;
        if let Some(issue) = self.issue(route, &session) {
            self.counters.issued(issue);
        } else if let Some(name) = route.answer_header() {
            // Whatever the backend sends under this name would take the place of the client's session.
            report("header", abi::remove_header(Headers::Response, name));
        }
    }

    /// Seals the token that is due and adds it to the answer; none if there is none.
    fn issue(&self, route: &Route, session: &Session) -> Option<Issue> {
        let served_by = abi::property(UPSTREAM_ADDRESS).and_then(|address| Endpoint::parse(&address).ok());
        let issue = session::on_response(session, served_by)?;
        // An answer of Envoy's own may name the endpoint that failed to give one.
        if abi::property(CODE_DETAILS).is_none_or(|details| *details != *b"via_upstream") {
            return None;
        }
        let due = issue.at(now(), route.rule())?;
        let nonce = match self.nonces.next() {
            Ok(nonce) => nonce,
            Err(error) => {
                abi::log(Level::Error, &format!("no token issued: no random numbers: {error}"));
                return None;
            }
        };
        match route.answer(&due, &nonce) {
            Some(AnswerHeader::SetCookie(value)) => {
                report("set-cookie", abi::add_header(Headers::Response, "set-cookie", value.as_bytes()));
            }
            Some(AnswerHeader::Session { name, token }) => {
                report("header", abi::replace_header(Headers::Response, name, token.as_bytes()));
            }
            None => {
                abi::log(Level::Error, "no token issued: sealing failed");
                return None;
            }
        }
        Some(issue)
    }
}

/// All lines of a request header, with commas between them.
fn all_lines(name: &str) -> Option<Received> {
    abi::property(format!("request\0headers\0{name}").as_bytes())
}

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(abi::time() / 1_000_000_000)
}

fn report(what: &str, outcome: Result<(), Status>) {
    if let Err(status) = outcome {
        abi::log(Level::Error, &format!("Envoy refused the {what}: {status:?}"));
    }
}
