//! The HTTP filters: ours and the one that reads its pin, CORS, the router.
//!
//! The connection manager has the same filters whatever the routes are, and all but the router are off by default: a listener is
//! drained when its filters change, and a filter that is off costs next to nothing. A route with sessions brings a filter chain of
//! its own, in which our plugin has the one rule of the route.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_saphyr::LitString;
use session_persistence::config::{Pin, PluginConfig, RouteRule, Rule};
use session_persistence::names;

use super::Options;
use super::cors::{CORS, CorsFilter, CorsPolicy};
use super::extension::{Empty, Extension, Message, Typed};
use super::safe_methods::{SAFE_METHODS, SafeMethods};
use super::session_header;
use crate::model::{self, Action, Portion};

/// In the order in which a request passes them.
#[derive(Serialize)]
pub(super) struct HttpFilters(Optional<RouteChains>, Optional<CorsFilter>, SafeMethods, Extension<Router>);

/// A filter that routes switch on by what they say of it.
#[derive(Serialize)]
struct Optional<M: Message> {
    #[serde(flatten)]
    filter: Extension<M>,
    disabled: bool,
}

/// `envoy.extensions.filters.http.filter_chain.v3.FilterChainConfig`: nothing but what the routes say.
#[derive(Serialize)]
struct RouteChains {}

#[derive(Serialize)]
struct RouteChain {
    filter_chain: FilterChain,
}

#[derive(Serialize)]
struct FilterChain {
    filters: (Extension<Wasm>, Pinning),
}

/// The filter that reads the private header.
#[derive(Serialize)]
#[serde(untagged)]
enum Pinning {
    Metadata(Extension<HeaderToMetadata>),
    StatefulSession(Extension<StatefulSession>),
}

#[derive(Serialize)]
struct StatefulSession {
    session_state: Extension<HeaderState>,
}

/// `envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState`: base64 of the endpoint's address.
#[derive(Serialize)]
struct HeaderState {
    name: &'static str,
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
    Chain(Box<Typed<RouteChain>>),
    Switch(Typed<FilterConfig>),
    Off(Typed<SwitchedOff>),
    Cors(Typed<CorsPolicy>),
}

/// The name of the filter that runs a route's own filters.
const FILTER_CHAIN: &str = "envoy.filters.http.filter_chain";

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

impl Message for RouteChains {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.filters.http.filter_chain.v3.FilterChainConfig";
}

impl Message for RouteChain {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.filters.http.filter_chain.v3.FilterChainConfigPerRoute";
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

impl Message for StatefulSession {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession";
}

impl Message for HeaderState {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState";
}

impl Message for Router {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
}

impl Message for FilterConfig {
    const TYPE: &'static str = "type.googleapis.com/envoy.config.route.v3.FilterConfig";
}

impl HttpFilters {
    pub(super) fn new() -> Self {
        let chains = Extension::new(FILTER_CHAIN, RouteChains {});
        // CORS behind ours, so that a request that its session leads to another share is told what that share says.
        Self(
            Optional::of(chains),
            Optional::of(CorsFilter::extension()),
            SafeMethods::filter(),
            Router::extension(),
        )
    }
}

impl<M: Message> Optional<M> {
    const fn of(filter: Extension<M>) -> Self {
        Self { filter, disabled: true }
    }
}

impl RouteChain {
    fn new(config: RouteRule, options: &Options) -> Self {
        let pinning = match options.pin {
            Pin::Metadata => Pinning::Metadata(HeaderToMetadata::extension()),
            Pin::StatefulSession => Pinning::StatefulSession(StatefulSession::extension()),
        };
        let filters = (Wasm::extension(config, options), pinning);
        Self { filter_chain: FilterChain { filters } }
    }
}

impl Wasm {
    fn extension(config: RouteRule, options: &Options) -> Extension<Self> {
        let plugin = Plugin {
            name: names::FILTER,
            vm_config: Vm {
                // All plugins share the VM of a worker, as long as they agree in all of this.
                id: names::FILTER,
                runtime: "envoy.wasm.runtime.v8",
                code: Code { local: File { filename: options.module.clone() } },
                // Unlike a literal value, this one stays out of the configuration dump.
                environment_variables: Environment { host_env_keys: (names::KEYS_VARIABLE,) },
            },
            configuration: StringValue { value: LitString(json(&PluginConfig::Route(config))) }.into(),
            // A trap fails the request it happens in and no other. Never open: a session would silently move.
            failure_policy: "FAIL_RELOAD",
        };
        Extension::new(names::FILTER, Self { config: plugin })
    }
}

/// The configuration as JSON in plain ASCII, so that no character of it means anything to YAML.
fn json(config: &PluginConfig) -> String {
    // It has nothing that JSON cannot hold. Without a text the plugin would refuse to start, which is the right end.
    let text = serde_json::to_string_pretty(config).unwrap_or_default();
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

impl StatefulSession {
    fn extension() -> Extension<Self> {
        let state = HeaderState { name: names::OVERRIDE_HOST_HEADER };
        let session_state = Extension::new("envoy.http.stateful_session.header", state);
        Extension::new("envoy.filters.http.stateful_session", Self { session_state })
    }
}

impl Router {
    /// The router that ends every chain. Neither client nor backend is told of this Envoy in `x-envoy-*` headers.
    pub(super) fn extension() -> Extension<Self> {
        Extension::new("envoy.filters.http.router", Self { suppress_envoy_headers: true })
    }
}

impl PerRoute {
    /// What a route says; none if it says nothing. `siblings` are the routes for the same requests, to other shares of its rule.
    pub(super) fn of(route: &model::Route, siblings: &[model::Route], options: &Options) -> Option<Self> {
        let mut configs = BTreeMap::new();
        // Which filters a request passes is settled before its session leads it to a route that waits for it.
        let rule = route.persistence.as_ref().filter(|_| !matches!(route.portion, Portion::Sessions(_)));
        if let Some(rule) = rule {
            let shares = other_shares(rule, siblings);
            let rule = rule.clone().pinned_by(options.pin);
            let rule = match session_header::removed(route, siblings) {
                Some(_) => rule.removed_by_route(),
                None => rule,
            };
            let config = RouteRule { rule, shares };
            configs.insert(FILTER_CHAIN, AnyConfig::Chain(Box::new(RouteChain::new(config, options).into())));
        }
        if let Some(cors) = &route.cors {
            configs.insert(CORS, AnyConfig::Cors(CorsPolicy::from(cors).into()));
        } else if siblings.iter().any(|sibling| sibling.cors.is_some()) {
            // So that a request whose session leads it there passes this filter.
            configs.insert(CORS, AnyConfig::Switch(FilterConfig { config: Empty {} }.into()));
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

/// The shares of a rule that these routes lead to, without its own, by the names of the routes.
fn other_shares(rule: &Rule, siblings: &[model::Route]) -> BTreeMap<String, String> {
    let Some(own) = rule.share() else { return BTreeMap::new() };
    let shares =
        siblings.iter().filter_map(|route| Some((&route.name, route.persistence.as_ref()?.share()?)));
    let others = shares.filter(|(_, share)| *share != own);
    others.map(|(name, share)| (name.clone(), share.to_owned())).collect()
}
