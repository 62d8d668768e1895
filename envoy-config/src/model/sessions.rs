//! Settings of the sessions of a rule, where a policy changes them.

use session_persistence::config::{
    Cacheable, CookieDomain, CookiePath, EndOn, OnEndpointLost, SameSite, StartOn,
};

/// The settings of a rule's sessions; the default is what rules without a policy have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSettings {
    /// What happens to the requests of a session if its endpoint cannot serve.
    pub on_endpoint_lost: OnEndpointLost,
    /// Whether scripts of other origins may read the session header.
    pub exposes_header: bool,
    /// Whether shared caches may store a response with a token.
    pub cacheable: Cacheable,
    /// Whether tokens wrap the backend's own value of the session header.
    pub is_enveloped: bool,
    /// Whether backends do not see the session cookie or header.
    pub is_hidden: bool,
    /// What of the backend's answer starts a session; `None` if every answer does.
    pub start_on: Option<StartOn>,
    /// What of the backend's answer ends a session.
    pub end_on: Option<EndOn>,
    /// The attributes of the session cookie.
    pub cookie: CookieSettings,
}

/// The attributes of a session cookie that do not follow from its rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CookieSettings {
    /// What precedes the name; empty if there is no prefix.
    pub prefix: &'static str,
    /// The path, instead of the rule's.
    pub path: Option<CookiePath>,
    /// On which listeners the cookie is `Secure`.
    pub secure: SecureOn,
    /// `SameSite`.
    pub same_site: SameSite,
    /// `Domain`.
    pub domain: Option<CookieDomain>,
    /// Whether the cookie is `Partitioned`.
    pub partitioned: bool,
}

/// On which listeners a cookie is `Secure`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecureOn {
    /// Those with TLS.
    #[default]
    Tls,
    /// All.
    All,
    /// None.
    Nothing,
}

impl SessionSettings {
    /// Whether a request of a session gets 503 if its endpoint cannot serve.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.on_endpoint_lost == OnEndpointLost::Reject
    }
}
