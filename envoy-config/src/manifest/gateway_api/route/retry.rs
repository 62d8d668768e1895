//! `timeouts` (GEP-1742) and `retry` (GEP-1731) of a rule of an HTTPRoute.

use std::time::Duration;

use crate::diagnostic::{Code, Diagnostic};
use crate::duration;
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::value::{integer, parsed};
use crate::source::Spanned;

/// `timeouts`; zero disables a timeout.
#[derive(Clone, Debug, Default)]
pub struct Timeouts {
    /// `request`: for the whole request, including retries.
    pub request: Option<Spanned<Duration>>,
    /// `backendRequest`: for each attempt. Not longer than `request`, unless that is zero.
    pub backend_request: Option<Spanned<Duration>>,
}

/// `retry`.
#[derive(Clone, Debug)]
pub struct Retry {
    /// `codes`: unique, from 400 to 599.
    pub codes: Vec<Spanned<u16>>,
    /// `attempts`: the number of retries, at least 1, which is the default.
    pub attempts: u32,
    /// `backoff`: how long to wait before a retry.
    pub backoff: Option<Duration>,
}

const TIMEOUTS: Known = Known { read: &["request", "backendRequest"], unread: &[], unsupported: &[] };

const RETRY: Known = Known { read: &["codes", "attempts", "backoff"], unread: &[], unsupported: &[] };

pub(in crate::manifest) fn timeouts(at: At<'_>, findings: &mut Findings) -> Option<Timeouts> {
    let fields = Fields::of(at, &TIMEOUTS, findings)?;
    let request = fields.optional("request", findings, time);
    let backend_request = fields.optional("backendRequest", findings, time);
    if let (Some(request), Some(backend)) = (&request, &backend_request)
        && !request.value.is_zero()
        && backend.value > request.value
    {
        let message = "`backendRequest` is longer than `request`, which limits all attempts together";
        let error = Diagnostic::error(Code::BackendTimeoutTooLong, backend.span, message);
        let path = FieldPath::Field(&at.path, "backendRequest");
        findings.add(path.place(error).related(request.span, "the limit for all attempts"));
    }
    Some(Timeouts { request, backend_request })
}

pub(in crate::manifest) fn retry(at: At<'_>, findings: &mut Findings) -> Option<Retry> {
    let fields = Fields::of(at, &RETRY, findings)?;
    let codes = fields.optional("codes", findings, codes).unwrap_or_default();
    let attempts = fields.or("attempts", fields.default(1), findings, integer(1..=u32::MAX));
    let backoff = fields.optional("backoff", findings, time);
    Some(Retry { codes, attempts: attempts?.value, backoff: backoff.map(|backoff| backoff.value) })
}

fn time(at: At<'_>, findings: &mut Findings) -> Option<Spanned<Duration>> {
    let parse =
        |text: &str| duration::parse(text).map_err(|reason| format!("invalid duration `{text}`: {reason}"));
    parsed(Code::InvalidDuration, parse)(at, findings)
}

fn codes(at: At<'_>, findings: &mut Findings) -> Option<Vec<Spanned<u16>>> {
    let codes = list(at, 0..=usize::MAX, findings, |at, findings| integer(400..=599)(at, findings))?;
    unique(&at, "status code", codes.iter().map(|code| (code.value, code.span)), findings);
    Some(codes)
}
