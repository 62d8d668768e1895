//! Which requests a route matches (`envoy.config.route.v3.RouteMatch`).

use serde::Serialize;
use session_persistence::config::{Carrier, Rule};
use session_persistence::names;

use crate::model::{self, PathMatch, RequestSubset, TextMatch, ValueMatch};
use crate::render::query;
use crate::render::string_matcher::{Regex, StringMatcher};

#[derive(Serialize)]
pub(super) struct RouteMatch {
    #[serde(flatten)]
    path: PathSpecifier,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) headers: Vec<HeaderCondition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    query_parameters: Vec<StringCondition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runtime_fraction: Option<Fraction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_state: Option<(FilterState,)>,
}

/// `envoy.config.core.v3.RuntimeFractionalPercent`
#[derive(Serialize)]
pub(super) struct Fraction {
    default_value: FractionalPercent,
}

#[derive(Serialize)]
struct FractionalPercent {
    numerator: u32,
    denominator: &'static str,
}

#[derive(Serialize)]
struct FilterState {
    key: &'static str,
    string_match: StringMatcher,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum HeaderCondition {
    Value(StringCondition),
    NoSession(NoSession),
    Present(Present),
}

#[derive(Serialize)]
pub(super) struct Present {
    pub(super) name: &'static str,
    pub(super) present_match: bool,
}

/// `HeaderMatcher` and `QueryParameterMatcher`, which have these fields in common.
#[derive(Serialize)]
pub(super) struct StringCondition {
    pub(super) name: String,
    pub(super) string_match: StringMatcher,
}

/// `HeaderMatcher`: the request has neither the cookie nor the header of the rule's sessions.
#[derive(Serialize)]
pub(super) struct NoSession {
    name: String,
    #[serde(flatten)]
    condition: Condition,
    invert_match: bool,
    treat_missing_header_as_empty: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Condition {
    StringMatch(StringMatcher),
    PresentMatch(bool),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum PathSpecifier {
    Path(String),
    Prefix(&'static str),
    PathSeparatedPrefix(String),
    SafeRegex(Regex),
}

impl RouteMatch {
    /// Matches every request.
    pub(super) const fn all() -> Self {
        Self {
            path: PathSpecifier::Prefix("/"),
            headers: Vec::new(),
            query_parameters: Vec::new(),
            runtime_fraction: None,
            filter_state: None,
        }
    }

    pub(super) fn of(matches: &model::RouteMatch, subset: &RequestSubset) -> Self {
        let method = matches.method.iter().map(|method| StringCondition {
            name: String::from(":method"),
            string_match: StringMatcher::Exact(method.clone()),
        });
        Self {
            path: PathSpecifier::from(&matches.path),
            headers: method
                .chain(matches.headers.iter().map(StringCondition::from))
                .map(HeaderCondition::Value)
                .collect(),
            query_parameters: matches.query.iter().map(StringCondition::of_query).collect(),
            runtime_fraction: match subset {
                RequestSubset::NumberBelow(millionths) => Some(Fraction::of_a_million(*millionths)),
                RequestSubset::All | RequestSubset::SessionsOf(_) => None,
            },
            filter_state: match subset {
                RequestSubset::SessionsOf(share) => Some((FilterState {
                    key: names::SHARE_FILTER_STATE,
                    string_match: StringMatcher::Exact(share.clone()),
                },)),
                RequestSubset::All | RequestSubset::NumberBelow(_) => None,
            },
        }
    }
}

impl From<&PathMatch> for PathSpecifier {
    fn from(path: &PathMatch) -> Self {
        match path {
            PathMatch::Exact(path) => Self::Path(path.clone()),
            // Envoy does not allow `/` as a path-separated prefix.
            PathMatch::Prefix(path) if path == "/" => Self::Prefix("/"),
            PathMatch::Prefix(path) => Self::PathSeparatedPrefix(path.clone()),
            PathMatch::Regex(regex) => Self::SafeRegex(Regex::new(regex)),
        }
    }
}

impl StringCondition {
    fn of_query(condition: &ValueMatch) -> Self {
        let encodings = match &condition.value {
            TextMatch::Exact(text) => query::encodings(text),
            TextMatch::Regex(_) => None,
        };
        let mut matcher = Self::from(condition);
        if let Some(regex) = encodings {
            matcher.string_match = StringMatcher::regex(regex);
        }
        matcher
    }
}

impl From<&ValueMatch> for StringCondition {
    fn from(condition: &ValueMatch) -> Self {
        let string_match = match &condition.value {
            TextMatch::Exact(text) => StringMatcher::Exact(text.clone()),
            TextMatch::Regex(regex) => StringMatcher::regex(regex),
        };
        Self { name: condition.name.clone(), string_match }
    }
}

impl Fraction {
    pub(super) const fn of_a_million(numerator: u32) -> Self {
        Self { default_value: FractionalPercent { numerator, denominator: "MILLION" } }
    }
}

impl NoSession {
    pub(super) fn of(rule: &Rule) -> Self {
        let (name, condition) = match rule.carrier() {
            Carrier::Cookie(cookie) => {
                ("cookie", Condition::StringMatch(contains_cookie(cookie.name.as_str())))
            }
            Carrier::Header(header) => (header.name.as_str(), Condition::PresentMatch(true)),
        };
        let by_text = matches!(condition, Condition::StringMatch(_));
        Self { name: name.to_owned(), condition, invert_match: true, treat_missing_header_as_empty: by_text }
    }
}

/// Matches a `Cookie` header in which the filter finds a cookie of this name (`session_persistence::candidates`).
fn contains_cookie(name: &str) -> StringMatcher {
    StringMatcher::regex(format!(r"(?:.*[;,])?[ \t]*{}[ \t]*=.*", regex_syntax::escape(name)))
}
