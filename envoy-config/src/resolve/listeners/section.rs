//! One listener, with its position in the object that lists it.

use crate::manifest::gateway_api::gateway::{Gateway, Listener, Protocol};
use crate::manifest::gateway_api::listener_set::ListenerSet;
use crate::manifest::{Metadata, Object};
use crate::model::Domain;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::Place;
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// An object that lists listeners: a Gateway or a ListenerSet.
#[derive(Clone, Copy)]
pub(in crate::resolve) struct Owner<'m> {
    pub(in crate::resolve) kind: &'static str,
    pub(in crate::resolve) metadata: &'m Metadata,
    pub(in crate::resolve) listeners: &'m [Listener],
}

/// A kind, a namespace and a name.
pub(in crate::resolve) type OwnerKey<'m> = (&'static str, &'m str, &'m str);

/// A listener and its position in its object.
#[derive(Clone, Copy)]
pub(in crate::resolve) struct Section<'m> {
    pub(in crate::resolve) owner: Owner<'m>,
    pub(in crate::resolve) position: usize,
    pub(in crate::resolve) listener: &'m Listener,
}

impl<'m> From<&'m Object<Gateway>> for Owner<'m> {
    fn from(gateway: &'m Object<Gateway>) -> Self {
        Self { kind: gateway.kind, metadata: &gateway.metadata, listeners: &gateway.spec.listeners }
    }
}

impl<'m> From<&'m Object<ListenerSet>> for Owner<'m> {
    fn from(set: &'m Object<ListenerSet>) -> Self {
        Self { kind: set.kind, metadata: &set.metadata, listeners: &set.spec.listeners }
    }
}

impl<'m> Owner<'m> {
    /// What distinguishes it from all others.
    pub(in crate::resolve) fn key(self) -> OwnerKey<'m> {
        let (namespace, name) = self.metadata.key();
        (self.kind, namespace, name)
    }

    /// Its listeners, in the order of the manifest.
    pub(in crate::resolve) fn sections(self) -> impl Iterator<Item = Section<'m>> {
        let listeners = self.listeners.iter().enumerate();
        listeners.map(move |(position, listener)| Section { owner: self, position, listener })
    }
}

impl<'m> Section<'m> {
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

    /// `namespace/object/listener`.
    pub(in crate::resolve) fn full_name(&self) -> String {
        let (_, namespace, name) = self.owner.key();
        format!("{namespace}/{name}/{}", self.listener.name.value)
    }

    /// The place of one of its fields, as written in the manifest; an empty field means the whole listener.
    pub(in crate::resolve) fn at(&self, field: &str, span: Span) -> Place<'m> {
        let Owner { kind, metadata, .. } = self.owner;
        Place::of(kind, metadata, format!("{}{field}", self.path()), span)
    }

    /// The same, where a finding makes this condition of the listener false.
    pub(super) fn against(
        &self,
        field: &str,
        span: Span,
        condition: ConditionType,
        reason: Reason,
    ) -> Place<'m> {
        self.at(field, span).because(Part::Listener(self.position), condition, reason)
    }

    /// Its path in the manifest.
    pub(super) fn path(&self) -> String {
        format!("spec.listeners[{}]", self.position)
    }
}
