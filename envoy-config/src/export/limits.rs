//! What an implementation cannot do for sessions, as warnings.

use session_persistence::config::Rule;

use super::sessions::GatewayKey;
use super::{gateways, incapable};
use crate::diagnostic::Diagnostic;
use crate::manifest::gateway_api::route::filters::Filter;
use crate::manifest::gateway_api::route::{self, Route, RouteKind};
use crate::manifest::session_persistence_policy::SessionPersistencePolicy;
use crate::manifest::{Manifests, Object};
use crate::options::Implementation;
use crate::source::{Span, Spanned};

/// The limits of an implementation, and what was found. `{}` in a message is its name.
pub(super) struct Limits {
    implementation: Implementation,
    diagnostics: Vec<Diagnostic>,
}

/// The limits for a rule.
pub(super) struct RuleLimits<'l> {
    limits: &'l mut Limits,
    title: String,
    field: String,
    kind: RouteKind,
    written: &'l route::Rule,
}

impl Limits {
    pub(super) const fn new(implementation: Implementation) -> Self {
        Self { implementation, diagnostics: Vec::new() }
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// Those for this rule of a route.
    pub(super) fn of_rule<'l>(
        &'l mut self,
        object: &'l Object<Route>,
        index: usize,
    ) -> Option<RuleLimits<'l>> {
        let kind = object.spec.kind;
        let (namespace, name) = object.metadata.key();
        Some(RuleLimits {
            limits: self,
            title: format!("{} {namespace}/{name}", kind.name()),
            field: format!("spec.rules[{index}]"),
            kind,
            written: object.spec.rules.get(index)?.as_ref().ok()?,
        })
    }

    /// Whether the Gateway belongs to another implementation.
    pub(super) fn refuses_gateway(
        &mut self,
        key @ (namespace, name): &GatewayKey,
        manifests: &Manifests,
    ) -> bool {
        let Some(gateway) = gateways::find(manifests, key) else { return false };
        let class = &gateway.spec.class;
        let mut classes = manifests.gateway_classes.iter();
        let Some(known) = classes.find(|known| known.metadata.name.value == class.value) else {
            return false;
        };
        let controller = &known.spec.controller_name.value;
        let is_foreign = !self.implementation.is_controller(controller);
        if is_foreign {
            let message = "the Gateway gets no sessions: the controller of its class is not {}";
            self.warn(class.span, &format!("Gateway {namespace}/{name}"), "spec.gatewayClassName", message);
        }
        is_foreign
    }

    /// A route with sessions that a Gateway of another implementation serves, too.
    pub(super) fn warn_about_shared_route(&mut self, object: &Object<Route>, gateway: &GatewayKey) {
        let (kind, (namespace, name)) = (object.spec.kind.name(), object.metadata.key());
        let message = format!(
            "the route loses its sessions on Gateway `{}/{}`: it is written for {}",
            gateway.0,
            gateway.1,
            self.implementation.name()
        );
        let title = format!("{kind} {namespace}/{name}");
        let found = incapable(object.metadata.name.span, &title, message).field("spec.parentRefs");
        self.push(found.hint("write a route for the Gateways of each implementation"));
    }

    /// Whether the implementation serves no rule of a route.
    /// `has_twin`: there also is an HTTPRoute with the name of this GRPCRoute.
    pub(super) fn refuses_route(&mut self, object: &Object<Route>, has_twin: bool) -> bool {
        let Implementation::Istio = self.implementation else { return false };
        let (kind, (namespace, name)) = (object.spec.kind.name(), object.metadata.key());
        if has_twin {
            let message = "the route is not served: {} serves the HTTPRoute of this name instead";
            let span = object.metadata.name.span;
            self.warn(span, &format!("{kind} {namespace}/{name}"), "metadata.name", message);
            return true;
        }
        let rules = object.spec.rules.iter().enumerate();
        for (index, written) in rules.filter_map(|(index, rule)| Some((index, rule.as_ref().ok()?))) {
            if let Some((place, filter)) = unknown_to_istio(written) {
                let field = format!("spec.rules[{index}].{place}");
                let message = "the route is not served: {} does not know this filter here";
                self.warn(filter.span, &format!("{kind} {namespace}/{name}"), &field, message);
                return true;
            }
        }
        false
    }

    /// Settings that the rendered Envoy has in its routes rather than in the filter.
    pub(super) fn warn_about_policy(&mut self, policy: &Object<SessionPersistencePolicy>) {
        let (namespace, name) = policy.metadata.key();
        let title = format!("SessionPersistencePolicy {namespace}/{name}");
        for (position, ignored) in policy.spec.requests.ignore.iter().enumerate() {
            let message = "the requests start and move sessions as all others: {} has no routes for them";
            self.warn(ignored.span, &title, &format!("spec.ignore[{position}]"), message);
        }
        if !can_hide(self.implementation)
            && let Some(hidden) = &policy.spec.visibility.hide_from_backend
        {
            let message = "backends see the token: {} has no routes that hide it";
            self.warn(hidden.span, &title, "spec.hideFromBackend", message);
        }
        if let Some(exposed) = &policy.spec.visibility.expose_header {
            let message = "scripts of other origins cannot read the session header";
            let found = incapable(exposed.span, &title, message).field("spec.exposeHeader");
            self.push(found.hint("list the header in `exposeHeaders` of the route's CORS filter"));
        }
    }

    fn warn(&mut self, span: Span, object: &str, field: &str, message: &str) {
        let message = message.replace("{}", self.implementation.name());
        self.push(incapable(span, object, message).field(field));
    }

    /// Ports and Gateways often have the same limits.
    fn push(&mut self, found: Diagnostic) {
        if !self.diagnostics.contains(&found) {
            self.diagnostics.push(found);
        }
    }
}

/// Whether routes can hide tokens from backends.
const fn can_hide(implementation: Implementation) -> bool {
    match implementation {
        Implementation::EnvoyGateway => false,
        Implementation::Istio => true,
    }
}

impl RuleLimits<'_> {
    /// Whether routes can hide tokens from backends.
    pub(super) const fn can_hide(&self) -> bool {
        can_hide(self.limits.implementation)
    }

    /// A warning about the rule.
    pub(super) fn warn(&mut self, message: &str) {
        self.limits.warn(self.written.span, &self.title, &self.field, message);
    }

    /// Whether the backends of the rule are more than the implementation can have sessions with.
    pub(super) fn refuses_backends(&mut self, forms: &[&Rule]) -> bool {
        let implementation = self.limits.implementation;
        let is_refused = match implementation {
            Implementation::EnvoyGateway => forms.iter().any(|rule| rule.share().is_some()),
            Implementation::Istio => {
                self.written.backend_refs.iter().filter(|backend| backend.weight.value > 0).count() > 1
            }
        };
        if is_refused {
            let name = implementation.name();
            let hint = match implementation {
                Implementation::EnvoyGateway => {
                    "give its backends the same filters and the same version of HTTP"
                }
                Implementation::Istio => "select the pods of all its backends with one Service",
            };
            let message = format!(
                "the rule gets no sessions: {name} chooses between its backends anew for each request"
            );
            let found = incapable(self.written.span, &self.title, message).field(&*self.field);
            self.limits.push(found.hint(hint));
        }
        is_refused
    }

    /// Backends that the implementation leaves out, or does not know.
    pub(super) fn warn_about_backends(&mut self) {
        let written = self.written;
        let is_used = written.backend_refs.iter().any(|backend| backend.weight.value > 0);
        for (index, backend) in written.backend_refs.iter().enumerate() {
            let field = format!("{}.backendRefs[{index}]", self.field);
            if is_used && backend.weight.value == 0 {
                let message = "sessions of this backend move to another one: {} removes backends of weight 0";
                self.limits.warn(backend.weight.span, &self.title, &format!("{field}.weight"), message);
            }
            let unknown: &[&str] = match self.limits.implementation {
                Implementation::EnvoyGateway => &["XBackend"],
                Implementation::Istio => &["XBackend", "Backend"],
            };
            if unknown.contains(&backend.kind.value.as_str()) {
                let kind = &backend.kind.value;
                let message = format!("requests to this backend get 500: {{}} does not serve {kind}s");
                self.limits.warn(backend.kind.span, &self.title, &format!("{field}.kind"), &message);
            }
        }
    }

    /// Filters that the implementation does not know.
    pub(super) fn warn_about_filters(&mut self) {
        for (index, filter) in external_auth(self.written) {
            let message = "the rule is not served: {} does not know this filter";
            let field = format!("{}.filters[{index}]", self.field);
            self.limits.warn(filter.span, &self.title, &field, message);
        }
    }

    /// What depends on the kind of the route.
    pub(super) fn warn_about_route(&mut self) {
        match (self.limits.implementation, self.kind) {
            (Implementation::EnvoyGateway, RouteKind::Grpc) => {
                self.warn("sessions of a GRPCRoute need {} 1.10 or newer");
            }
            (Implementation::EnvoyGateway, RouteKind::Http) | (Implementation::Istio, _) => {}
        }
    }
}

/// The filter of a rule or of its backends that makes Istio drop the whole route.
fn unknown_to_istio(rule: &route::Rule) -> Option<(String, &Spanned<Filter>)> {
    let filters = rule.filters.iter().enumerate();
    let own = filters
        .filter(|(_, filter)| matches!(filter.value, Filter::ExternalAuth(_) | Filter::Extension(_)))
        .map(|(index, filter)| (format!("filters[{index}]"), filter));
    let of_backends = rule.backend_refs.iter().enumerate().flat_map(|(number, backend)| {
        let filters = backend.filters.iter().enumerate();
        let unknown = filters.filter(|(_, filter)| {
            !matches!(filter.value, Filter::RequestHeaders(_) | Filter::ResponseHeaders(_))
        });
        unknown.map(move |(index, filter)| (format!("backendRefs[{number}].filters[{index}]"), filter))
    });
    own.chain(of_backends).next()
}

fn external_auth(rule: &route::Rule) -> impl Iterator<Item = (usize, &Spanned<Filter>)> {
    let filters = rule.filters.iter().enumerate();
    filters.filter(|(_, filter)| matches!(filter.value, Filter::ExternalAuth(_)))
}
