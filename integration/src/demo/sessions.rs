//! The sessions that the page shows: derived from the rules, with the filter's own code.

use std::collections::BTreeSet;

use envoy_config::model::{Domain, Listener, Model, PathMatch, Route};
use envoy_config::options::NamespacedName;
use serde::Serialize;
use session_persistence::config::{Carrier, Cookie, Rule, Timeout};
use session_persistence::cookie::set_cookie;

/// A rule whose sessions a page can show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WatchedSession {
    /// The name of the Envoy route.
    pub rule: String,
    /// A path that the rule serves.
    pub path: String,
    /// The cookie or the header.
    #[serde(flatten)]
    carrier: Watched,
    /// The absolute timeout in seconds.
    absolute_timeout: Option<u64>,
    /// The idle timeout in seconds.
    idle_timeout: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "carrier", rename_all = "lowercase")]
enum Watched {
    Cookie {
        name: String,
        /// As in `Set-Cookie`: `Path=/`, `HttpOnly`.
        attributes: Vec<String>,
        #[serde(skip)]
        cookie: Cookie,
    },
    Header {
        name: String,
    },
}

/// The rules of one Gateway whose sessions a page can show: those for every host, and for paths with a prefix and no
/// other condition. The shortest prefix comes first.
#[must_use]
pub fn watched(model: &Model, gateway: &NamespacedName) -> Vec<WatchedSession> {
    let prefix = format!("{gateway}/");
    let listeners = model.listeners.iter().filter(|listener| listener.name.starts_with(&prefix));
    let mut known = BTreeSet::new();
    let routes = listeners.flat_map(routes_for_any_host).filter(|route| known.insert(&route.name));
    let mut sessions: Vec<_> = routes.filter_map(WatchedSession::of).collect();
    sessions.sort_by(|one, other| (one.path.len(), &one.path).cmp(&(other.path.len(), &other.path)));
    sessions
}

fn routes_for_any_host(listener: &Listener) -> impl Iterator<Item = &Route> {
    listener.virtual_hosts().filter(|host| host.domain == Domain::Any).flat_map(|host| &host.routes)
}

impl WatchedSession {
    fn of(route: &Route) -> Option<Self> {
        let (PathMatch::Prefix(prefix), None) = (&route.matches.path, &route.matches.method) else {
            return None;
        };
        if !route.matches.headers.is_empty() || !route.matches.query.is_empty() {
            return None;
        }
        let rule = route.persistence.as_ref()?;
        Some(Self {
            rule: route.name.clone(),
            path: format!("{}/get", prefix.trim_end_matches('/')),
            carrier: Watched::of(rule),
            absolute_timeout: rule.absolute_timeout().map(Timeout::seconds),
            idle_timeout: rule.idle_timeout().map(Timeout::seconds),
        })
    }

    /// The cookie, if that is what carries the session.
    pub(super) const fn cookie(&self) -> Option<&Cookie> {
        match &self.carrier {
            Watched::Cookie { cookie, .. } => Some(cookie),
            Watched::Header { .. } => None,
        }
    }
}

impl Watched {
    fn of(rule: &Rule) -> Self {
        match rule.carrier() {
            Carrier::Cookie(cookie) => {
                let line = set_cookie(cookie, "", rule.absolute_timeout().map(Timeout::seconds));
                let attributes = line.split("; ").skip(1).map(str::to_owned).collect();
                Self::Cookie { name: cookie.name.to_string(), attributes, cookie: cookie.clone() }
            }
            Carrier::Header(header) => Self::Header { name: header.name.to_string() },
        }
    }
}
