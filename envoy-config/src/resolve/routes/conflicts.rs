//! Rules that no request reaches, because another rule has the same matches and takes precedence.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::rules::{MatchEntry, ResolvedRoute};
use crate::diagnostic::Code;
use crate::manifest::gateway_api::route::Rule;
use crate::model::Route;
use crate::resolve::status::report::{Place, Report};

/// A rule: the position of its route, and its position in the route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::resolve) struct RulePosition {
    pub(in crate::resolve) route: usize,
    pub(in crate::resolve) rule: usize,
}

/// The conflicts in all virtual hosts so far.
#[derive(Default)]
pub(in crate::resolve) struct Conflicts {
    reached: HashSet<RulePosition>,
    /// A rule that lost a match, and the rule that takes its requests.
    shadowed: BTreeMap<RulePosition, RulePosition>,
}

impl Conflicts {
    /// The routes of one virtual host, from its matches in order. Matches whose requests an earlier rule
    /// takes are dropped.
    ///
    /// Two rules of one route that have no names and equal matches have the same id. The second one never
    /// gets a route, so the two cannot share sessions.
    pub(in crate::resolve) fn resolve(&mut self, candidates: &[(RulePosition, &MatchEntry)]) -> Vec<Route> {
        let mut taken: HashMap<&[u8], RulePosition> = HashMap::new();
        let mut routes = Vec::with_capacity(candidates.len());
        for (rule, entry) in candidates {
            if let Some(winner) = taken.get(entry.signature.as_slice()) {
                // The same match twice in one rule is harmless.
                if winner != rule {
                    self.shadowed.entry(*rule).or_insert(*winner);
                }
                continue;
            }
            taken.insert(&entry.signature, *rule);
            self.reached.insert(*rule);
            routes.extend_from_slice(&entry.routes);
        }
        routes
    }

    /// Whether any request can reach this rule.
    pub(in crate::resolve) fn is_reached(&self, rule: RulePosition) -> bool {
        self.reached.contains(&rule)
    }

    /// Whether any request can reach this rule through any listener.
    fn is_reached_anywhere(&self, rule: RulePosition, routes: &[ResolvedRoute<'_>]) -> bool {
        let object = routes.get(rule.route).map(|route| route.object);
        let same = routes
            .iter()
            .enumerate()
            .filter(|(_, route)| object.is_some_and(|object| std::ptr::eq(route.object, object)));
        let mut positions = same.map(|(route, _)| RulePosition { route, rule: rule.rule });
        positions.any(|position| self.is_reached(position))
    }

    /// Reports the rules that no request reaches.
    pub(in crate::resolve) fn report_all(&self, routes: &[ResolvedRoute<'_>], report: &mut Report) {
        let mut reported = HashSet::new();
        for (&rule, &winner) in &self.shadowed {
            if !self.is_reached_anywhere(rule, routes)
                && let (Some((route, lost)), Some((other, won))) = (find(routes, rule), find(routes, winner))
                && reported.insert((lost.span.source, lost.span.start))
            {
                let place = Place::new(route.object, format!("spec.rules[{}]", rule.rule), lost.span);
                let message = format!(
                    "this rule is unreachable: {} has the same matches and takes precedence",
                    describe(other, winner, rule)
                );
                let warning = report.warning(Code::UnreachableRule, place, message);
                warning.related = Some((won.span, String::from("this rule takes precedence")));
                warning.hint = Some(String::from("give the two rules different `matches`, or remove one"));
            }
        }
    }
}

/// The route and the rule at a position.
pub(in crate::resolve) fn find<'r, 'm>(
    routes: &'r [ResolvedRoute<'m>],
    position: RulePosition,
) -> Option<(&'r ResolvedRoute<'m>, &'m Rule)> {
    let route = routes.get(position.route)?;
    Some((route, route.object.spec.rules.get(position.rule)?.as_ref().ok()?))
}

/// Describes a rule in a message about another rule.
pub(in crate::resolve) fn describe(
    route: &ResolvedRoute<'_>,
    position: RulePosition,
    seen_from: RulePosition,
) -> String {
    let rule = format!("`rules[{}]`", position.rule);
    if position.route == seen_from.route {
        return format!("{rule} of the same route");
    }
    let (namespace, name) = route.object.metadata.key();
    format!("{rule} of {} `{namespace}/{name}`", route.object.kind)
}
