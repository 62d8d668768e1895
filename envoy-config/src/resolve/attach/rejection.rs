//! Why a parentRef attaches to no listener.

use super::namespaces::Namespaces;
use crate::diagnostic::{Code, closest};
use crate::manifest::Object;
use crate::manifest::gateway_api::default_gateways::DefaultScope;
use crate::manifest::gateway_api::gateway::AllowedNamespaces;
use crate::manifest::gateway_api::route::{ParentKind, ParentRef, Route};
use crate::model::Domain;
use crate::resolve::gateways::Gateways;
use crate::resolve::listeners::section::Section;
use crate::resolve::references::wrong_kind;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The check that failed.
pub(super) enum Rejection<'m> {
    /// No listener has that name or port; these are the others.
    Section(Vec<Section<'m>>),
    /// No listener allows the kind. The first listener with a supported protocol, if any.
    Kind(Option<Section<'m>>),
    /// No listener allows the namespace. The first one that was checked.
    Namespace(Option<Section<'m>>),
    /// No listener has a matching hostname. The hostnames of the listeners.
    Hostname(Vec<Domain>),
}

/// A parentRef and its position in the route.
#[derive(Clone, Copy)]
pub(super) struct Parent<'m> {
    pub(super) route: &'m Object<Route>,
    pub(super) number: usize,
    pub(super) reference: &'m ParentRef,
}

/// The route has no parentRefs, which the API permits.
pub(super) fn no_parent(route: &Object<Route>, gateways: &Gateways<'_>, report: &mut Report) {
    let place = Place::new(route, "spec.parentRefs", route.metadata.name.span);
    let message = match route.spec.use_default_gateways.value {
        DefaultScope::None => "the route has no parentRefs, so no Gateway serves it",
        DefaultScope::All => {
            "the route has no parentRefs and there is no default Gateway, so no Gateway serves it"
        }
    };
    let warning = report.warning(Code::NoParent, place, String::from(message));
    warning.hint = Some(listing("add a parentRef to a Gateway", gateways));
}

fn listing(advice: &str, gateways: &Gateways<'_>) -> String {
    let names: Vec<String> = gateways.names().collect();
    if names.is_empty() { advice.to_owned() } else { format!("{advice}: {}", names.join(", ")) }
}

impl<'m> Parent<'m> {
    /// The namespace of the Gateway: the route's own by default.
    pub(super) fn namespace(&self) -> &'m str {
        let own = &self.route.metadata.namespace;
        &self.reference.namespace.as_ref().unwrap_or(own).value
    }

    /// The parent is not a Gateway.
    pub(super) fn unsupported_kind(&self, group: &str, kind: &str, report: &mut Report) {
        let message = format!("parentRefs of kind `{}` are not supported", wrong_kind::title(group, kind));
        let field = format!("spec.parentRefs[{}]", self.number);
        let place = Place::new(self.route, field, self.reference.span);
        report.error(Code::NotSupported, place, message).hint = Some(String::from("refer to a Gateway"));
    }

    /// The Gateway is not in the input.
    pub(super) fn missing_gateway(&self, gateways: &Gateways<'_>, report: &mut Report) {
        let (namespace, name) = (self.namespace(), &self.reference.name);
        if report.may_be_unread("Gateway", namespace, &name.value) {
            let place = self.at(".name", name.span, Reason::Pending);
            report.decide(&place, "the Gateway was not found, or could not be read");
            return;
        }
        let wanted = format!("{namespace}/{}", name.value);
        let names: Vec<String> = gateways.names().collect();
        let hint = closest(&wanted, names.iter().map(String::as_str)).map_or_else(
            || listing("add the Gateway to the input, or refer to another one", gateways),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("Gateway `{wanted}` not found in the input");
        let place = self.at(".name", name.span, Reason::NoMatchingParent);
        report.error(Code::MissingGateway, place, message).hint = Some(hint);
    }

    /// There is no Gateway at all. This is one error, not one for each parentRef.
    pub(super) fn reject_without_gateway(&self, report: &mut Report) {
        let name = &self.reference.name;
        let place = |reason| self.at(".name", name.span, reason);
        if report.may_be_unread("Gateway", self.namespace(), &name.value) {
            report.decide(&place(Reason::Pending), "the Gateway was not found, or could not be read");
        } else {
            report.decide(&place(Reason::NoMatchingParent), "the input contains no Gateway");
        }
    }

    /// The Gateway has errors and is not served, so it does not look at its routes.
    pub(super) fn gateway_not_accepted(&self, report: &mut Report) {
        let place = self.at(".name", self.reference.name.span, Reason::Pending);
        report.decide(&place, "the Gateway is not accepted");
    }

    /// Reports the check that failed.
    pub(super) fn reject(&self, rejection: Rejection<'m>, namespaces: &Namespaces<'m>, report: &mut Report) {
        match rejection {
            Rejection::Section(sections) => self.missing_listener(&sections, report),
            Rejection::Kind(first) => self.kind_not_allowed(first, report),
            Rejection::Namespace(first) => self.namespace_not_allowed(first, namespaces, report),
            Rejection::Hostname(domains) => self.no_matching_hostname(&domains, report),
        }
    }

    fn missing_listener(&self, sections: &[Section<'_>], report: &mut Report) {
        let ParentRef { name: gateway, section_name, port, span, .. } = self.reference;
        let (field, span, wanted) = match (section_name, port) {
            (Some(name), None) => (".sectionName", name.span, format!("named `{}`", name.value)),
            (None, Some(port)) => (".port", port.span, format!("on port {}", port.value)),
            (Some(name), Some(port)) => {
                (".sectionName", name.span, format!("named `{}` on port {}", name.value, port.value))
            }
            (None, None) => ("", *span, String::from("at all")),
        };
        let place = self.at(field, span, Reason::NoMatchingParent);
        let names = sections.iter().map(|section| section.listener.name.value.as_str());
        let near = section_name.as_ref().and_then(|wanted| closest(&wanted.value, names));
        let near = near.filter(|near| section_name.as_ref().is_some_and(|name| name.value != *near));
        let message = format!("Gateway `{}` has no listener {wanted}", gateway.value);
        let error = report.error(Code::MissingListener, place, message);
        error.hint = Some(near.map_or_else(|| listed(sections), |near| format!("did you mean `{near}`?")));
    }

    fn kind_not_allowed(&self, first: Option<Section<'_>>, report: &mut Report) {
        let gateway = &self.reference.name.value;
        let kind = self.route.kind;
        let place = self.at("", self.reference.span, Reason::NotAllowedByListeners);
        let message = format!("Gateway `{gateway}` does not allow routes of kind `{kind}`");
        let Some(Section { listener, .. }) = first else {
            // The listeners have an error for the unsupported protocol.
            report.decide(&place, &message);
            return;
        };
        let error = report.error(Code::KindNotAllowed, place, message);
        error.related = Some((listener.span, String::from("this listener")));
        let taken: Vec<_> = listener.supported_kinds().collect();
        error.hint = Some(if taken.is_empty() {
            String::from("none of the listener's `allowedRoutes.kinds` is supported, so it allows no routes")
        } else {
            format!("the listener allows {}: check its `allowedRoutes.kinds`", taken.join(" and "))
        });
    }

    fn namespace_not_allowed(
        &self,
        first: Option<Section<'_>>,
        namespaces: &Namespaces<'m>,
        report: &mut Report,
    ) {
        let gateway = &self.reference.name.value;
        let namespace = &self.route.metadata.namespace.value;
        let message = format!("Gateway `{gateway}` does not allow routes from namespace `{namespace}`");
        let place = self.at("", self.reference.span, Reason::NotAllowedByListeners);
        let error = report.error(Code::NamespaceNotAllowed, place, message);
        error.related = first.map(|section| (section.listener.span, String::from("this listener")));
        let by_labels = first
            .is_some_and(|one| matches!(one.listener.allowed_namespaces, AllowedNamespaces::Selector(_)));
        error.hint = Some(if by_labels && !namespaces.knows(namespace) {
            format!("the listener selects namespaces by label: add Namespace `{namespace}` to the input")
        } else {
            String::from(
                "check the listener's `allowedRoutes.namespaces`: the default is the namespace of the Gateway only",
            )
        });
    }

    fn no_matching_hostname(&self, domains: &[Domain], report: &mut Report) {
        let gateway = &self.reference.name.value;
        let span = self.route.spec.hostnames.first().map_or(self.reference.span, |hostname| hostname.span);
        let place =
            self.because(Place::new(self.route, "spec.hostnames", span), Reason::NoMatchingListenerHostname);
        let message = format!("none of the route's hostnames matches a listener of Gateway `{gateway}`");
        let error = report.error(Code::NoMatchingHostname, place, message);
        let listed: Vec<String> = domains.iter().map(Domain::written).collect();
        error.hint = Some(format!("its listeners serve {}", listed.join(", ")));
    }

    /// A field of the parentRef, and why the parent does not accept the route.
    fn at(&self, field: &str, span: Span, reason: Reason) -> Place<'m> {
        let field = match self.reference.kind {
            ParentKind::DefaultGateway => String::from("spec.useDefaultGateways"),
            ParentKind::Gateway | ParentKind::Other { .. } => {
                format!("spec.parentRefs[{}]{field}", self.number)
            }
        };
        self.because(Place::new(self.route, field, span), reason)
    }

    fn because(&self, place: Place<'m>, reason: Reason) -> Place<'m> {
        place.because(Part::Parent(self.number), ConditionType::Accepted, reason)
    }
}

fn listed(sections: &[Section<'_>]) -> String {
    let one = |section: &Section<'_>| {
        format!("`{}` on port {}", section.listener.name.value, section.listener.port.value)
    };
    format!("its other listeners are {}", sections.iter().map(one).collect::<Vec<_>>().join(", "))
}
