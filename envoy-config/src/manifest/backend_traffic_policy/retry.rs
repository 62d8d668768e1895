//! `retry` (`Retry`): when a request is retried, and how often.

use std::time::Duration;

use super::{positive_time, time, unsupported};
use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;
use crate::manifest::read::value::{integer, word};

/// `retry`.
#[derive(Clone, Debug)]
pub struct Retry {
    /// `numRetries`: 2 by default.
    pub num_retries: u32,
    /// `retryOn.triggers`, sorted, without duplicates.
    pub triggers: Vec<Trigger>,
    /// `retryOn.httpStatusCodes`, sorted, without duplicates: those that [`Trigger::RetriableStatusCodes`] retries.
    pub http_status_codes: Vec<u16>,
    /// `perRetry.timeout`: zero means no limit.
    pub per_retry_timeout: Option<Duration>,
    /// `perRetry.backOff`.
    pub back_off: BackOff,
}

/// `perRetry.backOff`: the bounds of the random wait before a retry.
#[derive(Clone, Copy, Debug, Default)]
pub struct BackOff {
    /// `baseInterval`.
    pub base_interval: Option<Duration>,
    /// `maxInterval`: not shorter than `baseInterval`.
    pub max_interval: Option<Duration>,
}

/// A condition for a retry (`TriggerEnum`), with Envoy's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// `5xx`: any such status, or no answer.
    ServerError,
    /// `gateway-error`: 502, 503 or 504, or no answer.
    GatewayError,
    /// `reset`: no answer.
    Reset,
    /// `reset-before-request`: no answer, and nothing was sent.
    ResetBeforeRequest,
    /// `connect-failure`.
    ConnectFailure,
    /// `retriable-4xx`: 409.
    Conflict,
    /// `refused-stream`.
    RefusedStream,
    /// `retriable-status-codes`.
    RetriableStatusCodes,
    /// `cancelled`, a status of gRPC.
    Cancelled,
    /// `deadline-exceeded`, a status of gRPC.
    DeadlineExceeded,
    /// `internal`, a status of gRPC.
    Internal,
    /// `resource-exhausted`, a status of gRPC.
    ResourceExhausted,
    /// `unavailable`, a status of gRPC.
    Unavailable,
}

const RETRY: Known = Known {
    read: &["numRetries", "retryOn", "perRetry"],
    unread: &[],
    unsupported: &[unsupported("numAttemptsPerPriority", "all endpoints have the same priority")],
};

const RETRY_ON: Known = Known { read: &["triggers", "httpStatusCodes"], unread: &[], unsupported: &[] };

const PER_RETRY: Known = Known { read: &["timeout", "backOff"], unread: &[], unsupported: &[] };

const BACK_OFF: Known = Known { read: &["baseInterval", "maxInterval"], unread: &[], unsupported: &[] };

const TRIGGERS: [(&str, Trigger); 13] = [
    ("5xx", Trigger::ServerError),
    ("gateway-error", Trigger::GatewayError),
    ("reset", Trigger::Reset),
    ("reset-before-request", Trigger::ResetBeforeRequest),
    ("connect-failure", Trigger::ConnectFailure),
    ("retriable-4xx", Trigger::Conflict),
    ("refused-stream", Trigger::RefusedStream),
    ("retriable-status-codes", Trigger::RetriableStatusCodes),
    ("cancelled", Trigger::Cancelled),
    ("deadline-exceeded", Trigger::DeadlineExceeded),
    ("internal", Trigger::Internal),
    ("resource-exhausted", Trigger::ResourceExhausted),
    ("unavailable", Trigger::Unavailable),
];

/// The triggers of Envoy Gateway if a policy has none.
const DEFAULT_TRIGGERS: [Trigger; 5] = [
    Trigger::ConnectFailure,
    Trigger::RefusedStream,
    Trigger::RetriableStatusCodes,
    Trigger::Cancelled,
    Trigger::Unavailable,
];

/// The statuses of Envoy Gateway if a policy has no `retryOn`.
const DEFAULT_STATUSES: [u16; 1] = [503];

pub(super) fn read(at: At<'_>, findings: &mut Findings) -> Option<Retry> {
    let fields = Fields::of(at, &RETRY, findings)?;
    let num_retries =
        fields.or("numRetries", fields.default(2), findings, integer(0..=i32::MAX.unsigned_abs()));
    let default = (DEFAULT_TRIGGERS.to_vec(), DEFAULT_STATUSES.to_vec());
    let retry_on = fields.or("retryOn", default, findings, retry_on);
    let per_retry = fields.optional("perRetry", findings, per_retry);
    let (triggers, http_status_codes) = retry_on?;
    let (per_retry_timeout, back_off) = per_retry.unwrap_or_default();
    Some(Retry { num_retries: num_retries?.value, triggers, http_status_codes, per_retry_timeout, back_off })
}

fn retry_on(at: At<'_>, findings: &mut Findings) -> Option<(Vec<Trigger>, Vec<u16>)> {
    let fields = Fields::of(at, &RETRY_ON, findings)?;
    let triggers = fields.optional("triggers", findings, |at, findings| {
        list(at, 0..=usize::MAX, findings, |at, findings| Some(word(&TRIGGERS)(at, findings)?.value))
    });
    let statuses = fields.optional("httpStatusCodes", findings, statuses);
    // Envoy Gateway replaces its defaults one by one, and an object without both fields does not count.
    let written = triggers.is_some() || statuses.is_some();
    let mut triggers =
        triggers.filter(|triggers| !triggers.is_empty()).unwrap_or_else(|| DEFAULT_TRIGGERS.to_vec());
    let statuses = statuses.unwrap_or_else(|| if written { Vec::new() } else { DEFAULT_STATUSES.to_vec() });
    if !statuses.is_empty() && !triggers.contains(&Trigger::RetriableStatusCodes) {
        let message = "`httpStatusCodes` has no effect without the trigger `retriable-status-codes`";
        findings.add(at.warning(Code::NoEffect, message));
    }
    triggers.sort_unstable();
    triggers.dedup();
    Some((triggers, statuses))
}

/// A list of HTTP statuses, sorted and without duplicates.
pub(super) fn statuses(at: At<'_>, findings: &mut Findings) -> Option<Vec<u16>> {
    let status = |at: At<'_>, findings: &mut Findings| Some(integer(100..=599_u16)(at, findings)?.value);
    let mut statuses = list(at, 0..=usize::MAX, findings, status)?;
    statuses.sort_unstable();
    statuses.dedup();
    Some(statuses)
}

fn per_retry(at: At<'_>, findings: &mut Findings) -> Option<(Option<Duration>, BackOff)> {
    let fields = Fields::of(at, &PER_RETRY, findings)?;
    let timeout = fields.optional("timeout", findings, time);
    let back_off = fields.optional("backOff", findings, back_off).unwrap_or_default();
    Some((timeout, back_off))
}

fn back_off(at: At<'_>, findings: &mut Findings) -> Option<BackOff> {
    let fields = Fields::of(at, &BACK_OFF, findings)?;
    let base_interval = fields.optional("baseInterval", findings, positive_time);
    let max_interval = fields.optional("maxInterval", findings, positive_time);
    if let (Some(base), Some(longest)) = (base_interval, max_interval)
        && base > longest
    {
        let message = "`maxInterval` is shorter than `baseInterval`";
        return findings.reject(at.error(Code::InvalidDuration, message));
    }
    Some(BackOff { base_interval, max_interval })
}
