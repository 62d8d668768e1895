//! The rules with sessions, by route, as the filter in a gateway has them.

use std::collections::{BTreeMap, BTreeSet};

use session_persistence::config::{Carrier, CookiePath, HeaderName, Rule};

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

/// The rules with sessions.
pub(super) struct Sessions {
    /// By route, then by the index of the rule.
    pub(super) routes: BTreeMap<RouteKey, BTreeMap<usize, Session>>,
    /// The routes of each Gateway that serves them, by its namespace and name.
    pub(super) gateways: BTreeMap<(String, String), BTreeSet<RouteKey>>,
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
        let mut sessions = Self { routes: BTreeMap::new(), gateways: BTreeMap::new() };
        let mut found = Found::new();
        for listener in &model.listeners {
            let mut parts = listener.name.split('/').map(str::to_owned);
            let gateway = parts.next().zip(parts.next());
            for route in listener.virtual_hosts().flat_map(|host| &host.routes) {
                let Some((key, index)) = position(&route.name) else { continue };
                if let Some(gateway) = &gateway {
                    sessions.gateways.entry(gateway.clone()).or_default().insert(key.clone());
                }
                if let Some(rule) = &route.persistence {
                    found.entry(key).or_default().entry(index).or_default().push(Session::of(route, rule));
                }
            }
        }
        let mut limits = Limits::new(implementation);
        for (key, rules) in found {
            let Some(object) = object(manifests, &key) else { continue };
            if limits.refuses_route(object, sessions.has_twin(&key)) {
                continue;
            }
            let rules: BTreeMap<_, _> = rules
                .into_iter()
                .filter_map(|(index, rules)| Some((index, in_gateway(object, index, &rules, &mut limits)?)))
                .collect();
            if !rules.is_empty() {
                sessions.routes.insert(key, rules);
            }
        }
        for routes in sessions.gateways.values_mut() {
            routes.retain(|key| sessions.routes.contains_key(key));
        }
        sessions.gateways.retain(|_, routes| !routes.is_empty());
        if !sessions.routes.is_empty() {
            manifests.session_persistence_policies.iter().for_each(|policy| limits.warn_about_policy(policy));
        }
        (sessions, limits.into_diagnostics())
    }

    /// Whether a Gateway also serves a route of the other kind with this namespace and name.
    fn has_twin(&self, key @ (kind, namespace, name): &RouteKey) -> bool {
        let other = if *kind == RouteKind::Http { RouteKind::Grpc } else { RouteKind::Http };
        let twin = (other, namespace.clone(), name.clone());
        self.gateways.values().any(|routes| routes.contains(key) && routes.contains(&twin))
    }
}

/// The forms of each rule: that of each listener, and of each share if it is split.
type Found = BTreeMap<RouteKey, BTreeMap<usize, Vec<Session>>>;

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

fn object<'m>(manifests: &'m Manifests, (kind, namespace, name): &RouteKey) -> Option<&'m Object<Route>> {
    manifests.routes.iter().find(|route| {
        let metadata = &route.metadata;
        route.spec.kind == *kind && metadata.namespace.value == *namespace && metadata.name.value == *name
    })
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
