//! What is hashed to choose an endpoint (`envoy.config.route.v3.RouteAction.HashPolicy`); [`super::super::balancing`] chooses it.

use std::time::Duration;

use serde::Serialize;

use crate::model::HashInput;
use crate::render::retries::Time;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum HashPolicy {
    Header { header_name: String },
    Cookie(Cookie),
    ConnectionProperties { source_ip: bool },
    QueryParameter { name: String },
}

#[derive(Serialize)]
pub(super) struct Cookie {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<Time>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
struct Attribute {
    name: String,
    value: String,
}

impl HashPolicy {
    pub(super) fn of(input: &HashInput) -> Self {
        match input {
            HashInput::ClientAddress => Self::ConnectionProperties { source_ip: true },
            HashInput::Header(name) => Self::Header { header_name: name.clone() },
            HashInput::QueryParameter(name) => Self::QueryParameter { name: name.clone() },
            HashInput::Cookie { name, ttl, attributes } => Self::Cookie(Cookie {
                name: name.clone(),
                ttl: ttl.map(|time: Duration| Time(time)),
                attributes: attributes
                    .iter()
                    .map(|(name, value)| Attribute { name: name.clone(), value: value.clone() })
                    .collect(),
            }),
        }
    }
}
