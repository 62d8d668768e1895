//! Refusing a share of the requests where the cluster cannot do it (see [`super::refusal`]).
//!
//! A cluster that looks names up takes no endpoint inside this Envoy: it leaves it out, silently (Envoy 1.40). So the share
//! is thrown for in front of the route, for requests that bring nothing in the rule's carrier. A request with an expired
//! or a forged token escapes the die; that errs on the side of serving.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use session_persistence::config::{Carrier, Rule};

use super::refusal::Refusal;
use crate::model::{Cluster, Endpoints, Model};

/// What is refused of the requests to each cluster.
pub(super) struct Shares<'m> {
    /// By the routes in front of it, where the cluster cannot do so by itself.
    in_front: BTreeMap<&'m str, Share>,
    /// By the cluster.
    inside: BTreeSet<&'m str>,
}

/// The share of the requests without a session that are refused, and why.
#[derive(Clone, Copy)]
pub(super) struct Share {
    refusal: Refusal,
    millionths: u32,
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

/// The condition that a request brings nothing in the rule's carrier.
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
    StringMatch(TextMatch),
    PresentMatch(bool),
}

#[derive(Serialize)]
struct TextMatch {
    safe_regex: Regex,
}

#[derive(Serialize)]
struct Regex {
    regex: String,
}

const ALL: u64 = 1_000_000;

impl<'m> Shares<'m> {
    pub(super) fn new(model: &'m Model) -> Self {
        let (named, others): (Vec<_>, Vec<_>) =
            model.clusters.iter().partition(|cluster| looks_names_up(cluster));
        let in_front =
            named.into_iter().filter_map(|cluster| Some((cluster.name.as_str(), Share::of(cluster)?)));
        let inside = others.into_iter().filter(|cluster| Refusal::all_of(cluster).next().is_some());
        Self { in_front: in_front.collect(), inside: inside.map(|cluster| cluster.name.as_str()).collect() }
    }

    pub(super) fn of(&self, cluster: &str) -> Option<Share> {
        self.in_front.get(cluster).copied()
    }

    /// Whether some of the answers of a cluster are given inside this Envoy.
    pub(super) fn are_inside(&self, cluster: &str) -> bool {
        self.inside.contains(cluster)
    }
}

/// Whether a cluster has a hostname among its endpoints.
pub(super) fn looks_names_up(cluster: &Cluster) -> bool {
    cluster.localities.iter().any(|locality| matches!(locality.endpoints, Endpoints::Names(_)))
}

impl Share {
    /// Of two reasons to refuse the stronger one is the answer: the die is thrown once.
    fn of(cluster: &Cluster) -> Option<Self> {
        if let Some(refusal) = Refusal::of_rest(cluster) {
            return Some(Self { refusal, millionths: 1_000_000 });
        }
        let shares = cluster.localities.iter();
        let refused =
            shares.clone().filter_map(|share| Some((Refusal::of_share(share, cluster)?, share.weight)));
        let refusal = refused.clone().map(|(refusal, _)| refusal).min()?;
        let sum = |weights: &mut dyn Iterator<Item = u32>| weights.map(u64::from).sum::<u64>();
        let refused = sum(&mut refused.map(|(_, weight)| weight));
        let all = sum(&mut shares.map(|share| share.weight));
        let millionths = u32::try_from(refused.saturating_mul(ALL).checked_div(all)?).ok()?;
        (millionths > 0).then_some(Self { refusal, millionths })
    }

    pub(super) const fn status(self) -> u16 {
        self.refusal.status()
    }

    pub(super) const fn millionths(self) -> u32 {
        self.millionths
    }

    pub(super) const fn fraction(self) -> Fraction {
        Fraction::of_a_million(self.millionths)
    }
}

impl TextMatch {
    /// A `Cookie` header that has a cookie of just this name: what the filter reads of it (`session_persistence::cookie`).
    fn of_cookie(name: &str) -> Self {
        let regex = format!(r"(?:.*[;,])?[ \t]*{}[ \t]*=.*", regex_syntax::escape(name));
        Self { safe_regex: Regex { regex } }
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
                ("cookie", Condition::StringMatch(TextMatch::of_cookie(cookie.name.as_str())))
            }
            Carrier::Header(header) => (header.name.as_str(), Condition::PresentMatch(true)),
        };
        let by_text = matches!(condition, Condition::StringMatch(_));
        Self { name: name.to_owned(), condition, invert_match: true, treat_missing_header_as_empty: by_text }
    }
}
