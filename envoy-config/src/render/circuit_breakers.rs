//! Circuit breakers (`envoy.config.cluster.v3.CircuitBreakers`): limits of connections and requests to the endpoints of a cluster.

use serde::Serialize;

use crate::limits::Limits;
use crate::model::{CircuitBreaker, RetryLimit};

#[derive(Serialize)]
pub(super) struct CircuitBreakers {
    thresholds: (Thresholds,),
    #[serde(skip_serializing_if = "Option::is_none")]
    per_host_thresholds: Option<(HostThresholds,)>,
}

#[derive(Serialize)]
struct Thresholds {
    max_connections: u32,
    max_pending_requests: u32,
    max_requests: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_retries: Option<u32>,
    #[serde(rename = "retry_budget", skip_serializing_if = "Option::is_none")]
    budget: Option<RetryBudget>,
}

#[derive(Serialize)]
struct RetryBudget {
    budget_percent: Percent,
    min_retry_concurrency: u32,
}

#[derive(Serialize)]
struct Percent {
    value: f64,
}

#[derive(Serialize)]
struct HostThresholds {
    max_connections: u32,
}

impl CircuitBreakers {
    /// Those of the cluster, or else the general limits.
    ///
    /// With Envoy's defaults, three HTTP/2 connections can use all requests of a rule, and only three concurrent retries are allowed,
    /// so that requests to a dead endpoint would get 503 under load.
    pub(super) fn of(own: Option<&CircuitBreaker>, limits: &Limits) -> Self {
        let general = CircuitBreaker {
            connections: limits.connections_per_rule,
            pending_requests: limits.pending_requests_per_rule,
            requests: limits.requests_per_rule,
            retries: RetryLimit::Number(limits.retries_per_rule),
            requests_per_connection: None,
            connections_per_endpoint: None,
        };
        let breaker = own.unwrap_or(&general);
        let (max_retries, budget) = match breaker.retries {
            RetryLimit::Number(most) => (Some(most), None),
            RetryLimit::Budget { millionths, least } => (None, Some(RetryBudget::of(millionths, least))),
        };
        let thresholds = Thresholds {
            max_connections: breaker.connections,
            max_pending_requests: breaker.pending_requests,
            max_requests: breaker.requests,
            max_retries,
            budget,
        };
        let per_host_thresholds =
            breaker.connections_per_endpoint.map(|max_connections| (HostThresholds { max_connections },));
        Self { thresholds: (thresholds,), per_host_thresholds }
    }
}

impl RetryBudget {
    fn of(millionths: u32, least: u32) -> Self {
        Self {
            budget_percent: Percent { value: f64::from(millionths) / 10_000.0 },
            min_retry_concurrency: least,
        }
    }
}
