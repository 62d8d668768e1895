//! The `status` that the API server would store for each object, in the terms of the Gateway API
//! (GatewayClass, Gateway, ListenerSet, routes and policies).
//!
//! `resolve` makes the statuses; [`json`] and [`table`] write them.

pub mod json;
pub mod table;

use std::fmt;

use serde::Serialize;

use crate::diagnostic::Secrecy;

/// An object with its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStatus {
    /// The `apiVersion` that a cluster stores.
    pub api_version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Which object it is.
    pub metadata: ObjectName,
    /// The status.
    pub status: Status,
    /// Whether the object could be read. If not, it has no conditions unless it has parents.
    #[serde(skip)]
    pub is_read: bool,
}

/// The part of `metadata` that identifies an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectName {
    /// Empty for cluster-scoped kinds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// The `status` of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Status {
    /// Status of a Gateway.
    Gateway {
        /// Conditions of the Gateway.
        conditions: Vec<Condition>,
        /// In the order of the manifest.
        listeners: Vec<ListenerStatus>,
        /// The number of ListenerSets that are attached to it and accepted.
        #[serde(rename = "attachedListenerSets")]
        attached_listener_sets: usize,
    },
    /// Status of a ListenerSet.
    ListenerSet {
        /// Conditions of the ListenerSet.
        conditions: Vec<Condition>,
        /// In the order of the manifest; empty if it is not attached to a Gateway.
        listeners: Vec<ListenerStatus>,
    },
    /// Status of a GatewayClass.
    Class {
        /// Conditions of the class.
        conditions: Vec<Condition>,
    },
    /// Status of a route.
    Route {
        /// One for each parentRef, in the order of the manifest.
        parents: Vec<ParentStatus>,
    },
    /// Status of a policy.
    Policy {
        /// One for each Gateway that serves a target, by name; or for each target, if there is no such
        /// Gateway.
        ancestors: Vec<AncestorStatus>,
    },
}

/// Status of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// The listener's name.
    pub name: String,
    /// The supported kinds of routes that it allows.
    pub supported_kinds: Vec<RouteGroupKind>,
    /// The number of accepted routes that are attached to it.
    pub attached_routes: usize,
    /// Conditions of the listener.
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

/// Status of a route at one parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentStatus {
    /// The reference as written in the manifest.
    pub parent_ref: ObjectReference,
    /// The controller of the Gateway's class; `None` if the Gateway or class is not in the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller_name: Option<String>,
    /// Conditions of the route at this parent.
    pub conditions: Vec<Condition>,
}

/// Status of a policy for one ancestor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AncestorStatus {
    /// The ancestor.
    pub ancestor_ref: ObjectReference,
    /// The controller of the Gateway's class; `None` if the ancestor is not a Gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller_name: Option<String>,
    /// Conditions of the policy for this ancestor.
    pub conditions: Vec<Condition>,
}

/// A reference to an object, or to a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// The group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace, if the manifest has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The name of a listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section_name: Option<String>,
    /// The port of a listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A condition, without times and generations, which only a cluster has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The type.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// The status.
    pub status: Holds,
    /// The reason.
    pub reason: Reason,
    /// An explanation; empty if nothing is wrong.
    pub message: String,
}

/// Types of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum ConditionType {
    /// The object is valid and supported.
    Accepted,
    /// All referenced objects exist, and the references are permitted.
    ResolvedRefs,
    /// Envoy is configured for it.
    Programmed,
    /// It conflicts with another object. A problem if true.
    Conflicted,
    /// Some rules of a route are not served. A problem if true, and absent otherwise.
    PartiallyInvalid,
    /// More specific policies apply to some parts of its targets. True or absent; not a problem.
    Overridden,
    /// TLS listeners on one port have overlapping hostnames. True or absent; not a problem.
    OverlappingTLSConfig,
    /// Clients without a valid certificate are accepted on some port. True or absent; not a problem, because
    /// the manifest asks for it.
    InsecureFrontendValidationMode,
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Holds {
    /// The condition is true.
    True,
    /// The condition is false.
    False,
    /// The controller could not decide.
    Unknown,
}

/// Reasons of conditions, as defined by the Gateway API and Envoy Gateway.
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
    NotAllowed,
    NotAllowedByListeners,
    OverlappingHostnames,
    Overridden,
    ParentNotAccepted,
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
    /// Whether this condition shows no problem.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        match self.kind {
            ConditionType::Accepted | ConditionType::ResolvedRefs | ConditionType::Programmed => {
                self.status == Holds::True
            }
            ConditionType::Conflicted | ConditionType::PartiallyInvalid => self.status == Holds::False,
            ConditionType::Overridden
            | ConditionType::OverlappingTLSConfig
            | ConditionType::InsecureFrontendValidationMode => true,
        }
    }
}

impl ObjectStatus {
    /// Hides values of confidential sources in messages, and names that cannot be Kubernetes names.
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
            Status::Gateway { conditions, listeners, .. } | Status::ListenerSet { conditions, listeners } => {
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

    /// Whether the object could be read and all of its conditions are fine. A route without parents has no
    /// conditions and is fine: the API accepts it.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.is_read && self.conditions().all(Condition::is_fine)
    }

    /// All conditions of the object and its parts.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let parts: Vec<&[Condition]> = match &self.status {
            Status::Class { conditions } => vec![conditions],
            Status::Gateway { conditions, listeners, .. } | Status::ListenerSet { conditions, listeners } => {
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

// The variants have the names of the API, so `Debug` prints the right words.

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
