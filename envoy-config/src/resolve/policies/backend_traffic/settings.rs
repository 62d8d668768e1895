//! The settings of clusters and routes that a `BackendTrafficPolicy` asks for.

use std::time::Duration;

use super::Policy;
use crate::manifest::backend_traffic_policy::{self as written, Checker, Trigger};
use crate::model::{
    ActiveCheck, Backoff, CircuitBreaker, ClusterSettings, HashInput, Health, Limit, LoadBalancing,
    OutlierDetection, Probe, Retry, RetryCondition, RetryLimit,
};

/// Envoy's default for the base of the wait before a retry.
const BASE_WAIT: Duration = Duration::from_millis(25);

/// The settings of the clusters of a rule. Health checks ask for this host.
pub(super) fn cluster(policy: Policy<'_>, host: &str) -> ClusterSettings {
    let policy = &policy.spec;
    ClusterSettings {
        circuit_breaker: policy.circuit_breaker.as_ref().map(circuit_breaker),
        connect_timeout: policy.timeout.connect,
        connection_idle_timeout: policy.timeout.connection_idle.map(limit),
        connection_duration: policy.timeout.connection.filter(|time| !time.is_zero()),
        connection_buffer: policy.connection.buffer_limit,
        load_balancing: policy.load_balancer.as_ref().map(load_balancing).unwrap_or_default(),
        health: health(&policy.health_check, host),
        preconnect_percent: policy.connection.per_endpoint_percent,
    }
}

const fn load_balancing(written: &written::LoadBalancer) -> LoadBalancing {
    match written {
        written::LoadBalancer::RoundRobin { slow_start } => {
            LoadBalancing::RoundRobin { slow_start: *slow_start }
        }
        written::LoadBalancer::LeastRequest { slow_start } => {
            LoadBalancing::LeastRequest { slow_start: *slow_start }
        }
        written::LoadBalancer::Random => LoadBalancing::Random,
        written::LoadBalancer::ConsistentHash(hash) => {
            LoadBalancing::ConsistentHash { table_size: hash.table_size }
        }
    }
}

fn health(written: &written::HealthCheck, host: &str) -> Health {
    let active = written.active.as_ref().map(|active| ActiveCheck {
        timeout: active.timeout,
        interval: active.interval,
        initial_jitter: active.initial_jitter,
        unhealthy_threshold: active.unhealthy_threshold,
        healthy_threshold: active.healthy_threshold,
        probe: probe(&active.checker, host),
        port: active.port,
    });
    let outliers = written.passive.as_ref().map(|passive| OutlierDetection {
        split_local_origin: passive.split_local_origin,
        interval: passive.interval,
        local_origin_failures: passive.local_origin_failures,
        gateway_errors: passive.gateway_errors,
        server_errors: passive.server_errors,
        base_ejection_time: passive.base_ejection_time,
        max_ejection_percent: passive.max_ejection_percent,
        failure_percentage: passive.failure_percentage,
        always_eject_one: passive.always_eject_one,
    });
    Health { active, outliers, panic_percent: written.panic_threshold }
}

fn probe(checker: &Checker, host: &str) -> Probe {
    match checker {
        Checker::Http(http) => Probe::Http {
            host: http.hostname.clone().unwrap_or_else(|| host.to_owned()),
            path: http.path.clone(),
            method: http.method,
            expected: http.expected_statuses.clone(),
            retriable: http.retriable_statuses.clone(),
            body: http.request_body.clone(),
            contains: http.expected_response.clone(),
        },
        Checker::Tcp { send, receive } => Probe::Tcp { send: send.clone(), receive: receive.clone() },
        Checker::Grpc { service } => Probe::Grpc { host: host.to_owned(), service: service.clone() },
    }
}

/// What is hashed to choose an endpoint.
pub(in crate::resolve) fn hash(policy: Option<Policy<'_>>) -> Vec<HashInput> {
    let Some(written::LoadBalancer::ConsistentHash(hash)) =
        policy.and_then(|policy| policy.spec.load_balancer.as_ref())
    else {
        return Vec::new();
    };
    match &hash.input {
        written::HashInput::SourceIp => vec![HashInput::ClientAddress],
        written::HashInput::Headers(names) => names.iter().cloned().map(HashInput::Header).collect(),
        written::HashInput::QueryParams(names) => {
            names.iter().cloned().map(HashInput::QueryParameter).collect()
        }
        written::HashInput::Cookie { name, ttl, attributes } => {
            vec![HashInput::Cookie { name: name.value.clone(), ttl: *ttl, attributes: attributes.clone() }]
        }
    }
}

fn circuit_breaker(written: &written::CircuitBreaker) -> CircuitBreaker {
    CircuitBreaker {
        connections: written.max_connections,
        pending_requests: written.max_pending_requests,
        requests: written.max_parallel_requests,
        retries: match written.retry_budget {
            Some(budget) => {
                RetryLimit::Budget { millionths: budget.millionths, least: budget.min_retry_concurrency }
            }
            None => RetryLimit::Number(written.max_parallel_retries),
        },
        requests_per_connection: written.max_requests_per_connection,
        connections_per_endpoint: written.max_connections_per_endpoint,
    }
}

/// A timeout of which zero means that there is none.
pub(in crate::resolve) const fn limit(time: Duration) -> Limit {
    if time.is_zero() { Limit::Never } else { Limit::After(time) }
}

/// The retries of a rule.
pub(in crate::resolve) fn retry(written: &written::Retry) -> Retry {
    let mut conditions: Vec<RetryCondition> =
        written.triggers.iter().copied().filter_map(condition).collect();
    conditions.sort_unstable();
    let by_status = written.triggers.contains(&Trigger::RetriableStatusCodes);
    let statuses = if by_status { written.http_status_codes.clone() } else { Vec::new() };
    let backoff = match (written.back_off.base_interval, written.back_off.max_interval) {
        (None, None) => None,
        (base, longest) => {
            let base = base.unwrap_or_else(|| longest.map_or(BASE_WAIT, |longest| longest.min(BASE_WAIT)));
            Some(Backoff::Within { base, longest: longest.unwrap_or_else(|| base.saturating_mul(10)) })
        }
    };
    Retry { conditions, statuses, attempts: written.num_retries, backoff }
}

/// `None` if requests are retried on this condition anyway, because nothing has reached the endpoint, or if the condition
/// is a list of statuses.
const fn condition(trigger: Trigger) -> Option<RetryCondition> {
    match trigger {
        Trigger::ConnectFailure
        | Trigger::RefusedStream
        | Trigger::ResetBeforeRequest
        | Trigger::RetriableStatusCodes => None,
        Trigger::ServerError => Some(RetryCondition::ServerError),
        Trigger::GatewayError => Some(RetryCondition::GatewayError),
        Trigger::Reset => Some(RetryCondition::Reset),
        Trigger::Conflict => Some(RetryCondition::Conflict),
        Trigger::Cancelled => Some(RetryCondition::Cancelled),
        Trigger::DeadlineExceeded => Some(RetryCondition::DeadlineExceeded),
        Trigger::Internal => Some(RetryCondition::Internal),
        Trigger::ResourceExhausted => Some(RetryCondition::ResourceExhausted),
        Trigger::Unavailable => Some(RetryCondition::Unavailable),
    }
}
