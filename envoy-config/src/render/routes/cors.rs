//! Additional routes for CORS, where Envoy's filter is not enough.
//!
//! The filter does not run for routes that answer with a redirect or a status (1.40). And a preflight request has the method
//! `OPTIONS`, so it does not match the route for the method that it asks about.

use super::matches::{HeaderCondition, Present, RouteMatch, StringCondition};
use super::{Around, Route, RouteAction};
use crate::model::{self, Action};
use crate::render::cors::{CorsPolicy, PREFLIGHTS};
use crate::render::headers::HeaderMutations;
use crate::render::retries::Retried;
use crate::render::string_matcher::StringMatcher;

const OPTIONS: &str = "OPTIONS";

impl Route {
    /// The route for preflight requests about this route, if they do not all match the route itself. The filter answers them all,
    /// so none reaches the cluster. A request without `Origin` is not a preflight request.
    pub(super) fn preflight(route: &model::Route, around: Around<'_>) -> Option<Self> {
        route.cors.as_ref()?;
        let method = route.matches.method.as_ref().filter(|method| *method != OPTIONS);
        let matches_all = match &route.action {
            Action::Forward(forward) => {
                method.is_none()
                    && around.errors.before_routing(&forward.cluster).is_none()
                    // Browsers send no credentials in a preflight request, so the server would refuse it.
                    && route.external_auth.is_empty()
            }
            Action::Redirect(_) | Action::Respond(_) => false,
        };
        if matches_all {
            return None;
        }
        let preflight = model::RouteMatch { method: Some(OPTIONS.to_owned()), ..route.matches.clone() };
        let mut matches = RouteMatch::of(&preflight, &route.subset);
        let requested_method = "access-control-request-method";
        matches.headers.push(method.map_or_else(
            || HeaderCondition::Present(Present { name: requested_method, present_match: true }),
            |method| {
                let string_match = StringMatcher::Exact(method.clone());
                HeaderCondition::Value(StringCondition { name: requested_method.to_owned(), string_match })
            },
        ));
        matches.headers.push(HeaderCondition::Present(Present { name: "origin", present_match: true }));
        let unreached = model::Forward::to(PREFLIGHTS);
        let action = RouteAction::forward(&unreached, Retried::IfNotReached);
        let unchecked = model::Route { external_auth: Vec::new(), ..route.clone() };
        Some(Self { matches, headers: HeaderMutations::default(), ..Self::new(&unchecked, action, around) })
    }

    /// The same route for allowed origins, with CORS response headers. For routes that answer with a redirect or a status.
    pub(super) fn with_cors_headers(mut self, route: &model::Route) -> Option<Self> {
        let policy = CorsPolicy::from(route.cors.as_ref()?);
        self.matches.headers.push(HeaderCondition::Value(StringCondition {
            name: String::from("origin"),
            string_match: StringMatcher::regex(policy.any_origin()?),
        }));
        self.headers.overwrite_response(policy.response_headers());
        Some(self)
    }
}
