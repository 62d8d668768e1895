//! Which protocols are served, and which kinds of routes a listener of them takes (Gateway API, `Listener.protocol` and
//! `AllowedRoutes.kinds`).
//!
//! A listener of another protocol is left out, and so is one with a selector of namespaces that is of no use. A kind that its protocol cannot have is an error, and the listener takes
//! the other ones (`InvalidRouteKinds`).

use super::section::Section;
use crate::diagnostic::{Code, closest};
use crate::manifest::Object;
use crate::manifest::gateway_api::gateway::{AllowedNamespaces, Gateway, Listener, Protocol, RouteKind};
use crate::resolve::references::groups::GATEWAY_API;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::Report;
use crate::status::{ConditionType, Reason};

/// The routes of HTTP and HTTPS listeners.
const SUPPORTED: [&str; 2] = ["HTTPRoute", "GRPCRoute"];

impl Listener {
    /// The kinds of routes that it takes, of the Gateway API's group.
    pub(in crate::resolve) fn supported_kinds(&self) -> impl Iterator<Item = &'static str> {
        SUPPORTED.into_iter().filter(|kind| self.allows_kind(kind))
    }

    /// Whether it takes routes of this kind.
    pub(in crate::resolve) fn allows_kind(&self, kind: &str) -> bool {
        let allowed =
            || self.allowed_kinds.is_empty() || self.allowed_kinds.iter().any(|one| one.value.is(kind));
        match &self.protocol.value {
            Protocol::Http | Protocol::Https(_) => SUPPORTED.contains(&kind) && allowed(),
            Protocol::Other(_) => false,
        }
    }
}

impl RouteKind {
    fn is(&self, kind: &str) -> bool {
        self.group == GATEWAY_API && self.kind == kind
    }
}

/// Whether the protocol of a listener is served. Says when it is not, and which of its kinds are not.
pub(in crate::resolve) fn is_supported(
    gateway: &Object<Gateway>,
    section: Section<'_>,
    report: &mut Report,
) -> bool {
    let listener = section.listener;
    if let Protocol::Other(word) = &listener.protocol.value {
        let place = section.at(gateway, ".protocol", listener.protocol.span);
        let place = place.because(
            Part::Listener(section.position),
            ConditionType::Accepted,
            Reason::UnsupportedProtocol,
        );
        let message = format!("protocol `{word}` is not supported, so the listener is not served");
        let near = closest(&word.to_ascii_uppercase(), ["HTTP", "HTTPS"]);
        report.error(Code::UnsupportedProtocol, place, message).hint = Some(match near {
            Some(near) if !matches!(word.as_str(), "TLS" | "TCP" | "UDP") => {
                format!("did you mean `{near}`?")
            }
            _ => String::from("supported protocols are `HTTP` and `HTTPS`"),
        });
        return false;
    }
    if let AllowedNamespaces::Unusable(problem) = &listener.allowed_namespaces {
        let place = section.at(gateway, ".allowedRoutes.namespaces", listener.span);
        let place = place.because(
            Part::Listener(section.position),
            ConditionType::Accepted,
            Reason::UnsupportedValue,
        );
        report.decide(&place, problem);
        return false;
    }
    for (number, RouteKind { group, kind }) in listener.allowed_kinds.iter().map(|one| &one.value).enumerate()
    {
        if group == GATEWAY_API && SUPPORTED.contains(&kind.as_str()) {
            continue;
        }
        let span = listener.allowed_kinds.get(number).map_or(listener.span, |one| one.span);
        let place = section.at(gateway, &format!(".allowedRoutes.kinds[{number}].kind"), span);
        let place = place.because(
            Part::Listener(section.position),
            ConditionType::ResolvedRefs,
            Reason::InvalidRouteKinds,
        );
        let of_group = if group == GATEWAY_API { String::new() } else { format!(" in group `{group}`") };
        let message = format!("listeners do not support routes of kind `{kind}`{of_group}");
        report.error(Code::InvalidRouteKind, place, message).hint = Some(match closest(kind, SUPPORTED) {
            Some(near) if near != kind => format!("did you mean `{near}`?"),
            _ => format!("supported kinds are `HTTPRoute` and `GRPCRoute` in group `{GATEWAY_API}`"),
        });
    }
    true
}
