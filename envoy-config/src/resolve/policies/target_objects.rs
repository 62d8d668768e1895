//! The targets of policies for Gateways and routes: whether they exist, and which objects a selector selects.
//!
//! Gateways that are not selected (`--gateway`) are no targets, and not an error either; nor are ListenerSets that are not
//! attached, which have an error of their own.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::diagnostic::{Code, closest};
use crate::manifest::gateway_api::gateway::Gateway;
use crate::manifest::gateway_api::policy_target::TargetRef;
use crate::manifest::gateway_api::route::{Route, RouteKind};
use crate::manifest::policy_targets::{TargetSelector, Targets};
use crate::manifest::{Labels, Manifests, Object};
use crate::resolve::gateways::listener_sets::ListenerSetState;
use crate::resolve::gateways::{GatewayState, Gateways};
use crate::resolve::listeners::section::{Owner, Section};
use crate::resolve::references::label_selector;
use crate::resolve::references::lookup::Unresolved;
use crate::resolve::status::decisions::{ObjectKey, Part};
use crate::resolve::status::report::{Place, Report};
use crate::source::{Span, Spanned};
use crate::status::{ConditionType, Reason};

/// The `spec` of a policy for Gateways and routes.
pub(in crate::resolve) trait HasTargets {
    /// What the policy applies to.
    fn targets(&self) -> &Targets;
}

/// What a policy applies to, by namespace, name, and the name of the part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Target<'m> {
    Gateway(&'m str, &'m str),
    Listener(&'m str, &'m str, &'m str),
    ListenerSet(&'m str, &'m str),
    ListenerOfSet(&'m str, &'m str, &'m str),
    Route(RouteKind, &'m str, &'m str),
    Rule(RouteKind, &'m str, &'m str, &'m str),
}

/// The objects that policies can target.
pub(in crate::resolve) struct TargetObjects<'m, 'g> {
    gateways: &'g Gateways<'m>,
    routes: BTreeMap<(RouteKind, &'m str, &'m str), &'m Object<Route>>,
    /// The namespaces, names and labels by kind, for selectors.
    labels: HashMap<&'m str, Vec<(&'m str, Target<'m>, &'m Labels)>>,
}

/// A target, with the path and the place of the field that names it.
type Named<'m> = (String, Span, Target<'m>);

impl<'m, 'g> TargetObjects<'m, 'g> {
    pub(in crate::resolve) fn index(manifests: &'m Manifests, gateways: &'g Gateways<'m>) -> Self {
        let mut routes = BTreeMap::new();
        let mut labels: HashMap<_, Vec<_>> = HashMap::new();
        for gateway in gateways.served() {
            let (namespace, name) = gateway.metadata.key();
            let target = Target::Gateway(namespace, name);
            labels.entry("Gateway").or_default().push((namespace, target, &gateway.metadata.labels));
        }
        for set in gateways.listener_sets().attached() {
            let (namespace, name) = set.metadata.key();
            let target = Target::ListenerSet(namespace, name);
            labels.entry("ListenerSet").or_default().push((namespace, target, &set.metadata.labels));
        }
        for route in &manifests.routes {
            let (namespace, name) = route.metadata.key();
            let kind = route.spec.kind;
            routes.insert((kind, namespace, name), route);
            let target = Target::Route(kind, namespace, name);
            labels.entry(kind.name()).or_default().push((namespace, target, &route.metadata.labels));
        }
        Self { gateways, routes, labels }
    }

    /// The targets of a policy that exist. Reports the others.
    pub(super) fn of<P: HasTargets>(&self, policy: &'m Object<P>, report: &mut Report) -> Vec<Named<'m>> {
        let mut found = Vec::new();
        for (field, target) in &policy.spec.targets().refs {
            let named = self.named(policy, field, target, report);
            found.extend(named.map(|named| (field.clone(), target.span, named)));
        }
        for (number, selector) in policy.spec.targets().selectors.iter().enumerate() {
            let field = format!("spec.targetSelectors[{number}]");
            if is_served(policy, &field, &selector.kind, report) {
                let selected = self.selected(policy, selector);
                found.extend(selected.map(|selected| (field.clone(), selector.span, selected)));
            }
        }
        found
    }

    /// The Gateway of a ListenerSet that is attached.
    pub(super) fn gateway_of(&self, namespace: &str, name: &str) -> Option<Target<'m>> {
        let gateway = self.gateways.served().find(|gateway| {
            self.gateways.listener_sets().of(gateway).any(|set| set.metadata.key() == (namespace, name))
        })?;
        let (namespace, name) = gateway.metadata.key();
        Some(Target::Gateway(namespace, name))
    }

    fn selected<P>(
        &self,
        policy: &'m Object<P>,
        selector: &'m TargetSelector,
    ) -> impl Iterator<Item = Target<'m>> {
        let own = policy.metadata.namespace.value.as_str();
        let candidates = self.labels.get(selector.kind.value.as_str()).into_iter().flatten();
        candidates.filter_map(move |(namespace, target, labels)| {
            let value = |key: &str| labels.get(key).map(|label| label.value.as_str());
            (*namespace == own && label_selector::selects(&selector.labels, value)).then_some(*target)
        })
    }

    fn named<P>(
        &self,
        policy: &'m Object<P>,
        field: &str,
        target: &'m TargetRef,
        report: &mut Report,
    ) -> Option<Target<'m>> {
        if !is_served(policy, field, &target.kind, report) {
            return None;
        }
        let namespace = policy.metadata.namespace.value.as_str();
        let name = target.name.value.as_str();
        let kind = match target.kind.value.as_str() {
            "HTTPRoute" => RouteKind::Http,
            "GRPCRoute" => RouteKind::Grpc,
            "ListenerSet" => return self.listener_set(policy, field, target, report),
            _ => return self.gateway(policy, field, target, report),
        };
        let Some(route) = self.routes.get(&(kind, namespace, name)).copied() else {
            let names = self.routes.keys().filter(|(one, other, _)| (*one, *other) == (kind, namespace));
            let names = names.map(|(_, _, name)| *name);
            missing(policy, field, target, Code::MissingRoute, names, report);
            return None;
        };
        let Some(section) = &target.section_name else { return Some(Target::Route(kind, namespace, name)) };
        let names = || {
            let rules = route.spec.rules.iter().flatten();
            rules.filter_map(|rule| rule.name.as_ref()).map(|name| name.value.as_str())
        };
        if names().any(|one| one == section.value) {
            return Some(Target::Rule(kind, namespace, name, &section.value));
        }
        // The rule may be one that could not be read.
        if route.spec.rules.iter().all(Result::is_ok) {
            let message = format!("{} `{namespace}/{name}` has no rule `{}`", kind.name(), section.value);
            missing_section(
                policy,
                field,
                section,
                Unresolved::new(Code::MissingRule, message),
                names(),
                report,
            );
        }
        None
    }

    fn gateway<P>(
        &self,
        policy: &'m Object<P>,
        field: &str,
        target: &'m TargetRef,
        report: &mut Report,
    ) -> Option<Target<'m>> {
        let namespace = policy.metadata.namespace.value.as_str();
        let name = target.name.value.as_str();
        let gateway: &'m Object<Gateway> = match self.gateways.find(namespace, name) {
            Some(GatewayState::Served(gateway)) => gateway,
            Some(GatewayState::NotSelected | GatewayState::Rejected) => return None,
            None => {
                let served = self.gateways.served().map(|gateway| gateway.metadata.key());
                let names: Vec<&str> =
                    served.filter(|(other, _)| *other == namespace).map(|(_, name)| name).collect();
                missing(policy, field, target, Code::MissingGateway, names.into_iter(), report);
                return None;
            }
        };
        let Some(section) = &target.section_name else { return Some(Target::Gateway(namespace, name)) };
        let is_there = has_listener(policy, field, section, gateway.into(), report);
        is_there.then_some(Target::Listener(namespace, name, &section.value))
    }

    fn listener_set<P>(
        &self,
        policy: &'m Object<P>,
        field: &str,
        target: &'m TargetRef,
        report: &mut Report,
    ) -> Option<Target<'m>> {
        let namespace = policy.metadata.namespace.value.as_str();
        let name = target.name.value.as_str();
        let set = match self.gateways.listener_sets().find(namespace, name) {
            Some(ListenerSetState::Attached(set)) => set,
            Some(ListenerSetState::NotSelected | ListenerSetState::Rejected) => return None,
            None => {
                let attached = self.gateways.listener_sets().attached().map(|set| set.metadata.key());
                let names: Vec<&str> =
                    attached.filter(|(other, _)| *other == namespace).map(|(_, name)| name).collect();
                missing(policy, field, target, Code::MissingListenerSet, names.into_iter(), report);
                return None;
            }
        };
        let Some(section) = &target.section_name else { return Some(Target::ListenerSet(namespace, name)) };
        let is_there = has_listener(policy, field, section, set.into(), report);
        is_there.then_some(Target::ListenerOfSet(namespace, name, &section.value))
    }
}

/// Whether an object has the listener that a policy names. Reports an error if not.
fn has_listener<P>(
    policy: &Object<P>,
    field: &str,
    section: &Spanned<String>,
    owner: Owner<'_>,
    report: &mut Report,
) -> bool {
    let names = owner.listeners.iter().map(|listener| listener.name.value.as_str());
    if names.clone().any(|one| one == section.value) {
        return true;
    }
    let (kind, namespace, name) = owner.key();
    let message = format!("{kind} `{namespace}/{name}` has no listener `{}`", section.value);
    let unresolved = Unresolved::new(Code::MissingListener, message);
    missing_section(policy, field, section, unresolved, names, report);
    false
}

/// Whether objects of this kind are served. Reports an error if not.
fn is_served<P>(policy: &Object<P>, field: &str, kind: &Spanned<String>, report: &mut Report) -> bool {
    let is_served = matches!(kind.value.as_str(), "Gateway" | "ListenerSet" | "HTTPRoute" | "GRPCRoute");
    if !is_served {
        let place = Place::new(policy, format!("{field}.kind"), kind.span);
        let place = place.because(Part::Whole, ConditionType::Accepted, Reason::Invalid);
        let message = format!("kind `{}` is not supported as a target of this policy", kind.value);
        report.error(Code::NotSupported, place, message).hint =
            Some(String::from("target a Gateway, a ListenerSet, an HTTPRoute or a GRPCRoute"));
    }
    is_served
}

/// Reports that the target is not in the input.
fn missing<'n, P>(
    policy: &Object<P>,
    field: &str,
    target: &TargetRef,
    code: Code,
    mut names: impl Iterator<Item = &'n str> + Clone,
    report: &mut Report,
) {
    let namespace = policy.metadata.namespace.value.as_str();
    let (kind, name) = (target.kind.value.as_str(), target.name.value.as_str());
    let place = Place::new(policy, format!("{field}.name"), target.name.span);
    let place = place.because(Part::Whole, ConditionType::Accepted, Reason::TargetNotFound);
    if report.may_be_unread(kind, namespace, name) {
        report.decide(&place, &format!("the {kind} was not found, or could not be read"));
        return;
    }
    let hint = closest(name, names.by_ref()).map_or_else(
        || format!("add the {kind} to the input; a policy applies to its own namespace only"),
        |near| format!("did you mean `{near}`?"),
    );
    let message = format!("{kind} `{namespace}/{name}` not found in the input");
    Unresolved::new(code, message).hint(hint).report(place, report);
}

/// Reports that the target has no part of this name.
fn missing_section<'n, P>(
    policy: &Object<P>,
    field: &str,
    section: &Spanned<String>,
    unresolved: Unresolved,
    names: impl Iterator<Item = &'n str> + Clone,
    report: &mut Report,
) {
    let place = Place::new(policy, format!("{field}.sectionName"), section.span);
    let place = place.because(Part::Whole, ConditionType::Accepted, Reason::TargetNotFound);
    let hint = if let Some(near) = closest(&section.value, names.clone()) {
        format!("did you mean `{near}`?")
    } else {
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        if names.is_empty() {
            String::from("give the rule this name")
        } else {
            format!("its names are {}", names.join(", "))
        }
    };
    unresolved.hint(hint).report(place, report);
}

impl<'m> Target<'m> {
    /// The name of the part, if it is one.
    pub(super) const fn section(&self) -> Option<&'m str> {
        match self {
            Self::Gateway(..) | Self::ListenerSet(..) | Self::Route(..) => None,
            Self::Listener(_, _, section)
            | Self::ListenerOfSet(_, _, section)
            | Self::Rule(_, _, _, section) => Some(section),
        }
    }

    /// The Gateway or ListenerSet, unless it is about a route.
    pub(super) fn owner(&self) -> Option<ObjectKey> {
        let (kind, namespace, name) = match *self {
            Self::Gateway(namespace, name) | Self::Listener(namespace, name, _) => {
                ("Gateway", namespace, name)
            }
            Self::ListenerSet(namespace, name) | Self::ListenerOfSet(namespace, name, _) => {
                ("ListenerSet", namespace, name)
            }
            Self::Route(..) | Self::Rule(..) => return None,
        };
        Some(ObjectKey { kind, namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// What a rule inherits policies from that is attached to this listener: the most specific first. A ListenerSet
    /// inherits those of its Gateway, but not those of the Gateway's own listeners.
    pub(super) fn inherited(section: &Section<'m>, gateway: &'m Object<Gateway>) -> Vec<Self> {
        let listener = section.listener.name.value.as_str();
        let (kind, namespace, name) = section.owner.key();
        let of_gateway = {
            let (namespace, name) = gateway.metadata.key();
            Self::Gateway(namespace, name)
        };
        if kind == gateway.kind {
            return vec![Self::Listener(namespace, name, listener), of_gateway];
        }
        let of_listener = Self::ListenerOfSet(namespace, name, listener);
        vec![of_listener, Self::ListenerSet(namespace, name), of_gateway]
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(_, name) => write!(f, "Gateway `{name}`"),
            Self::Listener(_, name, section) => write!(f, "listener `{section}` of Gateway `{name}`"),
            Self::ListenerSet(_, name) => write!(f, "ListenerSet `{name}`"),
            Self::ListenerOfSet(_, name, section) => {
                write!(f, "listener `{section}` of ListenerSet `{name}`")
            }
            Self::Route(kind, _, name) => write!(f, "{} `{name}`", kind.name()),
            Self::Rule(kind, _, name, section) => write!(f, "rule `{section}` of {} `{name}`", kind.name()),
        }
    }
}
