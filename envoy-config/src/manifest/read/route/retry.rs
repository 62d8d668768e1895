//! `timeouts` and `retry` of an HTTPRoute's rule.

use std::time::Duration;

use crate::diagnostic::{Code, Diagnostic};
use crate::duration;
use crate::manifest::read::fields::{Fields, Known, list};
use crate::manifest::read::log::{At, Log, Path};
use crate::manifest::read::unique::unique;
use crate::manifest::read::value::{integer, parsed};
use crate::manifest::retry::{Retry, Timeouts};
use crate::source::Spanned;

const TIMEOUTS: Known = Known { read: &["request", "backendRequest"], unread: &[], unsupported: &[] };

const RETRY: Known = Known { read: &["codes", "attempts", "backoff"], unread: &[], unsupported: &[] };

pub(super) fn timeouts(at: At<'_>, log: &mut Log) -> Option<Timeouts> {
    let fields = Fields::of(at, &TIMEOUTS, log)?;
    let request = fields.optional("request", log, time);
    let backend_request = fields.optional("backendRequest", log, time);
    if let (Some(request), Some(backend)) = (&request, &backend_request)
        && !request.value.is_zero()
        && backend.value > request.value
    {
        let message = "`backendRequest` cannot be longer than `request`, which covers all tries together";
        let error = Diagnostic::error(Code::BackendTimeoutTooLong, backend.span, message);
        let path = Path::Field(&at.path, "backendRequest");
        log.add(path.place(error).related(request.span, "the time for all tries"));
    }
    Some(Timeouts { request, backend_request })
}

pub(super) fn retry(at: At<'_>, log: &mut Log) -> Option<Retry> {
    let fields = Fields::of(at, &RETRY, log)?;
    let codes = fields.optional("codes", log, codes).unwrap_or_default();
    let attempts = fields.optional("attempts", log, integer(1..=u32::MAX));
    let backoff = fields.optional("backoff", log, time);
    let (attempts, backoff) = (attempts.map(|attempts| attempts.value), backoff.map(|backoff| backoff.value));
    Some(Retry { codes, attempts, backoff })
}

fn time(at: At<'_>, log: &mut Log) -> Option<Spanned<Duration>> {
    parsed(Code::InvalidDuration, duration::parse)(at, log)
}

fn codes(at: At<'_>, log: &mut Log) -> Option<Vec<Spanned<u16>>> {
    let codes = list(at, 0..=usize::MAX, log, |at, log| integer(400..=599)(at, log))?;
    unique(&at, "status code", codes.iter().map(|code| (code.value, code.span)), log);
    Some(codes)
}
