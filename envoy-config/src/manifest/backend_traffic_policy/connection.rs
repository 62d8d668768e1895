//! `connection` (`BackendConnection`): buffers of connections to backends, and connections that are made in advance.

use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::syntax::quantity;
use crate::manifest::read::value::{integer, parsed};
use crate::manifest::read::yaml::{Scalar, Value};

use super::unsupported;

/// `connection`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connection {
    /// `bufferLimit` in bytes.
    pub buffer_limit: Option<u32>,
    /// `preconnect.perEndpointPercent`: connections per 100 that active requests need.
    pub per_endpoint_percent: Option<u32>,
}

const CONNECTION: Known = Known {
    read: &["bufferLimit", "preconnect"],
    unread: &[],
    unsupported: &[unsupported("socketBufferLimit", "the buffers of sockets would have their usual size")],
};

const PRECONNECT: Known = Known {
    read: &["perEndpointPercent"],
    unread: &[],
    unsupported: &[unsupported(
        "predictivePercent",
        "the endpoint of the next request cannot be predicted with sessions",
    )],
};

pub(super) fn read(at: At<'_>, findings: &mut Findings) -> Option<Connection> {
    let fields = Fields::of(at, &CONNECTION, findings)?;
    let buffer_limit = fields.optional("bufferLimit", findings, bytes);
    let per_endpoint_percent = fields.optional("preconnect", findings, |at, findings| {
        let fields = Fields::of(at, &PRECONNECT, findings)?;
        fields.optional("perEndpointPercent", findings, integer(100..=300))
    });
    Some(Connection { buffer_limit, per_endpoint_percent: per_endpoint_percent.map(|percent| percent.value) })
}

/// A Kubernetes quantity of bytes that Envoy can use: from 1 to 4294967295.
fn bytes(at: At<'_>, findings: &mut Findings) -> Option<u32> {
    if let Value::Scalar(Scalar::Integer(..)) = &at.node.value {
        return integer(1..=u32::MAX)(at, findings).map(|bytes| bytes.value);
    }
    parsed(Code::InvalidQuantity, quantity::bytes)(at, findings).map(|bytes| bytes.value)
}
