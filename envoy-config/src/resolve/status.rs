//! What is reported about the manifests: findings, and the status of each object.
//!
//! - `report` collects findings, and `decisions` the decisions about each object.
//! - `conditions` makes the statuses from the decisions.
//! - `unread`: what happens to requests if an object could not be read.

pub(super) mod conditions;
pub(super) mod decisions;
pub(super) mod report;
pub(super) mod unread;
