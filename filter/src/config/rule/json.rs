//! The JSON form of a rule, which is frozen: fields can only be added.

use std::sync::Arc;

use serde::Serialize;

use super::{Cacheable, OnEndpointLost, Pin, Rule, RuleError, RuleId};
use crate::config::backend_signals::{EndOn, StartOn};
use crate::config::carrier::{Carrier, Cookie, Header, HeaderName};
use crate::config::pods::Pods;
use crate::config::read::{At, Problem, Refused};
use crate::config::timeout::Timeout;

/// The JSON form of a rule: the carrier is one of two fields.
#[derive(Serialize)]
pub(super) struct Fields {
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

impl Rule {
    pub(in crate::config) fn read(at: &At<'_>) -> Result<Self, Refused> {
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
