//! One listener of a Gateway, with its position there.

use crate::manifest::Object;
use crate::manifest::gateway_api::gateway::{Gateway, Listener, Protocol};
use crate::model::Domain;
use crate::resolve::status::report::Place;
use crate::source::Span;

/// A listener and its position in the Gateway.
#[derive(Clone, Copy)]
pub(in crate::resolve) struct Section<'m> {
    pub(in crate::resolve) position: usize,
    pub(in crate::resolve) listener: &'m Listener,
}

impl Section<'_> {
    /// The hostnames that it serves.
    pub(in crate::resolve) fn domain(&self) -> Domain {
        Domain::of(self.listener.hostname.as_ref())
    }

    /// Whether its protocol is supported.
    pub(in crate::resolve) fn is_supported(&self) -> bool {
        !matches!(self.listener.protocol.value, Protocol::Other(_))
    }

    pub(super) fn is_secure(&self) -> bool {
        matches!(self.listener.protocol.value, Protocol::Https(_))
    }

    /// The place of one of its fields, as written in the manifest; an empty field means the whole listener.
    pub(in crate::resolve) fn at<'m>(
        &self,
        gateway: &'m Object<Gateway>,
        field: &str,
        span: Span,
    ) -> Place<'m> {
        Place::new(gateway, format!("spec.listeners[{}]{field}", self.position), span)
    }
}
