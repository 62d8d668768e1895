//! GatewayClass and Gateway.

mod addresses;
mod tls;

pub(super) use self::tls::validation;
use super::field_path::At;
use super::fields::{Fields, Known, Unsupported, list};
use super::findings::{Findings, Part};
use super::names;
use super::tls::protocol;
use super::unique::unique;
use super::value::{parsed, port, string, strings, usable, word};
use crate::diagnostic::Code;
use crate::manifest::gateway::{
    AllowedNamespaces, Gateway, GatewayClass, LabelSelector, Listener, Operator, Protocol, Requirement,
    RouteKind,
};
use crate::manifest::route::DefaultScope;
use crate::source::Spanned;

const CLASS: Known =
    Known { read: &["controllerName", "parametersRef"], unread: &["description"], unsupported: &[] };

const GATEWAY: Known = Known {
    read: &[
        "gatewayClassName",
        "listeners",
        "addresses",
        "allowedListeners",
        "defaultScope",
        "infrastructure",
        "tls",
    ],
    unread: &[],
    unsupported: &[Unsupported {
        name: "backendTLS",
        consequence: "backends that ask for a client certificate would refuse the connections",
        hint: "remove the field if no backend asks for a client certificate",
    }],
};

const LISTENER: Known = Known {
    read: &["name", "hostname", "port", "protocol", "tls", "allowedRoutes"],
    unread: &[],
    unsupported: &[],
};

const ALLOWED_LISTENERS: Known = Known { read: &["namespaces"], unread: &[], unsupported: &[] };

const INFRASTRUCTURE: Known =
    Known { read: &["labels", "annotations", "parametersRef"], unread: &[], unsupported: &[] };

const PARAMETERS_REF: Known = Known { read: &["group", "kind", "name"], unread: &[], unsupported: &[] };

const CLASS_PARAMETERS_REF: Known =
    Known { read: &["group", "kind", "name", "namespace"], unread: &[], unsupported: &[] };

const ALLOWED_ROUTES: Known = Known { read: &["namespaces", "kinds"], unread: &[], unsupported: &[] };

const NAMESPACES: Known = Known { read: &["from", "selector"], unread: &[], unsupported: &[] };

const ROUTE_KIND: Known = Known { read: &["group", "kind"], unread: &[], unsupported: &[] };

const SELECTOR: Known = Known { read: &["matchLabels", "matchExpressions"], unread: &[], unsupported: &[] };

const EXPRESSION: Known = Known { read: &["key", "operator", "values"], unread: &[], unsupported: &[] };

/// The group of the kinds that a listener may allow.
pub(super) const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";

/// `spec` of a GatewayClass.
pub(super) fn class(at: At<'_>, findings: &mut Findings) -> Option<GatewayClass> {
    let fields = Fields::of(at, &CLASS, findings)?;
    let controller_name =
        fields.required("controllerName", findings, parsed(Code::InvalidControllerName, names::controller));
    fields.optional("parametersRef", findings, class_parameters);
    Some(GatewayClass { controller_name: controller_name? })
}

/// `parametersRef` of a GatewayClass: settings for the controller that it was written for (how many proxies, of which image).
/// They are not applied, which is no reason not to serve the Gateways of the class.
fn class_parameters(at: At<'_>, findings: &mut Findings) -> Option<()> {
    let fields = Fields::of(at, &CLASS_PARAMETERS_REF, findings)?;
    fields.optional("namespace", findings, parsed(Code::InvalidNamespace, names::label));
    let referent = referent(&fields, findings)?;
    let message = format!(
        "the parameters in {referent} are not applied: Gateways of this class are served without them"
    );
    findings.add(at.warning(Code::ParametersNotApplied, message));
    Some(())
}

/// The kind and the name of what a `parametersRef` refers to: `` `EnvoyProxy` `custom` ``.
fn referent(fields: &Fields<'_>, findings: &mut Findings) -> Option<String> {
    let group = fields.required("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", findings, parsed(Code::InvalidKind, names::kind));
    let name = fields.required("name", findings, parsed(Code::InvalidObjectName, names::reference));
    group?;
    Some(format!("{} `{}`", kind?.value, name?.value))
}

/// `spec` of a Gateway.
pub(super) fn gateway(at: At<'_>, findings: &mut Findings) -> Option<Gateway> {
    let fields = Fields::of(at, &GATEWAY, findings)?;
    let class =
        fields.required("gatewayClassName", findings, parsed(Code::InvalidObjectName, names::reference));
    let listeners = fields.required("listeners", findings, |at, findings| {
        let listeners = list(at, 1..=64, findings, listener)?;
        unique(&at, "listener name", listeners.iter().map(|l| (&l.name.value, l.name.span)), findings);
        let place = |l: &Listener| {
            let hostname = l.hostname.as_ref().map(|hostname| hostname.value.clone());
            (l.port.value, word_of(&l.protocol.value).to_owned(), hostname)
        };
        let places = listeners.iter().map(|l| (place(l), l.span));
        unique(&at, "combination of port, protocol and hostname", places, findings);
        Some(listeners)
    });
    let addresses = fields.optional("addresses", findings, addresses::read).unwrap_or_default();
    let parameters = fields.optional("infrastructure", findings, infrastructure);
    let default_scope = fields.optional("defaultScope", findings, default_scope);
    fields.optional("allowedListeners", findings, allowed_listeners);
    let tls = fields.optional("tls", findings, tls::read).unwrap_or_default();
    Some(Gateway {
        class: class?,
        listeners: listeners?,
        addresses,
        parameters,
        default_scope: default_scope.map_or(DefaultScope::None, |scope| scope.value),
        frontend: tls.frontend,
        client_certificate: tls.client_certificate,
    })
}

/// `defaultScope` of a Gateway or `useDefaultGateways` of a route.
pub(super) fn default_scope(at: At<'_>, findings: &mut Findings) -> Option<Spanned<DefaultScope>> {
    word(&[("None", DefaultScope::None), ("All", DefaultScope::All)])(at, findings)
}

/// What `parametersRef` refers to. There are no objects of an infrastructure here that could have labels or annotations.
fn infrastructure(at: At<'_>, findings: &mut Findings) -> Option<Spanned<String>> {
    let fields = Fields::of(at, &INFRASTRUCTURE, findings)?;
    for name in ["labels", "annotations"] {
        fields.optional(name, findings, |at, findings| {
            strings(at, findings)?;
            let message = format!("`{name}` have no effect: no objects are made for the Gateway");
            findings.add(at.warning(Code::NoEffect, message));
            Some(())
        });
    }
    fields.optional("parametersRef", findings, |at, findings| {
        let fields = Fields::of(at, &PARAMETERS_REF, findings)?;
        Some(Spanned { value: referent(&fields, findings)?, span: at.span() })
    })
}

/// `allowedListeners`: which ListenerSets may add to the Gateway. Each of those is an error, so that none does.
fn allowed_listeners(at: At<'_>, findings: &mut Findings) -> Option<()> {
    let fields = Fields::of(at, &ALLOWED_LISTENERS, findings)?;
    fields.optional("namespaces", findings, |at, findings| {
        let fields = Fields::of(at, &NAMESPACES, findings)?;
        let words = ["All", "Selector", "Same", "None"].map(|word| (word, word));
        let from = fields.or("from", fields.default("None"), findings, word(&words))?;
        fields.optional("selector", findings, unused_selector);
        if from.value != "None" {
            findings.add(at.warning(Code::NoEffect, "there are no ListenerSets: they are not supported"));
        }
        Some(())
    })
}

/// The protocol as it is written.
fn word_of(protocol: &Protocol) -> &str {
    match protocol {
        Protocol::Http => "HTTP",
        Protocol::Https(_) => "HTTPS",
        Protocol::Other(word) => word,
    }
}

/// `allowedRoutes`: from which namespaces, and of which kinds.
struct Allowed {
    namespaces: AllowedNamespaces,
    kinds: Vec<Spanned<RouteKind>>,
}

fn listener(at: At<'_>, findings: &mut Findings) -> Option<Listener> {
    let fields = Fields::of(at, &LISTENER, findings)?;
    let name = fields.required("name", findings, parsed(Code::InvalidSectionName, names::subdomain));
    let hostname = fields.optional("hostname", findings, parsed(Code::InvalidHostname, names::hostname));
    let port = fields.required("port", findings, port);
    let protocol = protocol(&fields, findings);
    let allowed = fields.optional("allowedRoutes", findings, allowed_routes);
    let allowed = allowed.unwrap_or(Allowed { namespaces: AllowedNamespaces::Same, kinds: Vec::new() });
    Some(Listener {
        name: name?,
        hostname,
        port: port?,
        protocol: protocol?,
        allowed_namespaces: allowed.namespaces,
        allowed_kinds: allowed.kinds,
        span: at.span(),
    })
}

fn allowed_routes(at: At<'_>, findings: &mut Findings) -> Option<Allowed> {
    let fields = Fields::of(at, &ALLOWED_ROUTES, findings)?;
    let kinds = fields.optional("kinds", findings, |at, findings| list(at, 0..=8, findings, route_kind));
    let namespaces = fields.optional("namespaces", findings, |at, findings| {
        Some(match findings.in_part("the listener is left out", |findings| namespaces(at, findings))? {
            Part::Usable(namespaces) => namespaces,
            Part::Unusable(problem) => AllowedNamespaces::Unusable(problem),
        })
    });
    let namespaces = namespaces.unwrap_or(AllowedNamespaces::Same);
    Some(Allowed { namespaces, kinds: kinds.unwrap_or_default() })
}

/// Which kinds a listener can have is decided where it is served: one that it cannot have spoils it alone.
fn route_kind(at: At<'_>, findings: &mut Findings) -> Option<Spanned<RouteKind>> {
    let fields = Fields::of(at, &ROUTE_KIND, findings)?;
    let group = fields.optional("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", findings, parsed(Code::InvalidKind, names::kind))?;
    let group = group.map_or_else(|| GATEWAY_GROUP.to_owned(), |group| group.value);
    Some(kind.map(|kind| RouteKind { group, kind }))
}

/// What `from` says.
#[derive(Clone, PartialEq)]
enum From {
    Same,
    All,
    Selector,
}

fn namespaces(at: At<'_>, findings: &mut Findings) -> Option<AllowedNamespaces> {
    let fields = Fields::of(at, &NAMESPACES, findings)?;
    let words = [("All", From::All), ("Selector", From::Selector), ("Same", From::Same)];
    let from = fields.or("from", fields.default(From::Same), findings, word(&words))?.value;
    if from == From::Selector {
        if !fields.has("selector") {
            let message = "`selector` is missing: `from` is `Selector`";
            return findings.reject_part(
                at.error(Code::MissingField, message)
                    .hint("to take routes of every namespace, write `from: All`"),
            );
        }
        return fields.optional("selector", findings, selector).map(AllowedNamespaces::Selector);
    }
    fields.optional("selector", findings, |at, findings| {
        let message = "the selector has no effect unless `from` is `Selector`";
        findings.add(at.warning(Code::NoEffect, message));
        unused_selector(at, findings)
    });
    Some(if from == From::All { AllowedNamespaces::All } else { AllowedNamespaces::Same })
}

/// A selector that is not asked spoils nothing.
fn unused_selector(at: At<'_>, findings: &mut Findings) -> Option<()> {
    findings.in_part("it has no effect", |findings| selector(at, findings)).map(|_| ())
}

fn selector(at: At<'_>, findings: &mut Findings) -> Option<LabelSelector> {
    let fields = Fields::of(at, &SELECTOR, findings)?;
    let labels = fields.optional("matchLabels", findings, strings).unwrap_or_default();
    let equal =
        labels.into_iter().map(|(key, value)| Requirement { key, operator: Operator::In(vec![value]) });
    let expressions = fields.optional("matchExpressions", findings, |at, findings| {
        list(at, 0..=usize::MAX, findings, requirement)
    });
    Some(LabelSelector { requirements: equal.chain(expressions.unwrap_or_default()).collect() })
}

fn requirement(at: At<'_>, findings: &mut Findings) -> Option<Requirement> {
    let fields = Fields::of(at, &EXPRESSION, findings)?;
    let key = fields.required("key", findings, usable(Code::InvalidLabel, names::label_key));
    let operator = fields.required("operator", findings, string);
    let values =
        fields.optional("values", findings, |at, findings| list(at, 0..=usize::MAX, findings, string));
    let values: Vec<String> = values.unwrap_or_default().into_iter().map(|value| value.value).collect();
    let (key, operator) = (key?.value, operator?.value);
    let operator = match (operator.as_str(), values.is_empty()) {
        ("In", false) => Operator::In(values),
        ("NotIn", false) => Operator::NotIn(values),
        ("Exists", true) => Operator::Exists,
        ("DoesNotExist", true) => Operator::DoesNotExist,
        ("In" | "NotIn", true) => {
            let message = format!("the operator `{operator}` needs `values`");
            return findings.reject_part(at.error(Code::MissingField, message));
        }
        ("Exists" | "DoesNotExist", false) => {
            let message = format!("the operator `{operator}` takes no `values`");
            return findings.reject_part(at.error(Code::MisplacedField, message));
        }
        _ => {
            let words = ["In", "NotIn", "Exists", "DoesNotExist"];
            return findings.reject_part(at.unknown_value(&operator, words));
        }
    };
    Some(Requirement { key, operator })
}
