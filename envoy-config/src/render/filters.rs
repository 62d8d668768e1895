//! The HTTP filters: ours, the one that hands its pin on, CORS, the router.
//!
//! Ours is off by default and switched on by the routes whose rule is persistent, so that every other request goes past
//! it. A Wasm filter takes no configuration per route; its table of rules is by route name.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_saphyr::LitString;
use session_persistence::config::PluginConfig;
use session_persistence::names;

use super::Options;
use super::cors::{CORS, CorsFilter, CorsPolicy};
use super::extension::{Empty, Extension, Message, Typed};
use super::safe_methods::{SAFE_METHODS, SafeMethods};
use crate::model::{self, Action};

/// In the order in which a request passes them.
#[derive(Serialize)]
pub(super) struct HttpFilters(
    SessionPersistence,
    Extension<HeaderToMetadata>,
    Extension<CorsFilter>,
    SafeMethods,
    Extension<Router>,
);

#[derive(Serialize)]
struct SessionPersistence {
    name: &'static str,
    disabled: bool,
    typed_config: Typed<Wasm>,
}

#[derive(Serialize)]
struct Wasm {
    config: Plugin,
}

#[derive(Serialize)]
struct Plugin {
    name: &'static str,
    vm_config: Vm,
    configuration: Typed<StringValue>,
    failure_policy: &'static str,
}

#[derive(Serialize)]
struct Vm {
    #[serde(rename = "vm_id")]
    id: &'static str,
    runtime: &'static str,
    code: Code,
    environment_variables: Environment,
}

#[derive(Serialize)]
struct Code {
    local: File,
}

#[derive(Serialize)]
struct File {
    filename: String,
}

#[derive(Serialize)]
struct Environment {
    host_env_keys: (&'static str,),
}

/// Handed to the plugin as it stands. (A `Struct`, which would read better, reaches it as protobuf bytes: Envoy 1.40.)
#[derive(Serialize)]
struct StringValue {
    value: LitString,
}

#[derive(Serialize)]
struct HeaderToMetadata {
    request_rules: (HeaderRule,),
}

#[derive(Serialize)]
struct HeaderRule {
    header: &'static str,
    on_header_present: MetadataKey,
    remove: bool,
}

#[derive(Serialize)]
struct MetadataKey {
    metadata_namespace: &'static str,
    key: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
pub(super) struct Router {
    suppress_envoy_headers: bool,
}

/// What a route says of the HTTP filters, by filter name.
#[derive(Serialize)]
pub(super) struct PerRoute(BTreeMap<&'static str, AnyConfig>);

#[derive(Serialize)]
#[serde(untagged)]
enum AnyConfig {
    Switch(Typed<FilterConfig>),
    Off(Typed<SwitchedOff>),
    Cors(Typed<CorsPolicy>),
}

#[derive(Serialize)]
struct FilterConfig {
    config: Empty,
}

/// `envoy.config.route.v3.FilterConfig`, too.
#[derive(Serialize)]
struct SwitchedOff {
    disabled: bool,
}

impl Message for SwitchedOff {
    const TYPE: &'static str = FilterConfig::TYPE;
}

impl Message for Wasm {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
}

impl Message for StringValue {
    const TYPE: &'static str = "type.googleapis.com/google.protobuf.StringValue";
}

impl Message for HeaderToMetadata {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config";
}

impl Message for Router {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
}

impl Message for FilterConfig {
    const TYPE: &'static str = "type.googleapis.com/envoy.config.route.v3.FilterConfig";
}

impl HttpFilters {
    pub(super) fn new(hosts: &[model::VirtualHost], options: &Options) -> Self {
        Self(
            SessionPersistence::new(hosts, options),
            HeaderToMetadata::extension(),
            CorsFilter::extension(),
            SafeMethods::filter(),
            Router::extension(),
        )
    }
}

impl SessionPersistence {
    fn new(hosts: &[model::VirtualHost], options: &Options) -> Self {
        let plugin = Plugin {
            name: names::FILTER,
            vm_config: Vm {
                // The filter chains share the VM of a worker; each has its own plugin configuration in it.
                id: names::FILTER,
                runtime: "envoy.wasm.runtime.v8",
                code: Code { local: File { filename: options.module.clone() } },
                // Unlike a literal value, this one stays out of the configuration dump.
                environment_variables: Environment { host_env_keys: (names::KEYS_VARIABLE,) },
            },
            configuration: StringValue { value: LitString(json(&rules(hosts))) }.into(),
            // A trap fails the request it happens in and no other. Never open: a session would silently move.
            failure_policy: "FAIL_RELOAD",
        };
        Self { name: names::FILTER, disabled: true, typed_config: Wasm { config: plugin }.into() }
    }
}

fn rules(hosts: &[model::VirtualHost]) -> PluginConfig {
    let routes = hosts.iter().flat_map(|host| &host.routes);
    let rules = routes.filter_map(|route| Some((route.name.clone(), route.persistence.clone()?)));
    PluginConfig { rules: rules.collect() }
}

/// The table as JSON in plain ASCII, so that no character of it means anything to YAML.
fn json(rules: &PluginConfig) -> String {
    // It has nothing that JSON cannot hold. Without a text the plugin would refuse to start, which is the right end.
    let text = serde_json::to_string_pretty(rules).unwrap_or_default();
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\n' | ' '..='~') {
            ascii.push(character);
        } else {
            // Outside strings JSON is ASCII: this one stands in a string.
            ascii.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    ascii
}

impl HeaderToMetadata {
    fn extension() -> Extension<Self> {
        let rule = HeaderRule {
            header: names::OVERRIDE_HOST_HEADER,
            on_header_present: MetadataKey {
                metadata_namespace: names::METADATA_NAMESPACE,
                key: names::METADATA_KEY,
                kind: "STRING",
            },
            remove: true,
        };
        Extension::new("envoy.filters.http.header_to_metadata", Self { request_rules: (rule,) })
    }
}

impl Router {
    /// The router that ends every chain. Neither client nor backend is told of this Envoy in `x-envoy-*` headers.
    pub(super) fn extension() -> Extension<Self> {
        Extension::new("envoy.filters.http.router", Self { suppress_envoy_headers: true })
    }
}

impl PerRoute {
    /// What a route says; none if it says nothing.
    pub(super) fn of(route: &model::Route) -> Option<Self> {
        let mut configs = BTreeMap::new();
        if route.persistence.is_some() {
            configs.insert(names::FILTER, AnyConfig::Switch(FilterConfig { config: Empty {} }.into()));
        }
        if let Some(cors) = &route.cors {
            configs.insert(CORS, AnyConfig::Cors(CorsPolicy::from(cors).into()));
        }
        if let Action::Forward(forward) = &route.action
            && !repeats_on_reset(forward)
        {
            configs.insert(SAFE_METHODS, AnyConfig::Off(SwitchedOff { disabled: true }.into()));
        }
        (!configs.is_empty()).then_some(Self(configs))
    }
}

/// Whether requests with safe methods may be retried after a reset. To Envoy a try that takes too long is one, too, which the
/// Gateway API says is retried only where the rule has a `retry`.
fn repeats_on_reset(forward: &model::Forward) -> bool {
    forward.retry.is_some() || !matches!(forward.timeouts.attempt, Some(model::Limit::After(_)))
}
