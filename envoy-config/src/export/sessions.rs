//! The rules with sessions, by route, as the filter in a gateway has them.

use std::collections::{BTreeMap, BTreeSet};

use session_persistence::config::{Carrier, CookiePath, HeaderName, Rule};

use super::istio::is_deployed;
use super::limits::Limits;
use crate::diagnostic::Diagnostic;
use crate::manifest::gateway_api::route::{Route, RouteKind};
use crate::manifest::{Manifests, Object};
use crate::model::{self, HeaderChange, Model};
use crate::options::Implementation;

/// The private header between the filter and the gateway's own session persistence. (The default name belongs to the rendered
/// Envoy, whose routes remove it from responses.)
pub(super) const PIN_HEADER: &str = "x-session-persistence-pin";

/// A route.
pub(super) type RouteKey = (RouteKind, String, String);

/// The namespace and the name of a Gateway.
pub(super) type GatewayKey = (String, String);

/// The rules with sessions by route, then by the index of the rule.
pub(super) type Routes = BTreeMap<RouteKey, BTreeMap<usize, Session>>;

/// The rules with sessions.
#[derive(Default)]
pub(super) struct Sessions {
    /// On any Gateway.
    pub(super) routes: Routes,
    /// On each port of each Gateway.
    pub(super) gateways: BTreeMap<GatewayKey, BTreeMap<u16, Routes>>,
}

/// The sessions of a rule.
#[derive(Clone, PartialEq)]
pub(super) struct Session {
    /// The rule of the filter. It hides a cookie from backends by itself.
    pub(super) rule: Rule,
    /// The session header, if the route hides it from backends.
    pub(super) hidden_header: Option<String>,
}

impl Sessions {
    /// The sessions of the model.
    pub(super) fn of(
        model: &Model,
        manifests: &Manifests,
        implementation: Implementation,
    ) -> (Self, Vec<Diagnostic>) {
        let mut found = Found::of(model);
        let mut sessions = Self::default();
        let mut limits = Limits::new(implementation);
        let foreign = found.without(|gateway| limits.refuses_gateway(gateway, manifests));
        for ((gateway, port), routes) in &found.ports {
            for (key, rules) in routes {
                let Some(object) = object(manifests, key) else { continue };
                if limits.refuses_route(object, found.has_twin(key)) {
                    continue;
                }
                for (index, forms) in rules {
                    let forms = match implementation {
                        // It has one filter for all Gateways.
                        Implementation::EnvoyGateway => found.forms(|_| true, key, *index),
                        Implementation::Istio if is_deployed(gateway, manifests) => forms.clone(),
                        // A Service may change the ports, and the filter is for those of Envoy.
                        Implementation::Istio => found.forms(|other| other == gateway, key, *index),
                    };
                    if let Some(session) = in_gateway(object, *index, &forms, &mut limits) {
                        let ports = sessions.gateways.entry(gateway.clone()).or_default();
                        let here = ports.entry(*port).or_default().entry(key.clone()).or_default();
                        here.insert(*index, session.clone());
                        sessions.routes.entry(key.clone()).or_default().insert(*index, session);
                    }
                }
            }
        }
        for (gateway, key) in foreign {
            if sessions.routes.contains_key(&key)
                && let Some(object) = object(manifests, &key)
            {
                limits.warn_about_shared_route(object, &gateway);
            }
        }
        if !sessions.routes.is_empty() {
            manifests.session_persistence_policies.iter().for_each(|policy| limits.warn_about_policy(policy));
        }
        (sessions, limits.into_diagnostics())
    }
}

/// The forms of the rules of a route, by the index of the rule.
type Forms = BTreeMap<usize, Vec<Session>>;

/// What the model has.
#[derive(Default)]
struct Found {
    /// The forms of each rule with sessions: that of each listener of a port, and of each share if it is split.
    ports: BTreeMap<(GatewayKey, u16), BTreeMap<RouteKey, Forms>>,
    /// All routes of each Gateway.
    served: BTreeSet<(GatewayKey, RouteKey)>,
}

impl Found {
    fn of(model: &Model) -> Self {
        let mut found = Self::default();
        for listener in &model.listeners {
            let mut parts = listener.name.split('/').map(str::to_owned);
            let Some(gateway) = parts.next().zip(parts.next()) else { continue };
            for route in listener.virtual_hosts().flat_map(|host| &host.routes) {
                let Some((key, index)) = position(&route.name) else { continue };
                found.served.insert((gateway.clone(), key.clone()));
                if let Some(rule) = &route.persistence {
                    let routes = found.ports.entry((gateway.clone(), listener.port)).or_default();
                    let forms = routes.entry(key).or_default().entry(index).or_default();
                    forms.push(Session::of(route, rule));
                }
            }
        }
        found
    }

    /// Takes out some Gateways, and returns their routes.
    fn without(&mut self, mut unwanted: impl FnMut(&GatewayKey) -> bool) -> BTreeSet<(GatewayKey, RouteKey)> {
        let gateways: BTreeSet<GatewayKey> = self.served.iter().map(|(gateway, _)| gateway.clone()).collect();
        let unwanted: BTreeSet<_> = gateways.into_iter().filter(|gateway| unwanted(gateway)).collect();
        self.ports.retain(|(gateway, _), _| !unwanted.contains(gateway));
        let (out, served) =
            std::mem::take(&mut self.served).into_iter().partition(|(gateway, _)| unwanted.contains(gateway));
        self.served = served;
        out
    }

    /// Whether there also is an HTTPRoute with the name of this GRPCRoute.
    fn has_twin(&self, (kind, namespace, name): &RouteKey) -> bool {
        let twin = (RouteKind::Http, namespace.clone(), name.clone());
        *kind == RouteKind::Grpc && self.served.iter().any(|(_, key)| *key == twin)
    }

    /// The forms of a rule on all ports of some Gateways.
    fn forms(&self, wanted: impl Fn(&GatewayKey) -> bool, key: &RouteKey, index: usize) -> Vec<Session> {
        let ports = self.ports.iter().filter(|((gateway, _), _)| wanted(gateway));
        ports.filter_map(|(_, routes)| routes.get(key)?.get(&index)).flatten().cloned().collect()
    }
}

impl Session {
    fn of(route: &model::Route, rule: &Rule) -> Self {
        let header = rule.carrier().header().map(HeaderName::as_str);
        let is_hidden = |header: &&str| {
            let change = route.request_headers.0.get(*header);
            matches!(change, Some(HeaderChange::Remove | HeaderChange::Set(..)))
        };
        Self { rule: rule.clone(), hidden_header: header.filter(is_hidden).map(str::to_owned) }
    }
}

/// The route and the index of the rule of this name of a [`Route`](crate::model::Route).
fn position(name: &str) -> Option<(RouteKey, usize)> {
    let (kind, name) =
        name.strip_prefix("grpc:").map_or((RouteKind::Http, name), |name| (RouteKind::Grpc, name));
    let mut parts = name.split('/');
    let (namespace, route, index) = (parts.next()?, parts.next()?, parts.next()?);
    // A policy that applies to some listeners is named behind the index.
    let index = index.split('@').next()?;
    Some(((kind, namespace.to_owned(), route.to_owned()), index.parse().ok()?))
}

/// The route of this kind, namespace and name.
pub(super) fn object<'m>(
    manifests: &'m Manifests,
    (kind, namespace, name): &RouteKey,
) -> Option<&'m Object<Route>> {
    let is_this =
        |route: &&Object<Route>| route.spec.kind == *kind && route.metadata.key() == (namespace, name);
    manifests.routes.iter().find(is_this)
}

/// The sessions as the gateway has them. `None` if it cannot have them.
fn in_gateway(
    object: &Object<Route>,
    index: usize,
    forms: &[Session],
    limits: &mut Limits,
) -> Option<Session> {
    let first = forms.first()?;
    let rules: Vec<&Rule> = forms.iter().map(|form| &form.rule).collect();
    let mut limits = limits.of_rule(object, index)?;
    if limits.refuses_backends(&rules) {
        return None;
    }
    limits.warn_about_backends();
    limits.warn_about_filters();
    limits.warn_about_route();
    if first.rule.is_strict() {
        limits.warn("sessions of the rule are not strict: {} sends their requests to another endpoint if their own cannot serve");
    }
    let is_secure = |rule: &Rule| matches!(rule.carrier(), Carrier::Cookie(cookie) if cookie.secure);
    let all_secure = rules.iter().all(|rule| is_secure(rule));
    if !all_secure && rules.iter().any(|rule| is_secure(rule)) {
        limits.warn("the cookie is not secure on any listener: the rule has HTTP and HTTPS listeners, which {} gives one filter");
    }
    let path = common_path(&rules);
    if let Some(path) = &path
        && rules.iter().any(|rule| cookie_path(rule) != Some(path.as_str()))
    {
        let message = format!(
            "the cookie has the path `{path}`: those of the rule's matches differ, and {{}} gives them one filter"
        );
        limits.warn(&message);
    }
    let pin_header = HeaderName::try_from(PIN_HEADER.to_owned()).ok()?;
    let in_gateway = |form: &Session| {
        let rule = form.rule.clone().with_secure(all_secure);
        let rule = path.iter().cloned().fold(rule, Rule::with_cookie_path);
        let rule = if limits.can_hide() { rule } else { rule.visible() };
        let hidden_header = form.hidden_header.clone().filter(|_| limits.can_hide());
        rule.in_gateway(pin_header.clone()).map(|rule| Session { rule, hidden_header })
    };
    let Ok(session) = in_gateway(first) else {
        limits.warn("the rule gets no sessions: its session header has the name of the private header");
        return None;
    };
    if forms.iter().any(|form| in_gateway(form).as_ref() != Ok(&session)) {
        limits.warn("all listeners of the rule have the sessions of the first one: their policies differ, and {} gives them one filter");
    }
    Some(session)
}

fn cookie_path(rule: &Rule) -> Option<&str> {
    if let Carrier::Cookie(cookie) = rule.carrier() { Some(cookie.path.as_str()) } else { None }
}

/// The longest path above all those of the cookies.
fn common_path(forms: &[&Rule]) -> Option<CookiePath> {
    let paths = forms.iter().filter_map(|rule| cookie_path(rule));
    let common = paths.map(str::to_owned).reduce(|common, path| {
        let segments = common.split('/').zip(path.split('/')).take_while(|(one, other)| one == other);
        segments.map(|(segment, _)| segment).collect::<Vec<_>>().join("/")
    })?;
    CookiePath::try_from(if common.is_empty() { String::from("/") } else { common }).ok()
}
