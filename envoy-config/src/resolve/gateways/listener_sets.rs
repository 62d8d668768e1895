//! Which ListenerSets are attached to which Gateway (GEP-1713): a Gateway allows them by namespace, and by default none.
//!
//! `listeners` decides which of their listeners are served: those that conflict with a listener that takes precedence
//! are not.

use std::collections::BTreeMap;

use super::{GatewayState, Gateways};
use crate::diagnostic::{Code, closest};
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::gateway::{AllowedNamespaces, Gateway};
use crate::manifest::gateway_api::listener_set::ListenerSet;
use crate::manifest::{Manifests, Object};
use crate::resolve::references::allowed_namespaces::Namespaces;
use crate::resolve::references::wrong_kind::WrongKind;
use crate::resolve::seniority::Seniority;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The ListenerSets, by namespace and name.
#[derive(Default)]
pub(in crate::resolve) struct ListenerSets<'m> {
    all: BTreeMap<(&'m str, &'m str), ListenerSetState<'m>>,
    /// Those that are attached, by Gateway; in their order of precedence.
    attached: BTreeMap<(&'m str, &'m str), Vec<&'m Object<ListenerSet>>>,
}

/// Whether a ListenerSet is attached to a Gateway.
#[derive(Clone, Copy)]
pub(in crate::resolve) enum ListenerSetState<'m> {
    /// Its listeners are listeners of a Gateway that is served.
    Attached(&'m Object<ListenerSet>),
    /// Its Gateway is not selected.
    NotSelected,
    /// Its Gateway does not exist, is not served, or does not allow it; this was reported.
    Rejected,
}

impl<'m> ListenerSets<'m> {
    /// Decides which ListenerSets are attached.
    pub(super) fn attach(manifests: &'m Manifests, gateways: &Gateways<'m>, report: &mut Report) -> Self {
        let namespaces = Namespaces::index(manifests);
        let mut sets: Vec<_> = manifests.listener_sets.iter().collect();
        // The oldest first, then the first by name.
        sets.sort_by_cached_key(|set| Seniority::of(set));
        let mut found = Self::default();
        for set in sets {
            let state = match parent(set, gateways, report) {
                Some(GatewayState::Served(gateway)) if allows(gateway, set, &namespaces, report) => {
                    report.decisions.attach_set(gateway, set);
                    found.attached.entry(gateway.metadata.key()).or_default().push(set);
                    ListenerSetState::Attached(set)
                }
                Some(GatewayState::NotSelected) => {
                    report.decisions.skip(set);
                    ListenerSetState::NotSelected
                }
                Some(GatewayState::Served(_) | GatewayState::Rejected) | None => ListenerSetState::Rejected,
            };
            found.all.insert(set.metadata.key(), state);
        }
        found
    }

    /// Whether this ListenerSet is attached; `None` if it is not in the input.
    pub(in crate::resolve) fn find(&self, namespace: &str, name: &str) -> Option<ListenerSetState<'m>> {
        self.all.get(&(namespace, name)).copied()
    }

    /// Those that are attached to this Gateway, in their order of precedence.
    pub(in crate::resolve) fn of(
        &self,
        gateway: &'m Object<Gateway>,
    ) -> impl Iterator<Item = &'m Object<ListenerSet>> {
        self.attached.get(&gateway.metadata.key()).into_iter().flatten().copied()
    }

    /// All that are attached.
    pub(in crate::resolve) fn attached(&self) -> impl Iterator<Item = &'m Object<ListenerSet>> {
        self.attached.values().flatten().copied()
    }

    /// `namespace/name` of each ListenerSet.
    pub(in crate::resolve) fn names(&self) -> impl Iterator<Item = String> {
        self.all.keys().map(|(namespace, name)| format!("{namespace}/{name}"))
    }
}

/// The parent of a ListenerSet; `None` after an error.
fn parent<'m>(
    set: &'m Object<ListenerSet>,
    gateways: &Gateways<'m>,
    report: &mut Report,
) -> Option<GatewayState<'m>> {
    let parent = &set.spec.parent;
    if parent.group.value != GATEWAY_API || parent.kind.value != "Gateway" {
        let hint = String::from("refer to a Gateway");
        let wrong = WrongKind::of(&parent.group, &parent.kind, "parents of ListenerSets", hint);
        let place = at(set, wrong.field, wrong.span, Reason::Invalid);
        report.error(Code::NotSupported, place, wrong.message).hint = wrong.hint;
        return None;
    }
    let namespace = parent.namespace.as_ref().unwrap_or(&set.metadata.namespace).value.as_str();
    let name = &parent.name;
    let place = at(set, ".name", name.span, Reason::ParentNotAccepted);
    let state = gateways.find(namespace, &name.value);
    match state {
        Some(GatewayState::Rejected) => report.decide(&place, "the Gateway is not accepted"),
        Some(GatewayState::Served(_) | GatewayState::NotSelected) => {}
        None if report.may_be_unread("Gateway", namespace, &name.value) => {
            report.decide(&place, "the Gateway was not found, or could not be read");
        }
        // That there is no Gateway at all is one error, not one for each reference.
        None if gateways.is_empty() => report.decide(&place, "the input contains no Gateway"),
        None => {
            let wanted = format!("{namespace}/{}", name.value);
            let names: Vec<String> = gateways.names().collect();
            let near = closest(&wanted, names.iter().map(String::as_str));
            let hint = near.map_or_else(
                || format!("add the Gateway to the input, or refer to another one: {}", names.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("Gateway `{wanted}` not found in the input");
            report.error(Code::MissingGateway, place, message).hint = Some(hint);
        }
    }
    state
}

/// Whether a Gateway allows a ListenerSet. Reports an error if not.
fn allows(
    gateway: &Object<Gateway>,
    set: &Object<ListenerSet>,
    namespaces: &Namespaces<'_>,
    report: &mut Report,
) -> bool {
    let own = &set.metadata.namespace.value;
    let name = &gateway.metadata.name.value;
    let place = || at(set, "", set.spec.parent.span, Reason::NotAllowed);
    let (message, hint) = match &gateway.spec.allowed_listeners {
        AllowedNamespaces::None => (
            format!("Gateway `{name}` does not allow ListenerSets"),
            String::from("set `allowedListeners.namespaces.from` in the Gateway: by default, it allows none"),
        ),
        AllowedNamespaces::Unusable(_) => {
            let message = "the selector in `allowedListeners` of the Gateway is not valid";
            report.decide(&place(), message);
            return false;
        }
        allowed if namespaces.allow(allowed, &gateway.metadata.namespace.value, own) => return true,
        allowed => (
            format!("Gateway `{name}` does not allow ListenerSets from namespace `{own}`"),
            match allowed {
                AllowedNamespaces::Selector(_) if !namespaces.knows(own) => {
                    format!("the Gateway selects namespaces by label: add Namespace `{own}` to the input")
                }
                _ => String::from("check `allowedListeners.namespaces` of the Gateway"),
            },
        ),
    };
    let error = report.error(Code::ListenerSetNotAllowed, place(), message);
    error.related = Some((gateway.metadata.name.span, String::from("this Gateway")));
    error.hint = Some(hint);
    false
}

/// A field of the `parentRef`, and why the ListenerSet is not accepted.
fn at<'m>(set: &'m Object<ListenerSet>, field: &str, span: Span, reason: Reason) -> Place<'m> {
    let place = Place::new(set, format!("spec.parentRef{field}"), span);
    place.because(Part::Whole, ConditionType::Accepted, reason)
}
