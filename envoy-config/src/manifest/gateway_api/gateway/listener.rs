//! A listener of a Gateway or ListenerSet, and the kinds of routes that it allows.

use super::allowed_namespaces::{self, AllowedNamespaces};
use super::listener_tls::{self, Protocol};
use crate::diagnostic::Code;
use crate::manifest::Hostname;
use crate::manifest::gateway_api::GROUP;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::{Findings, Part};
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::syntax::{hostname, names};
use crate::manifest::read::value::{parsed, port};
use crate::source::{Span, Spanned};

/// A listener of a Gateway or ListenerSet.
#[derive(Clone, Debug)]
pub struct Listener {
    /// `name`.
    pub name: Spanned<String>,
    /// `hostname`; `None` means all hostnames.
    pub hostname: Option<Spanned<Hostname>>,
    /// `port`.
    pub port: Spanned<u16>,
    /// `protocol` and `tls`.
    pub protocol: Spanned<Protocol>,
    /// `allowedRoutes.namespaces`: `Same` by default.
    pub allowed_namespaces: AllowedNamespaces,
    /// `allowedRoutes.kinds`; if empty, all kinds that the protocol supports.
    pub allowed_kinds: Vec<Spanned<AllowedKind>>,
    /// The whole listener.
    pub span: Span,
}

/// A kind in `allowedRoutes.kinds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedKind {
    /// `group`: `gateway.networking.k8s.io` by default.
    pub group: String,
    /// `kind`.
    pub kind: String,
}

const LISTENER: Known = Known {
    read: &["name", "hostname", "port", "protocol", "tls", "allowedRoutes"],
    unread: &[],
    unsupported: &[],
};

const ALLOWED_ROUTES: Known = Known { read: &["namespaces", "kinds"], unread: &[], unsupported: &[] };

const ROUTE_KIND: Known = Known { read: &["group", "kind"], unread: &[], unsupported: &[] };

/// `allowedRoutes`.
struct Allowed {
    namespaces: AllowedNamespaces,
    kinds: Vec<Spanned<AllowedKind>>,
}

/// `listeners` of a Gateway or ListenerSet.
pub(in crate::manifest) fn listeners(at: At<'_>, findings: &mut Findings) -> Option<Vec<Listener>> {
    let listeners = list(at, 1..=64, findings, listener)?;
    unique(&at, "listener name", listeners.iter().map(|l| (&l.name.value, l.name.span)), findings);
    let place = |l: &Listener| {
        let hostname = l.hostname.as_ref().map(|hostname| hostname.value.clone());
        (l.port.value, l.protocol.value.name().to_owned(), hostname)
    };
    let places = listeners.iter().map(|l| (place(l), l.span));
    unique(&at, "combination of port, protocol and hostname", places, findings);
    Some(listeners)
}

fn listener(at: At<'_>, findings: &mut Findings) -> Option<Listener> {
    let fields = Fields::of(at, &LISTENER, findings)?;
    let name = fields.required("name", findings, parsed(Code::InvalidSectionName, names::subdomain));
    let hostname = fields.optional("hostname", findings, parsed(Code::InvalidHostname, hostname::parse));
    let port = fields.required("port", findings, port);
    let protocol = listener_tls::protocol(&fields, findings);
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
        Some(
            match findings
                .in_part("the listener is left out", |findings| allowed_namespaces::of_routes(at, findings))?
            {
                Part::Usable(namespaces) => namespaces,
                Part::Unusable(problem) => AllowedNamespaces::Unusable(problem),
            },
        )
    });
    let namespaces = namespaces.unwrap_or(AllowedNamespaces::Same);
    Some(Allowed { namespaces, kinds: kinds.unwrap_or_default() })
}

/// Reads a kind. `resolve` decides whether the protocol of the listener supports it.
fn route_kind(at: At<'_>, findings: &mut Findings) -> Option<Spanned<AllowedKind>> {
    let fields = Fields::of(at, &ROUTE_KIND, findings)?;
    let group = fields.optional("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", findings, parsed(Code::InvalidKind, names::kind))?;
    let group = group.map_or_else(|| GROUP.to_owned(), |group| group.value);
    Some(kind.map(|kind| AllowedKind { group, kind }))
}
