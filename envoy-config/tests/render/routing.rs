//! Routes: matches, filters and plugins.

use envoy_config::model::{
    Domain, HeaderChange, HeaderChanges, Listener, Model, Protocol, RequestSubset, Route,
};
use envoy_config::render::render;
use serde_json::{Value, json};
use session_persistence::config::{ByName, Carrier, RouteRule};

use crate::models::{
    address, cluster, cookie_rule, cors, everything, forward, header_rule, host, listener, options, prefix,
    route,
};
use crate::{connection_manager, plugin, plugin_rule, rendered, routes};

#[test]
fn matches_use_envoys_matchers() {
    let bootstrap = rendered(&everything());
    let regex = |text: &str| json!({"safe_regex": {"regex": text}});
    assert_eq!(
        routes(&bootstrap)[0]["match"],
        json!({
            "path": "/login",
            "headers": [
                {"name": ":method", "string_match": {"exact": "POST"}},
                {"name": "x-version", "string_match": {"exact": "2"}},
                {"name": "user-agent", "string_match": regex(".*curl/[0-9]+.*")},
            ],
            "query_parameters": [
                {"name": "debug", "string_match": {"exact": "yes"}},
                {"name": "page", "string_match": regex("[0-9]{1,3}")},
            ],
        })
    );
    assert_eq!(routes(&bootstrap)[1]["match"], json!({"path_separated_prefix": "/shop"}));
    assert_eq!(routes(&bootstrap)[2]["match"], regex("/v[0-9]+/.*"));
    assert_eq!(routes(&bootstrap)[3]["match"], json!({"prefix": "/"}));
    assert_eq!(routes(&bootstrap)[3]["direct_response"], json!({"status": 500}));
    let hosts = connection_manager(&bootstrap)["route_config"]["virtual_hosts"].as_array().unwrap();
    let domains: Vec<_> = hosts.iter().map(|host| &host["domains"][0]).collect();
    assert_eq!(domains, ["example.com", "*.example.com", "*"]);
}

#[test]
fn only_routes_with_sessions_have_a_plugin_which_has_their_rule() {
    let bootstrap = rendered(&everything());
    let rules = [Some(header_rule()), Some(cookie_rule()), None, None];
    for (route, rule) in routes(&bootstrap).as_array().unwrap().iter().zip(rules) {
        let expected =
            rule.map(|rule| RouteRule { rule: rule.removed_by_route(), shares: ByName::default() });
        assert_eq!(plugin_rule(route), expected, "{route}");
    }
}

/// The router removes headers before it adds those of the route.
#[test]
fn the_filter_removes_the_session_header_if_the_route_changes_it() {
    let set =
        |name: &str| HeaderChanges([(name.to_owned(), HeaderChange::Set("x".to_owned(), Vec::new()))].into());
    for (changed, removed) in [("other", true), ("session-a", false)] {
        let route = Route {
            response_headers: set(changed),
            ..route("default/a/0/0", prefix("/"), forward("a"), Some(header_rule()))
        };
        let model = Model {
            listeners: vec![listener(80, vec![host(Domain::Any, vec![route])])],
            clusters: vec![cluster("a", Vec::new())],
        };
        let bootstrap = rendered(&model);
        let route = &routes(&bootstrap)[0];
        let Carrier::Header(header) = plugin_rule(route).unwrap().rule.carrier().clone() else { panic!() };
        assert_eq!(header.removed_by_route, removed, "{changed}");
        let by_route = route["response_headers_to_remove"].as_array().into_iter().flatten();
        assert_eq!(by_route.filter(|name| *name == "session-a").count(), usize::from(removed), "{changed}");
    }
}

/// A route to one of two shares of a rule.
fn to_share(number: usize, matched: &str, share: &str) -> Route {
    let name = format!("default/a/0/{matched}/{number}");
    let rule = header_rule().of_share(share);
    route(&name, prefix(&format!("/{matched}")), forward("a"), Some(rule))
}

#[test]
fn the_plugin_of_a_share_lists_the_routes_of_the_other_shares() {
    let routes =
        [to_share(0, "x", "one"), to_share(1, "x", "two"), to_share(0, "y", "one"), to_share(1, "y", "two")];
    let bootstrap = rendered(&Model {
        listeners: vec![listener(80, vec![host(Domain::Any, routes.into())])],
        clusters: vec![cluster("a", Vec::new())],
    });
    let others: Vec<_> = crate::routes(&bootstrap)
        .as_array()
        .unwrap()
        .iter()
        .map(|route| plugin_rule(route).unwrap().shares.into_iter().collect::<Vec<_>>())
        .collect();
    let other = |name: &str, share: &str| vec![(name.to_owned(), share.to_owned())];
    assert_eq!(
        others,
        [
            other("default/a/0/x/1", "two"),
            other("default/a/0/x/0", "one"),
            other("default/a/0/y/1", "two"),
            other("default/a/0/y/0", "one"),
        ]
    );
}

#[test]
fn routes_for_existing_sessions_of_a_share_have_no_plugin() {
    let for_sessions =
        Route { subset: RequestSubset::SessionsOf("one".to_owned()), ..to_share(0, "x", "one") };
    let bootstrap = rendered(&Model {
        listeners: vec![listener(80, vec![host(Domain::Any, vec![for_sessions, to_share(1, "x", "two")])])],
        clusters: vec![cluster("a", Vec::new())],
    });
    assert_eq!(plugin(&routes(&bootstrap)[0]), None);
    let shares = plugin_rule(&routes(&bootstrap)[1]).unwrap().shares;
    assert_eq!(shares, ByName::from_iter([("default/a/0/x/0".to_owned(), "one".to_owned())]));
}

#[test]
fn all_shares_run_the_cors_filter_if_one_has_cors() {
    let with = Route { cors: Some(cors()), ..to_share(0, "x", "one") };
    let model = |routes: Vec<Route>| Model {
        listeners: vec![listener(80, vec![host(Domain::Any, routes)])],
        clusters: vec![cluster("a", Vec::new())],
    };
    let bootstrap = rendered(&model(vec![with, to_share(1, "x", "two"), to_share(0, "y", "one")]));
    let configs = [0, 1, 2].map(|number| {
        let configs = &crate::routes(&bootstrap)[number]["typed_per_filter_config"];
        configs["envoy.filters.http.cors"]["@type"]
            .as_str()
            .and_then(|name| name.rsplit('.').next())
            .map(str::to_owned)
    });
    assert_eq!(configs.map(Option::unwrap_or_default), ["CorsPolicy", "FilterConfig", ""]);
}

#[test]
fn the_filters_of_a_listener_do_not_depend_on_its_routes() {
    let chain = |model: &Model| {
        let mut bootstrap = rendered(model);
        let manager = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
        manager["route_config"] = Value::Null;
        manager.clone()
    };
    let with = chain(&everything());
    let empty = Model {
        listeners: vec![Listener {
            protocol: Protocol::Http { virtual_hosts: Vec::new() },
            ..everything().listeners.remove(0)
        }],
        clusters: Vec::new(),
    };
    assert_eq!(with, chain(&empty));
    let disabled: Vec<_> =
        with["http_filters"].as_array().unwrap().iter().map(|filter| filter["disabled"] == true).collect();
    assert_eq!(disabled, [true, true, false, false]);
}

#[test]
fn options_set_the_module_and_the_admin_address() {
    let mut options = options();
    options.module = String::from("/etc/envoy/yes.wasm");
    options.admin = address("[::1]:9000").into();
    let bootstrap: Value = serde_saphyr::from_str(&render(&everything(), &options).unwrap()).unwrap();
    let socket = &bootstrap["admin"]["address"]["socket_address"];
    assert_eq!(*socket, json!({"address": "::1", "port_value": 9000}));
    let plugin = plugin(&routes(&bootstrap)[0]).unwrap();
    assert_eq!(plugin["vm_config"]["code"]["local"]["filename"], "/etc/envoy/yes.wasm");
}
