//! What the ports of Services and EndpointSlices have in common.

use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::findings::Findings;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::parsed;

pub(super) const PROTOCOLS: [(&str, &str); 3] = [("TCP", "TCP"), ("UDP", "UDP"), ("SCTP", "SCTP")];

/// The name of a port; empty for a single port without a name.
pub(super) fn port_name(at: At<'_>, findings: &mut Findings) -> Option<String> {
    let form = |text: &str| if text.is_empty() { Ok(String::new()) } else { names::label(text) };
    parsed(Code::InvalidPortName, form)(at, findings).map(|name| name.value)
}
