//! Virtual hosts and routes (`envoy.config.route.v3`).

mod cors;

use serde::Serialize;
use session_persistence::config::Pin;
use session_persistence::names;

use super::Options;
use super::filters::PerRoute;
use super::headers::HeaderMutations;
use super::query;
use super::retries::{RetryPolicy, Statuses, TimeoutsAndRetries};
use super::session_header;
use super::shares::{Fraction, NoSession, Shares};
use super::url::{ListenerOrigin, PathRewrite, Redirect};
use crate::limits::Limits;
use crate::model::{self, Action, Domain, Mirror, PathMatch, Portion, TextMatch, ValueMatch};

#[derive(Serialize)]
pub(super) struct RouteConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore_port_in_host_matching: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_headers_to_remove: Option<(&'static str,)>,
    virtual_hosts: Vec<VirtualHost>,
}

/// What is around a route.
#[derive(Clone, Copy)]
struct Around<'a> {
    origin: ListenerOrigin,
    domain: &'a Domain,
    shares: &'a Shares<'a>,
    options: &'a Options,
    /// The routes for the same requests, itself among them, if its rule has several shares.
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
    typed_per_filter_config: Option<PerRoute>,
}

#[derive(Serialize)]
struct RouteMatch {
    #[serde(flatten)]
    path: PathSpecifier,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<HeaderCondition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    query_parameters: Vec<StringCondition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime_fraction: Option<Fraction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_state: Option<(FilterState,)>,
}

#[derive(Serialize)]
struct FilterState {
    key: &'static str,
    string_match: StringMatch,
}

#[derive(Serialize)]
#[serde(untagged)]
enum HeaderCondition {
    Value(StringCondition),
    NoSession(NoSession),
    Present(Present),
}

#[derive(Serialize)]
struct Present {
    name: &'static str,
    present_match: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum PathSpecifier {
    Path(String),
    Prefix(&'static str),
    PathSeparatedPrefix(String),
    SafeRegex(Regex),
}

#[derive(Serialize)]
struct Regex {
    regex: String,
}

/// `HeaderMatcher` and `QueryParameterMatcher`: the same shape for what we need of them.
#[derive(Serialize)]
struct StringCondition {
    name: String,
    string_match: StringMatch,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum StringMatch {
    Exact(String),
    SafeRegex(Regex),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum RouteAction {
    Route(Forward),
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
    #[serde(flatten)]
    timeouts_and_retries: TimeoutsAndRetries,
}

#[derive(Serialize)]
struct MirrorPolicy {
    cluster: String,
    runtime_fraction: Fraction,
    disable_shadow_host_suffix_append: bool,
}

impl RouteConfiguration {
    pub(super) fn new(
        hosts: &[model::VirtualHost],
        origin: ListenerOrigin,
        shares: &Shares<'_>,
        options: &Options,
    ) -> Self {
        Self {
            // Gateway API, `Hostname`: the port of a Host header takes no part in matching.
            ignore_port_in_host_matching: Some(true),
            // What a client sends under the private name reaches no backend. Where it could pin, the filter has removed or
            // replaced it before.
            request_headers_to_remove: Some((names::OVERRIDE_HOST_HEADER,)),
            virtual_hosts: hosts.iter().map(|host| VirtualHost::new(host, origin, shares, options)).collect(),
        }
    }

    /// Every request gets this status, and is not tried again.
    pub(super) fn refusing(status: u16) -> Self {
        let route = Route {
            name: None,
            matches: RouteMatch {
                path: PathSpecifier::Prefix("/"),
                headers: Vec::new(),
                query_parameters: Vec::new(),
                runtime_fraction: None,
                filter_state: None,
            },
            action: RouteAction::DirectResponse { status },
            headers: HeaderMutations::of_final_answer(),
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
        shares: &Shares<'_>,
        options: &Options,
    ) -> Self {
        let domain = match &host.domain {
            Domain::Exact(name) => name.clone(),
            Domain::Wildcard(suffix) => format!("*.{suffix}"),
            Domain::Any => String::from("*"),
        };
        Self {
            name: domain.clone(),
            domains: (domain,),
            retry_policy: Some(RetryPolicy::failover()),
            request_body_buffer_limit: Some(options.limits.retry_buffer),
            routes: host
                .routes
                .chunk_by(are_siblings)
                .flat_map(|siblings| {
                    let around = Around { origin, domain: &host.domain, shares, options, siblings };
                    siblings.iter().flat_map(move |route| Route::all(route, around))
                })
                .map(|route| route.within(&options.limits))
                .collect(),
        }
    }
}

/// Whether two routes are for the same requests and lead to shares of one rule.
fn are_siblings(one: &model::Route, other: &model::Route) -> bool {
    let divided =
        |route: &model::Route| route.persistence.as_ref().filter(|rule| rule.share().is_some()).cloned();
    match (divided(one), divided(other)) {
        (Some(rule), Some(of_other)) => rule.id() == of_other.id() && one.matches == other.matches,
        _ => false,
    }
}

impl Route {
    /// The same route where it waits no longer for a sign of life than its rule asks for or, without a word of that, than the
    /// limits have it.
    fn within(self, limits: &Limits) -> Self {
        let action = match self.action {
            RouteAction::Route(forward) => RouteAction::Route(Forward {
                timeouts_and_retries: forward.timeouts_and_retries.within(limits),
                ..forward
            }),
            other => other,
        };
        Self { action, ..self }
    }

    /// A route and what goes in front of it.
    fn all<'a>(route: &'a model::Route, around: Around<'a>) -> impl Iterator<Item = Self> + 'a {
        let is_readable = route.cors.is_some() && !matches!(route.action, Action::Forward(_));
        let readable = is_readable.then(|| Self::answers(route, around)).into_iter().flatten();
        let marked =
            matches!(&route.action, Action::Forward(forward) if around.shares.are_inside(&forward.cluster));
        let all = Self::preflight(route, around)
            .into_iter()
            .chain(readable.filter_map(|answer| answer.readable(route)))
            .chain(Self::answers(route, around));
        all.map(move |one| if marked { Self { headers: one.headers.without_mark(), ..one } } else { one })
    }

    /// A route and what goes in front of it, whoever asks.
    fn answers<'a>(route: &'a model::Route, around: Around<'a>) -> impl Iterator<Item = Self> + 'a {
        let Around { origin, domain, shares, .. } = around;
        let before = match &route.action {
            Action::Forward(forward) => Self::refusing(route, forward, shares),
            Action::Redirect(redirect) => Redirect::with_port(redirect, origin, domain).map(|redirect| {
                let mut matches = RouteMatch::of(&route.matches, &route.portion);
                matches.headers.push(HeaderCondition::Value(StringCondition {
                    name: String::from(":authority"),
                    string_match: StringMatch::SafeRegex(Regex { regex: String::from(".*:[0-9]+") }),
                }));
                Self { matches, ..Self::new(route, RouteAction::Redirect(redirect), around) }
            }),
            Action::Respond(_) => None,
        };
        let action = match &route.action {
            Action::Forward(forward) if route.persistence.is_some() => {
                RouteAction::Route(Forward::of(forward, Statuses::Final))
            }
            Action::Forward(forward) => {
                RouteAction::Route(Forward::of(&past_refusals(forward, shares), Statuses::Retried))
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
        // With the other pin, nothing reads what a backend sends under the private name.
        let is_read = route.persistence.is_some() && around.options.pin == Pin::StatefulSession;
        let private = is_read.then_some(names::OVERRIDE_HOST_HEADER);
        let headers = HeaderMutations::of(route).without_answers(session.into_iter().chain(private));
        Self {
            name: Some(route.name.clone()),
            matches: RouteMatch::of(&route.matches, &route.portion),
            action,
            headers,
            typed_per_filter_config: PerRoute::of(route, around.siblings, around.options),
        }
    }

    /// What goes in front of a route with sessions whose requests without one are treated differently, because they may be
    /// tried again for a status, or because some of them are refused before a mirror sees them. It has the same name and the
    /// same plugin.
    fn without_session(route: &model::Route, around: Around<'_>) -> Option<Self> {
        let shares = around.shares;
        let (Action::Forward(forward), Some(rule)) = (&route.action, &route.persistence) else { return None };
        let is_retried = forward.retry.as_ref().is_some_and(|retry| !retry.statuses.is_empty());
        let is_mirrored = !forward.mirrors.is_empty() && shares.of(&forward.cluster).is_some();
        if !is_retried && !is_mirrored {
            return None;
        }
        let action = Forward::of(&past_refusals(forward, shares), Statuses::Retried);
        let mut route = Self::new(route, RouteAction::Route(action), around);
        route.matches.headers.push(HeaderCondition::NoSession(NoSession::of(rule)));
        Some(route)
    }

    /// What goes in front of a route whose cluster cannot refuse by itself: its share of the requests without a session.
    fn refusing(route: &model::Route, forward: &model::Forward, shares: &Shares) -> Option<Self> {
        let share = shares.of(&forward.cluster)?;
        let mut matches = RouteMatch::of(&route.matches, &route.portion);
        matches.headers.extend(route.persistence.as_ref().map(NoSession::of).map(HeaderCondition::NoSession));
        matches.runtime_fraction = Some(share.fraction());
        Some(Self {
            name: Some(format!("{}/refused", route.name)),
            matches,
            action: RouteAction::DirectResponse { status: share.status() },
            headers: HeaderMutations::of(route),
            typed_per_filter_config: None,
        })
    }
}

/// How requests go on of which a share was refused: that were those with the lower numbers, of which mirrors get none.
fn past_refusals(forward: &model::Forward, shares: &Shares) -> model::Forward {
    let mut forward = forward.clone();
    if let Some(refused) = shares.of(&forward.cluster) {
        let rest = refused.millionths()..1_000_000;
        forward.mirrors = forward.mirrors.iter().map(|mirror| mirror.within(&rest)).collect();
    }
    forward
}

impl RouteMatch {
    fn of(matches: &model::RouteMatch, portion: &Portion) -> Self {
        let method = matches.method.iter().map(|method| StringCondition {
            name: String::from(":method"),
            string_match: StringMatch::Exact(method.clone()),
        });
        Self {
            path: PathSpecifier::from(&matches.path),
            headers: method
                .chain(matches.headers.iter().map(StringCondition::from))
                .map(HeaderCondition::Value)
                .collect(),
            query_parameters: matches.query.iter().map(StringCondition::of_query).collect(),
            runtime_fraction: match portion {
                Portion::Below(millionths) => Some(Fraction::of_a_million(*millionths)),
                Portion::All | Portion::Sessions(_) => None,
            },
            filter_state: match portion {
                Portion::Sessions(share) => Some((FilterState {
                    key: names::SHARE_FILTER_STATE,
                    string_match: StringMatch::Exact(share.clone()),
                },)),
                Portion::All | Portion::Below(_) => None,
            },
        }
    }
}

impl From<&PathMatch> for PathSpecifier {
    fn from(path: &PathMatch) -> Self {
        match path {
            PathMatch::Exact(path) => Self::Path(path.clone()),
            // Envoy's separated prefix cannot be the bare slash.
            PathMatch::Prefix(path) if path == "/" => Self::Prefix("/"),
            PathMatch::Prefix(path) => Self::PathSeparatedPrefix(path.clone()),
            PathMatch::Regex(regex) => Self::SafeRegex(Regex { regex: regex.clone() }),
        }
    }
}

impl StringCondition {
    fn of_query(condition: &ValueMatch) -> Self {
        let encoded = match &condition.value {
            TextMatch::Exact(text) => query::encodings(text),
            TextMatch::Regex(_) => None,
        };
        let mut written = Self::from(condition);
        if let Some(regex) = encoded {
            written.string_match = StringMatch::SafeRegex(Regex { regex });
        }
        written
    }
}

impl From<&ValueMatch> for StringCondition {
    fn from(condition: &ValueMatch) -> Self {
        let string_match = match &condition.value {
            TextMatch::Exact(text) => StringMatch::Exact(text.clone()),
            TextMatch::Regex(regex) => StringMatch::SafeRegex(Regex { regex: regex.clone() }),
        };
        Self { name: condition.name.clone(), string_match }
    }
}

impl Forward {
    fn of(forward: &model::Forward, statuses: Statuses) -> Self {
        Self {
            cluster: forward.cluster.clone(),
            host_rewrite_literal: forward.hostname.clone(),
            path: forward.path.as_ref().and_then(PathRewrite::of),
            request_mirror_policies: forward.mirrors.iter().map(MirrorPolicy::from).collect(),
            timeouts_and_retries: TimeoutsAndRetries::of(forward, statuses),
        }
    }
}

impl From<&Mirror> for MirrorPolicy {
    fn from(mirror: &Mirror) -> Self {
        Self {
            cluster: mirror.cluster.clone(),
            runtime_fraction: Fraction::of_a_million(mirror.below),
            // The copy is for the hostname that the request is for.
            disable_shadow_host_suffix_append: true,
        }
    }
}
