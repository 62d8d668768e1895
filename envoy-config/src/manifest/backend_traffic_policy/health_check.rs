//! `healthCheck` (`HealthCheck`): how Envoy finds out that an endpoint is unhealthy, beside what Kubernetes says.
//!
//! - `active`: Envoy asks endpoints.
//! - `passive`: Envoy watches their answers (outlier detection).

mod active;
mod passive;

pub use self::active::{ActiveHealthCheck, Checker, HttpChecker};
pub use self::passive::PassiveHealthCheck;

use super::unsupported;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::integer;

/// `healthCheck`.
#[derive(Clone, Debug, Default)]
pub struct HealthCheck {
    /// `active`.
    pub active: Option<ActiveHealthCheck>,
    /// `passive`.
    pub passive: Option<PassiveHealthCheck>,
    /// `panicThreshold` in percent: if fewer endpoints are healthy, all of them get requests.
    pub panic_threshold: Option<u32>,
}

const HEALTH_CHECK: Known =
    Known { read: &["active", "passive", "panicThreshold"], unread: &[], unsupported: &[] };

pub(super) fn read(at: At<'_>, findings: &mut Findings) -> Option<HealthCheck> {
    let fields = Fields::of(at, &HEALTH_CHECK, findings)?;
    let active = fields.optional("active", findings, active::read);
    let passive = fields.optional("passive", findings, passive::read);
    let panic_threshold = fields.optional("panicThreshold", findings, percent);
    Some(HealthCheck { active, passive, panic_threshold })
}

fn percent(at: At<'_>, findings: &mut Findings) -> Option<u32> {
    integer(0..=100)(at, findings).map(|percent| percent.value)
}
