//! The rules with sessions, by route, as the filter in a gateway has them, and warnings about what the gateway cannot do for them.

use std::collections::BTreeMap;

use session_persistence::config::{Carrier, HeaderName, Rule};

use super::incapable;
use crate::diagnostic::Diagnostic;
use crate::manifest::gateway_api::route::{self, Route, RouteKind};
use crate::manifest::session_persistence_policy::SessionPersistencePolicy;
use crate::manifest::{Manifests, Object};
use crate::model::Model;

/// The private header between the filter and the gateway's own session persistence. (The default name belongs to the rendered
/// Envoy, whose routes remove it from responses.)
pub(super) const PIN_HEADER: &str = "x-session-persistence-pin";

/// A route.
pub(super) type RouteKey = (RouteKind, String, String);

/// The rules with sessions.
pub(super) struct Sessions {
    /// By route, then by the index of the rule.
    pub(super) routes: BTreeMap<RouteKey, BTreeMap<usize, Rule>>,
    /// The Gateways that serve them: namespace and name, sorted.
    pub(super) gateways: Vec<(String, String)>,
}

impl Sessions {
    /// The sessions of the model.
    pub(super) fn of(model: &Model, manifests: &Manifests) -> (Self, Vec<Diagnostic>) {
        let (mut found, mut gateways, mut diagnostics) = (Found::new(), Vec::new(), Vec::new());
        for listener in &model.listeners {
            for route in listener.virtual_hosts().flat_map(|host| &host.routes) {
                let Some((key, index)) = position(&route.name) else { continue };
                let Some(rule) = &route.persistence else { continue };
                found.entry(key).or_default().entry(index).or_default().push(rule);
                if let Some((namespace, rest)) = listener.name.split_once('/')
                    && let Some((name, _)) = rest.rsplit_once('/')
                {
                    gateways.push((namespace.to_owned(), name.to_owned()));
                }
            }
        }
        gateways.sort();
        gateways.dedup();
        let mut routes = BTreeMap::new();
        for (key, rules) in found {
            let object = object(manifests, &key);
            let rules: BTreeMap<_, _> = rules
                .into_iter()
                .filter_map(|(index, rules)| {
                    Some((index, in_gateway(object?, index, &rules, &mut diagnostics)?))
                })
                .collect();
            if !rules.is_empty() {
                routes.insert(key, rules);
            }
        }
        if !routes.is_empty() {
            manifests
                .session_persistence_policies
                .iter()
                .for_each(|policy| warn_about_policy(policy, &mut diagnostics));
        }
        (Self { routes, gateways }, diagnostics)
    }
}

/// The forms of each rule: that of each listener, and of each share if it is split.
type Found<'m> = BTreeMap<RouteKey, BTreeMap<usize, Vec<&'m Rule>>>;

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

/// The rule as the filter in the gateway has it. `None` if the gateway cannot have its sessions.
fn in_gateway(
    object: &Object<Route>,
    index: usize,
    forms: &[&Rule],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Rule> {
    let first = *forms.first()?;
    let title = format!(
        "{} {}/{}",
        object.spec.kind.name(),
        object.metadata.namespace.value,
        object.metadata.name.value
    );
    let written = object.spec.rules.get(index)?.as_ref().ok()?;
    let field = format!("spec.rules[{index}]");
    let mut warn = |span, field: &str, message: &str| {
        diagnostics.push(incapable(span, &title, message).field(field));
    };
    if forms.iter().any(|rule| rule.share().is_some()) {
        warn(
            written.span,
            &field,
            "the rule gets no sessions: Envoy Gateway chooses between its backends anew for each request, because they need different treatment",
        );
        return None;
    }
    warn_about_backends(written, &field, &mut warn);
    if first.is_strict() {
        warn(
            written.span,
            &field,
            "sessions of the rule are not strict: Envoy Gateway sends their requests to another endpoint if their own cannot serve",
        );
    }
    if object.spec.kind == RouteKind::Grpc {
        warn(written.span, &field, "sessions of a GRPCRoute need Envoy Gateway 1.10 or newer");
    }
    let is_secure = |rule: &Rule| matches!(rule.carrier(), Carrier::Cookie(cookie) if cookie.secure);
    let all_secure = forms.iter().all(|rule| is_secure(rule));
    if !all_secure && forms.iter().any(|rule| is_secure(rule)) {
        warn(
            written.span,
            &field,
            "the cookie is not secure on any listener: the rule has HTTP and HTTPS listeners, which Envoy Gateway gives one filter",
        );
    }
    let pin_header = HeaderName::try_from(PIN_HEADER.to_owned()).ok()?;
    let in_gateway = |rule: &Rule| rule.clone().with_secure(all_secure).in_gateway(pin_header.clone());
    let Ok(rule) = in_gateway(first) else {
        let message = "the rule gets no sessions: its session header has the name of the private header";
        warn(written.span, &field, message);
        return None;
    };
    if forms.iter().any(|form| in_gateway(form).as_ref() != Ok(&rule)) {
        warn(
            written.span,
            &field,
            "all listeners of the rule have the sessions of the first one: their policies differ, and Envoy Gateway gives them one filter",
        );
    }
    Some(rule)
}

fn warn_about_backends(
    written: &route::Rule,
    field: &str,
    warn: &mut impl FnMut(crate::source::Span, &str, &str),
) {
    let is_used = written.backend_refs.iter().any(|backend| backend.weight.value > 0);
    for (index, backend) in written.backend_refs.iter().enumerate() {
        if is_used && backend.weight.value == 0 {
            warn(
                backend.weight.span,
                &format!("{field}.backendRefs[{index}].weight"),
                "sessions of this backend move to another one: Envoy Gateway removes backends of weight 0",
            );
        }
        if backend.kind.value == "XBackend" {
            warn(
                backend.kind.span,
                &format!("{field}.backendRefs[{index}].kind"),
                "requests to this backend get 500: Envoy Gateway does not serve XBackends",
            );
        }
    }
}

/// Settings that the rendered Envoy has in its routes rather than in the filter.
fn warn_about_policy(policy: &Object<SessionPersistencePolicy>, diagnostics: &mut Vec<Diagnostic>) {
    let metadata = &policy.metadata;
    let title = format!("SessionPersistencePolicy {}/{}", metadata.namespace.value, metadata.name.value);
    for (position, ignored) in policy.spec.requests.ignore.iter().enumerate() {
        let message =
            "the requests start and move sessions as all others: Envoy Gateway has no routes for them";
        diagnostics.push(incapable(ignored.span, &title, message).field(format!("spec.ignore[{position}]")));
    }
    if let Some(hidden) = &policy.spec.visibility.hide_from_backend {
        let message = "backends see the token: Envoy Gateway has no routes that hide it";
        diagnostics.push(incapable(hidden.span, &title, message).field("spec.hideFromBackend"));
    }
    if let Some(exposed) = &policy.spec.visibility.expose_header {
        let message = "scripts of other origins cannot read the session header";
        let found = incapable(exposed.span, &title, message).field("spec.exposeHeader");
        diagnostics.push(found.hint("list the header in `exposeHeaders` of the route's CORS filter"));
    }
}
