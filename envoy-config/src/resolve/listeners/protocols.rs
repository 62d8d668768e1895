//! Which protocols are supported, and which kinds of routes a listener allows (Gateway API,
//! `Listener.protocol` and `AllowedRoutes.kinds`).
//!
//! A listener is not served if its protocol is not supported, or if its namespace selector is invalid. A kind
//! that the protocol does not support is an error, but the listener still allows the others
//! (`InvalidRouteKinds`).

use super::section::Section;
use crate::diagnostic::{Code, closest};
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::gateway::{AllowedKind, AllowedNamespaces, Listener, Protocol};
use crate::resolve::status::report::Report;
use crate::status::{ConditionType, Reason};

/// The kinds of routes for HTTP and HTTPS listeners.
const SUPPORTED: [&str; 2] = ["HTTPRoute", "GRPCRoute"];

impl Listener {
    /// The supported kinds that it allows, in the group of the Gateway API.
    pub(in crate::resolve) fn supported_kinds(&self) -> impl Iterator<Item = &'static str> {
        SUPPORTED.into_iter().filter(|kind| self.allows_kind(kind))
    }

    /// Whether it allows routes of this kind.
    pub(in crate::resolve) fn allows_kind(&self, kind: &str) -> bool {
        let allowed =
            || self.allowed_kinds.is_empty() || self.allowed_kinds.iter().any(|one| one.value.is(kind));
        match &self.protocol.value {
            Protocol::Http | Protocol::Https(_) => SUPPORTED.contains(&kind) && allowed(),
            Protocol::Other(_) => false,
        }
    }
}

impl AllowedKind {
    fn is(&self, kind: &str) -> bool {
        self.group == GATEWAY_API && self.kind == kind
    }
}

/// Records which kinds a protocol that is not supported does not have: the Gateway API names its kind of route after it,
/// such as `TLSRoute`. The protocol has an error, so this is not another one.
fn reject_kinds_of_others(section: &Section<'_>, protocol: &str, report: &mut Report) {
    for kind in &section.listener.allowed_kinds {
        if !kind.value.is(&format!("{protocol}Route")) {
            let reason = Reason::InvalidRouteKinds;
            let place = section.against("", kind.span, ConditionType::ResolvedRefs, reason);
            let message =
                format!("protocol `{protocol}` does not support routes of kind `{}`", kind.value.kind);
            report.decide(&place, &message);
        }
    }
}

/// Whether a listener can be served. Reports its protocol and kinds that are not supported.
pub(in crate::resolve) fn is_supported(section: Section<'_>, report: &mut Report) -> bool {
    let listener = section.listener;
    if let Protocol::Other(word) = &listener.protocol.value {
        let span = listener.protocol.span;
        let place = section.against(".protocol", span, ConditionType::Accepted, Reason::UnsupportedProtocol);
        let message = format!("protocol `{word}` is not supported, so the listener is not served");
        let near = closest(&word.to_ascii_uppercase(), ["HTTP", "HTTPS"]);
        report.error(Code::UnsupportedProtocol, place, message).hint = Some(match near {
            Some(near) if !matches!(word.as_str(), "TLS" | "TCP" | "UDP") => {
                format!("did you mean `{near}`?")
            }
            _ => String::from("supported protocols are `HTTP` and `HTTPS`"),
        });
        reject_kinds_of_others(&section, word, report);
        return false;
    }
    if let AllowedNamespaces::Unusable(problem) = &listener.allowed_namespaces {
        let place = section.against(
            ".allowedRoutes.namespaces",
            listener.span,
            ConditionType::Accepted,
            Reason::UnsupportedValue,
        );
        report.decide(&place, problem);
        return false;
    }
    for (number, AllowedKind { group, kind }) in
        listener.allowed_kinds.iter().map(|one| &one.value).enumerate()
    {
        if group == GATEWAY_API && SUPPORTED.contains(&kind.as_str()) {
            continue;
        }
        let span = listener.allowed_kinds.get(number).map_or(listener.span, |one| one.span);
        let field = format!(".allowedRoutes.kinds[{number}].kind");
        let place = section.against(&field, span, ConditionType::ResolvedRefs, Reason::InvalidRouteKinds);
        let of_group = if group == GATEWAY_API { String::new() } else { format!(" in group `{group}`") };
        let message = format!("listeners do not support routes of kind `{kind}`{of_group}");
        report.error(Code::InvalidRouteKind, place, message).hint = Some(match closest(kind, SUPPORTED) {
            Some(near) if near != kind => format!("did you mean `{near}`?"),
            _ => format!("supported kinds are `HTTPRoute` and `GRPCRoute` in group `{GATEWAY_API}`"),
        });
    }
    true
}
