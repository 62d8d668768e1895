//! The access log (`envoy.config.accesslog.v3.AccessLog`): JSON objects or lines of text on standard output, or JSON objects in a file.
//!
//! Envoy composes all fields of what it knows without the filter: for a session that continues, the filter writes nothing. Queries are
//! left out of the JSON log, because they often contain secrets. [`super::route_metadata`] has the constants of a route.

use serde::Serialize;
use session_persistence::config::Pin;
use session_persistence::names;

use super::extension::{Extension, Message};
use super::route_metadata;
use crate::options::AccessLog;

/// The logs of a listener: one or none.
pub(super) type Loggers = Vec<Logger>;

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Logger {
    Stdout(Extension<StdoutAccessLog>),
    File(Box<Extension<FileAccessLog>>),
}

#[derive(Serialize)]
pub(super) struct StdoutAccessLog {
    log_format: LogFormat,
}

#[derive(Serialize)]
pub(super) struct FileAccessLog {
    path: String,
    log_format: LogFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum LogFormat {
    TextFormatSource(InlineString),
    JsonFormat(Box<Fields>),
}

#[derive(Serialize)]
struct InlineString {
    inline_string: String,
}

/// The fields of a line. Envoy sorts them by name, escapes their values, and writes `null` where there is none.
#[derive(Serialize)]
struct Fields {
    time: &'static str,
    client: &'static str,
    protocol: &'static str,
    method: &'static str,
    authority: &'static str,
    path: &'static str,
    request_id: &'static str,
    status: &'static str,
    flags: &'static str,
    details: &'static str,
    duration_ms: &'static str,
    bytes_received: &'static str,
    bytes_sent: &'static str,
    route: &'static str,
    rule: String,
    upstream: &'static str,
    upstream_failure: &'static str,
    attempts: &'static str,
    session: Session,
}

/// What a session came to, the endpoint that it asked for, and the endpoint that Envoy chose last.
#[derive(Serialize)]
struct Session {
    state: String,
    asked: String,
    served: &'static str,
}

impl Message for StdoutAccessLog {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
}

impl Message for FileAccessLog {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
}

const UPSTREAM_HOST: &str = "%UPSTREAM_HOST%";

/// The logs that this option asks for.
pub(super) fn loggers(option: &AccessLog, pin: Pin) -> Loggers {
    let stdout = |log_format| {
        Logger::Stdout(Extension::new("envoy.access_loggers.stdout", StdoutAccessLog { log_format }))
    };
    match option {
        AccessLog::Off => vec![],
        AccessLog::Text => vec![stdout(LogFormat::text(pin))],
        AccessLog::Json => vec![stdout(LogFormat::json())],
        AccessLog::File(path) => {
            let log = FileAccessLog { path: path.clone(), log_format: LogFormat::json() };
            vec![Logger::File(Box::new(Extension::new("envoy.access_loggers.file", log)))]
        }
    }
}

impl LogFormat {
    fn json() -> Self {
        let word = ("FILTER_STATE", format!("{}:PLAIN", names::FILTER_STATE));
        let state = ("FILTER_STATE", format!("{}:PLAIN", names::STATE_FILTER_STATE));
        let constant = ("METADATA", format!("ROUTE:{}:{}", route_metadata::NAMESPACE, route_metadata::STATE));
        let pin = ("DYNAMIC_METADATA", format!("{}:{}", names::METADATA_NAMESPACE, names::METADATA_KEY));
        Self::JsonFormat(Box::new(Fields {
            time: "%START_TIME%",
            client: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
            protocol: "%PROTOCOL%",
            method: "%REQ(:METHOD)%",
            authority: "%REQ(:AUTHORITY)%",
            path: "%PATH(NQ:ORIG_OR_PATH)%",
            request_id: "%REQ(X-REQUEST-ID)%",
            status: "%RESPONSE_CODE%",
            flags: "%RESPONSE_FLAGS%",
            details: "%RESPONSE_CODE_DETAILS%",
            duration_ms: "%DURATION%",
            bytes_received: "%BYTES_RECEIVED%",
            bytes_sent: "%BYTES_SENT%",
            route: "%ROUTE_NAME%",
            rule: format!("%METADATA(ROUTE:{}:{})%", route_metadata::NAMESPACE, route_metadata::RULE),
            upstream: UPSTREAM_HOST,
            upstream_failure: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
            attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
            session: Session {
                // Without a response, the word of the request is all there is.
                state: first_of(&[state, word.clone(), constant]),
                asked: first_of(&[pin, word]),
                served: UPSTREAM_HOST,
            },
        }))
    }

    /// One line per request. The last word is the session: the endpoint that it is pinned to, or the state that the filter reports.
    fn text(pin: Pin) -> Self {
        let word = ("FILTER_STATE", format!("{}:PLAIN", names::FILTER_STATE));
        let session = match pin {
            Pin::Metadata => {
                let pin = format!("{}:{}", names::METADATA_NAMESPACE, names::METADATA_KEY);
                first_of(&[("DYNAMIC_METADATA", pin), word])
            }
            // The endpoint of a session is the upstream host, unless the filter reports that the session moved.
            Pin::StatefulSession => format!("%{}({})%", word.0, word.1),
        };
        let line = format!(
            "%START_TIME% %REQ(:METHOD)% %REQ(:AUTHORITY)%%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE% \
             %RESPONSE_FLAGS% %ROUTE_NAME% {UPSTREAM_HOST} {session}\n"
        );
        Self::TextFormatSource(InlineString { inline_string: line })
    }
}

/// The first of these operators that has a value.
fn first_of(operators: &[(&str, String)]) -> String {
    let operators: Vec<String> = operators
        .iter()
        .map(|(command, param)| format!(r#"{{"command": "{command}", "param": "{param}"}}"#))
        .collect();
    format!(r#"%COALESCE({{"operators": [{}]}})%"#, operators.join(", "))
}
