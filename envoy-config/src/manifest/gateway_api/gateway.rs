//! Gateway.

mod addresses;
mod allowed_namespaces;
mod listener;
mod listener_tls;
mod tls;

pub use self::addresses::Address;
pub(in crate::manifest) use self::allowed_namespaces::label_selector;
pub use self::allowed_namespaces::{AllowedNamespaces, LabelSelector, Operator, Requirement};
pub(in crate::manifest) use self::listener::listeners;
pub use self::listener::{AllowedKind, Listener};
pub(in crate::manifest) use self::listener_tls::certificate_ref;
pub use self::listener_tls::{CertificateRef, Protocol, Tls};
pub use self::tls::{Frontend, Validation, ValidationMode};

use super::default_gateways::{DefaultScope, default_scope};
use super::gateway_class::referent;
use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known, Unsupported};
use crate::manifest::read::findings::{Findings, Part};
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{parsed, strings};
use crate::source::Spanned;

/// A Gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// `gatewayClassName`.
    pub class: Spanned<String>,
    /// `listeners`, with unique names.
    pub listeners: Vec<Listener>,
    /// `addresses`, except IP addresses without a value, for which any address will do.
    pub addresses: Vec<Spanned<Address>>,
    /// `infrastructure.parametersRef`: the kind and name of the object.
    pub parameters: Option<Spanned<String>>,
    /// `allowedListeners.namespaces`: where ListenerSets may be that add listeners; nowhere by default.
    pub allowed_listeners: AllowedNamespaces,
    /// `defaultScope`: `None` by default.
    pub default_scope: DefaultScope,
    /// `tls.frontend`.
    pub frontend: Frontend,
    /// `tls.backend.clientCertificateRef`: the client certificate for connections to backends.
    pub client_certificate: Option<Spanned<CertificateRef>>,
}

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
        consequence: "backends that require a client certificate would reject connections",
        hint: "write `tls.backend`, as it is called since Gateway API 1.4; or remove it",
    }],
};

const ALLOWED_LISTENERS: Known = Known { read: &["namespaces"], unread: &[], unsupported: &[] };

const INFRASTRUCTURE: Known =
    Known { read: &["labels", "annotations", "parametersRef"], unread: &[], unsupported: &[] };

const PARAMETERS_REF: Known = Known { read: &["group", "kind", "name"], unread: &[], unsupported: &[] };

/// `spec` of a Gateway.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<Gateway> {
    let fields = Fields::of(at, &GATEWAY, findings)?;
    let class =
        fields.required("gatewayClassName", findings, parsed(Code::InvalidObjectName, names::reference));
    let listeners = fields.required("listeners", findings, listeners);
    let addresses = fields.optional("addresses", findings, addresses::read).unwrap_or_default();
    let parameters = fields.optional("infrastructure", findings, infrastructure);
    let default_scope = fields.optional("defaultScope", findings, default_scope);
    let allowed_listeners = fields.optional("allowedListeners", findings, allowed_listeners);
    let tls = fields.optional("tls", findings, tls::read).unwrap_or_default();
    Some(Gateway {
        class: class?,
        listeners: listeners?,
        addresses,
        parameters,
        allowed_listeners: allowed_listeners.unwrap_or(AllowedNamespaces::None),
        default_scope: default_scope.map_or(DefaultScope::None, |scope| scope.value),
        frontend: tls.frontend,
        client_certificate: tls.client_certificate,
    })
}

/// `infrastructure`: returns the object of `parametersRef`. Labels and annotations have no effect, because no
/// infrastructure is created.
fn infrastructure(at: At<'_>, findings: &mut Findings) -> Option<Spanned<String>> {
    let fields = Fields::of(at, &INFRASTRUCTURE, findings)?;
    for name in ["labels", "annotations"] {
        fields.optional(name, findings, |at, findings| {
            strings(at, findings)?;
            let message = format!("`{name}` have no effect: no infrastructure is created for the Gateway");
            findings.add(at.warning(Code::NoEffect, message));
            Some(())
        });
    }
    fields.optional("parametersRef", findings, |at, findings| {
        let fields = Fields::of(at, &PARAMETERS_REF, findings)?;
        Some(Spanned { value: referent(&fields, findings)?, span: at.span() })
    })
}

/// `allowedListeners`: where ListenerSets may be that add listeners; nowhere if a selector has errors.
fn allowed_listeners(at: At<'_>, findings: &mut Findings) -> Option<AllowedNamespaces> {
    let fields = Fields::of(at, &ALLOWED_LISTENERS, findings)?;
    fields.optional("namespaces", findings, |at, findings| {
        let consequence = "the Gateway allows no ListenerSets";
        match findings.in_part(consequence, |findings| allowed_namespaces::of_listener_sets(at, findings))? {
            Part::Usable(namespaces) => Some(namespaces),
            Part::Unusable(problem) => Some(AllowedNamespaces::Unusable(problem)),
        }
    })
}
