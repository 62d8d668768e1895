//! Makes rules, and says which of their fields can be combined.

use std::sync::Arc;

use super::{Cacheable, OnEndpointLost, Pin, Rule, RuleId};
use crate::config::backend_signals::{EndOn, StartOn};
use crate::config::carrier::{Carrier, CookiePath, HeaderName, Lifetime};
use crate::config::pods::Pods;
use crate::config::timeout::Timeout;

/// The fields of a rule contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Neither `cookie` nor `header`.
    #[error("a rule needs a `cookie` or a `header` to carry its sessions")]
    NoCarrier,
    /// Both `cookie` and `header`.
    #[error("a rule carries its sessions in a `cookie` or in a `header`, not in both")]
    TwoCarriers,
    /// GEP-1619: the lifetime of a permanent cookie is the absolute timeout.
    #[error("a cookie of lifetime `permanent` needs an `absolute_timeout`")]
    PermanentWithoutTimeout,
    /// Only `stateful_session` can be strict.
    #[error("`on_endpoint_lost` can be `reject` only if `pin` is `stateful_session`")]
    StrictWithoutStatefulSession,
    /// Backends set their own session in a header.
    #[error("`envelope` needs a `header` that the route does not remove")]
    EnvelopeWithoutHeader,
    /// Sessions of a split or strict rule need routes that only `envoy-config` renders.
    #[error(
        "with a `pin_header`, a rule can be neither split nor strict: it needs routes that `envoy-config` renders"
    )]
    GatewayRoutes,
    /// The pin would replace the token.
    #[error("the `pin_header` must have another name than the headers that carry sessions")]
    PinInCarrier,
    /// An envelope starts a session when the backend sets the session header.
    #[error("`start_on` cannot be combined with `envelope`")]
    StartOnWithEnvelope,
    /// The filter sets the carrier itself.
    #[error("`start_on` and `end_on` cannot name the cookie or header of the rule's own sessions")]
    SignalInCarrier,
    /// A route removes headers itself.
    #[error("`hide_from_backend` needs a `cookie`; let the route remove a header")]
    HiddenWithoutCookie,
}

impl Rule {
    /// A rule that is not split.
    ///
    /// # Errors
    /// A permanent cookie without an absolute timeout.
    pub fn new(
        id: RuleId,
        carrier: Carrier,
        absolute_timeout: Option<Timeout>,
        idle_timeout: Option<Timeout>,
    ) -> Result<Self, RuleError> {
        let permanent = matches!(&carrier, Carrier::Cookie(cookie) if cookie.lifetime == Lifetime::Permanent);
        if permanent && absolute_timeout.is_none() {
            return Err(RuleError::PermanentWithoutTimeout);
        }
        Ok(Self {
            id,
            carrier,
            absolute_timeout,
            idle_timeout,
            share: None,
            pin: Pin::default(),
            pin_header: None,
            on_endpoint_lost: OnEndpointLost::default(),
            cacheable: Cacheable::default(),
            pods: Arc::default(),
            envelope: false,
            start_on: None,
            end_on: None,
            hide_from_backend: false,
            ignored: false,
        })
    }

    /// The same rule on a TLS listener: its cookie, if it has one, is `Secure`.
    #[must_use]
    pub fn secure(mut self) -> Self {
        if let Carrier::Cookie(cookie) = &mut self.carrier {
            cookie.secure = true;
        }
        self
    }

    /// The same rule with this kind of pin.
    #[must_use]
    pub fn pinned_by(self, pin: Pin) -> Self {
        Self { pin, ..self }
    }

    /// The same rule in front of a gateway's own session persistence, which reads the pin from this header. It is neither split nor
    /// strict, does not know pods, and hides nothing from backends: that needs routes of `envoy-config`.
    ///
    /// # Errors
    /// The header carries its sessions.
    pub fn in_gateway(mut self, pin_header: HeaderName) -> Result<Self, RuleError> {
        if let Carrier::Header(header) = &mut self.carrier {
            header.removed_by_route = false;
        }
        Self {
            share: None,
            pin: Pin::StatefulSession,
            pin_header: Some(pin_header),
            on_endpoint_lost: OnEndpointLost::Rebalance,
            pods: Arc::default(),
            ..self
        }
        .checked()
    }

    /// The same rule with a cookie, if it has one, that is `Secure` or not.
    #[must_use]
    pub fn with_secure(mut self, secure: bool) -> Self {
        if let Carrier::Cookie(cookie) = &mut self.carrier {
            cookie.secure = secure;
        }
        self
    }

    /// The same rule with a cookie, if it has one, that has this path.
    #[must_use]
    pub fn with_cookie_path(mut self, path: CookiePath) -> Self {
        if let Carrier::Cookie(cookie) = &mut self.carrier {
            cookie.path = path;
        }
        self
    }

    /// The same rule as a strict one.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { on_endpoint_lost: OnEndpointLost::Reject, pin: Pin::StatefulSession, ..self }
    }

    /// The same rule with responses that caches treat like this.
    #[must_use]
    pub fn cacheable(self, cacheable: Cacheable) -> Self {
        Self { cacheable, ..self }
    }

    /// The same rule on a route that removes its session header, if it has one, from responses of backends.
    #[must_use]
    pub fn removed_by_route(mut self) -> Self {
        if let Carrier::Header(header) = &mut self.carrier {
            header.removed_by_route = true;
        }
        self
    }

    /// The same rule on the route of a share: the rule is split, and each backendRef is a share. The empty name is no share.
    #[must_use]
    pub fn of_share(mut self, share: impl Into<String>) -> Self {
        self.share = Some(share.into());
        self
    }

    /// The same rule with these pods, of all its shares: its sessions follow them.
    #[must_use]
    pub fn with_pods(self, pods: Pods) -> Self {
        Self { pods: Arc::new(pods), ..self }
    }

    /// The same rule with tokens that wrap the backend's own value of the session header. It needs a header, which the route must
    /// not remove.
    ///
    /// # Errors
    /// It has no such header.
    pub fn enveloped(self) -> Result<Self, RuleError> {
        Self { envelope: true, ..self }.checked()
    }

    /// The same rule with sessions that start and end when the backend says so.
    ///
    /// # Errors
    /// A backend cannot say it in the carrier of the rule's own sessions.
    pub fn following(self, start_on: Option<StartOn>, end_on: Option<EndOn>) -> Result<Self, RuleError> {
        Self { start_on, end_on, ..self }.checked()
    }

    /// The same rule with a cookie that does not reach its backends: the route must replace the header by those that the filter leaves.
    ///
    /// # Errors
    /// It has no cookie.
    pub fn hidden(self) -> Result<Self, RuleError> {
        Self { hide_from_backend: true, ..self }.checked()
    }

    /// The same rule with a cookie, if it has one, that backends see.
    #[must_use]
    pub fn visible(self) -> Self {
        Self { hide_from_backend: false, ..self }
    }

    /// The same rule for requests that have no session: only what hides the cookie remains.
    #[must_use]
    pub fn ignored(self) -> Self {
        Self { ignored: true, pods: Arc::default(), start_on: None, end_on: None, ..self }
    }

    /// The same rule, if its fields can be combined.
    pub(super) fn checked(self) -> Result<Self, RuleError> {
        let carrier = &self.carrier;
        let keeps_header = matches!(carrier, Carrier::Header(header) if !header.removed_by_route);
        if self.envelope && !keeps_header {
            return Err(RuleError::EnvelopeWithoutHeader);
        }
        if self.envelope && self.start_on.is_some() {
            return Err(RuleError::StartOnWithEnvelope);
        }
        let starts = self.start_on.as_ref().is_some_and(|signal| signal.is_carrier(carrier));
        if starts || self.end_on.as_ref().is_some_and(|signal| signal.is_carrier(carrier)) {
            return Err(RuleError::SignalInCarrier);
        }
        if let Some(pin_header) = &self.pin_header {
            if self.share.is_some() || self.is_strict() {
                return Err(RuleError::GatewayRoutes);
            }
            if carrier.header() == Some(pin_header) {
                return Err(RuleError::PinInCarrier);
            }
        }
        if self.hide_from_backend && matches!(carrier, Carrier::Header(_)) {
            return Err(RuleError::HiddenWithoutCookie);
        }
        Ok(self)
    }
}
