//! What the API server would hold in the `status` of each object, in the Gateway API's own words (`status` of GatewayClass,
//! Gateway, the routes and the policies).
//!
//! `resolve` makes these of its decisions; [`json`] writes them for programs, [`table`] for people.

pub mod json;
pub mod table;

use std::fmt;

use serde::Serialize;

use crate::diagnostic::Secrecy;

/// An object and its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStatus {
    /// The `apiVersion` of the kind, in the version that a cluster stores.
    pub api_version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Who it is.
    pub metadata: ObjectName,
    /// Its status.
    pub status: Status,
    /// Whether the object could be read. One that could not has no conditions where it has no parents.
    #[serde(skip)]
    pub is_read: bool,
}

/// The part of `metadata` that names an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectName {
    /// Empty for kinds without one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// The `status` of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Status {
    /// Of a Gateway.
    Gateway {
        /// Of the whole.
        conditions: Vec<Condition>,
        /// In the order of the manifest.
        listeners: Vec<ListenerStatus>,
    },
    /// Of a GatewayClass.
    Class {
        /// Of the whole.
        conditions: Vec<Condition>,
    },
    /// Of a route.
    Route {
        /// One per parentRef, in the order of the manifest.
        parents: Vec<ParentStatus>,
    },
    /// Of a policy.
    Policy {
        /// One per Gateway that serves a target, by name; or the targets, where none does.
        ancestors: Vec<AncestorStatus>,
    },
}

/// Of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// The listener's name.
    pub name: String,
    /// Which routes it takes, of those that are rendered.
    pub supported_kinds: Vec<RouteGroupKind>,
    /// How many accepted routes are attached to it.
    pub attached_routes: usize,
    /// Of the listener.
    pub conditions: Vec<Condition>,
}

/// A kind of route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteGroupKind {
    /// The group.
    pub group: &'static str,
    /// The kind.
    pub kind: &'static str,
}

/// What became of a parentRef.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentStatus {
    /// The reference, as the manifest has it.
    pub parent_ref: ObjectReference,
    /// That of the Gateway's class; none when there is no such Gateway or class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller_name: Option<String>,
    /// Of the route at this parent.
    pub conditions: Vec<Condition>,
}

/// What became of a policy at one of its ancestors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AncestorStatus {
    /// The ancestor.
    pub ancestor_ref: ObjectReference,
    /// That of the Gateway's class; none when the ancestor is no Gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller_name: Option<String>,
    /// Of the policy at this ancestor.
    pub conditions: Vec<Condition>,
}

/// A reference to an object, or to a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// The group; empty for core.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace, if it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// A listener's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section_name: Option<String>,
    /// A listener's port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A condition, without the times and generations that only a cluster knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: Holds,
    /// Why.
    pub reason: Reason,
    /// Why, in sentences; empty when all is well.
    pub message: String,
}

/// The types of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum ConditionType {
    /// It is valid and supported.
    Accepted,
    /// Everything that it refers to is there and may be referred to.
    ResolvedRefs,
    /// Envoy is configured for it.
    Programmed,
    /// It contradicts another one. Bad when true.
    Conflicted,
    /// Some rules of a route are left out. Bad when true, absent otherwise.
    PartiallyInvalid,
    /// Listeners of one port have TLS hostnames in common. True or absent; nothing is wrong with that.
    OverlappingTLSConfig,
    /// Clients without a good certificate are served on some port. True or absent; somebody wanted that.
    InsecureFrontendValidationMode,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Holds {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody can tell.
    Unknown,
}

/// Why a condition holds or not: the reasons of the Gateway API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[expect(missing_docs, reason = "the API's words, explained at its condition types")]
pub enum Reason {
    Accepted,
    AddressNotUsable,
    BackendNotFound,
    ConfigurationChanged,
    Conflicted,
    HostnameConflict,
    IncompatibleFilters,
    Invalid,
    InvalidCACertificateKind,
    InvalidCACertificateRef,
    InvalidCertificateRef,
    InvalidClientCertificateRef,
    InvalidKind,
    InvalidParameters,
    InvalidRouteKinds,
    ListenersNotResolved,
    ListenersNotValid,
    NoConflicts,
    NoMatchingListenerHostname,
    NoMatchingParent,
    NoValidCACertificate,
    NotAllowedByListeners,
    OverlappingHostnames,
    Pending,
    PortUnavailable,
    Programmed,
    ProtocolConflict,
    RefNotPermitted,
    ResolvedRefs,
    TargetNotFound,
    UnsupportedAddress,
    UnsupportedProtocol,
    UnsupportedValue,
}

impl Condition {
    /// Whether nothing is wrong as far as this condition goes.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        match self.kind {
            ConditionType::Accepted | ConditionType::ResolvedRefs | ConditionType::Programmed => {
                self.status == Holds::True
            }
            ConditionType::Conflicted | ConditionType::PartiallyInvalid => self.status == Holds::False,
            ConditionType::OverlappingTLSConfig | ConditionType::InsecureFrontendValidationMode => true,
        }
    }
}

impl ObjectStatus {
    /// Takes out what must not be shown: values of confidential sources in messages, and names that cannot be names.
    pub(crate) fn hide_secrets(&mut self, secrecy: &Secrecy<'_>) {
        let hide = |conditions: &mut Vec<Condition>| {
            for condition in conditions {
                condition.message = secrecy.message(&condition.message).into_owned();
            }
        };
        let rename = |reference: &mut ObjectReference| {
            let ObjectReference { group, kind, namespace, name, section_name, port: _ } = reference;
            for text in [group, kind, name].into_iter().chain(namespace).chain(section_name) {
                *text = secrecy.name(text).into_owned();
            }
        };
        let ObjectName { namespace, name } = &mut self.metadata;
        for text in [namespace, name] {
            *text = secrecy.name(text).into_owned();
        }
        match &mut self.status {
            Status::Class { conditions } => hide(conditions),
            Status::Gateway { conditions, listeners } => {
                hide(conditions);
                for listener in listeners {
                    hide(&mut listener.conditions);
                }
            }
            Status::Route { parents } => {
                for parent in parents {
                    rename(&mut parent.parent_ref);
                    hide(&mut parent.conditions);
                }
            }
            Status::Policy { ancestors } => {
                for ancestor in ancestors {
                    rename(&mut ancestor.ancestor_ref);
                    hide(&mut ancestor.conditions);
                }
            }
        }
    }

    /// Whether it could be read and all conditions are as they should be. A route without parents has no conditions, and
    /// is fine: the API accepts it.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.is_read && self.conditions().all(Condition::is_fine)
    }

    /// All conditions of the object and its parts.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let parts: Vec<&[Condition]> = match &self.status {
            Status::Class { conditions } => vec![conditions],
            Status::Gateway { conditions, listeners } => {
                let listeners = listeners.iter().map(|listener| listener.conditions.as_slice());
                [conditions.as_slice()].into_iter().chain(listeners).collect()
            }
            Status::Route { parents } => parents.iter().map(|parent| parent.conditions.as_slice()).collect(),
            Status::Policy { ancestors } => {
                ancestors.iter().map(|ancestor| ancestor.conditions.as_slice()).collect()
            }
        };
        parts.into_iter().flatten()
    }
}

// The variants are called as in the API, so that their names are what they say.

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
