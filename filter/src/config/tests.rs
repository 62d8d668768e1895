//! What a plugin configuration may say, and where a refusal points.

use super::*;
use crate::names::OVERRIDE_HOST_HEADER;
use crate::test;

fn name<T: TryFrom<String>>(text: &str) -> Result<T, T::Error> {
    T::try_from(text.to_owned())
}

/// A document with one rule of these fields.
fn document(fields: &str) -> String {
    format!(r#"{{"rules": {{"default/shop/0/0": {{{fields}}}}}}}"#)
}

/// The path and the words of a refusal.
fn refusal(json: &str) -> (String, String) {
    let ConfigError { path, problem } = PluginConfig::parse(json.as_bytes()).unwrap_err();
    (path, problem.to_string())
}

/// A refusal of a document with one rule: its path behind the rule's, and its words.
fn rule_refusal(fields: &str) -> (String, String) {
    let (path, problem) = refusal(&document(fields));
    (path.strip_prefix("rules.default/shop/0/0").unwrap().to_owned(), problem)
}

#[test]
fn names_are_http_tokens() {
    for good in ["a", "Session-A", "__Host-sid", "!#$%&'*+-.^_`|~09azAZ"] {
        assert_eq!(name::<CookieName>(good).unwrap().as_str(), good);
    }
    for bad in
        ['(', ')', ',', '/', ':', ';', '<', '=', '>', '?', '@', '[', ']', '{', '}', '"', '\\', ' ', '\t']
    {
        let refused = name::<CookieName>(&format!("a{bad}b"));
        assert_eq!(refused, Err(CookieNameError::Token(TokenError::Character(bad))));
    }
    for bad in ['\0', '\u{7f}', '\u{80}', 'ü', '🍪'] {
        let refused = name::<HeaderName>(&format!("{bad}"));
        assert_eq!(refused, Err(HeaderNameError::Token(TokenError::Character(bad))));
    }
}

#[test]
fn names_have_1_to_256_bytes() {
    assert_eq!(name::<CookieName>(""), Err(CookieNameError::Token(TokenError::Empty)));
    assert!(name::<CookieName>(&"n".repeat(256)).is_ok());
    assert_eq!(name::<CookieName>(&"n".repeat(257)), Err(CookieNameError::Token(TokenError::TooLong(257))));
}

#[test]
fn header_names_become_lower_case() {
    assert_eq!(name::<HeaderName>("X-Session-A").unwrap().as_str(), "x-session-a");
}

#[test]
fn reserved_headers_cannot_carry_sessions() {
    for reserved in [
        "Cookie",
        "set-cookie",
        "HOST",
        "content-length",
        "Content-Foo",
        "Authorization",
        "X-Envoy-Force-Trace",
        "x-envoy-session",
        "x-forwarded-client-cert",
        "X-Forwarded-For",
        "x-request-id",
        "x-client-trace-id",
        "grpc-session",
        "sec-session",
        "proxy-session",
        "x-b3-traceid",
        "traceparent",
        "server",
        "via",
        OVERRIDE_HOST_HEADER,
    ] {
        let refused = name::<HeaderName>(reserved);
        assert_eq!(refused, Err(HeaderNameError::Reserved(reserved.to_ascii_lowercase())));
    }
}

#[test]
fn application_headers_can_carry_sessions() {
    for free in [
        "x-session",
        "session",
        "session-id",
        "mcp-session-id",
        "x-auth-session",
        "x-envoysession",
        "forwarded-session",
        "x-session-persistence-id",
        "contents",
        "secret",
        "iffy",
        "grpc",
        "server-id",
        "x-tenant!#$%&'*+.^_`|~",
    ] {
        assert_eq!(name::<HeaderName>(free).unwrap().as_str(), free);
    }
}

#[test]
fn a_cookie_path_starts_with_a_slash() {
    for good in ["/", "/a b/c,d", "/~"] {
        assert_eq!(name::<CookiePath>(good).unwrap().as_str(), good);
    }
    for relative in ["", "a", " /"] {
        assert_eq!(name::<CookiePath>(relative), Err(CookiePathError::Relative));
    }
}

#[test]
fn a_cookie_path_cannot_contain_semicolons_or_control_characters() {
    for bad in [';', '\r', '\n', '\0', '\t', '\u{7f}', 'ü'] {
        assert_eq!(name::<CookiePath>(&format!("/{bad}")), Err(CookiePathError::Character(bad)));
    }
}

#[test]
fn a_cookie_path_has_at_most_1024_bytes() {
    assert!(name::<CookiePath>(&format!("/{}", "p".repeat(1023))).is_ok());
    assert_eq!(name::<CookiePath>(&format!("/{}", "p".repeat(1024))), Err(CookiePathError::TooLong(1025)));
}

#[test]
fn a_timeout_is_whole_seconds() {
    for (text, seconds) in [("1s", 1), ("10s", 10), ("007s", 7), ("4294967295s", 4_294_967_295)] {
        assert_eq!(name::<Timeout>(text).unwrap().seconds(), seconds);
    }
    for bad in
        ["", "s", "10", "10 s", " 10s", "10S", "+10s", "-1s", "1.5s", "1m", "10ms", "4294967296s", "٣s"]
    {
        assert_eq!(name::<Timeout>(bad), Err(TimeoutError::Form(bad.to_owned())));
    }
}

#[test]
fn a_timeout_is_not_zero() {
    assert_eq!(name::<Timeout>("0s"), Err(TimeoutError::Zero));
}

#[test]
fn a_rule_id_has_1_to_1024_bytes() {
    assert_eq!(name::<RuleId>("default/shop").unwrap().as_str(), "default/shop");
    assert!(name::<RuleId>(&"i".repeat(1024)).is_ok());
    assert_eq!(name::<RuleId>(""), Err(RuleIdError(0)));
    assert_eq!(name::<RuleId>(&"i".repeat(1025)), Err(RuleIdError(1025)));
}

#[test]
fn a_serialized_configuration_parses_to_the_same_value() {
    let cookie = Carrier::Cookie(Cookie {
        name: name("Session-A").unwrap(),
        path: name("/shop").unwrap(),
        lifetime: Lifetime::Permanent,
        secure: true,
        same_site: SameSite::None,
        domain: Some(name("example.com").unwrap()),
        partitioned: true,
    });
    let header = Carrier::Header(Header { name: name("session-a").unwrap(), removed_by_route: false });
    let timeout = |text| Some(name::<Timeout>(text).unwrap());
    let rule = |id, carrier, idle| Rule::new(name(id).unwrap(), carrier, timeout("10s"), idle).unwrap();
    let rules = RuleTable {
        rules: [
            ("default/cookie/0/0".to_owned(), rule("default/cookie@1", cookie.clone(), None)),
            ("default/header/0/0".to_owned(), rule("default/header@1", header.clone(), timeout("5s"))),
        ]
        .into_iter()
        .collect(),
        rules_by_prefix: [("default/".to_owned(), rule("default", header.clone(), None))]
            .into_iter()
            .collect(),
    };
    let pods = |name: &str, addresses: &[&str]| -> Pods {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        Pods::new([(name.to_owned(), addresses)]).unwrap()
    };
    let one = RouteRule {
        rule: rule("default/cookie@1", cookie, None)
            .with_pods(pods("shop/cart-0", &["10.0.0.1:80", "[fd00::1]:80"])),
        shares: ByName::default(),
    };
    let enveloped =
        RouteRule { rule: rule("r", header.clone(), None).enveloped().unwrap(), shares: ByName::default() };
    let shared = RouteRule {
        rule: rule("default/header@1", header, None).of_share("one").cacheable(Cacheable::Ignore),
        shares: [("default/header/0/0/1".to_owned(), "two".to_owned())].into_iter().collect(),
    };
    let routes = [one, enveloped, shared].map(PluginConfig::Route);
    for config in routes.into_iter().chain([PluginConfig::Table(rules)]) {
        assert_eq!(PluginConfig::parse(&serde_json::to_vec(&config).unwrap()).unwrap(), config);
    }
}

#[test]
fn omitted_cookie_fields_have_defaults() {
    let json = document(r#""id": "i", "cookie": {"name": "sid"}"#);
    let PluginConfig::Table(config) = PluginConfig::parse(json.as_bytes()).unwrap() else {
        panic!("not a table");
    };
    let rule = config.rules.get("default/shop/0/0").unwrap();
    let expected = Cookie {
        name: name("sid").unwrap(),
        path: name("/").unwrap(),
        lifetime: Lifetime::Session,
        secure: false,
        same_site: SameSite::Lax,
        domain: None,
        partitioned: false,
    };
    let written = serde_json::to_string(&expected).unwrap();
    assert_eq!(written, r#"{"name":"sid","path":"/","lifetime":"session","secure":false}"#);
    assert_eq!(*rule.carrier(), Carrier::Cookie(expected));
    assert_eq!((rule.absolute_timeout(), rule.idle_timeout()), (None, None));
}

#[test]
fn caches_are_protected_unless_the_rule_ignores_them() {
    let parsed = |more: &str| {
        let json = format!(r#"{{"rule": {{"id": "i", "header": {{"name": "a"}}{more}}}}}"#);
        match PluginConfig::parse(json.as_bytes()) {
            Ok(PluginConfig::Route(route)) => route.rule.protects_caches(),
            other => panic!("{other:?}"),
        }
    };
    assert!(parsed("") && parsed(r#", "cacheable": "protect""#));
    assert!(!parsed(r#", "cacheable": "ignore""#));
    let (path, problem) = refusal(&document(r#""id": "i", "header": {"name": "a"}, "cacheable": "no""#));
    assert_eq!((path.ends_with(".cacheable"), problem.as_str()), (true, "expected `protect` or `ignore`"));
}

#[test]
fn attributes_of_cookies_are_checked() {
    let fields = |more: &str| document(&format!(r#""id": "i", "cookie": {{"name": "a", {more}}}"#));
    let at = |field: &str| format!("rules.default/shop/0/0.cookie.{field}");
    assert!(PluginConfig::parse(fields(r#""domain": "a-1.example""#).as_bytes()).is_ok());
    let (path, problem) = refusal(&fields(r#""same_site": "Lax""#));
    assert_eq!((path, problem.as_str()), (at("same_site"), "expected `strict`, `lax` or `none`"));
    let long = format!("{}.b", "a".repeat(252));
    for domain in ["", ".a.b", "a.b.", "a..b", "A.b", "a_b", "a;b", long.as_str()] {
        let (path, problem) = refusal(&fields(&format!(r#""domain": "{domain}""#)));
        assert_eq!((path, problem.contains("`example.com`")), (at("domain"), true), "{domain}");
    }
}

#[test]
fn an_empty_table_has_no_routes() {
    let empty = PluginConfig::Table(RuleTable::default());
    for json in [r#"{"rules": {}}"#, r#"{"rules_by_prefix": {}}"#] {
        assert_eq!(PluginConfig::parse(json.as_bytes()).unwrap(), empty);
    }
}

#[test]
fn the_error_for_invalid_json_names_string_value() {
    for json in ["", "rules: {}", r#"{"rules": {}} {}"#, r#"{"rules": "#] {
        let (path, problem) = refusal(json);
        assert_eq!(path, ".");
        assert!(problem.contains("google.protobuf.StringValue"), "{problem}");
    }
    assert_eq!(PluginConfig::parse(b"{\"rules\": \"\xff\"}").unwrap_err().path, ".");
}

#[test]
fn duplicate_fields_are_rejected() {
    let (path, problem) = refusal(r#"{"rules": {}, "rules": {}}"#);
    assert_eq!(path, ".");
    assert!(problem.contains("duplicate field `rules` at line 1 column 21"), "{problem}");
}

#[test]
fn the_error_for_a_wrong_type_shows_the_path() {
    for (json, path, problem) in [
        ("[]", ".", "expected an object, found a list"),
        ("null", ".", "expected an object, found null"),
        (r#"{"rules": 1}"#, "rules", "expected an object, found a number"),
        (r#"{"rules": {"a": "x"}}"#, "rules.a", "expected an object, found a string"),
    ] {
        assert_eq!(refusal(json), (path.to_owned(), problem.to_owned()));
    }
    for (fields, path, problem) in [
        (r#""id": 1, "header": {"name": "a"}"#, ".id", "expected a string, found a number"),
        (r#""id": "i", "header": {"name": null}"#, ".header.name", "expected a string, found null"),
        (
            r#""id": "i", "cookie": {"name": "a", "secure": "yes"}"#,
            ".cookie.secure",
            "expected true or false, found a string",
        ),
        (
            r#""id": "i", "cookie": {"name": "a", "lifetime": true}"#,
            ".cookie.lifetime",
            "expected a string, found a boolean",
        ),
    ] {
        assert_eq!(rule_refusal(fields), (path.to_owned(), problem.to_owned()));
    }
}

#[test]
fn the_error_for_an_unknown_field_lists_the_known_fields() {
    let (path, problem) = refusal(r#"{"rules": {}, "ruls": {}}"#);
    let known = "unknown field, expected one of: rule, shares, rules, rules_by_prefix";
    assert_eq!((path.as_str(), problem.as_str()), ("ruls", known));
    for (fields, path, problem) in [
        (
            r#""id": "i", "cookies": {}"#,
            ".cookies",
            "unknown field, expected one of: id, cookie, header, absolute_timeout, idle_timeout, share, pin, pin_header, on_endpoint_lost, cacheable, pods, envelope, start_on, end_on, hide_from_backend, ignored",
        ),
        (
            r#""id": "i", "cookie": {"name": "a", "max_age": 1}"#,
            ".cookie.max_age",
            "unknown field, expected one of: name, path, lifetime, secure, same_site, domain, partitioned",
        ),
        (
            r#""id": "i", "header": {"name": "a", "path": "/"}"#,
            ".header.path",
            "unknown field, expected one of: name, removed_by_route",
        ),
    ] {
        assert_eq!(rule_refusal(fields), (path.to_owned(), problem.to_owned()));
    }
}

#[test]
fn the_error_for_a_missing_field_shows_the_path_of_its_object() {
    assert_eq!(refusal("{}"), (".".to_owned(), "the field `rule` or `rules` is missing".to_owned()));
    for (fields, path, problem) in [
        (r#""cookie": {"name": "a"}"#, "", "the field `id` is missing"),
        (r#""id": "i", "cookie": {}"#, ".cookie", "the field `name` is missing"),
        (r#""id": "i", "header": {}"#, ".header", "the field `name` is missing"),
    ] {
        assert_eq!(rule_refusal(fields), (path.to_owned(), problem.to_owned()));
    }
}

#[test]
fn rule_excludes_rules_and_shares_requires_a_share() {
    const RULE: &str = r#""rule": {"id": "i", "header": {"name": "a"}}"#;
    for (json, path, problem) in [
        (format!(r#"{{{RULE}, "rules": {{}}}}"#), "rules", "cannot be combined with `rule`"),
        (format!(r#"{{{RULE}, "shares": {{"r": "s"}}}}"#), "shares", "requires `rule.share`"),
        (r#"{"shares": {}, "rules": {}}"#.to_owned(), "shares", "requires `rule`"),
    ] {
        assert_eq!(refusal(&json), (path.to_owned(), problem.to_owned()));
    }
}

#[test]
fn each_address_belongs_to_one_pod() {
    for (pods, path, problem) in [
        (r#"["10.0.0.1:80"]"#, ".pods", "expected an object, found a list"),
        (r#"{"a/b": ["10.0.0.1:80"]}"#, ".pods.a/b", "expected a string, found a list"),
        (
            r#"{"a/b": "10.0.0.1:80", "a/c": "10.0.0.2:80 10.0.0.1:80"}"#,
            ".pods",
            "the address 10.0.0.1:80 occurs twice",
        ),
        (r#"{"a/b": "[fd00::1]:80 [fd00::1]:80"}"#, ".pods", "the address [fd00::1]:80 occurs twice"),
    ] {
        let fields = format!(r#""id": "i", "header": {{"name": "a"}}, "pods": {pods}"#);
        assert_eq!(rule_refusal(&fields), (path.to_owned(), problem.to_owned()));
    }
    for addresses in [
        "",
        " ",
        "10.0.0.1",
        "10.0.0.1:80 ",
        "10.0.0.1:80  10.0.0.2:80",
        "10.0.0.1:80,10.0.0.2:80",
        "cart-0:80",
    ] {
        let fields = format!(r#""id": "i", "header": {{"name": "a"}}, "pods": {{"a/b": "{addresses}"}}"#);
        let expected = "expected addresses `ip:port`, separated by single spaces";
        assert_eq!(rule_refusal(&fields), (".pods.a/b".to_owned(), expected.to_owned()), "{addresses:?}");
    }
}

#[test]
fn the_error_for_an_invalid_string_says_what_is_allowed() {
    for (fields, path, problem) in [
        (r#""id": "", "header": {"name": "a"}"#, ".id", RuleIdError(0).to_string()),
        (
            r#""id": "i", "cookie": {"name": "a b"}"#,
            ".cookie.name",
            CookieNameError::Token(TokenError::Character(' ')).to_string(),
        ),
        (
            r#""id": "i", "header": {"name": "Cookie"}"#,
            ".header.name",
            HeaderNameError::Reserved("cookie".to_owned()).to_string(),
        ),
        (
            r#""id": "i", "cookie": {"name": "a", "path": "x"}"#,
            ".cookie.path",
            CookiePathError::Relative.to_string(),
        ),
        (
            r#""id": "i", "cookie": {"name": "a", "lifetime": "Session"}"#,
            ".cookie.lifetime",
            r#"unknown lifetime "Session", expected `session` or `permanent`"#.to_owned(),
        ),
        (
            r#""id": "i", "header": {"name": "a"}, "absolute_timeout": "1h""#,
            ".absolute_timeout",
            TimeoutError::Form("1h".to_owned()).to_string(),
        ),
        (
            r#""id": "i", "header": {"name": "a"}, "idle_timeout": "0s""#,
            ".idle_timeout",
            TimeoutError::Zero.to_string(),
        ),
    ] {
        assert_eq!(rule_refusal(fields), (path.to_owned(), problem));
    }
}

#[test]
fn a_rule_has_exactly_one_carrier() {
    let both = r#""id": "i", "cookie": {"name": "a"}, "header": {"name": "b"}"#;
    assert_eq!(rule_refusal(both), (String::new(), RuleError::TwoCarriers.to_string()));
    assert_eq!(rule_refusal(r#""id": "i""#), (String::new(), RuleError::NoCarrier.to_string()));
}

#[test]
fn a_strict_rule_needs_the_pin_of_stateful_session() {
    let fields = r#""id": "i", "cookie": {"name": "a"}, "on_endpoint_lost": "#;
    let expected = (String::new(), RuleError::StrictWithoutStatefulSession.to_string());
    assert_eq!(rule_refusal(&format!(r#"{fields}"reject""#)), expected);
    let problem = "expected `rebalance` or `reject`".to_owned();
    let wrong = rule_refusal(&format!(r#"{fields}"Reject", "pin": "stateful_session""#));
    assert_eq!(wrong, (String::from(".on_endpoint_lost"), problem));
    for (value, is_strict) in [(r#""reject", "pin": "stateful_session""#, true), (r#""rebalance""#, false)] {
        let config = PluginConfig::parse(document(&format!("{fields}{value}")).as_bytes()).unwrap();
        let json = serde_json::to_vec(&config).unwrap();
        assert_eq!(json.windows(6).any(|text| text == b"reject"), is_strict, "{value}");
        assert_eq!(PluginConfig::parse(&json).unwrap(), config);
        let PluginConfig::Table(RuleTable { rules, .. }) = config else { panic!("{value}") };
        assert!(rules.into_iter().all(|(_, rule)| rule.is_strict() == is_strict));
    }
}

#[test]
fn a_pin_header_excludes_what_needs_routes_of_envoy_config() {
    let fields =
        r#""id": "i", "header": {"name": "session"}, "pin": "stateful_session", "pin_header": "X-Native""#;
    for more in ["", r#", "on_endpoint_lost": "rebalance""#] {
        let config = PluginConfig::parse(document(&format!("{fields}{more}")).as_bytes()).unwrap();
        let json = serde_json::to_vec(&config).unwrap();
        assert_eq!(PluginConfig::parse(&json).unwrap(), config);
        let PluginConfig::Table(RuleTable { rules, .. }) = config else { panic!("{more}") };
        let headers: Vec<_> =
            rules.iter().map(|(_, rule)| (rule.pin_header(), rule.is_in_gateway())).collect();
        assert_eq!(headers, [("x-native", true)]);
    }
    for more in [r#", "share": "a""#, r#", "on_endpoint_lost": "reject""#] {
        let expected = (String::new(), RuleError::GatewayRoutes.to_string());
        assert_eq!(rule_refusal(&format!("{fields}{more}")), expected, "{more}");
    }
}

#[test]
fn a_pin_header_is_not_a_session_header() {
    let own = rule_refusal(r#""id": "i", "header": {"name": "native"}, "pin_header": "Native""#);
    assert_eq!(own, (String::new(), RuleError::PinInCarrier.to_string()));
    let table = |other: &str| {
        format!(
            r#"{{"rules": {{"a": {{"id": "a", "cookie": {{"name": "s"}}, "pin_header": "native"}}}},
                "rules_by_prefix": {{"b/": {{"id": "b", {other}}}}}}}"#
        )
    };
    let expected = (".".to_owned(), RuleError::PinInCarrier.to_string());
    assert_eq!(refusal(&table(r#""header": {"name": "Native"}"#)), expected);
    for good in [r#""header": {"name": "other"}"#, r#""cookie": {"name": "native"}"#] {
        assert!(PluginConfig::parse(table(good).as_bytes()).is_ok(), "{good}");
    }
    for reserved in ["cookie", "set-cookie", "host", OVERRIDE_HOST_HEADER] {
        let (path, _) =
            rule_refusal(&format!(r#""id": "i", "cookie": {{"name": "a"}}, "pin_header": "{reserved}""#));
        assert_eq!(path, ".pin_header", "{reserved}");
    }
}

#[test]
fn a_permanent_cookie_needs_an_absolute_timeout() {
    let fields = r#""id": "i", "cookie": {"name": "a", "lifetime": "permanent"}"#;
    let expected = (String::new(), RuleError::PermanentWithoutTimeout.to_string());
    assert_eq!(rule_refusal(&format!(r#"{fields}, "idle_timeout": "10s""#)), expected);
    assert!(
        PluginConfig::parse(document(&format!(r#"{fields}, "absolute_timeout": "10s""#)).as_bytes()).is_ok()
    );
}

#[test]
fn errors_show_the_path_and_the_problem() {
    let error = PluginConfig::parse(br#"{"rules": {"a": {"id": "i", "header": {"name": ""}}}}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin configuration: at `rules.a.header.name`: invalid header name: it is empty"
    );
}

#[test]
fn envelopes_need_a_header_that_reaches_the_filter() {
    let refusal = |carrier: &str| {
        let json = format!(r#"{{"rule": {{"id": "i", {carrier}, "envelope": true}}}}"#);
        PluginConfig::parse(json.as_bytes()).map_err(|error| error.problem.to_string())
    };
    for carrier in [r#""cookie": {"name": "a"}"#, r#""header": {"name": "a", "removed_by_route": true}"#] {
        assert_eq!(refusal(carrier), Err(RuleError::EnvelopeWithoutHeader.to_string()));
    }
    assert!(refusal(r#""header": {"name": "mcp-session-id"}"#).is_ok());
}

#[test]
fn sessions_can_follow_those_of_the_backend() {
    for (fields, start_on, end_on) in [
        ("", None, None),
        (
            r#", "start_on": {"backend_cookie": "JSESSIONID"}, "end_on": {"backend_header": "Clear-Site-Data"}"#,
            Some(StartOn::BackendCookie(name("JSESSIONID").unwrap())),
            Some(EndOn::BackendHeader(name("clear-site-data").unwrap())),
        ),
        (
            r#", "start_on": {"backend_header": "X-Started"}"#,
            Some(StartOn::BackendHeader(name("x-started").unwrap())),
            None,
        ),
    ] {
        let json = format!(r#"{{"rule": {{"id": "i", "cookie": {{"name": "a"}}{fields}}}}}"#);
        let read = PluginConfig::parse(json.as_bytes()).unwrap();
        let PluginConfig::Route(RouteRule { rule, .. }) = &read else { panic!("{read:?}") };
        assert_eq!((rule.start_on(), rule.end_on()), (start_on.as_ref(), end_on.as_ref()));
        assert_eq!(PluginConfig::parse(&serde_json::to_vec(&read).unwrap()).unwrap(), read);
    }
    let missing = "the field `backend_cookie` or `backend_header` is missing";
    for (fields, path, problem) in [
        (r#""start_on": {}"#, ".start_on", missing),
        (
            r#""start_on": {"backend_cookie": "b", "backend_header": "c"}"#,
            ".start_on.backend_header",
            "cannot be combined with `backend_cookie`",
        ),
        (r#""end_on": {}"#, ".end_on", "the field `backend_header` is missing"),
        (r#""end_on": {"backend_header": ""}"#, ".end_on.backend_header", "invalid header name: it is empty"),
        (
            r#""start_on": {"backend_cookie": "a"}"#,
            "",
            "`start_on` and `end_on` cannot name the cookie or header of the rule's own sessions",
        ),
    ] {
        let refused = rule_refusal(&format!(r#""id": "i", "cookie": {{"name": "a"}}, {fields}"#));
        assert_eq!(refused, (path.to_owned(), problem.to_owned()), "{fields}");
    }
    let carrier = r#""id": "i", "header": {"name": "a"}"#;
    for (fields, error) in [
        (r#""start_on": {"backend_header": "A"}"#, RuleError::SignalInCarrier),
        (r#""end_on": {"backend_header": "A"}"#, RuleError::SignalInCarrier),
        (r#""envelope": true, "start_on": {"backend_cookie": "a"}"#, RuleError::StartOnWithEnvelope),
    ] {
        let refused = rule_refusal(&format!("{carrier}, {fields}"));
        assert_eq!(refused.1, error.to_string(), "{fields}");
    }
}

#[test]
fn cookies_can_be_hidden_and_headers_are_hidden_by_the_route() {
    let read = |fields: &str| {
        let json = format!(r#"{{"rule": {{"id": "i", {fields}, "hide_from_backend": true}}}}"#);
        PluginConfig::parse(json.as_bytes()).map_err(|error| error.problem.to_string())
    };
    for ignored in [true, false] {
        let config = read(&format!(r#""cookie": {{"name": "a"}}, "ignored": {ignored}"#)).unwrap();
        let PluginConfig::Route(RouteRule { rule, .. }) = &config else { panic!("{config:?}") };
        assert_eq!((rule.hidden_cookie(), rule.is_ignored()), (Some("a"), ignored));
        assert_eq!(PluginConfig::parse(&serde_json::to_vec(&config).unwrap()).unwrap(), config);
    }
    let refused = read(r#""header": {"name": "a"}"#);
    assert_eq!(refused, Err(RuleError::HiddenWithoutCookie.to_string()));
}
