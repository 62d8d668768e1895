//! A rule of the plugin configuration: its id, the carrier of its sessions, and their timeouts.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::backend_signals::{EndOn, StartOn};
use super::carrier::{Carrier, Cookie, Header, HeaderName, Lifetime};
use super::pods::Pods;
use super::read::{At, Problem, Refused};
use super::timeout::Timeout;
use crate::names::OVERRIDE_HOST_HEADER;

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

/// How the filter names a session's endpoint to Envoy. Either way it sets a private request header, which an Envoy filter behind
/// it reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pin {
    /// `envoy.filters.http.header_to_metadata` and the cluster's policy `override_host`: the first retry goes to the session's own
    /// endpoint, and health is not looked at.
    #[default]
    Metadata,
    /// `envoy.filters.http.stateful_session` in header mode: cheaper, leaves unhealthy endpoints, can be strict, and sends every
    /// retry elsewhere.
    StatefulSession,
}

/// What happens to the requests of a session whose endpoint cannot serve them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnEndpointLost {
    /// Another endpoint serves them, and the session moves there.
    #[default]
    Rebalance,
    /// They get 503, and the session continues when the endpoint is back. A rule that says so is strict.
    Reject,
}

/// Whether shared caches may store a response with a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cacheable {
    /// No: see [`caching`](crate::caching).
    #[default]
    Protect,
    /// The backend decides.
    Ignore,
}

/// The id of a rule, to which its tokens are bound: a token opens only for the rule that issued it.
///
/// Rules with the same id share sessions. If the id of a rule changes, its sessions end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct RuleId(String);

/// A text is not a rule id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid rule id: it must have 1 to 1024 bytes, not {0}")]
pub struct RuleIdError(pub usize);

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

/// The JSON form of a rule: the carrier is one of two fields.
#[derive(Serialize)]
struct Fields {
    id: RuleId,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie: Option<Cookie>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header>,
    #[serde(skip_serializing_if = "Option::is_none")]
    absolute_timeout: Option<Timeout>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout: Option<Timeout>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<Pin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin_header: Option<HeaderName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_endpoint_lost: Option<OnEndpointLost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cacheable: Option<Cacheable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<Pods>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    envelope: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_on: Option<StartOn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_on: Option<EndOn>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    hide_from_backend: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ignored: bool,
}

impl Pin {
    fn read(at: &At<'_>) -> Result<Self, Refused> {
        match at.text()? {
            "metadata" => Ok(Self::Metadata),
            "stateful_session" => Ok(Self::StatefulSession),
            _ => Err(at.refuse(Problem::Value("expected `metadata` or `stateful_session`".to_owned()))),
        }
    }
}

impl OnEndpointLost {
    fn read(at: &At<'_>) -> Result<Self, Refused> {
        match at.text()? {
            "rebalance" => Ok(Self::Rebalance),
            "reject" => Ok(Self::Reject),
            _ => Err(at.refuse(Problem::Value("expected `rebalance` or `reject`".to_owned()))),
        }
    }
}

impl Cacheable {
    fn read(at: &At<'_>) -> Result<Self, Refused> {
        match at.text()? {
            "protect" => Ok(Self::Protect),
            "ignore" => Ok(Self::Ignore),
            _ => Err(at.refuse(Problem::Value("expected `protect` or `ignore`".to_owned()))),
        }
    }
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
            hide_from_backend: false,
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

    /// The same rule for requests that have no session: only what hides the cookie remains.
    #[must_use]
    pub fn ignored(self) -> Self {
        Self { ignored: true, pods: Arc::default(), start_on: None, end_on: None, ..self }
    }

    /// The same rule, if its fields can be combined.
    fn checked(self) -> Result<Self, RuleError> {
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

    pub(super) fn read(at: &At<'_>) -> Result<Self, Refused> {
        let fields = at.fields(&[
            "id",
            "cookie",
            "header",
            "absolute_timeout",
            "idle_timeout",
            "share",
            "pin",
            "pin_header",
            "on_endpoint_lost",
            "cacheable",
            "pods",
            "envelope",
            "start_on",
            "end_on",
            "hide_from_backend",
            "ignored",
        ])?;
        let refuse = |error: RuleError| at.refuse(Problem::Value(error.to_string()));
        let carrier = match (fields.optional("cookie"), fields.optional("header")) {
            (Some(cookie), None) => Carrier::Cookie(Cookie::read(&cookie)?),
            (None, Some(header)) => Carrier::Header(Header::read(&header)?),
            (None, None) => return Err(refuse(RuleError::NoCarrier)),
            (Some(_), Some(_)) => return Err(refuse(RuleError::TwoCarriers)),
        };
        let timeout = |name| fields.optional(name).map(|timeout| timeout.parse()).transpose();
        let (absolute, idle) = (timeout("absolute_timeout")?, timeout("idle_timeout")?);
        let share = fields.optional("share").map(|share| share.text()).transpose()?;
        let rule = Self::new(fields.required("id")?.parse()?, carrier, absolute, idle).map_err(refuse)?;
        let pin = fields.optional("pin").map(|pin| Pin::read(&pin)).transpose()?.unwrap_or_default();
        let lost = fields.optional("on_endpoint_lost").map(|lost| OnEndpointLost::read(&lost)).transpose()?;
        let on_endpoint_lost = lost.unwrap_or_default();
        if on_endpoint_lost == OnEndpointLost::Reject && pin != Pin::StatefulSession {
            return Err(refuse(RuleError::StrictWithoutStatefulSession));
        }
        let cacheable = fields.optional("cacheable").map(|it| Cacheable::read(&it)).transpose()?;
        let cacheable = cacheable.unwrap_or_default();
        let pods = fields.optional("pods").map(|pods| Pods::read(&pods)).transpose()?.unwrap_or_default();
        let share = share.map(str::to_owned);
        let pin_header = fields.optional("pin_header").map(|name| name.parse()).transpose()?;
        let flag = |name| Ok(fields.optional(name).map(|flag| flag.flag()).transpose()? == Some(true));
        let (envelope, hide_from_backend) = (flag("envelope")?, flag("hide_from_backend")?);
        let ignored = flag("ignored")?;
        let start_on = fields.optional("start_on").map(|signal| StartOn::read(&signal)).transpose()?;
        let end_on = fields.optional("end_on").map(|signal| EndOn::read(&signal)).transpose()?;
        let rule =
            Self { share, pin, pin_header, on_endpoint_lost, cacheable, envelope, ..rule }.with_pods(pods);
        Self { start_on, end_on, hide_from_backend, ignored, ..rule }.checked().map_err(refuse)
    }

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

impl From<Rule> for Fields {
    fn from(rule: Rule) -> Self {
        let (cookie, header) = match rule.carrier {
            Carrier::Cookie(cookie) => (Some(cookie), None),
            Carrier::Header(header) => (None, Some(header)),
        };
        let Rule {
            id,
            absolute_timeout,
            idle_timeout,
            share,
            pin,
            pin_header,
            on_endpoint_lost,
            cacheable,
            pods,
            envelope,
            start_on,
            end_on,
            hide_from_backend,
            ignored,
            ..
        } = rule;
        let pin = (pin != Pin::default()).then_some(pin);
        let on_endpoint_lost = Some(on_endpoint_lost).filter(|lost| *lost != OnEndpointLost::default());
        let cacheable = Some(cacheable).filter(|cacheable| *cacheable != Cacheable::default());
        let pods = (!pods.is_empty()).then(|| Arc::unwrap_or_clone(pods));
        Self {
            id,
            cookie,
            header,
            absolute_timeout,
            idle_timeout,
            share,
            pin,
            pin_header,
            on_endpoint_lost,
            cacheable,
            pods,
            envelope,
            start_on,
            end_on,
            hide_from_backend,
            ignored,
        }
    }
}

impl RuleId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RuleId {
    type Error = RuleIdError;

    fn try_from(text: String) -> Result<Self, RuleIdError> {
        if (1..=1024).contains(&text.len()) { Ok(Self(text)) } else { Err(RuleIdError(text.len())) }
    }
}

impl From<RuleId> for String {
    fn from(id: RuleId) -> Self {
        id.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
