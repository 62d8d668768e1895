//! Settings of sessions: what a `SessionPersistencePolicy` sets, and the filter's configuration of a rule with them.
//!
//! [`policies::session_persistence`](crate::resolve::policies::session_persistence) decides which policy applies.

use session_persistence::config::{Carrier, Cookie, CookieName, CookieNameError, Pin, Rule, RuleError};

use crate::manifest::session_persistence_policy::{
    self as written, Prefix, Secure, SessionPersistencePolicy,
};
use crate::model::{ClusterSettings, CookieSettings, SecureOn, SessionSettings};

/// The settings that a policy sets.
pub(in crate::resolve) fn of_policy(policy: &SessionPersistencePolicy) -> SessionSettings {
    SessionSettings {
        on_endpoint_lost: policy.endpoints.on_endpoint_lost,
        exposes_header: policy.visibility.expose_header.is_some(),
        cacheable: policy.visibility.cacheable,
        is_enveloped: policy.backend.envelope.is_some(),
        is_hidden: policy.visibility.hide_from_backend.is_some(),
        start_on: policy.backend.start_on.as_ref().map(|signal| signal.value.clone()),
        end_on: policy.backend.end_on.as_ref().map(|signal| signal.value.clone()),
        cookie: policy.cookie.as_ref().map(of_cookie).unwrap_or_default(),
    }
}

fn of_cookie(cookie: &written::Cookie) -> CookieSettings {
    CookieSettings {
        prefix: cookie.prefix.as_ref().map_or("", |prefix| Prefix::as_str(prefix.value)),
        path: cookie.path.as_ref().map(|path| path.value.clone()),
        secure: match cookie.secure.as_ref().map(|secure| secure.value) {
            None | Some(Secure::Auto) => SecureOn::Tls,
            Some(Secure::Always) => SecureOn::All,
            Some(Secure::Never) => SecureOn::Nothing,
        },
        same_site: cookie.same_site.as_ref().map(|same_site| same_site.value).unwrap_or_default(),
        domain: cookie.domain.as_ref().map(|domain| domain.value.clone()),
        partitioned: cookie.partitioned.is_some(),
    }
}

/// The filter's rule with these settings, and with the pin that its clusters need.
///
/// # Errors
/// [`super::suitable`] lets no settings pass that lead to one.
pub(in crate::resolve) fn apply(
    settings: &SessionSettings,
    rule: Rule,
    clusters: &ClusterSettings,
) -> Result<Rule, RuleError> {
    let rule = rule.cacheable(settings.cacheable);
    let rule = if settings.is_enveloped { rule.enveloped()? } else { rule };
    let rule = rule.following(settings.start_on.clone(), settings.end_on.clone())?;
    // The route hides a header.
    let hides_cookie = settings.is_hidden && matches!(rule.carrier(), Carrier::Cookie(_));
    let rule = if hides_cookie { rule.hidden()? } else { rule };
    Ok(if settings.is_strict() {
        rule.strict()
    } else if clusters.health.is_judged() {
        rule.pinned_by(Pin::StatefulSession)
    } else {
        rule
    })
}

impl CookieSettings {
    /// The cookie with these attributes. On listeners with TLS, [`virtual_hosts`](crate::resolve::routes::virtual_hosts) makes it
    /// `Secure`.
    ///
    /// # Errors
    /// The name is too long with the prefix.
    pub(super) fn apply(&self, cookie: Cookie) -> Result<Cookie, CookieNameError> {
        let name = match self.prefix {
            "" => cookie.name,
            prefix => CookieName::try_from(format!("{prefix}{}", cookie.name))?,
        };
        Ok(Cookie {
            name,
            path: self.path.clone().unwrap_or(cookie.path),
            lifetime: cookie.lifetime,
            secure: self.secure == SecureOn::All,
            same_site: self.same_site,
            domain: self.domain.clone(),
            partitioned: self.partitioned,
        })
    }
}
