//! Fields about the endpoint of a session: `onEndpointLost`.

use session_persistence::config::OnEndpointLost;

use crate::manifest::read::fields::Fields;
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::word;

/// Fields about the endpoint of a session.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// `onEndpointLost`.
    pub on_endpoint_lost: OnEndpointLost,
}

impl Endpoints {
    /// Reads them. Errors are in `findings`; a field with an error has its default.
    pub(super) fn read(fields: &Fields<'_>, findings: &mut Findings) -> Self {
        let words = [("Rebalance", OnEndpointLost::Rebalance), ("Reject", OnEndpointLost::Reject)];
        let lost = fields.optional("onEndpointLost", findings, word(&words));
        Self { on_endpoint_lost: lost.map(|lost| lost.value).unwrap_or_default() }
    }
}
