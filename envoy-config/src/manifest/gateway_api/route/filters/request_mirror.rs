//! `requestMirror` (`HTTPRequestMirrorFilter`).

use crate::diagnostic::Code;
use crate::manifest::gateway_api::route::backend_ref::{BackendRef, object_reference};
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::integer;

/// Sends copies of requests to another backend.
#[derive(Clone, Debug)]
pub struct RequestMirror {
    /// `backendRef`; its weight is not used.
    pub backend: BackendRef,
    /// `percent` or `fraction` in millionths; by default all requests.
    pub millionths: u32,
}

const MIRROR: Known = Known { read: &["backendRef", "percent", "fraction"], unread: &[], unsupported: &[] };

const FRACTION: Known = Known { read: &["numerator", "denominator"], unread: &[], unsupported: &[] };

pub(in crate::manifest) const MILLION: u32 = 1_000_000;

pub(in crate::manifest) fn read(at: At<'_>, findings: &mut Findings) -> Option<RequestMirror> {
    let fields = Fields::of(at, &MIRROR, findings)?;
    let backend = fields.required("backendRef", findings, object_reference);
    if fields.has("percent") && fields.has("fraction") {
        return findings
            .reject(at.error(Code::ConflictingFields, "`percent` and `fraction` cannot both be set"));
    }
    let percent = |at: At<'_>, findings: &mut Findings| {
        Some(integer(0..=100_u32)(at, findings)?.value * (MILLION / 100))
    };
    let millionths = if fields.has("fraction") {
        fields.required("fraction", findings, fraction)
    } else {
        fields.or("percent", MILLION, findings, percent)
    };
    Some(RequestMirror { backend: backend?, millionths: millionths? })
}

/// A `Fraction` in millionths.
pub(in crate::manifest) fn fraction(at: At<'_>, findings: &mut Findings) -> Option<u32> {
    const LARGEST: u32 = i32::MAX.unsigned_abs();
    let fields = Fields::of(at, &FRACTION, findings)?;
    let numerator = fields.required("numerator", findings, integer(0..=LARGEST));
    let denominator = fields.or("denominator", fields.default(100), findings, integer(1..=LARGEST));
    let (numerator, denominator) = (numerator?.value, denominator?.value);
    if numerator > denominator {
        let message = format!("the numerator {numerator} is greater than the denominator {denominator}");
        return findings.reject(at.error(Code::InvalidFraction, message));
    }
    u32::try_from(u64::from(numerator) * u64::from(MILLION) / u64::from(denominator)).ok()
}
