//! `timeout` (`Timeout`): timeouts of connections to backends and of requests.

use std::time::Duration;

use super::{positive_time, time};
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;

/// `timeout`. Except for the first, zero means no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timeout {
    /// `tcp.connectTimeout`: longer than zero.
    pub connect: Option<Duration>,
    /// `http.connectionIdleTimeout`: how long a connection may have no request.
    pub connection_idle: Option<Duration>,
    /// `http.maxConnectionDuration`: how long a connection may last.
    pub connection: Option<Duration>,
    /// `http.requestTimeout`: from the end of the request to the end of the response, including retries.
    pub request: Option<Duration>,
    /// `http.maxStreamDuration`: from the start of the request to the end of the response.
    pub stream: Option<Duration>,
    /// `http.streamIdleTimeout`: how long a request may be idle in both directions.
    pub stream_idle: Option<Duration>,
}

const TIMEOUT: Known = Known { read: &["tcp", "http"], unread: &[], unsupported: &[] };

const TCP: Known = Known { read: &["connectTimeout"], unread: &[], unsupported: &[] };

const HTTP: Known = Known {
    read: &[
        "connectionIdleTimeout",
        "maxConnectionDuration",
        "requestTimeout",
        "maxStreamDuration",
        "streamIdleTimeout",
    ],
    unread: &[],
    unsupported: &[],
};

pub(super) fn read(at: At<'_>, findings: &mut Findings) -> Option<Timeout> {
    let fields = Fields::of(at, &TIMEOUT, findings)?;
    let connect = fields.optional("tcp", findings, |at, findings| {
        Fields::of(at, &TCP, findings)?.optional("connectTimeout", findings, positive_time)
    });
    let http = fields.optional("http", findings, http).unwrap_or_default();
    Some(Timeout { connect, ..http })
}

fn http(at: At<'_>, findings: &mut Findings) -> Option<Timeout> {
    let fields = Fields::of(at, &HTTP, findings)?;
    Some(Timeout {
        connect: None,
        connection_idle: fields.optional("connectionIdleTimeout", findings, time),
        connection: fields.optional("maxConnectionDuration", findings, time),
        request: fields.optional("requestTimeout", findings, time),
        stream: fields.optional("maxStreamDuration", findings, time),
        stream_idle: fields.optional("streamIdleTimeout", findings, time),
    })
}
