//! What an implementation cannot do for sessions, as warnings.

use session_persistence::config::Rule;

use super::incapable;
use crate::diagnostic::Diagnostic;
use crate::manifest::Object;
use crate::manifest::gateway_api::route::filters::Filter;
use crate::manifest::gateway_api::route::{self, Route, RouteKind};
use crate::manifest::session_persistence_policy::SessionPersistencePolicy;
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

    /// Whether the implementation cannot have the sessions of a route. `has_twin`: a Gateway of it serves a route of the other kind with the
    /// same name.
    pub(super) fn refuses_route(&mut self, object: &Object<Route>, has_twin: bool) -> bool {
        let Implementation::Istio = self.implementation else { return false };
        let (kind, (namespace, name)) = (object.spec.kind.name(), object.metadata.key());
        let title = format!("{kind} {namespace}/{name}");
        let rules = object.spec.rules.iter().enumerate();
        for (index, written) in rules.filter_map(|(index, rule)| Some((index, rule.as_ref().ok()?))) {
            if let Some((number, filter)) = external_auth(written).next() {
                let field = format!("spec.rules[{index}].filters[{number}]");
                self.warn(
                    filter.span,
                    &title,
                    &field,
                    "the route is not served: {} does not know this filter",
                );
                return true;
            }
        }
        if has_twin {
            let message = "the route gets no sessions: {} cannot tell it from the route of the other kind with its name";
            let message = message.replace("{}", self.implementation.name());
            let found = incapable(object.metadata.name.span, &title, message);
            self.push(found.hint("rename one of them"));
        }
        has_twin
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
        let refusal = match self.limits.implementation {
            Implementation::EnvoyGateway if forms.iter().any(|rule| rule.share().is_some()) => {
                "the rule gets no sessions: {} chooses between its backends anew for each request, because they need different treatment"
            }
            Implementation::Istio
                if self.written.backend_refs.iter().filter(|one| one.weight.value > 0).count() > 1 =>
            {
                "the rule gets no sessions: {} chooses between its backends anew for each request"
            }
            Implementation::EnvoyGateway | Implementation::Istio => return false,
        };
        self.warn(refusal);
        true
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

fn external_auth(rule: &route::Rule) -> impl Iterator<Item = (usize, &Spanned<Filter>)> {
    let filters = rule.filters.iter().enumerate();
    filters.filter(|(_, filter)| matches!(filter.value, Filter::ExternalAuth(_)))
}
