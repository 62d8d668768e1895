//! GatewayClass and Gateway.

mod addresses;
mod tls;

pub(super) use self::tls::validation;
use super::fields::{Fields, Known, Unsupported, list};
use super::log::{At, Log, Part};
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
pub(super) fn class(at: At<'_>, log: &mut Log) -> Option<GatewayClass> {
    let fields = Fields::of(at, &CLASS, log)?;
    let controller_name =
        fields.required("controllerName", log, parsed(Code::InvalidControllerName, names::controller));
    fields.optional("parametersRef", log, class_parameters);
    Some(GatewayClass { controller_name: controller_name? })
}

/// `parametersRef` of a GatewayClass: settings for the controller that it was written for (how many proxies, of which image).
/// They are not applied, which is no reason not to serve the Gateways of the class.
fn class_parameters(at: At<'_>, log: &mut Log) -> Option<()> {
    let fields = Fields::of(at, &CLASS_PARAMETERS_REF, log)?;
    fields.optional("namespace", log, parsed(Code::InvalidNamespace, names::label));
    let referent = referent(&fields, log)?;
    let message = format!(
        "the parameters in {referent} are not applied: Gateways of this class are served without them"
    );
    log.add(at.warning(Code::ParametersNotApplied, message));
    Some(())
}

/// The kind and the name of what a `parametersRef` refers to: `` `EnvoyProxy` `custom` ``.
fn referent(fields: &Fields<'_>, log: &mut Log) -> Option<String> {
    let group = fields.required("group", log, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", log, parsed(Code::InvalidKind, names::kind));
    let name = fields.required("name", log, parsed(Code::InvalidObjectName, names::reference));
    group?;
    Some(format!("{} `{}`", kind?.value, name?.value))
}

/// `spec` of a Gateway.
pub(super) fn gateway(at: At<'_>, log: &mut Log) -> Option<Gateway> {
    let fields = Fields::of(at, &GATEWAY, log)?;
    let class = fields.required("gatewayClassName", log, parsed(Code::InvalidObjectName, names::reference));
    let listeners = fields.required("listeners", log, |at, log| {
        let listeners = list(at, 1..=64, log, listener)?;
        unique(&at, "listener name", listeners.iter().map(|l| (&l.name.value, l.name.span)), log);
        let place = |l: &Listener| {
            let hostname = l.hostname.as_ref().map(|hostname| hostname.value.clone());
            (l.port.value, word_of(&l.protocol.value).to_owned(), hostname)
        };
        let places = listeners.iter().map(|l| (place(l), l.span));
        unique(&at, "combination of port, protocol and hostname", places, log);
        Some(listeners)
    });
    let addresses = fields.optional("addresses", log, addresses::read).unwrap_or_default();
    let parameters = fields.optional("infrastructure", log, infrastructure);
    let default_scope = fields.optional("defaultScope", log, default_scope);
    fields.optional("allowedListeners", log, allowed_listeners);
    let tls = fields.optional("tls", log, tls::read).unwrap_or_default();
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
pub(super) fn default_scope(at: At<'_>, log: &mut Log) -> Option<Spanned<DefaultScope>> {
    word(&[("None", DefaultScope::None), ("All", DefaultScope::All)])(at, log)
}

/// What `parametersRef` refers to. There are no objects of an infrastructure here that could have labels or annotations.
fn infrastructure(at: At<'_>, log: &mut Log) -> Option<Spanned<String>> {
    let fields = Fields::of(at, &INFRASTRUCTURE, log)?;
    for name in ["labels", "annotations"] {
        fields.optional(name, log, |at, log| {
            strings(at, log)?;
            let message = format!("`{name}` have no effect: no objects are made for the Gateway");
            log.add(at.warning(Code::NoEffect, message));
            Some(())
        });
    }
    fields.optional("parametersRef", log, |at, log| {
        let fields = Fields::of(at, &PARAMETERS_REF, log)?;
        Some(Spanned { value: referent(&fields, log)?, span: at.span() })
    })
}

/// `allowedListeners`: which ListenerSets may add to the Gateway. Each of those is an error, so that none does.
fn allowed_listeners(at: At<'_>, log: &mut Log) -> Option<()> {
    let fields = Fields::of(at, &ALLOWED_LISTENERS, log)?;
    fields.optional("namespaces", log, |at, log| {
        let fields = Fields::of(at, &NAMESPACES, log)?;
        let words = ["All", "Selector", "Same", "None"].map(|word| (word, word));
        let from = fields.or("from", fields.default("None"), log, word(&words))?;
        fields.optional("selector", log, unused_selector);
        if from.value != "None" {
            log.add(at.warning(Code::NoEffect, "there are no ListenerSets: they are not supported"));
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

fn listener(at: At<'_>, log: &mut Log) -> Option<Listener> {
    let fields = Fields::of(at, &LISTENER, log)?;
    let name = fields.required("name", log, parsed(Code::InvalidSectionName, names::subdomain));
    let hostname = fields.optional("hostname", log, parsed(Code::InvalidHostname, names::hostname));
    let port = fields.required("port", log, port);
    let protocol = protocol(&fields, log);
    let allowed = fields.optional("allowedRoutes", log, allowed_routes);
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

fn allowed_routes(at: At<'_>, log: &mut Log) -> Option<Allowed> {
    let fields = Fields::of(at, &ALLOWED_ROUTES, log)?;
    let kinds = fields.optional("kinds", log, |at, log| list(at, 0..=8, log, route_kind));
    let namespaces = fields.optional("namespaces", log, |at, log| {
        Some(match log.part("the listener is left out", |log| namespaces(at, log))? {
            Part::Usable(namespaces) => namespaces,
            Part::Unusable(problem) => AllowedNamespaces::Unusable(problem),
        })
    });
    let namespaces = namespaces.unwrap_or(AllowedNamespaces::Same);
    Some(Allowed { namespaces, kinds: kinds.unwrap_or_default() })
}

/// Which kinds a listener can have is decided where it is served: one that it cannot have spoils it alone.
fn route_kind(at: At<'_>, log: &mut Log) -> Option<Spanned<RouteKind>> {
    let fields = Fields::of(at, &ROUTE_KIND, log)?;
    let group = fields.optional("group", log, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", log, parsed(Code::InvalidKind, names::kind))?;
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

fn namespaces(at: At<'_>, log: &mut Log) -> Option<AllowedNamespaces> {
    let fields = Fields::of(at, &NAMESPACES, log)?;
    let words = [("All", From::All), ("Selector", From::Selector), ("Same", From::Same)];
    let from = fields.or("from", fields.default(From::Same), log, word(&words))?.value;
    if from == From::Selector {
        if !fields.has("selector") {
            let message = "`selector` is missing: `from` is `Selector`";
            return log.spoil(
                at.error(Code::MissingField, message)
                    .hint("to take routes of every namespace, write `from: All`"),
            );
        }
        return fields.optional("selector", log, selector).map(AllowedNamespaces::Selector);
    }
    fields.optional("selector", log, |at, log| {
        let message = "the selector has no effect unless `from` is `Selector`";
        log.add(at.warning(Code::NoEffect, message));
        unused_selector(at, log)
    });
    Some(if from == From::All { AllowedNamespaces::All } else { AllowedNamespaces::Same })
}

/// A selector that is not asked spoils nothing.
fn unused_selector(at: At<'_>, log: &mut Log) -> Option<()> {
    log.part("it has no effect", |log| selector(at, log)).map(|_| ())
}

fn selector(at: At<'_>, log: &mut Log) -> Option<LabelSelector> {
    let fields = Fields::of(at, &SELECTOR, log)?;
    let labels = fields.optional("matchLabels", log, strings).unwrap_or_default();
    let equal =
        labels.into_iter().map(|(key, value)| Requirement { key, operator: Operator::In(vec![value]) });
    let expressions =
        fields.optional("matchExpressions", log, |at, log| list(at, 0..=usize::MAX, log, requirement));
    Some(LabelSelector { requirements: equal.chain(expressions.unwrap_or_default()).collect() })
}

fn requirement(at: At<'_>, log: &mut Log) -> Option<Requirement> {
    let fields = Fields::of(at, &EXPRESSION, log)?;
    let key = fields.required("key", log, usable(Code::InvalidLabel, names::label_key));
    let operator = fields.required("operator", log, string);
    let values = fields.optional("values", log, |at, log| list(at, 0..=usize::MAX, log, string));
    let values: Vec<String> = values.unwrap_or_default().into_iter().map(|value| value.value).collect();
    let (key, operator) = (key?.value, operator?.value);
    let operator = match (operator.as_str(), values.is_empty()) {
        ("In", false) => Operator::In(values),
        ("NotIn", false) => Operator::NotIn(values),
        ("Exists", true) => Operator::Exists,
        ("DoesNotExist", true) => Operator::DoesNotExist,
        ("In" | "NotIn", true) => {
            let message = format!("the operator `{operator}` needs `values`");
            return log.spoil(at.error(Code::MissingField, message));
        }
        ("Exists" | "DoesNotExist", false) => {
            let message = format!("the operator `{operator}` takes no `values`");
            return log.spoil(at.error(Code::MisplacedField, message));
        }
        _ => {
            let words = ["In", "NotIn", "Exists", "DoesNotExist"];
            return log.spoil(at.unknown_value(&operator, words));
        }
    };
    Some(Requirement { key, operator })
}
