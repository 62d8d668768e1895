//! Which settings of a policy suit the sessions of a rule: those that cannot have an effect there are errors, and are left out.

use session_persistence::config::StartOn;

use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::gateway_api::route::Rule;
use crate::manifest::gateway_api::route::filters::{Filter, HeaderModifier};
use crate::manifest::gateway_api::session_persistence::Carrier;
use crate::manifest::session_persistence_policy::SessionPersistencePolicy;
use crate::model::SessionSettings;
use crate::resolve::sessions::settings;
use crate::resolve::sessions::source::Session;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The settings of a rule's sessions.
pub(in crate::resolve) fn settings<'m>(
    policy: Option<&'m Object<SessionPersistencePolicy>>,
    session: Option<&Session<'m>>,
    rule: &Rule,
    report: &mut Report,
) -> SessionSettings {
    let mut settings = policy.map(|policy| settings::of_policy(&policy.spec)).unwrap_or_default();
    if let (Some(policy), Some(session)) = (policy, session) {
        let mut check = Check { policy, session, rule, report };
        settings.is_enveloped = settings.is_enveloped && check.can_be_enveloped();
        settings.start_on = settings.start_on.filter(|signal| check.can_start_on(signal));
        settings.end_on = settings.end_on.filter(|_| check.can_end());
    }
    settings
}

struct Check<'c, 'm> {
    policy: &'m Object<SessionPersistencePolicy>,
    session: &'c Session<'m>,
    rule: &'c Rule,
    report: &'c mut Report,
}

impl Check<'_, '_> {
    /// Tokens cannot wrap the backend's own cookie: it has attributes of its own.
    fn can_be_enveloped(&mut self) -> bool {
        let Some(envelope) = &self.policy.spec.backend.envelope else { return false };
        if matches!(self.session.persistence.carrier, Carrier::Header { .. }) {
            return true;
        }
        let message = "`envelope` is not supported for sessions in a cookie";
        let hint = "set `type: Header` in its `sessionPersistence`";
        self.reject("spec.envelope", envelope.span, message, hint);
        false
    }

    fn can_start_on(&mut self, signal: &StartOn) -> bool {
        let Some(written) = &self.policy.spec.backend.start_on else { return false };
        match signal {
            StartOn::BackendHeader(name) => {
                self.can_be_read("spec.startOn.backendHeader.name", written.span, name.as_str(), "startOn")
            }
            StartOn::BackendCookie(name) => {
                let field = "spec.startOn.backendCookie.name";
                if self.own_cookie().as_deref() == Some(name.as_str()) {
                    let message =
                        "this is the cookie of the rule's own sessions, which the backend cannot set";
                    self.reject(field, written.span, message, "write the name of the backend's cookie");
                    return false;
                }
                let is_hidden = |modifier: &HeaderModifier| {
                    let mut changed = modifier.set.iter().map(|header| &header.name).chain(&modifier.remove);
                    changed.any(|changed| changed.value == "set-cookie")
                };
                if let Some(span) = self.response_modifier(is_hidden) {
                    self.warn(field, written.span, "set-cookie", span, "startOn");
                }
                true
            }
        }
    }

    fn can_end(&mut self) -> bool {
        let Some(written) = &self.policy.spec.backend.end_on else { return false };
        let name = written.value.backend_header().as_str();
        self.can_be_read("spec.endOn.backendHeader.name", written.span, name, "endOn")
    }

    /// Whether the filter can read this header of the backend: it is not the session header, which the route removes.
    fn can_be_read(&mut self, field: &str, span: Span, name: &str, setting: &str) -> bool {
        if let Carrier::Header { name: Some(own) } = &self.session.persistence.carrier
            && own.value.as_str() == name
        {
            let message = "this is the header of the rule's own sessions, which the backend cannot set";
            self.reject(
                field,
                span,
                message,
                "write another header; for that of the backend itself, use `envelope`",
            );
            return false;
        }
        let is_changed = |modifier: &HeaderModifier| {
            let named = modifier.set.iter().chain(&modifier.add).map(|header| &header.name);
            named.chain(&modifier.remove).any(|changed| changed.value == name)
        };
        if let Some(modifier) = self.response_modifier(is_changed) {
            self.warn(field, span, name, modifier, setting);
        }
        true
    }

    /// The name of the rule's own cookie, if it is written.
    fn own_cookie(&self) -> Option<String> {
        let Carrier::Cookie { name, .. } = &self.session.persistence.carrier else { return None };
        let prefix = self.policy.spec.cookie.as_ref().and_then(|cookie| cookie.prefix.as_ref());
        let prefix = prefix.map_or("", |prefix| prefix.value.as_str());
        Some(format!("{prefix}{}", name.as_ref()?.value))
    }

    /// The place of a filter of the rule that changes headers of answers in such a way. Envoy does so before the filter sees them.
    fn response_modifier(&self, changes: impl Fn(&HeaderModifier) -> bool) -> Option<Span> {
        let of_backends = self.rule.backend_refs.iter().flat_map(|backend| &backend.filters);
        let mut filters = self.rule.filters.iter().chain(of_backends);
        let found = filters
            .find(|filter| matches!(&filter.value, Filter::ResponseHeaders(modifier) if changes(modifier)));
        found.map(|filter| filter.span)
    }

    fn warn(&mut self, field: &str, span: Span, header: &str, modifier: Span, setting: &str) {
        let place = Place::new(self.policy, field, span);
        let message = format!(
            "`{setting}` does not see what the backend sets: a filter of the rule changes the header `{header}` before"
        );
        let warning = self.report.warning(Code::NoEffect, place, message);
        warning.related = Some((modifier, String::from("this filter")));
        warning.hint = Some(String::from("remove the header from the filter"));
    }

    fn reject(&mut self, field: &str, span: Span, message: &str, hint: &str) {
        let place = Place::new(self.policy, field, span).because(
            Part::Whole,
            ConditionType::Accepted,
            Reason::Invalid,
        );
        let error = self.report.error(Code::NotSupported, place, message.to_owned());
        error.related = Some((self.rule.span, String::from("this rule")));
        error.hint = Some(hint.to_owned());
    }
}
