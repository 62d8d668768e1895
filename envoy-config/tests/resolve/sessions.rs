//! Session persistence: carriers, names, paths, and conflicts between rules (GEP-1619).

use envoy_config::diagnostic::Severity;
use envoy_config::model::Domain;
use session_persistence::config::{Carrier, Lifetime, Rule};

use super::{BASE, faulty, finding, gateway, model, names, route, route_of, routes};

const BACKEND: &str = "backendRefs: [{name: backend, port: 3000}]";

/// The filter's rules for a rule with these matches and this persistence, in the order of the routes.
fn rules(matches: &str, persistence: &str) -> Vec<Rule> {
    let model = model(&[BASE, &route("r", &rule(matches, persistence))]);
    let found = routes(&model.listeners[0], &Domain::Any).iter();
    found.map(|route| route.persistence.clone().expect("persistence")).collect()
}

fn rule(matches: &str, persistence: &str) -> String {
    format!("[{{matches: {matches}, sessionPersistence: {persistence}, {BACKEND}}}]")
}

fn cookie_paths(matches: &str, persistence: &str) -> Vec<String> {
    let rules = rules(matches, persistence);
    rules
        .iter()
        .map(|rule| match rule.carrier() {
            Carrier::Cookie(cookie) => cookie.path.to_string(),
            Carrier::Header(header) => panic!("{header:?}"),
        })
        .collect()
}

#[test]
fn cookies_of_the_older_shape_are_configured() {
    let persistence = "{sessionName: Session-A, type: Cookie, absoluteTimeout: 10s, idleTimeout: 5s, \
        cookieConfig: {lifetimeType: Permanent}}";
    let rule = &rules("[{}]", persistence)[0];
    let Carrier::Cookie(cookie) = rule.carrier() else { panic!("{rule:?}") };
    assert_eq!((cookie.name.as_str(), cookie.path.as_str()), ("Session-A", "/"));
    assert_eq!((cookie.lifetime, cookie.secure), (Lifetime::Permanent, false));
    assert_eq!(rule.absolute_timeout().unwrap().seconds(), 10);
    assert_eq!(rule.idle_timeout().unwrap().seconds(), 5);
}

#[test]
fn headers_are_configured() {
    let rule = &rules("[{}]", "{sessionName: Session-A, type: Header, absoluteTimeout: 10s}")[0];
    let Carrier::Header(header) = rule.carrier() else { panic!("{rule:?}") };
    assert_eq!(header.name.as_str(), "session-a");
}

#[test]
fn cookies_of_the_newer_shape_are_configured() {
    let rule = &rules(
        "[{path: {value: /shop}}]",
        "{type: Cookie, cookie: {name: s, path: /app/, lifetimeType: Session}}",
    )[0];
    let Carrier::Cookie(cookie) = rule.carrier() else { panic!("{rule:?}") };
    assert_eq!((cookie.name.as_str(), cookie.path.as_str()), ("s", "/app/"));
    assert_eq!(cookie.lifetime, Lifetime::Session);
}

#[test]
fn cookies_of_the_older_shape_have_the_path_of_their_match() {
    let matches = "[{path: {type: Exact, value: /a/b}}, {path: {value: /c/}}, {path: {type: RegularExpression, value: '/d/[0-9]+/e'}}]";
    // In the order of precedence: exact, expression, prefix.
    assert_eq!(cookie_paths(matches, "{sessionName: s}"), ["/a/b", "/d", "/c"]);
}

#[test]
fn cookies_of_the_newer_shape_have_the_root_path_by_default() {
    assert_eq!(cookie_paths("[{path: {value: /shop}}]", "{cookie: {name: s}}"), ["/"]);
}

#[test]
fn unnamed_sessions_get_a_stable_unique_name() {
    let name = |path: &str, persistence: &str| {
        let rule = &rules(&format!("[{{path: {{value: {path}}}}}]"), persistence)[0];
        match rule.carrier() {
            Carrier::Cookie(cookie) => cookie.name.to_string(),
            Carrier::Header(header) => header.name.to_string(),
        }
    };
    assert_eq!(name("/", "{}"), FROZEN_NAME);
    assert_eq!(name("/", "{type: Header}"), FROZEN_NAME);
    assert_eq!(name("/", "{cookie: {}}"), FROZEN_NAME);
    assert_ne!(name("/a", "{}"), FROZEN_NAME);
}

const FROZEN_NAME: &str = "session-c02794860eb6";

#[test]
fn rules_with_equal_matches_share_no_session_and_the_second_is_a_warning() {
    let session = format!("{{sessionPersistence: {{sessionName: s}}, {BACKEND}}}");
    let route = route("r", &format!("[{session}, {session}]"));
    let found = finding(&[BASE, &route]);
    assert_eq!((found.code.name(), found.severity), ("unreachable-rule", Severity::Warning));
    assert_eq!(found.field.as_deref(), Some("spec.rules[1]"));
    assert!(found.related.is_some());
    let model = faulty(&[BASE, &route]).0.unwrap();
    assert_eq!(names(&model.listeners[0], &Domain::Any), ["default/r/0/0"]);
    assert_eq!(model.clusters.len(), 1);
}

#[test]
fn unreachable_routes_are_warnings() {
    let rules = format!("[{{{BACKEND}}}]");
    let found = finding(&[BASE, &route("a", &rules), &route("b", &rules)]);
    assert_eq!(found.code.name(), "unreachable-rule");
    assert_eq!(found.object.as_deref(), Some("HTTPRoute default/b"));
    assert_eq!(
        found.message,
        "this rule is unreachable: `rules[0]` of HTTPRoute `default/a` has the same matches and takes precedence"
    );
}

#[test]
fn partly_shadowed_rules_are_not_warnings() {
    let first = format!("[{{matches: [{{path: {{value: /a}}}}], {BACKEND}}}]");
    let second = format!("[{{matches: [{{path: {{value: /a}}}}, {{path: {{value: /b}}}}], {BACKEND}}}]");
    let found = model(&[BASE, &route("a", &first), &route("b", &second)]);
    assert_eq!(names(&found.listeners[0], &Domain::Any), ["default/a/0/0", "default/b/0/1"]);
    let own = route_of("b", "parentRefs: [{name: eg}], hostnames: [b.example]", &first);
    model(&[BASE, &route("a", &first), &own]);
}

#[test]
fn duplicate_matches_in_one_rule_are_merged() {
    let found =
        model(&[BASE, &route("r", &format!("[{{matches: [{{}}, {{path: {{value: /}}}}], {BACKEND}}}]"))]);
    assert_eq!(names(&found.listeners[0], &Domain::Any), ["default/r/0/0"]);
}

/// Two rules, for `/a` and `/b`, with these persistences.
fn pair(first: &str, second: &str) -> String {
    let one = |path: &str, persistence: &str| {
        format!("{{matches: [{{path: {{value: {path}}}}}], sessionPersistence: {persistence}, {BACKEND}}}")
    };
    route("r", &format!("[{}, {}]", one("/a", first), one("/b", second)))
}

#[test]
fn cookies_that_overwrite_each_other_are_warnings() {
    let found = finding(&[BASE, &pair("{cookie: {name: s}}", "{cookie: {name: s}}")]);
    assert_eq!((found.code.name(), found.severity), ("cookie-name-conflict", Severity::Warning));
    assert_eq!(found.field.as_deref(), Some("spec.rules[1].sessionPersistence"));
    assert!(found.related.is_some());
}

#[test]
fn cookies_with_other_names_paths_or_hostnames_do_not_conflict() {
    model(&[BASE, &pair("{cookie: {name: s}}", "{cookie: {name: S}}")]);
    model(&[BASE, &pair("{cookie: {name: s}}", "{cookie: {name: s, path: /b}}")]);
    model(&[BASE, &pair("{sessionName: s}", "{sessionName: s}")]);
    model(&[BASE, &pair("{cookie: {}}", "{cookie: {}}")]);
    model(&[BASE, &pair("{cookie: {name: s}}", "{type: Header, header: {name: s}}")]);
    let one = |name: &str, hostname: &str| {
        let front = format!("parentRefs: [{{name: eg}}], hostnames: [\"{hostname}\"]");
        route_of(name, &front, &rule(&format!("[{{path: {{value: /{name}}}}}]"), "{cookie: {name: s}}"))
    };
    model(&[BASE, &one("a", "a.example"), &one("b", "b.example")]);
    let found = finding(&[BASE, &one("a", "a.example"), &one("b", "*.example")]);
    assert_eq!(found.code.name(), "cookie-name-conflict");
}

#[test]
fn cookies_conflict_across_ports() {
    let other = gateway("other", "[{name: http, protocol: HTTP, port: 81}]");
    let one = |name: &str, parent: &str, hostname: &str, session: &str| {
        let front = format!("parentRefs: [{{name: {parent}}}], hostnames: [\"{hostname}\"]");
        route_of(name, &front, &rule("[{path: {value: /}}]", session))
    };
    let named = "{cookie: {name: s}}";
    let a = one("a", "eg", "a.example", named);
    let found = finding(&[BASE, &other, &a, &one("b", "other", "*.example", named)]);
    assert_eq!((found.code.name(), found.severity), ("cookie-name-conflict", Severity::Warning));
    assert_eq!(found.object.as_deref(), Some("HTTPRoute default/b"));
    model(&[BASE, &other, &a, &one("b", "other", "b.example", named)]);
    model(&[BASE, &other, &one("a", "eg", "*.example", "{}"), &one("b", "other", "*.example", "{}")]);
    let both = "parentRefs: [{name: eg}, {name: other}]";
    model(&[BASE, &other, &route_of("a", both, &rule("[{path: {value: /}}]", named))]);
}

#[test]
fn secure_cookie_name_prefixes_are_warnings_on_http() {
    for name in ["__Secure-s", "__Host-s", "__host-s"] {
        let session = format!("{{cookie: {{name: {name}}}}}");
        let found = finding(&[BASE, &route("a", &rule("[{path: {value: /}}]", &session))]);
        assert_eq!((found.code.name(), found.severity), ("cookie-prefix", Severity::Warning));
    }
    model(&[BASE, &route("a", &rule("[{path: {value: /}}]", "{cookie: {name: __Other-s}}"))]);
}

#[test]
fn cookie_warnings_are_reported_once_per_rule() {
    let matches = "[{path: {value: /a}}, {path: {value: /b}}, {path: {value: /}}]";
    for session in ["{cookie: {name: __Host-s}}", "{sessionName: __Host-s}"] {
        let found = finding(&[BASE, &route("a", &rule(matches, session))]);
        assert_eq!(found.code.name(), "cookie-prefix", "{session}");
    }
}
