//! References from one object to another: whether their kind can be meant, and whether they may leave their namespace.

pub(super) mod ca_certificates;
pub(super) mod grants;
pub(super) mod groups;
pub(super) mod lookup;
pub(super) mod wrong_kind;
