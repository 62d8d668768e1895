//! Session cookies that browsers reject where they are set (RFC 6265bis, "Storage Model"; CHIPS for `Partitioned`): an attribute or
//! a prefix of the name needs `Secure`, the path `/` or no domain, and a domain must include the host that sets it.
//!
//! An attribute that a policy sets is an error of the policy. A prefix that is part of a session's name is a warning: the cookie
//! works with other clients. What a policy's fields break wherever they apply is reported when they are read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use session_persistence::config::{Carrier, Cookie, CookieDomain, Rule as Persistence, SameSite};

use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::session_persistence_policy::{self as written, SessionPersistencePolicy};
use crate::model::{Domain, Listener};
use crate::resolve::routes::conflicts::{RulePosition, find};
use crate::resolve::routes::rules::ResolvedRoute;
use crate::resolve::status::report::{Place, Report};

/// What browsers require of a cookie, and it does not have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Requirement {
    Secure,
    RootPath,
    NoDomain,
    OwnDomain,
}

/// Reports cookies that browsers reject: an error for each requirement that a policy breaks, a warning for each rule with a name
/// that breaks some.
pub(in crate::resolve) fn check(listeners: &[Listener], routes: &[ResolvedRoute<'_>], report: &mut Report) {
    let mut names: HashMap<&str, RulePosition> = HashMap::new();
    for (position, route) in routes.iter().enumerate() {
        for entry in &route.entries {
            let rule = RulePosition { route: position, rule: entry.rule };
            names.extend(entry.routes.iter().map(|route| (route.name.as_str(), rule)));
        }
    }
    let mut broken: BTreeMap<(RulePosition, Requirement), &Domain> = BTreeMap::new();
    for host in listeners.iter().flat_map(Listener::virtual_hosts) {
        for route in &host.routes {
            let carrier = route.persistence.as_ref().map(Persistence::carrier);
            if let (Some(Carrier::Cookie(cookie)), Some(&rule)) = (carrier, names.get(route.name.as_str())) {
                for requirement in unmet(cookie, &host.domain) {
                    broken.entry((rule, requirement)).or_insert(&host.domain);
                }
            }
        }
    }
    let mut reported = Vec::new();
    let mut warned = BTreeSet::new();
    for ((position, requirement), domain) in broken {
        let policy = routes.get(position.route).and_then(|route| route.session_policies.get(position.rule));
        let of_policy = policy.copied().flatten();
        let Some(rejected) = of_policy.and_then(|policy| rejected(policy, requirement, domain)) else {
            if warned.insert(position) {
                warn(position, requirement, routes, report);
            }
            continue;
        };
        if !reported.contains(&rejected.message) {
            reported.push(rejected.message.clone());
            let error = report.error(Code::RejectedCookie, rejected.place, rejected.message);
            error.hint = Some(rejected.hint);
            let rule =
                find(routes, position).and_then(|(route, _)| route.sessions.get(position.rule).copied());
            error.related =
                rule.flatten().map(|session| (session.span(), String::from("the cookie of this rule")));
        }
    }
}

/// The requirements that a cookie does not meet on these hosts. Prefixes of names are case-insensitive.
fn unmet(cookie: &Cookie, host: &Domain) -> impl Iterator<Item = Requirement> {
    let name = cookie.name.as_str().to_ascii_lowercase();
    let is_host = name.starts_with("__host-");
    let needs_secure =
        is_host || name.starts_with("__secure-") || cookie.same_site == SameSite::None || cookie.partitioned;
    let has_path = cookie.path.as_str() != "/";
    let domain = cookie.domain.as_ref().map(CookieDomain::as_str);
    let unmet = [
        (needs_secure && !cookie.secure, Requirement::Secure),
        (is_host && has_path, Requirement::RootPath),
        (is_host && domain.is_some(), Requirement::NoDomain),
        (domain.is_some_and(|domain| !can_set(host, domain)), Requirement::OwnDomain),
    ];
    unmet.into_iter().filter(|(broken, _)| *broken).map(|(_, requirement)| requirement)
}

/// Whether some of these hosts can set a cookie with this domain: it is the host's name, or ends it with whole labels.
fn can_set(host: &Domain, domain: &str) -> bool {
    let of_domain = Domain::Wildcard(domain.to_owned());
    let itself = Domain::Exact(domain.to_owned());
    [of_domain, itself].iter().any(|one| one.intersection(host).is_some())
}

/// An error of a policy.
struct Rejected<'m> {
    place: Place<'m>,
    message: String,
    hint: String,
}

/// The error about a requirement that a policy breaks; `None` if it is not the policy that breaks it.
fn rejected<'m>(
    policy: &'m Object<SessionPersistencePolicy>,
    requirement: Requirement,
    host: &Domain,
) -> Option<Rejected<'m>> {
    let written::Cookie { same_site, domain, partitioned, prefix, .. } = policy.spec.cookie.as_ref()?;
    let place = |field: &str, span| Place::new(policy, format!("spec.cookie.{field}"), span);
    let prefix = prefix.as_ref();
    let (place, message, hint) = match requirement {
        Requirement::Secure => {
            let none = same_site.as_ref().filter(|same_site| same_site.value == SameSite::None);
            let (place, what) = if let Some(none) = none {
                (place("sameSite", none.span), "`SameSite=None`")
            } else if let Some(partitioned) = partitioned {
                (place("partitioned", partitioned.span), "`Partitioned`")
            } else {
                (place("prefix", prefix?.span), "this prefix")
            };
            let message = format!(
                "browsers reject a cookie with {what} that is not `Secure`, and a listener without TLS sets it for {}",
                host.written()
            );
            let hint = "attach the route to HTTPS listeners only, or set `secure: Always` if TLS ends in front of Envoy";
            (place, message, String::from(hint))
        }
        Requirement::RootPath => {
            let message = "browsers reject a cookie with the prefix `__Host-` and another path than `/`, which is that of its rule";
            (
                place("prefix", prefix?.span),
                String::from(message),
                String::from("set `path: /` in the policy"),
            )
        }
        Requirement::NoDomain => {
            let message = "browsers reject a cookie with a domain if its name begins with `__Host-`";
            (
                place("domain", domain.as_ref()?.span),
                String::from(message),
                String::from("remove `domain`, or rename the session"),
            )
        }
        Requirement::OwnDomain => {
            let domain = domain.as_ref()?;
            let message = format!(
                "browsers reject a cookie with the domain `{}` from {}: it does not end with that domain",
                domain.value,
                host.written()
            );
            let hint = "use a domain that includes all hostnames of the rule, or remove the field";
            (place("domain", domain.span), message, String::from(hint))
        }
    };
    Some(Rejected { place, message, hint })
}

/// Warns about a name with a prefix.
fn warn(position: RulePosition, requirement: Requirement, routes: &[ResolvedRoute<'_>], report: &mut Report) {
    let (required, fix) = match requirement {
        Requirement::Secure => ("be set over HTTPS", "serve the rule over HTTPS only"),
        Requirement::RootPath => ("have the path `/`", "set its path to `/`"),
        // Only a policy sets a domain.
        Requirement::NoDomain | Requirement::OwnDomain => return,
    };
    let Some((route, rule)) = find(routes, position) else { return };
    let Some(session) = route.sessions.get(position.rule).copied().flatten() else { return };
    let place = session.place(route.object, position.rule, rule);
    let message = format!("browsers reject this cookie: with the prefix of its name, it must {required}");
    let warning = report.warning(Code::CookiePrefix, place, message);
    warning.hint = Some(format!("use a name without the prefix, or {fix}"));
}
