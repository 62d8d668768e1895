//! Rules that overwrite each other's session cookies in browsers. `browser_rules` finds cookies that browsers reject.
//!
//! Cookies do not depend on the port (RFC 6265 section 8.5), so all addresses are checked together. A cookie with a domain does
//! not depend on the host that sets it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use session_persistence::config::{Carrier, CookieDomain, Rule as Persistence};

use super::source::Session;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Domain, Listener};
use crate::resolve::routes::conflicts::{RulePosition, describe, find};
use crate::resolve::routes::rules::ResolvedRoute;
use crate::resolve::status::report::Report;

/// What distinguishes cookies of one host in a client (RFC 6265bis, "Storage Model"; CHIPS).
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'l> {
    name: &'l str,
    path: &'l str,
    domain: Option<&'l str>,
    partitioned: bool,
}

/// A cookie that a virtual host sets.
struct Use {
    /// The position of the bound address.
    address: usize,
    rule: RulePosition,
    secure: bool,
}

/// The conflicts, each rule once.
#[derive(Default)]
struct Findings {
    /// A rule, and an earlier rule that sets the same cookie.
    conflicts: BTreeMap<RulePosition, RulePosition>,
    /// Rules with a `Secure` cookie that their HTTP responses cannot replace.
    mixed: BTreeSet<RulePosition>,
}

/// Reports the problems with the cookies on all addresses.
pub(in crate::resolve) fn check(listeners: &[Listener], routes: &[ResolvedRoute<'_>], report: &mut Report) {
    let mut found = Findings::default();
    let served: Vec<BTreeSet<&Domain>> = listeners
        .iter()
        .map(|listener| listener.virtual_hosts().map(|host| &host.domain).collect())
        .collect();
    for (key, domains) in collect(listeners, routes) {
        if key.domain.is_some() {
            found.compare(&domains.values().flatten().collect::<Vec<_>>());
            continue;
        }
        for domain in domains.keys() {
            found.compare(&at(domain, &domains, &served));
        }
    }
    found.report_all(routes, report);
}

fn collect<'l>(
    listeners: &'l [Listener],
    routes: &[ResolvedRoute<'_>],
) -> BTreeMap<Key<'l>, BTreeMap<&'l Domain, Vec<Use>>> {
    let mut names: HashMap<&str, RulePosition> = HashMap::new();
    let mut first = 0;
    // A route that is resolved for several listeners is one route.
    for same in routes.chunk_by(|one, next| std::ptr::eq(one.object, next.object)) {
        for entry in same.iter().flat_map(|route| &route.entries) {
            for route in &entry.routes {
                names.insert(&route.name, RulePosition { route: first, rule: entry.rule });
            }
        }
        first += same.len();
    }
    let mut cookies: BTreeMap<Key<'l>, BTreeMap<&'l Domain, Vec<Use>>> = BTreeMap::new();
    for (address, listener) in listeners.iter().enumerate() {
        for host in listener.virtual_hosts() {
            for route in &host.routes {
                let carrier = route.persistence.as_ref().map(Persistence::carrier);
                if let (Some(Carrier::Cookie(cookie)), Some(&rule)) =
                    (carrier, names.get(route.name.as_str()))
                {
                    let key = Key {
                        name: cookie.name.as_str(),
                        path: cookie.path.as_str(),
                        domain: cookie.domain.as_ref().map(CookieDomain::as_str),
                        partitioned: cookie.partitioned,
                    };
                    let uses = cookies.entry(key).or_default().entry(&host.domain).or_default();
                    uses.push(Use { address, rule, secure: cookie.secure });
                }
            }
        }
    }
    cookies
}

/// The cookies that requests for this domain can get: on each address from the most specific virtual host.
fn at<'u>(
    domain: &Domain,
    domains: &'u BTreeMap<&Domain, Vec<Use>>,
    served: &[BTreeSet<&Domain>],
) -> Vec<&'u Use> {
    let mut met = Vec::new();
    let mut nearer: Vec<Domain> = Vec::new();
    for one in domain.chain() {
        let uses = domains.get(&one).into_iter().flatten();
        met.extend(uses.filter(|used| {
            served.get(used.address).is_some_and(|hosts| !nearer.iter().any(|near| hosts.contains(near)))
        }));
        nearer.push(one);
    }
    met
}

impl Findings {
    fn compare(&mut self, met: &[&Use]) {
        let Some(first) = met.iter().map(|used| used.rule).min() else { return };
        let mut secure: HashMap<RulePosition, bool> = HashMap::new();
        for used in met {
            if used.rule != first {
                self.conflicts.entry(used.rule).or_insert(first);
            }
            if *secure.entry(used.rule).or_insert(used.secure) != used.secure {
                self.mixed.insert(used.rule);
            }
        }
    }

    fn report_all(&self, routes: &[ResolvedRoute<'_>], report: &mut Report) {
        for (&rule, &first) in &self.conflicts {
            let Some((route, _)) = find(routes, first) else { continue };
            let related = session(route, first);
            let message = format!(
                "this rule and {} set the same cookie, so they overwrite each other's sessions",
                describe(route, first, rule)
            );
            let session = find(routes, rule).and_then(|(route, _)| session(route, rule));
            let origin = session.and_then(|session| session.origin);
            if let Some(warning) = warn(Code::CookieNameConflict, rule, message, routes, report) {
                warning.related = related.map(|other| {
                    let both = session.is_some_and(|session| session.span() == other.span());
                    let label = match origin.filter(|_| both) {
                        Some(origin) => format!("both rules use this {}", origin.noun()),
                        None => String::from("the other cookie, with the same name, path and hostname"),
                    };
                    (other.span(), label)
                });
                warning.hint = Some(match origin {
                    Some(origin) => format!(
                        "remove the name from the {}, so that each rule gets a cookie of its own",
                        origin.noun()
                    ),
                    None => String::from(
                        "use another name for one of them, or remove the name to get a unique one",
                    ),
                });
            }
        }
        for &rule in &self.mixed {
            let message = String::from(
                "one hostname serves this rule over both HTTP and HTTPS: browsers neither send the `Secure` cookie over HTTP \
                 nor let HTTP replace it, so after an HTTPS request each HTTP request starts a new session",
            );
            if let Some(warning) = warn(Code::SecureCookieOnHttp, rule, message, routes, report) {
                warning.hint =
                    Some(String::from("attach the route to the HTTPS listener only, with `sectionName`"));
            }
        }
    }
}

/// Warns about the session cookie of a rule.
fn warn<'r>(
    code: Code,
    position: RulePosition,
    message: String,
    routes: &[ResolvedRoute<'_>],
    report: &'r mut Report,
) -> Option<&'r mut Diagnostic> {
    let (route, rule) = find(routes, position)?;
    let place = session(route, position)?.place(route.object, position.rule, rule);
    Some(report.warning(code, place, message))
}

/// The session persistence of the rule at this position.
fn session<'m>(route: &ResolvedRoute<'m>, position: RulePosition) -> Option<Session<'m>> {
    route.sessions.get(position.rule).copied().flatten()
}
