//! What is reported about the manifests: findings for the user, and conditions for the status of each object.
//!
//! - `report` collects findings, and `decisions` what was decided about each object.
//! - `conditions` makes the statuses from the decisions.
//! - `unread`: what happens to requests when an object could not be read.

pub(super) mod conditions;
pub(super) mod decisions;
pub(super) mod report;
pub(super) mod unread;
