//! `NAME=VALUE`: sets one of the [`Limits`], and checks that the value is in its allowed range.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{KIB, Limits, NAMES};
use crate::duration;

/// `NAME=VALUE`: a limit and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    name: String,
    value: String,
}

/// Why a setting is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// There is no `=`.
    #[error("expected NAME=VALUE, such as stream-idle-timeout=10m; known names are {}", NAMES.join(", "))]
    Form,
    /// There is no limit with this name.
    #[error("unknown limit `{name}`; expected one of {names}", names = NAMES.join(", "))]
    Unknown {
        /// The name given.
        name: String,
    },
    /// One limit is set twice.
    #[error("limit `{0}` is set more than once")]
    Twice(String),
    /// The value is not a number in the allowed range.
    #[error("limit `{name}` must be a number from {least} to {most}, not `{value}`")]
    Number {
        /// The limit.
        name: String,
        /// The value given.
        value: String,
        /// The least value.
        least: u64,
        /// The greatest value.
        most: u64,
    },
    /// The value is not a size in the allowed range.
    #[error("limit `{name}` must be a size from {} to {}, such as 512KiB, not `{value}`", Size(*least), Size(*most))]
    Size {
        /// The limit.
        name: String,
        /// The value given.
        value: String,
        /// The least value, in bytes.
        least: u64,
        /// The greatest value, in bytes.
        most: u64,
    },
    /// The value is not a time in the allowed range.
    #[error(
        "limit `{name}` must be a time of at most 9999h, such as 1m30s, or 0s for no limit, not `{value}`"
    )]
    Time {
        /// The limit.
        name: String,
        /// The value given.
        value: String,
    },
}

/// The field of a limit, and its allowed range.
enum Field<'l> {
    Number(&'l mut u32, u32, u32),
    Size(&'l mut u32, u32, u32),
    Heap(&'l mut Option<u64>),
    Time(&'l mut Duration),
}

/// The largest number of streams and the largest window in HTTP/2 (RFC 9113, sections 5.1.1 and 6.9.1).
const GREATEST: u32 = i32::MAX.cast_unsigned();

/// The smallest window that Envoy accepts.
const LEAST_WINDOW: u32 = 65_535;

/// A smaller buffer cannot hold the headers that Envoy accepts; a larger one is no limit.
const LEAST_BUFFER: u32 = 4 * KIB;
const GREATEST_BUFFER: u32 = 1 << 30;

const LEAST_HEAP: u64 = 64 << 20;
const GREATEST_HEAP: u64 = 1 << 50;
const LONGEST: Duration = Duration::from_hours(9999);

impl Limits {
    /// The default limits with these settings.
    ///
    /// # Errors
    /// A name or value is invalid, or a limit is set twice.
    pub fn with(settings: &[Setting]) -> Result<Self, LimitError> {
        let mut limits = Self::default();
        for (index, setting) in settings.iter().enumerate() {
            if settings.iter().skip(index + 1).any(|other| other.name == setting.name) {
                return Err(LimitError::Twice(setting.name.clone()));
            }
            limits.set(setting)?;
        }
        Ok(limits)
    }

    fn set(&mut self, Setting { name, value }: &Setting) -> Result<(), LimitError> {
        let (text, given) = (value.as_str(), (name.clone(), value.clone()));
        match self.field(name).ok_or_else(|| LimitError::Unknown { name: name.clone() })? {
            Field::Number(field, least, most) => {
                let found = text.parse().ok().filter(|number| (least..=most).contains(number));
                let (name, value) = given;
                let (least, most) = (least.into(), most.into());
                *field = found.ok_or(LimitError::Number { name, value, least, most })?;
            }
            Field::Size(field, least, most) => {
                let found = size(text).and_then(|bytes| u32::try_from(bytes).ok());
                let (name, value) = given;
                let found = found.filter(|bytes| (least..=most).contains(bytes));
                let (least, most) = (least.into(), most.into());
                *field = found.ok_or(LimitError::Size { name, value, least, most })?;
            }
            Field::Heap(field) => {
                let (name, value) = given;
                let (least, most) = (LEAST_HEAP, GREATEST_HEAP);
                let found = size(text).filter(|bytes| (least..=most).contains(bytes));
                *field = Some(found.ok_or(LimitError::Size { name, value, least, most })?);
            }
            Field::Time(field) => {
                let (name, value) = given;
                let found = duration::parse(text).ok().filter(|time| *time <= LONGEST);
                *field = found.ok_or(LimitError::Time { name, value })?;
            }
        }
        Ok(())
    }

    fn field(&mut self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "connections" => Field::Number(&mut self.connections, 1, u32::MAX),
            "streams-per-connection" => Field::Number(&mut self.streams_per_connection, 1, GREATEST),
            "connections-per-rule" => Field::Number(&mut self.connections_per_rule, 1, u32::MAX),
            "pending-requests-per-rule" => Field::Number(&mut self.pending_requests_per_rule, 1, u32::MAX),
            "requests-per-rule" => Field::Number(&mut self.requests_per_rule, 1, u32::MAX),
            "retries-per-rule" => Field::Number(&mut self.retries_per_rule, 1, u32::MAX),
            "stream-window" => Field::Size(&mut self.stream_window, LEAST_WINDOW, GREATEST),
            "connection-window" => Field::Size(&mut self.connection_window, LEAST_WINDOW, GREATEST),
            "connection-buffer" => Field::Size(&mut self.connection_buffer, LEAST_BUFFER, GREATEST_BUFFER),
            "retry-buffer" => Field::Size(&mut self.retry_buffer, LEAST_BUFFER, GREATEST_BUFFER),
            "heap" => Field::Heap(&mut self.heap),
            "handshake-timeout" => Field::Time(&mut self.handshake_timeout),
            "request-headers-timeout" => Field::Time(&mut self.request_headers_timeout),
            "request-receive-timeout" => Field::Time(&mut self.request_receive_timeout),
            "stream-idle-timeout" => Field::Time(&mut self.stream_idle_timeout),
            "connection-idle-timeout" => Field::Time(&mut self.connection_idle_timeout),
            "upstream-idle-timeout" => Field::Time(&mut self.upstream_idle_timeout),
            _ => return None,
        })
    }
}

impl FromStr for Setting {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let (name, value) = text.split_once('=').ok_or(LimitError::Form)?;
        let setting = Self { name: name.to_owned(), value: value.to_owned() };
        Limits::default().set(&setting)?;
        Ok(setting)
    }
}

/// Parses a number of bytes: `65536`, `64KiB`, `1MiB`, `2GiB`.
fn size(text: &str) -> Option<u64> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)];
    let (digits, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse::<u64>().ok().filter(|_| plain)?.checked_mul(unit)
}

/// Displays a number of bytes in the largest unit that divides it.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = *self;
        let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match units.iter().find(|(_, unit)| bytes >= *unit && bytes % *unit == 0) {
            Some((name, unit)) => write!(f, "{}{name}", bytes / unit),
            None => write!(f, "{bytes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(texts: &[&str]) -> Result<Limits, LimitError> {
        let settings: Result<Vec<Setting>, _> = texts.iter().map(|text| text.parse()).collect();
        Limits::with(&settings?)
    }

    #[test]
    fn each_name_sets_its_own_limit() {
        let mut seen = vec![Limits::default()];
        for name in NAMES {
            let limits = with(&[&format!("{name}=65537")])
                .or_else(|_| with(&[&format!("{name}=1GiB")]))
                .or_else(|_| with(&[&format!("{name}=7s")]))
                .unwrap();
            assert!(!seen.contains(&limits), "{name}");
            seen.push(limits);
        }
    }

    #[test]
    fn sizes_have_units_and_times_are_durations() {
        let limits = with(&["stream-window=64KiB", "heap=2GiB", "stream-idle-timeout=1h30m"]).unwrap();
        assert_eq!((limits.stream_window, limits.heap), (65_536, Some(2 << 30)));
        assert_eq!(limits.stream_idle_timeout, Duration::from_mins(90));
        assert_eq!(with(&["retry-buffer=4096"]).unwrap().retry_buffer, 4096);
        assert_eq!(with(&["request-headers-timeout=0s"]).unwrap().request_headers_timeout, Duration::ZERO);
    }

    #[test]
    fn values_out_of_range_are_rejected_with_the_range() {
        for (text, why) in [
            ("connections", "expected NAME=VALUE"),
            ("connection=1", "unknown limit `connection`; expected one of connections, "),
            ("connections=0", "limit `connections` must be a number from 1 to 4294967295, not `0`"),
            ("connections=4294967296", "must be a number from 1 to 4294967295"),
            ("connections=", "must be a number"),
            ("streams-per-connection=2147483648", "must be a number from 1 to 2147483647"),
            ("stream-window=64KB", "must be a size from 65535 to 2147483647, such as 512KiB"),
            ("stream-window=1KiB", "must be a size from 65535"),
            ("retry-buffer=2GiB", "must be a size from 4KiB to 1GiB"),
            ("heap=+70MiB", "must be a size from 64MiB to 1048576GiB"),
            ("heap=99999999999GiB", "must be a size"),
            ("stream-idle-timeout=5", "must be a time of at most 9999h"),
            ("stream-idle-timeout=10000h", "must be a time of at most 9999h"),
        ] {
            let error = with(&[text]).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_limit_can_be_set_only_once() {
        let error = with(&["connections=1", "heap=1GiB", "connections=1"]).unwrap_err();
        assert_eq!(error, LimitError::Twice(String::from("connections")));
    }
}
