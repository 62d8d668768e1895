//! Settings that are one of several words.

use serde::Serialize;

use crate::config::read::{At, Problem, Refused};

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

impl Pin {
    pub(super) fn read(at: &At<'_>) -> Result<Self, Refused> {
        match at.text()? {
            "metadata" => Ok(Self::Metadata),
            "stateful_session" => Ok(Self::StatefulSession),
            _ => Err(at.refuse(Problem::Value("expected `metadata` or `stateful_session`".to_owned()))),
        }
    }
}

impl OnEndpointLost {
    pub(super) fn read(at: &At<'_>) -> Result<Self, Refused> {
        match at.text()? {
            "rebalance" => Ok(Self::Rebalance),
            "reject" => Ok(Self::Reject),
            _ => Err(at.refuse(Problem::Value("expected `rebalance` or `reject`".to_owned()))),
        }
    }
}

impl Cacheable {
    pub(super) fn read(at: &At<'_>) -> Result<Self, Refused> {
        match at.text()? {
            "protect" => Ok(Self::Protect),
            "ignore" => Ok(Self::Ignore),
            _ => Err(at.refuse(Problem::Value("expected `protect` or `ignore`".to_owned()))),
        }
    }
}
