//! What CORS needs beside the filter: Envoy's looks at no route that answers by itself, be it with a redirect or a status
//! (1.40), and a route for one method is not found by the question whether a script may use that method.

use super::{
    Around, Forward, HeaderCondition, Present, Regex, Route, RouteAction, RouteMatch, StringCondition,
    StringMatch,
};
use crate::model::{self, Action};
use crate::render::cors::{CorsPolicy, PREFLIGHTS};
use crate::render::headers::HeaderMutations;
use crate::render::retries::Statuses;

const OPTIONS: &str = "OPTIONS";

impl Route {
    /// What goes in front of a route for the questions of browsers, if it cannot hear them all itself. The filter answers all
    /// of them, so that none gets to the cluster; a request without an origin is no such question.
    pub(super) fn preflight(route: &model::Route, around: Around<'_>) -> Option<Self> {
        route.cors.as_ref()?;
        let method = route.matches.method.as_ref().filter(|method| *method != OPTIONS);
        let hears = match &route.action {
            Action::Forward(forward) => method.is_none() && around.shares.of(&forward.cluster).is_none(),
            Action::Redirect(_) | Action::Respond(_) => false,
        };
        if hears {
            return None;
        }
        let asked = model::RouteMatch { method: Some(OPTIONS.to_owned()), ..route.matches.clone() };
        let mut matches = RouteMatch::of(&asked, &route.portion);
        let about = "access-control-request-method";
        matches.headers.push(method.map_or_else(
            || HeaderCondition::Present(Present { name: about, present_match: true }),
            |method| {
                let string_match = StringMatch::Exact(method.clone());
                HeaderCondition::Value(StringCondition { name: about.to_owned(), string_match })
            },
        ));
        matches.headers.push(HeaderCondition::Present(Present { name: "origin", present_match: true }));
        let nowhere = model::Forward::to(PREFLIGHTS);
        let action = RouteAction::Route(Forward::of(&nowhere, Statuses::Final));
        Some(Self { matches, headers: HeaderMutations::default(), ..Self::new(route, action, around) })
    }

    /// The same for the sites whose scripts may read the answer, where the route gives it by itself.
    pub(super) fn readable(mut self, route: &model::Route) -> Option<Self> {
        let policy = CorsPolicy::from(route.cors.as_ref()?);
        self.matches.headers.push(HeaderCondition::Value(StringCondition {
            name: String::from("origin"),
            string_match: StringMatch::SafeRegex(Regex { regex: policy.any_origin()? }),
        }));
        self.headers.answer_with(policy.response_headers());
        Some(self)
    }
}
