//! What the filters of a rule do together (Gateway API, `HTTPRouteRule.filters`).
//!
//! A filter that is not supported is an error, and requests to its rule are rejected: without the filter,
//! they could bypass what it protects.

use session_persistence::config::{Carrier, Rule as Persistence};

use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::gateway_api::route::Route;
use crate::manifest::gateway_api::route::filters::{
    ExternalAuth, Filter, Header, HeaderModifier, PathModifier, RequestMirror, RequestRedirect,
};
use crate::model::{
    Action, Allowed, Cors, ExternalAuth as ExternalAuthServer, Forward, HeaderChanges, PathChange, PathMatch,
    Redirect, RedirectPort,
};
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::{Span, Spanned};
use crate::status::{ConditionType, Reason};

/// The effects of several filters in sequence.
#[derive(Clone, Default)]
pub(super) struct Effects<'m> {
    pub(super) request_headers: HeaderChanges,
    pub(super) response_headers: HeaderChanges,
    redirect: Option<RequestRedirect>,
    hostname: Option<String>,
    path: Option<PathModifier>,
    pub(super) mirrors: Vec<RequestedMirror<'m>>,
    /// Whether there is a mirror, even if it was taken out of `mirrors`.
    mirrored: bool,
    cors: Option<Cors>,
    pub(super) auths: Vec<RequestedAuth<'m>>,
    /// The servers of these authorizations, once they are resolved.
    pub(super) external_auth: Vec<ExternalAuthServer>,
    /// One of the filters is not supported: requests get an error response.
    pub(super) rejected: bool,
}

/// A mirror that a filter requests, and the path of its backendRef.
pub(super) type RequestedMirror<'m> = (String, &'m RequestMirror);

/// An authorization that a filter requests, the path of the filter, and its place.
pub(super) type RequestedAuth<'m> = (String, Span, &'m ExternalAuth);

/// A list of filters and its position.
pub(super) struct Filters<'m> {
    pub(super) route: &'m Object<Route>,
    /// The position of the rule.
    pub(super) rule: usize,
    pub(super) list: &'m [Spanned<Filter>],
    /// The path of the list.
    pub(super) field: String,
}

impl<'m> Filters<'m> {
    /// Their effects after those of earlier filters.
    pub(super) fn effects(&self, behind: Effects<'m>, report: &mut Report) -> Effects<'m> {
        let mut effects = behind;
        for (position, filter) in self.list.iter().enumerate() {
            let mut reject = |span, message: String| {
                let place = Place::new(self.route, format!("{}[{position}]", self.field), span);
                let place = if matches!(filter.value, Filter::Extension(_)) {
                    place.because(Part::Rule(self.rule), ConditionType::ResolvedRefs, Reason::InvalidKind)
                } else {
                    place.because(Part::Rule(self.rule), ConditionType::Accepted, Reason::UnsupportedValue)
                };
                report.error(Code::NotSupported, place, message).hint =
                    Some(String::from("until it is removed, requests that it applies to get 500"));
                effects.rejected = true;
            };
            match &filter.value {
                Filter::RequestHeaders(modifier) | Filter::ResponseHeaders(modifier) => {
                    if let Some(name) = protected_header(modifier) {
                        let header = &name.value;
                        reject(
                            name.span,
                            format!(
                                "filters cannot change the header `{header}`: it belongs to the connection or frames the message"
                            ),
                        );
                    } else if let Filter::RequestHeaders(_) = &filter.value {
                        change(&mut effects.request_headers, modifier);
                    } else {
                        change(&mut effects.response_headers, modifier);
                    }
                }
                Filter::Redirect(redirect) => effects.redirect = Some(redirect.clone()),
                Filter::Rewrite(rewrite) => {
                    effects.hostname = rewrite.hostname.clone().or(effects.hostname);
                    effects.path = rewrite.path.clone().or(effects.path);
                }
                Filter::Mirror(mirror) => {
                    let field = format!("{}[{position}].requestMirror.backendRef", self.field);
                    effects.mirrors.push((field, mirror));
                    effects.mirrored = true;
                }
                Filter::Cors(cors) => effects.cors = Some(cors.clone()),
                Filter::Extension(kind) => {
                    reject(filter.span, format!("filters of kind `{kind}` are not supported"));
                }
                Filter::ExternalAuth(auth) => {
                    effects.auths.push((format!("{}[{position}]", self.field), filter.span, auth));
                }
            }
        }
        self.check_redirect(&mut effects, report);
        effects
    }

    /// Envoy answers a redirected request before any other filter applies. Filters for forwarded requests
    /// have no effect with a redirect: a mirror or rewrite makes the rule `IncompatibleFilters`, and changed
    /// request headers are a warning.
    fn check_redirect(&self, effects: &mut Effects<'_>, report: &mut Report) {
        let redirect = |filter: &&Spanned<Filter>| matches!(filter.value, Filter::Redirect(_));
        let mut redirects = self.list.iter().enumerate().filter(|(_, filter)| redirect(filter));
        let Some((position, filter)) = redirects.next() else { return };
        let rewritten = effects.hostname.is_some() || effects.path.is_some();
        let others = [(effects.mirrored, "RequestMirror"), (rewritten, "URLRewrite")];
        for (_, other) in others.into_iter().filter(|(is_there, _)| *is_there) {
            let place = Place::new(self.route, format!("{}[{position}]", self.field), filter.span);
            let place =
                place.because(Part::Rule(self.rule), ConditionType::Accepted, Reason::IncompatibleFilters);
            let message = format!(
                "`RequestRedirect` cannot be combined with `{other}`: a redirected request is not forwarded"
            );
            report.error(Code::IncompatibleFilters, place, message).hint =
                Some(String::from("remove one of the two; until then requests get 500"));
            effects.rejected = true;
        }
        for (position, filter) in self.list.iter().enumerate() {
            if let Filter::RequestHeaders(_) = filter.value {
                let place = Place::new(self.route, format!("{}[{position}]", self.field), filter.span);
                let message = "`RequestHeaderModifier` has no effect together with `RequestRedirect`: the request is not forwarded";
                report.warning(Code::NoEffect, place, String::from(message));
            }
        }
    }
}

impl Effects<'_> {
    /// Whether they redirect requests.
    pub(super) const fn redirects(&self) -> bool {
        self.redirect.is_some()
    }

    /// The action for requests that match this path, given the cluster to forward to. Requests that cannot be
    /// forwarded get this status.
    pub(super) fn action(&self, target: Option<&Forward>, matched: &PathMatch, error_status: u16) -> Action {
        if self.rejected {
            return Action::Respond(error_status);
        }
        match (self.redirect(matched), target) {
            (Some(redirect), _) => Action::Redirect(redirect),
            (None, Some(target)) => Action::Forward(self.forward(target, matched)),
            (None, None) => Action::Respond(error_status),
        }
    }

    /// The CORS policy, which must allow the session header if the rule has one.
    pub(super) fn cors_with(&self, persistence: Option<&Persistence>) -> Option<Cors> {
        let mut cors = self.cors.clone()?;
        if let Some(Carrier::Header(header)) = persistence.map(Persistence::carrier) {
            for allowed in [&mut cors.request_headers, &mut cors.response_headers] {
                if let Allowed::Names(names) = allowed {
                    let name = header.name.as_str();
                    if !names.iter().any(|listed| listed.eq_ignore_ascii_case(name)) {
                        names.push(name.to_owned());
                    }
                }
            }
        }
        Some(cors)
    }

    fn redirect(&self, matched: &PathMatch) -> Option<Redirect> {
        let redirect = self.redirect.as_ref()?;
        Some(Redirect {
            scheme: redirect.scheme,
            hostname: redirect.hostname.clone(),
            // Gateway API, `HTTPRequestRedirectFilter.port`.
            port: match (redirect.port, redirect.scheme) {
                (Some(port), _) => RedirectPort::Given(port),
                (None, Some(_)) => RedirectPort::OfScheme,
                (None, None) => RedirectPort::OfListener,
            },
            path: redirect.path.as_ref().and_then(|path| path_change(path, matched)),
            status: redirect.status,
        })
    }

    fn forward(&self, to: &Forward, matched: &PathMatch) -> Forward {
        Forward {
            hostname: self.hostname.clone(),
            path: self.path.as_ref().and_then(|path| path_change(path, matched)),
            ..to.clone()
        }
    }
}

fn path_change(path: &PathModifier, matched: &PathMatch) -> Option<PathChange> {
    match (path, matched) {
        (PathModifier::Full(path), _) => Some(PathChange::Full(path.clone())),
        (PathModifier::Prefix(replacement), PathMatch::Prefix(prefix)) => Some(PathChange::Prefix {
            matched: prefix.strip_suffix('/').unwrap_or(prefix).to_owned(),
            replacement: replacement.strip_suffix('/').unwrap_or(replacement).to_owned(),
        }),
        // The reader rejects such rules.
        (PathModifier::Prefix(_), PathMatch::Exact(_) | PathMatch::Regex(_)) => None,
    }
}

/// Headers of the connection (RFC 9110 section 7.6.1), and headers that frame or route a message. Envoy sends
/// what a filter sets, and a wrong length allows request smuggling.
const PROTECTED: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A protected header that a modifier changes.
fn protected_header(modifier: &HeaderModifier) -> Option<&Spanned<String>> {
    let HeaderModifier { set, add, remove } = modifier;
    let written = set.iter().chain(add).map(|Header { name, .. }| name).chain(remove);
    written.into_iter().find(|name| PROTECTED.contains(&name.value.as_str()))
}

fn change(headers: &mut HeaderChanges, modifier: &HeaderModifier) {
    for header in &modifier.set {
        headers.set(&header.name.value, &header.value);
    }
    for header in &modifier.add {
        headers.add(&header.name.value, &header.value);
    }
    for name in &modifier.remove {
        headers.remove(&name.value);
    }
}
