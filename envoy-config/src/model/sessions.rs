//! Settings of the sessions of a rule, where a policy changes them.

use session_persistence::config::OnEndpointLost;

/// The settings of a rule's sessions; the default is what rules without a policy have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSettings {
    /// What happens to the requests of a session if its endpoint cannot serve.
    pub on_endpoint_lost: OnEndpointLost,
    /// Whether scripts of other origins may read the session header.
    pub exposes_header: bool,
}

impl SessionSettings {
    /// Whether a request of a session gets 503 if its endpoint cannot serve.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.on_endpoint_lost == OnEndpointLost::Reject
    }
}
