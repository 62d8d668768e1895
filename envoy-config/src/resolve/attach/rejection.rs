//! Why a parentRef attaches to no listener.

use super::Attacher;
use crate::diagnostic::{Code, closest};
use crate::manifest::Object;
use crate::manifest::gateway_api::default_gateways::DefaultScope;
use crate::manifest::gateway_api::gateway::AllowedNamespaces;
use crate::manifest::gateway_api::listener_set::ListenerSet;
use crate::manifest::gateway_api::route::{ParentKind, ParentRef, Route};
use crate::model::Domain;
use crate::resolve::gateways::{GatewayState, Gateways};
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
    listed_after(advice, &gateways.names().collect::<Vec<_>>())
}

fn listed_after(advice: &str, names: &[String]) -> String {
    if names.is_empty() { advice.to_owned() } else { format!("{advice}: {}", names.join(", ")) }
}

impl<'m> Parent<'m> {
    /// The namespace of the parent: the route's own by default.
    pub(super) fn namespace(&self) -> &'m str {
        let own = &self.route.metadata.namespace;
        &self.reference.namespace.as_ref().unwrap_or(own).value
    }

    /// The parent is not a Gateway.
    pub(super) fn unsupported_kind(&self, group: &str, kind: &str, report: &mut Report) {
        let message = format!("parentRefs of kind `{}` are not supported", wrong_kind::title(group, kind));
        let field = format!("spec.parentRefs[{}]", self.number);
        let place = Place::new(self.route, field, self.reference.span);
        report.error(Code::NotSupported, place, message).hint = Some(match kind {
            "XListenerSet" => String::from("refer to a ListenerSet, the kind that it became"),
            _ => String::from("refer to a Gateway or a ListenerSet"),
        });
    }

    /// The Gateway or ListenerSet is not in the input.
    pub(super) fn missing(&self, gateways: &Gateways<'_>, report: &mut Report) {
        if self.may_be_unread(report) {
            return;
        }
        let (namespace, name, kind) = (self.namespace(), &self.reference.name, self.kind());
        let (code, names): (_, Vec<String>) = match self.reference.kind {
            ParentKind::ListenerSet => (Code::MissingListenerSet, gateways.listener_sets().names().collect()),
            _ => (Code::MissingGateway, gateways.names().collect()),
        };
        let wanted = format!("{namespace}/{}", name.value);
        let hint = closest(&wanted, names.iter().map(String::as_str)).map_or_else(
            || listed_after(&format!("add the {kind} to the input, or refer to another one"), &names),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("{kind} `{wanted}` not found in the input");
        let place = self.at(".name", name.span, Reason::NoMatchingParent);
        report.error(code, place, message).hint = Some(hint);
    }

    /// Whether the Gateway or ListenerSet may be one that could not be read. Records that.
    fn may_be_unread(&self, report: &mut Report) -> bool {
        let (kind, name) = (self.kind(), &self.reference.name);
        let may_be_unread = report.may_be_unread(kind, self.namespace(), &name.value);
        if may_be_unread {
            let place = self.at(".name", name.span, Reason::Pending);
            report.decide(&place, &format!("the {kind} was not found, or could not be read"));
        }
        may_be_unread
    }

    /// There is no Gateway at all. This is one error, not one for each parentRef.
    pub(super) fn reject_without_gateway(&self, report: &mut Report) {
        if !self.may_be_unread(report) {
            let place = self.at(".name", self.reference.name.span, Reason::NoMatchingParent);
            report.decide(&place, "the input contains no Gateway");
        }
    }

    /// The Gateway or ListenerSet has errors and is not served, so it does not look at its routes.
    pub(super) fn not_accepted(&self, report: &mut Report) {
        let place = self.at(".name", self.reference.name.span, Reason::Pending);
        report.decide(&place, &format!("the {} is not accepted", self.kind()));
    }

    /// Reports the check that failed.
    pub(super) fn reject(&self, rejection: Rejection<'m>, attacher: &Attacher<'m, '_>, report: &mut Report) {
        match rejection {
            Rejection::Section(sections) => self.missing_listener(&sections, attacher.gateways, report),
            Rejection::Kind(first) => self.kind_not_allowed(first, report),
            Rejection::Namespace(first) => self.namespace_not_allowed(first, attacher, report),
            Rejection::Hostname(domains) => self.no_matching_hostname(&domains, report),
        }
    }

    fn missing_listener(&self, sections: &[Section<'_>], gateways: &Gateways<'m>, report: &mut Report) {
        let ParentRef { section_name, port, span, .. } = self.reference;
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
        let message = format!("{} has no listener {wanted}", self.title());
        let of_set = section_name.as_ref().and_then(|name| self.listener_set_with(&name.value, gateways));
        let error = report.error(Code::MissingListener, place, message);
        error.hint = Some(match (of_set, near) {
            (Some(set), _) => {
                format!(
                    "ListenerSet `{set}` has a listener of this name: refer to it with `kind: ListenerSet`"
                )
            }
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => listed(sections),
        });
    }

    /// A ListenerSet of the Gateway that has a listener of this name.
    fn listener_set_with(&self, listener: &str, gateways: &Gateways<'m>) -> Option<String> {
        if self.reference.kind != ParentKind::Gateway {
            return None;
        }
        let found = gateways.find(self.namespace(), &self.reference.name.value)?;
        let GatewayState::Served(gateway) = found else { return None };
        let has =
            |set: &&Object<ListenerSet>| set.spec.listeners.iter().any(|one| one.name.value == listener);
        let set = gateways.listener_sets().of(gateway).find(has)?;
        let (namespace, name) = set.metadata.key();
        Some(format!("{namespace}/{name}"))
    }

    fn kind_not_allowed(&self, first: Option<Section<'_>>, report: &mut Report) {
        let kind = self.route.kind;
        let place = self.at("", self.reference.span, Reason::NotAllowedByListeners);
        let message = format!("{} does not allow routes of kind `{kind}`", self.title());
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
        attacher: &Attacher<'m, '_>,
        report: &mut Report,
    ) {
        let namespace = &self.route.metadata.namespace.value;
        let message = format!("{} does not allow routes from namespace `{namespace}`", self.title());
        let place = self.at("", self.reference.span, Reason::NotAllowedByListeners);
        let error = report.error(Code::NamespaceNotAllowed, place, message);
        error.related = first.map(|section| (section.listener.span, String::from("this listener")));
        let by_labels = first
            .is_some_and(|one| matches!(one.listener.allowed_namespaces, AllowedNamespaces::Selector(_)));
        error.hint = Some(if by_labels && !attacher.namespaces.knows(namespace) {
            format!("the listener selects namespaces by label: add Namespace `{namespace}` to the input")
        } else {
            format!(
                "check the listener's `allowedRoutes.namespaces`: the default is the namespace of the {} only",
                self.kind()
            )
        });
    }

    fn no_matching_hostname(&self, domains: &[Domain], report: &mut Report) {
        let span = self.route.spec.hostnames.first().map_or(self.reference.span, |hostname| hostname.span);
        let place =
            self.because(Place::new(self.route, "spec.hostnames", span), Reason::NoMatchingListenerHostname);
        let message = format!("none of the route's hostnames matches a listener of {}", self.title());
        let error = report.error(Code::NoMatchingHostname, place, message);
        let listed: Vec<String> = domains.iter().map(Domain::written).collect();
        error.hint = Some(format!("its listeners serve {}", listed.join(", ")));
    }

    /// The kind of the parent.
    fn kind(&self) -> &'static str {
        self.reference.kind.name()
    }

    /// The kind and name of the parent.
    fn title(&self) -> String {
        format!("{} `{}`", self.kind(), self.reference.name.value)
    }

    /// A field of the parentRef, and why the parent does not accept the route.
    fn at(&self, field: &str, span: Span, reason: Reason) -> Place<'m> {
        let field = match self.reference.kind {
            ParentKind::DefaultGateway => String::from("spec.useDefaultGateways"),
            ParentKind::Gateway | ParentKind::ListenerSet | ParentKind::Other { .. } => {
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
