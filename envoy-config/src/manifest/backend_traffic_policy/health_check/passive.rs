//! `passive` (`PassiveHealthCheck`): Envoy ejects endpoints whose answers are errors (outlier detection).

use std::time::Duration;

use super::percent;
use crate::diagnostic::Code;
use crate::manifest::backend_traffic_policy::positive_time;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::{boolean, integer};

/// `passive`, with the defaults of the API.
#[derive(Clone, Debug)]
pub struct PassiveHealthCheck {
    /// `splitExternalLocalOriginErrors`: failures to connect do not count as answers.
    pub split_local_origin: bool,
    /// `interval`: 3 seconds by default.
    pub interval: Duration,
    /// `consecutiveLocalOriginFailures`: 5 by default.
    pub local_origin_failures: u32,
    /// `consecutiveGatewayErrors`; `None`: they do not eject an endpoint by themselves.
    pub gateway_errors: Option<u32>,
    /// `consecutive5XxErrors`: 5 by default.
    pub server_errors: u32,
    /// `baseEjectionTime`: 30 seconds by default.
    pub base_ejection_time: Duration,
    /// `maxEjectionPercent`: 10 by default.
    pub max_ejection_percent: u32,
    /// `failurePercentageThreshold`; `None`: the fraction of failures does not eject an endpoint.
    pub failure_percentage: Option<u32>,
    /// `alwaysEjectOneEndpoint`, whatever `maxEjectionPercent` is.
    pub always_eject_one: bool,
}

const PASSIVE: Known = Known {
    read: &[
        "splitExternalLocalOriginErrors",
        "interval",
        "consecutiveLocalOriginFailures",
        "consecutiveGatewayErrors",
        "consecutive5XxErrors",
        "baseEjectionTime",
        "maxEjectionPercent",
        "failurePercentageThreshold",
        "alwaysEjectOneEndpoint",
    ],
    unread: &[],
    unsupported: &[],
};

pub(super) fn read(at: At<'_>, findings: &mut Findings) -> Option<PassiveHealthCheck> {
    let fields = Fields::of(at, &PASSIVE, findings)?;
    let split_local_origin = fields.or("splitExternalLocalOriginErrors", false, findings, boolean);
    let interval = fields.or("interval", Duration::from_secs(3), findings, positive_time);
    let local_origin_failures = fields.or("consecutiveLocalOriginFailures", 5, findings, count);
    let gateway_errors = fields.optional("consecutiveGatewayErrors", findings, count);
    let server_errors = fields.or("consecutive5XxErrors", 5, findings, count);
    let base_ejection_time = fields.or("baseEjectionTime", Duration::from_secs(30), findings, positive_time);
    let max_ejection_percent = fields.or("maxEjectionPercent", 10, findings, percent);
    let failure_percentage = fields.optional("failurePercentageThreshold", findings, percent);
    let always_eject_one = fields.or("alwaysEjectOneEndpoint", false, findings, boolean);
    if fields.has("consecutiveLocalOriginFailures") && split_local_origin == Some(false) {
        let message =
            "`consecutiveLocalOriginFailures` has no effect without `splitExternalLocalOriginErrors`";
        findings.add(at.warning(Code::NoEffect, message));
    }
    Some(PassiveHealthCheck {
        split_local_origin: split_local_origin?,
        interval: interval?,
        local_origin_failures: local_origin_failures?,
        gateway_errors,
        server_errors: server_errors?,
        base_ejection_time: base_ejection_time?,
        max_ejection_percent: max_ejection_percent?,
        failure_percentage,
        always_eject_one: always_eject_one?,
    })
}

fn count(at: At<'_>, findings: &mut Findings) -> Option<u32> {
    integer(0..=u32::MAX)(at, findings).map(|count| count.value)
}
