//! The request: finds its session, names the endpoint to Envoy, and asks for the route of its share.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::types::MapType;

use super::calls::{now, property};
use super::counters::count;
use super::hiding::hide;
use super::{Configured, Found, report, show, warnings};
use crate::event::Event;
use crate::names::{OVERRIDE_HOST_HEADER, UNSPLIT_SHARE};
use crate::pin;
use crate::plugin::Route;
use crate::session::Session;

impl Configured {
    /// Finds the session of a request and pins the request.
    pub(super) fn request(&self) -> Option<Found> {
        let initial = self.plugin.own().or_else(|| self.named_route());
        if let Some(name) = initial.and_then(|route| route.rule().hidden_cookie()) {
            hide(name);
        }
        let found = initial.filter(|route| !route.rule().is_ignored()).map(|route| self.find_session(route));
        // Without a pin, this removes a private header that a client sent.
        let pin = found.as_ref().and_then(|(session, route, _)| match session.endpoint() {
            Some(endpoint) => Some(pin::header_value(route.rule().pin(), endpoint)),
            None => session.is_held_by(route.rule()).then_some(pin::NOWHERE),
        });
        let own = found.as_ref().map_or(OVERRIDE_HOST_HEADER, |(_, route, _)| route.rule().pin_header());
        report("pin", hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, own, pin));
        for other in self.plugin.pin_headers() {
            if other != own {
                report("pin", hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, other, None));
            }
        }
        let (session, route, value) = found?;
        if !value.is_empty() && route.rule().is_enveloped() {
            let (headers, name) = (MapType::HttpRequestHeaders, route.request_header());
            report("session header", hostcalls::set_map_value_bytes(headers, name, Some(&value)));
        }
        if session.endpoint().is_none() {
            show(&session);
        }
        let id = route.rule().id();
        match session {
            Session::Rejected(rejection) => {
                count(id, rejection.into());
                warnings::rejected(id, rejection);
            }
            Session::Lost => count(id, Event::Lost),
            Session::None | Session::Pinned(_) => {}
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
        let redirected = share.is_some() && !held;
        Some(Found { route: Rc::clone(route), session, redirected, body: false, value })
    }

    /// The session of a request to this route, the route of its token's share, and the value in it.
    fn find_session<'p>(&'p self, route: &'p Rc<Route>) -> (Session, &'p Rc<Route>, Vec<u8>) {
        let name = route.request_header();
        let Some(first) = hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, name).ok().flatten()
        else {
            return (Session::None, route, Vec::new());
        };
        let all;
        let mut reading = self.plugin.read(route, now());
        if !reading.line(&first) && reading.wants_more_lines(&first) {
            // That call returns only the first of several lines. The property returns all lines, joined with commas.
            all = property(&[b"request\0headers\0", name.as_bytes()].concat()).unwrap_or_default();
            reading.line(all.get(first.len()..).unwrap_or_default());
        }
        let value = reading.take_value();
        let (session, route) = reading.session();
        (session, route, value)
    }
}
