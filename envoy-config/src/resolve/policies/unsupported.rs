//! Policies of unsupported kinds. If one targets something that is served, it is an error: its target would
//! be served without the protection that the policy is for. Otherwise it is ignored.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::backend::GROUP as ENVOY_GATEWAY;
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::route::filters::Filter;
use crate::manifest::gateway_api::route::{BackendRef, Route, Rule};
use crate::manifest::gateway_api::xbackend::GROUP as EXPERIMENTAL;
use crate::manifest::other_kinds::{OtherPolicy, OtherTarget, Selection};
use crate::manifest::{Labels, Manifests, Metadata, Object};
use crate::options::{Implementation, Target};
use crate::resolve::gateways::Gateways;
use crate::resolve::status::report::Report;

/// How many targets a message names.
const NAMED: usize = 3;

/// Kind, namespace and name.
type Key<'m> = (&'m str, &'m str, &'m str);

/// The labels of objects that are not in the input.
static UNKNOWN: Labels = BTreeMap::new();

/// The labels of all objects that are served.
struct ServedObjects<'m>(BTreeMap<Key<'m>, &'m Labels>);

/// Ignores all of them, because nothing is served.
pub(in crate::resolve) fn ignore(manifests: &Manifests, report: &mut Report) {
    for policy in &manifests.other_policies {
        report.notes.ignored.add(&policy.group, &policy.kind);
    }
}

/// Reports the policies that target these Gateways, routes, or backends of the routes.
pub(in crate::resolve) fn check<'m>(
    manifests: &'m Manifests,
    gateways: &Gateways<'m>,
    routes: &[&'m Object<Route>],
    target: Target,
    report: &mut Report,
) {
    if manifests.other_policies.is_empty() {
        return;
    }
    let served = ServedObjects::index(manifests, gateways, routes);
    for policy in &manifests.other_policies {
        let attached = |target: &OtherTarget| {
            let found = served.of(target);
            (!found.is_empty()).then(|| (target.clone(), found))
        };
        let found: Vec<_> = policy.targets.iter().filter_map(attached).collect();
        match found.first() {
            Some((first, _)) => {
                let titles: BTreeSet<String> = found.iter().flat_map(|(_, titles)| titles.clone()).collect();
                report.diagnostics.extend(match target {
                    Target::Envoy => Some(not_applied(policy, first, &titles)),
                    Target::Implementation(Implementation::EnvoyGateway) => {
                        not_in_gateway(policy, first, &titles)
                    }
                    // Istio applies its own kinds, and any number of extensions.
                    Target::Implementation(Implementation::Istio) if policy.group.ends_with(".istio.io") => {
                        None
                    }
                    Target::Implementation(Implementation::Istio) => {
                        Some(not_applied(policy, first, &titles))
                    }
                });
            }
            None => report.notes.ignored.add(&policy.group, &policy.kind),
        }
    }
}

/// What is wrong with a policy for Envoy Gateway, which applies its own kinds itself.
fn not_in_gateway(
    policy: &OtherPolicy,
    first: &OtherTarget,
    titles: &BTreeSet<String>,
) -> Option<Diagnostic> {
    if policy.group != ENVOY_GATEWAY {
        return Some(not_applied(policy, first, titles));
    }
    let message = "Envoy Gateway applies one EnvoyExtensionPolicy to a route: either this one, or the one with the filter";
    let conflict = Diagnostic::warning(Code::NotInGateway, first.span, message)
        .object(format!("{} {}/{}", policy.kind, policy.namespace, policy.name))
        .field(first.field.clone())
        .hint("move its extensions into the one in the output");
    (policy.kind == "EnvoyExtensionPolicy").then_some(conflict)
}

fn not_applied(policy: &OtherPolicy, first: &OtherTarget, titles: &BTreeSet<String>) -> Diagnostic {
    let OtherPolicy { kind, group, namespace, name, .. } = policy;
    let mut named: Vec<String> = titles.iter().take(NAMED).cloned().collect();
    if titles.len() > NAMED {
        named.push(format!("{} more", titles.len() - NAMED));
    }
    let last = named.pop().unwrap_or_default();
    let targets = if named.is_empty() { last } else { format!("{} and {last}", named.join(", ")) };
    let message =
        format!("policy kind `{kind}` ({group}) is not supported, but this policy targets {targets}");
    Diagnostic::error(Code::PolicyNotApplied, first.span, message)
        .object(format!("{kind} {namespace}/{name}"))
        .field(first.field.clone())
        .hint("remove the policy if its targets can be served without it")
}

impl<'m> ServedObjects<'m> {
    fn index(manifests: &'m Manifests, gateways: &Gateways<'m>, routes: &[&'m Object<Route>]) -> Self {
        let mut served = Self(BTreeMap::new());
        let classes: BTreeSet<&str> =
            gateways.served().map(|gateway| gateway.spec.class.value.as_str()).collect();
        // A GatewayClass may be missing in the input.
        served.0.extend(classes.iter().map(|name| (("GatewayClass", "", *name), &UNKNOWN)));
        for class in &manifests.gateway_classes {
            if classes.contains(class.metadata.name.value.as_str()) {
                served.add(class.kind, &class.metadata);
            }
        }
        for gateway in gateways.served() {
            served.add(gateway.kind, &gateway.metadata);
        }
        for set in gateways.listener_sets().attached() {
            served.add(set.kind, &set.metadata);
        }
        let mut backends = BTreeSet::new();
        for route in routes {
            served.add(route.kind, &route.metadata);
            let own = route.metadata.namespace.value.as_str();
            let of_rules = route.spec.rules.iter().flatten().flat_map(backends_of);
            backends.extend(of_rules.map(|backend| {
                let namespace = backend.namespace.as_ref().map_or(own, |namespace| &namespace.value);
                (backend.group.value.as_str(), backend.kind.value.as_str(), namespace, &*backend.name.value)
            }));
        }
        let is_backend = |group: &'static str, kind: &'static str, metadata: &'m Metadata| {
            let (namespace, name) = metadata.key();
            backends.contains(&(group, kind, namespace, name))
        };
        for service in &manifests.services {
            if is_backend("", "Service", &service.metadata) {
                served.add(service.kind, &service.metadata);
            }
        }
        for backend in &manifests.backends {
            if is_backend(ENVOY_GATEWAY, "Backend", &backend.metadata) {
                served.add(backend.kind, &backend.metadata);
            }
        }
        for backend in &manifests.xbackends {
            if is_backend(EXPERIMENTAL, "XBackend", &backend.metadata) {
                served.add(backend.kind, &backend.metadata);
            }
        }
        served
    }

    fn add(&mut self, kind: &'m str, metadata: &'m Metadata) {
        let (namespace, name) = metadata.key();
        self.0.insert((kind, namespace, name), &metadata.labels);
    }

    /// The objects that a target selects, as messages name them.
    fn of(&self, target: &OtherTarget) -> Vec<String> {
        let OtherTarget { group, kind, namespace, selection, .. } = target;
        let (kind, namespace) = match (group_of(kind), kind.as_str()) {
            (Some(own), _) if group.as_ref().is_some_and(|group| !is_group(group, own)) => return Vec::new(),
            (Some(_), kind @ "GatewayClass") => (kind, ""),
            (Some(_), kind) => (kind, namespace.as_str()),
            (None, _) => return Vec::new(),
        };
        let title = |name: &str| match namespace {
            "" => format!("{kind} `{name}`"),
            _ => format!("{kind} `{namespace}/{name}`"),
        };
        match selection {
            Selection::Named(name) => {
                let found = self.0.contains_key(&(kind, namespace, name.as_str()));
                if found { vec![title(name)] } else { Vec::new() }
            }
            Selection::Labelled(wanted) => {
                let of_namespace = self.0.range((kind, namespace, "")..);
                let of_namespace = of_namespace.take_while(|(key, _)| (key.0, key.1) == (kind, namespace));
                let labelled = of_namespace.filter(|(_, labels)| {
                    wanted
                        .iter()
                        .all(|(key, value)| labels.get(key).is_some_and(|label| label.value == *value))
                });
                labelled.map(|((_, _, name), _)| title(name)).collect()
            }
        }
    }
}

/// The backends of a rule, including those of its filters.
fn backends_of(rule: &Rule) -> impl Iterator<Item = &BackendRef> {
    let own = rule.backend_refs.iter();
    let filters = rule.filters.iter().chain(rule.backend_refs.iter().flat_map(|backend| &backend.filters));
    own.chain(filters.filter_map(|filter| match &filter.value {
        Filter::Mirror(mirror) => Some(&mirror.backend),
        Filter::ExternalAuth(auth) => Some(&auth.backend),
        _ => None,
    }))
}

/// The group of a kind that can be served.
fn group_of(kind: &str) -> Option<&'static str> {
    match kind {
        "GatewayClass" | "Gateway" | "ListenerSet" | "HTTPRoute" | "GRPCRoute" => Some(GATEWAY_API),
        "Service" => Some(""),
        "Backend" => Some(ENVOY_GATEWAY),
        "XBackend" => Some(EXPERIMENTAL),
        _ => None,
    }
}

/// Some policies write the core group as `core`.
fn is_group(written: &str, group: &str) -> bool {
    written == group || (group.is_empty() && written == "core")
}
