//! `requestMirror`.

use crate::diagnostic::Code;
use crate::manifest::filter::RequestMirror;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::log::{At, Log};
use crate::manifest::read::route::object_reference;
use crate::manifest::read::value::integer;

const MIRROR: Known = Known { read: &["backendRef", "percent", "fraction"], unread: &[], unsupported: &[] };

const FRACTION: Known = Known { read: &["numerator", "denominator"], unread: &[], unsupported: &[] };

pub(super) const MILLION: u32 = 1_000_000;

pub(super) fn read(at: At<'_>, log: &mut Log) -> Option<RequestMirror> {
    let fields = Fields::of(at, &MIRROR, log)?;
    let backend = fields.required("backendRef", log, object_reference);
    if fields.has("percent") && fields.has("fraction") {
        return log
            .refuse(at.error(Code::ConflictingFields, "a mirror has a `percent` or a `fraction`, not both"));
    }
    let percent = |at: At<'_>, log: &mut Log| Some(integer(0..=100_u32)(at, log)?.value * (MILLION / 100));
    let millionths = if fields.has("fraction") {
        fields.required("fraction", log, fraction)
    } else {
        fields.or("percent", MILLION, log, percent)
    };
    Some(RequestMirror { backend: backend?, millionths: millionths? })
}

fn fraction(at: At<'_>, log: &mut Log) -> Option<u32> {
    const LARGEST: u32 = i32::MAX.unsigned_abs();
    let fields = Fields::of(at, &FRACTION, log)?;
    let numerator = fields.required("numerator", log, integer(0..=LARGEST));
    let denominator = fields.or("denominator", fields.default(100), log, integer(1..=LARGEST));
    let (numerator, denominator) = (numerator?.value, denominator?.value);
    if numerator > denominator {
        let message = format!("{numerator} of {denominator} is more than all");
        return log.refuse(at.error(Code::InvalidFraction, message));
    }
    u32::try_from(u64::from(numerator) * u64::from(MILLION) / u64::from(denominator)).ok()
}
