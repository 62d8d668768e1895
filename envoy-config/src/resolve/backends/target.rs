//! What a backendRef resolves to.

use std::sync::Arc;

use crate::model::{Endpoints, HttpVersion, UpstreamTls};

/// Where requests go, and with which protocol.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) endpoints: Endpoints,
    pub(super) version: HttpVersion,
    pub(super) tls: Option<Arc<UpstreamTls>>,
}
