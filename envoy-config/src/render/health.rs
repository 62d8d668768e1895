//! Health checks of clusters (`envoy.config.core.v3.HealthCheck`, `envoy.config.cluster.v3.OutlierDetection`).

use std::fmt::Write;

use serde::Serialize;

use super::retries::Time;
use crate::model::{self, ActiveCheck, HttpVersion, Probe};

#[derive(Serialize)]
pub(super) struct HealthCheck {
    timeout: Time,
    interval: Time,
    no_traffic_interval: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_jitter: Option<Time>,
    unhealthy_threshold: u32,
    healthy_threshold: u32,
    #[serde(flatten)]
    checker: Checker,
}

#[derive(Serialize)]
enum Checker {
    #[serde(rename = "http_health_check")]
    Http(HttpHealthCheck),
    #[serde(rename = "tcp_health_check")]
    Tcp(TcpHealthCheck),
    #[serde(rename = "grpc_health_check")]
    Grpc(GrpcHealthCheck),
}

#[derive(Serialize)]
struct HttpHealthCheck {
    host: String,
    path: String,
    method: &'static str,
    expected_statuses: Vec<Range>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    retriable_statuses: Vec<Range>,
    #[serde(skip_serializing_if = "Option::is_none")]
    codec_client_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    send: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receive: Option<(Payload,)>,
}

#[derive(Serialize)]
struct TcpHealthCheck {
    #[serde(skip_serializing_if = "Option::is_none")]
    send: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receive: Option<(Payload,)>,
}

#[derive(Serialize)]
struct GrpcHealthCheck {
    service_name: String,
    authority: String,
}

/// The end does not belong to the range.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Range {
    start: u16,
    end: u16,
}

/// In hexadecimal digits.
#[derive(Serialize)]
struct Payload {
    text: String,
}

#[derive(Serialize)]
pub(super) struct OutlierDetection {
    consecutive_5xx: u32,
    interval: Time,
    base_ejection_time: Time,
    max_ejection_percent: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    consecutive_gateway_failure: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enforcing_consecutive_gateway_failure: Option<u32>,
    split_external_local_origin_errors: bool,
    consecutive_local_origin_failure: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_percentage_threshold: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enforcing_failure_percentage: Option<u32>,
    always_eject_one_host: bool,
}

impl HealthCheck {
    pub(super) fn of(check: &ActiveCheck, version: HttpVersion) -> Self {
        Self {
            timeout: Time(check.timeout),
            interval: Time(check.interval),
            // Envoy checks a cluster without requests only once a minute, and the first request would find an endpoint that has
            // been unhealthy for a minute.
            no_traffic_interval: Time(check.interval),
            initial_jitter: check.initial_jitter.map(Time),
            unhealthy_threshold: check.unhealthy_threshold,
            healthy_threshold: check.healthy_threshold,
            checker: Checker::of(&check.probe, version),
        }
    }
}

impl Checker {
    fn of(probe: &Probe, version: HttpVersion) -> Self {
        let payload = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(Payload::of);
        match probe {
            Probe::Http { host, path, method, expected, retriable, body, contains } => {
                Self::Http(HttpHealthCheck {
                    host: host.clone(),
                    path: path.clone(),
                    method,
                    expected_statuses: ranges(expected),
                    retriable_statuses: ranges(retriable),
                    codec_client_type: (version == HttpVersion::Http2).then_some("HTTP2"),
                    send: payload(body),
                    receive: payload(contains).map(|payload| (payload,)),
                })
            }
            Probe::Tcp { send, receive } => Self::Tcp(TcpHealthCheck {
                send: payload(send),
                receive: payload(receive).map(|payload| (payload,)),
            }),
            Probe::Grpc { host, service } => {
                Self::Grpc(GrpcHealthCheck { service_name: service.clone(), authority: host.clone() })
            }
        }
    }
}

impl Payload {
    fn of(bytes: &[u8]) -> Self {
        let text = bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { text }
    }
}

/// Sorted statuses as ranges.
fn ranges(statuses: &[u16]) -> Vec<Range> {
    let next = |status: u16| status.saturating_add(1);
    let rows = statuses.chunk_by(|one, other| next(*one) == *other);
    let range = |row: &[u16]| Some(Range { start: *row.first()?, end: next(*row.last()?) });
    rows.filter_map(range).collect()
}

impl OutlierDetection {
    pub(super) fn of(outliers: &model::OutlierDetection) -> Self {
        Self {
            consecutive_5xx: outliers.server_errors,
            interval: Time(outliers.interval),
            base_ejection_time: Time(outliers.base_ejection_time),
            max_ejection_percent: outliers.max_ejection_percent,
            consecutive_gateway_failure: outliers.gateway_errors,
            // By default, Envoy counts these without ejecting.
            enforcing_consecutive_gateway_failure: outliers.gateway_errors.map(|_| 100),
            split_external_local_origin_errors: outliers.split_local_origin,
            consecutive_local_origin_failure: outliers.local_origin_failures,
            failure_percentage_threshold: outliers.failure_percentage,
            enforcing_failure_percentage: outliers.failure_percentage.map(|_| 100),
            always_eject_one_host: outliers.always_eject_one,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Range, ranges};

    #[test]
    fn neighbouring_statuses_are_one_range() {
        let range = |start, end| Range { start, end };
        assert_eq!(ranges(&[200, 201, 204, 599]), [range(200, 202), range(204, 205), range(599, 600)]);
        assert_eq!(ranges(&[]), []);
    }
}
