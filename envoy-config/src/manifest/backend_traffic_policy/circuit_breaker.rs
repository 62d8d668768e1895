//! `circuitBreaker` (`CircuitBreaker`): limits of connections and requests to the backends of a rule.

use crate::diagnostic::Code;
use crate::manifest::gateway_api::route::filters::fraction_in_millionths;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::integer;

/// `circuitBreaker`. A rule has each limit for itself.
#[derive(Clone, Copy, Debug)]
pub struct CircuitBreaker {
    /// `maxConnections`: 1024 by default.
    pub max_connections: u32,
    /// `maxPendingRequests`: 1024 by default.
    pub max_pending_requests: u32,
    /// `maxParallelRequests`: 1024 by default.
    pub max_parallel_requests: u32,
    /// `maxParallelRetries`: 1024 by default. Not used with a retry budget.
    pub max_parallel_retries: u32,
    /// `maxRequestsPerConnection`; `None` for no limit.
    pub max_requests_per_connection: Option<u32>,
    /// `perEndpoint.maxConnections`: 1024 by default, if `perEndpoint` is set.
    pub max_connections_per_endpoint: Option<u32>,
    /// `retryBudget`.
    pub retry_budget: Option<RetryBudget>,
}

/// `retryBudget`: the number of concurrent retries depends on that of requests.
#[derive(Clone, Copy, Debug)]
pub struct RetryBudget {
    /// `percent` in millionths of the active requests.
    pub millionths: u32,
    /// `minRetryConcurrency`: 3 by default.
    pub min_retry_concurrency: u32,
}

const CIRCUIT_BREAKER: Known = Known {
    read: &[
        "maxConnections",
        "maxPendingRequests",
        "maxParallelRequests",
        "maxParallelRetries",
        "maxRequestsPerConnection",
        "perEndpoint",
        "retryBudget",
    ],
    unread: &[],
    unsupported: &[],
};

const PER_ENDPOINT: Known = Known { read: &["maxConnections"], unread: &[], unsupported: &[] };

const RETRY_BUDGET: Known =
    Known { read: &["percent", "minRetryConcurrency"], unread: &[], unsupported: &[] };

/// The default of the API.
const DEFAULT: u32 = 1024;

pub(super) fn read(at: At<'_>, findings: &mut Findings) -> Option<CircuitBreaker> {
    let fields = Fields::of(at, &CIRCUIT_BREAKER, findings)?;
    let max_connections = fields.or("maxConnections", DEFAULT, findings, number);
    let max_pending_requests = fields.or("maxPendingRequests", DEFAULT, findings, number);
    let max_parallel_requests = fields.or("maxParallelRequests", DEFAULT, findings, number);
    let max_parallel_retries = fields.or("maxParallelRetries", DEFAULT, findings, number);
    let max_requests_per_connection = fields.optional("maxRequestsPerConnection", findings, number);
    let max_connections_per_endpoint = fields.optional("perEndpoint", findings, |at, findings| {
        let fields = Fields::of(at, &PER_ENDPOINT, findings)?;
        fields.or("maxConnections", DEFAULT, findings, number)
    });
    let retry_budget = fields.optional("retryBudget", findings, retry_budget);
    if retry_budget.is_some() && fields.has("maxParallelRetries") {
        let message = "`maxParallelRetries` has no effect beside `retryBudget`";
        findings.add(at.warning(Code::NoEffect, message));
    }
    Some(CircuitBreaker {
        max_connections: max_connections?,
        max_pending_requests: max_pending_requests?,
        max_parallel_requests: max_parallel_requests?,
        max_parallel_retries: max_parallel_retries?,
        // In Envoy, zero is no limit either.
        max_requests_per_connection: max_requests_per_connection.filter(|most| *most > 0),
        max_connections_per_endpoint,
        retry_budget,
    })
}

fn number(at: At<'_>, findings: &mut Findings) -> Option<u32> {
    integer(0..=u32::MAX)(at, findings).map(|number| number.value)
}

fn retry_budget(at: At<'_>, findings: &mut Findings) -> Option<RetryBudget> {
    let fields = Fields::of(at, &RETRY_BUDGET, findings)?;
    let millionths = fields.required("percent", findings, fraction_in_millionths);
    let min_retry_concurrency = fields.or("minRetryConcurrency", 3, findings, number);
    Some(RetryBudget { millionths: millionths?, min_retry_concurrency: min_retry_concurrency? })
}
