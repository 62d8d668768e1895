//! A rule of the plugin configuration: its id, the carrier of its sessions, their timeouts and settings.
//!
//! - `build`: makes rules, and says which fields can be combined.
//! - `json`: the form in which the filter gets them.
//! - `id`, `settings`: types of some fields.

mod build;
mod id;
mod json;
mod settings;

use std::sync::Arc;

use serde::Serialize;

use super::backend_signals::{EndOn, StartOn};
use super::carrier::{Carrier, HeaderName};
use super::pods::Pods;
use super::timeout::Timeout;
use crate::names::OVERRIDE_HOST_HEADER;

pub use build::RuleError;
pub use id::{RuleId, RuleIdError};
pub use settings::{Cacheable, OnEndpointLost, Pin};

use json::Fields;

/// One HTTPRoute or GRPCRoute rule with session persistence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "Fields")]
pub struct Rule {
    id: RuleId,
    carrier: Carrier,
    absolute_timeout: Option<Timeout>,
    idle_timeout: Option<Timeout>,
    share: Option<String>,
    pin: Pin,
    pin_header: Option<HeaderName>,
    on_endpoint_lost: OnEndpointLost,
    cacheable: Cacheable,
    pods: Arc<Pods>,
    envelope: bool,
    start_on: Option<StartOn>,
    end_on: Option<EndOn>,
    hide_from_backend: bool,
    ignored: bool,
}

impl Rule {
    /// The id, to which the rule's tokens are bound.
    #[must_use]
    pub const fn id(&self) -> &RuleId {
        &self.id
    }

    /// The carrier of the rule's tokens.
    #[must_use]
    pub const fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// The share of this route, if the rule is split.
    #[must_use]
    pub fn share(&self) -> Option<&str> {
        self.share.as_deref()
    }

    /// The kind of pin.
    #[must_use]
    pub const fn pin(&self) -> Pin {
        self.pin
    }

    /// The private request header with the pin, which Envoy's filters read and clients cannot set.
    #[must_use]
    pub fn pin_header(&self) -> &str {
        self.pin_header.as_ref().map_or(OVERRIDE_HOST_HEADER, HeaderName::as_str)
    }

    /// Whether another control plane than `envoy-config` configures the Envoy filter that reads the pin.
    #[must_use]
    pub const fn is_in_gateway(&self) -> bool {
        self.pin_header.is_some()
    }

    /// Whether a request of a session gets 503 if its endpoint cannot serve it.
    #[must_use]
    pub const fn is_strict(&self) -> bool {
        matches!(self.on_endpoint_lost, OnEndpointLost::Reject)
    }

    /// Whether responses with a token are kept out of shared caches.
    #[must_use]
    pub const fn protects_caches(&self) -> bool {
        matches!(self.cacheable, Cacheable::Protect)
    }

    /// Whether tokens wrap the backend's own value of the session header.
    #[must_use]
    pub const fn is_enveloped(&self) -> bool {
        self.envelope
    }

    /// What starts a session; `None` if every answer does.
    #[must_use]
    pub const fn start_on(&self) -> Option<&StartOn> {
        self.start_on.as_ref()
    }

    /// What ends a session.
    #[must_use]
    pub const fn end_on(&self) -> Option<&EndOn> {
        self.end_on.as_ref()
    }

    /// The name of the cookie to hide from backends.
    #[must_use]
    pub fn hidden_cookie(&self) -> Option<&str> {
        match &self.carrier {
            Carrier::Cookie(cookie) if self.hide_from_backend => Some(cookie.name.as_str()),
            _ => None,
        }
    }

    /// Whether requests have no session.
    #[must_use]
    pub const fn is_ignored(&self) -> bool {
        self.ignored
    }

    /// The pods whose addresses are known, of all shares if the rule is split.
    #[must_use]
    pub fn pods(&self) -> &Pods {
        &self.pods
    }

    /// The time from the first response of a session to its end, whatever the client does.
    #[must_use]
    pub const fn absolute_timeout(&self) -> Option<Timeout> {
        self.absolute_timeout
    }

    /// The time from the last request of a session to its end.
    #[must_use]
    pub const fn idle_timeout(&self) -> Option<Timeout> {
        self.idle_timeout
    }
}
