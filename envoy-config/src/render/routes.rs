//! Virtual hosts and routes (`envoy.config.route.v3`).
//!
//! A route of the model becomes one Envoy route, preceded by others for requests that Envoy must treat differently: those that get an
//! error, those without a session, redirects with a port in `Host`, and preflight requests (`cors`). `matches` writes conditions,
//! [`super::retries`] timeouts and retries.

mod cors;
mod hash;
mod matches;

use serde::Serialize;
use session_persistence::config::{Pin, Rule};
use session_persistence::names;

use self::hash::HashPolicy;
use self::matches::{Fraction, HeaderCondition, NoSession, RouteMatch, StringCondition};
use super::Options;
use super::error_fraction::ErrorFractions;
use super::extension::Message;
use super::filters::PerRoute;
use super::headers::HeaderMutations;
use super::retries::{Retried, RetryPolicy, TimeoutsAndRetries};
use super::route_metadata::RouteMetadata;
use super::session_header;
use super::string_matcher::StringMatcher;
use super::url::{ListenerOrigin, PathRewrite, Redirect};
use crate::limits::Limits;
use crate::model::{self, Action, Domain, Mirror};

#[derive(Serialize)]
pub(super) struct RouteConfiguration {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore_port_in_host_matching: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_headers_to_remove: Option<(&'static str,)>,
    virtual_hosts: Vec<VirtualHost>,
}

/// The context of a route.
#[derive(Clone, Copy)]
struct Around<'a> {
    origin: ListenerOrigin,
    domain: &'a Domain,
    errors: &'a ErrorFractions<'a>,
    options: &'a Options,
    /// The routes for the same requests, including itself, if its rule is split.
    siblings: &'a [model::Route],
}

#[derive(Serialize)]
struct VirtualHost {
    name: String,
    domains: (String,),
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body_buffer_limit: Option<u32>,
    routes: Vec<Route>,
}

#[derive(Serialize)]
struct Route {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "match")]
    matches: RouteMatch,
    #[serde(flatten)]
    action: RouteAction,
    #[serde(flatten)]
    headers: HeaderMutations,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<RouteMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    typed_per_filter_config: Option<PerRoute>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum RouteAction {
    Route(Box<Forward>),
    Redirect(Redirect),
    DirectResponse { status: u16 },
}

#[derive(Serialize)]
struct Forward {
    cluster: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_rewrite_literal: Option<String>,
    #[serde(flatten)]
    path: Option<PathRewrite>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    request_mirror_policies: Vec<MirrorPolicy>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hash_policy: Vec<HashPolicy>,
    #[serde(flatten)]
    timeouts_and_retries: TimeoutsAndRetries,
}

#[derive(Serialize)]
struct MirrorPolicy {
    cluster: String,
    runtime_fraction: Fraction,
    disable_shadow_host_suffix_append: bool,
}

impl Message for RouteConfiguration {
    const TYPE: &'static str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
}

impl RouteConfiguration {
    pub(super) fn new(
        hosts: &[model::VirtualHost],
        origin: ListenerOrigin,
        errors: &ErrorFractions<'_>,
        options: &Options,
    ) -> Self {
        Self {
            name: String::new(),
            // Gateway API, `Hostname`: the port of the `Host` header is ignored.
            ignore_port_in_host_matching: Some(true),
            // Backends never see the private header of a client. On routes with sessions, where it could pin, the filter removes
            // or replaces it before.
            request_headers_to_remove: Some((names::OVERRIDE_HOST_HEADER,)),
            virtual_hosts: hosts.iter().map(|host| VirtualHost::new(host, origin, errors, options)).collect(),
        }
    }

    /// The same with this name, for a file of its own.
    pub(super) fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Answers every request with this status. The outer request does not retry it.
    pub(super) fn error(status: u16) -> Self {
        let route = Route {
            name: None,
            matches: RouteMatch::all(),
            action: RouteAction::DirectResponse { status },
            headers: HeaderMutations::of_final_response(),
            metadata: None,
            typed_per_filter_config: None,
        };
        let host = VirtualHost {
            name: String::from("*"),
            domains: (String::from("*"),),
            retry_policy: None,
            request_body_buffer_limit: None,
            routes: vec![route],
        };
        Self {
            name: String::new(),
            ignore_port_in_host_matching: None,
            request_headers_to_remove: None,
            virtual_hosts: vec![host],
        }
    }
}

impl VirtualHost {
    fn new(
        host: &model::VirtualHost,
        origin: ListenerOrigin,
        errors: &ErrorFractions<'_>,
        options: &Options,
    ) -> Self {
        let domain = host.domain.to_string();
        Self {
            name: domain.clone(),
            domains: (domain,),
            retry_policy: Some(RetryPolicy::failover()),
            request_body_buffer_limit: Some(options.limits.retry_buffer),
            routes: host
                .routes
                .chunk_by(are_siblings)
                .flat_map(|siblings| {
                    let around = Around { origin, domain: &host.domain, errors, options, siblings };
                    siblings.iter().flat_map(move |route| Route::all(route, around))
                })
                .map(|route| route.within(&options.limits))
                .collect(),
        }
    }
}

/// Whether a route is for the requests of strict sessions, which only their own endpoint may serve.
fn is_held(route: &model::Route) -> bool {
    matches!(route.subset, model::RequestSubset::SessionsOf(_))
        && route.persistence.as_ref().is_some_and(Rule::is_strict)
}

/// Whether two routes are for the same requests and belong to the same split rule.
fn are_siblings(one: &model::Route, other: &model::Route) -> bool {
    let split_rule =
        |route: &model::Route| route.persistence.as_ref().filter(|rule| rule.share().is_some()).cloned();
    match (split_rule(one), split_rule(other)) {
        (Some(rule), Some(other_rule)) => rule.id() == other_rule.id() && one.matches == other.matches,
        _ => false,
    }
}

impl Route {
    /// The same route without an idle timeout that the general limits make unnecessary.
    fn within(self, limits: &Limits) -> Self {
        let action = match self.action {
            RouteAction::Route(forward) => RouteAction::Route(Box::new(Forward {
                timeouts_and_retries: forward.timeouts_and_retries.within(limits),
                ..*forward
            })),
            other => other,
        };
        Self { action, ..self }
    }

    /// The Envoy routes for a route of the model, in order.
    fn all<'a>(route: &'a model::Route, around: Around<'a>) -> impl Iterator<Item = Self> + 'a {
        let needs_cors_headers = route.cors.is_some() && !matches!(route.action, Action::Forward(_));
        let with_cors = needs_cors_headers.then(|| Self::without_cors(route, around)).into_iter().flatten();
        let has_errors =
            matches!(&route.action, Action::Forward(forward) if around.errors.by_endpoints(&forward.cluster));
        let all = Self::preflight(route, around)
            .into_iter()
            .chain(with_cors.filter_map(|one| one.with_cors_headers(route)))
            .chain(Self::without_cors(route, around));
        all.map(
            move |one| {
                if has_errors { Self { headers: one.headers.without_final_mark(), ..one } } else { one }
            },
        )
    }

    /// The Envoy routes for a route of the model, except those for CORS.
    fn without_cors<'a>(route: &'a model::Route, around: Around<'a>) -> impl Iterator<Item = Self> + 'a {
        let Around { origin, domain, errors, .. } = around;
        let before = match &route.action {
            Action::Forward(_) if is_held(route) => None,
            Action::Forward(forward) => Self::error(route, forward, errors),
            Action::Redirect(redirect) => Redirect::with_port(redirect, origin, domain).map(|redirect| {
                let mut matches = RouteMatch::of(&route.matches, &route.subset);
                matches.headers.push(HeaderCondition::Value(StringCondition {
                    name: String::from(":authority"),
                    string_match: StringMatcher::regex(".*:[0-9]+"),
                }));
                Self { matches, ..Self::new(route, RouteAction::Redirect(redirect), around) }
            }),
            Action::Respond(_) => None,
        };
        let action = match &route.action {
            Action::Forward(forward) if is_held(route) => RouteAction::forward(forward, Retried::Never),
            // Requests with a session take another route.
            Action::Forward(forward) if route.persistence.as_ref().is_some_and(Rule::is_strict) => {
                RouteAction::forward(forward, Retried::ForStatuses)
            }
            Action::Forward(forward) if route.persistence.is_some() => {
                RouteAction::forward(forward, Retried::IfNotReached)
            }
            Action::Forward(forward) => {
                RouteAction::forward(&past_errors(forward, errors), Retried::ForStatuses)
            }
            Action::Redirect(redirect) => RouteAction::Redirect(Redirect::of(redirect, origin, domain)),
            Action::Respond(status) => RouteAction::DirectResponse { status: *status },
        };
        before
            .into_iter()
            .chain(Self::without_session(route, around))
            .chain([Self::new(route, action, around)])
    }

    fn new(route: &model::Route, action: RouteAction, around: Around<'_>) -> Self {
        let session = session_header::removed(route, around.siblings);
        // With the metadata pin, nothing reads a private header of a response.
        let pin = route.persistence.as_ref().map(|rule| around.options.pin_of_rule(rule));
        let is_read = pin == Some(Pin::StatefulSession);
        let private = is_read.then_some(names::OVERRIDE_HOST_HEADER);
        let headers = HeaderMutations::of(route).without_answers(session.into_iter().chain(private));
        Self {
            name: Some(route.name.clone()),
            matches: RouteMatch::of(&route.matches, &route.subset),
            action,
            headers,
            metadata: route.persistence.as_ref().map(RouteMetadata::of),
            typed_per_filter_config: PerRoute::of(route, around.siblings, session.is_some(), around.options),
        }
    }

    /// The route for requests without a session, if they are treated differently: they can be retried for a status, and their
    /// mirrors must account for sampled errors. It has the same name and plugin as the route for requests with a session.
    fn without_session(route: &model::Route, around: Around<'_>) -> Option<Self> {
        let errors = around.errors;
        let (Action::Forward(forward), Some(rule)) = (&route.action, &route.persistence) else { return None };
        if is_held(route) {
            return None;
        }
        let is_retried =
            !rule.is_strict() && forward.retry.as_deref().is_some_and(model::Retry::depends_on_answers);
        let is_mirrored = !forward.mirrors.is_empty() && errors.before_routing(&forward.cluster).is_some();
        if !is_retried && !is_mirrored {
            return None;
        }
        let action = RouteAction::forward(&past_errors(forward, errors), Retried::ForStatuses);
        let mut route = Self::new(route, action, around);
        route.matches.headers.push(HeaderCondition::NoSession(NoSession::of(rule)));
        Some(route)
    }

    /// The route that answers a fraction of the requests without a session with an error, if the cluster cannot do so.
    fn error(route: &model::Route, forward: &model::Forward, errors: &ErrorFractions) -> Option<Self> {
        let error = errors.before_routing(&forward.cluster)?;
        let mut matches = RouteMatch::of(&route.matches, &route.subset);
        matches.headers.extend(route.persistence.as_ref().map(NoSession::of).map(HeaderCondition::NoSession));
        matches.runtime_fraction = Some(Fraction::of_a_million(error.millionths()));
        Some(Self {
            name: Some(format!("{}/refused", route.name)),
            matches,
            action: RouteAction::DirectResponse { status: error.status() },
            headers: HeaderMutations::of(route),
            metadata: None,
            typed_per_filter_config: None,
        })
    }
}

/// How requests are forwarded after a fraction of them got an error. These were the requests with low random numbers, so mirrors
/// take their fraction of the remaining numbers.
fn past_errors(forward: &model::Forward, errors: &ErrorFractions) -> model::Forward {
    let mut forward = forward.clone();
    if let Some(error) = errors.before_routing(&forward.cluster) {
        let rest = error.millionths()..1_000_000;
        forward.mirrors = forward.mirrors.iter().map(|mirror| mirror.within(&rest)).collect();
    }
    forward
}

impl RouteAction {
    fn forward(forward: &model::Forward, retried: Retried) -> Self {
        Self::Route(Box::new(Forward::of(forward, retried)))
    }
}

impl Forward {
    fn of(forward: &model::Forward, retried: Retried) -> Self {
        Self {
            cluster: forward.cluster.clone(),
            host_rewrite_literal: forward.hostname.clone(),
            path: forward.path.as_ref().and_then(PathRewrite::of),
            request_mirror_policies: forward.mirrors.iter().map(MirrorPolicy::from).collect(),
            hash_policy: forward.hash.iter().map(HashPolicy::of).collect(),
            timeouts_and_retries: TimeoutsAndRetries::of(forward, retried),
        }
    }
}

impl From<&Mirror> for MirrorPolicy {
    fn from(mirror: &Mirror) -> Self {
        Self {
            cluster: mirror.cluster.clone(),
            runtime_fraction: Fraction::of_a_million(mirror.below),
            // The copy has the same hostname as the request.
            disable_shadow_host_suffix_append: true,
        }
    }
}
