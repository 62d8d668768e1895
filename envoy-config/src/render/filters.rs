//! The HTTP filters: ours and the one that reads its pin, authorization, CORS, the router.
//!
//! The filters of the connection manager do not depend on the routes: Envoy drains a listener whose filters change. Filters that only
//! some routes need are disabled by default, which costs almost nothing. A route with sessions or authorization has its own filter
//! chain, in which the plugin has only the rule of that route.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_saphyr::LitString;
use session_persistence::config::{ByName, Pin, PluginConfig, RouteRule, Rule, RuleTable};
use session_persistence::names;

use super::Options;
use super::cors::{CORS, CorsFilter, CorsPolicy};
use super::ext_authz::ExtAuthz;
use super::extension::{Empty, Extension, Message, Typed};
use super::safe_methods::{SAFE_METHODS, SafeMethods};
use crate::model::{self, Action, RequestSubset};

/// In the order in which a request passes them.
#[derive(Serialize)]
pub(super) struct HttpFilters(Optional<RouteChains>, Optional<CorsFilter>, SafeMethods, Extension<Router>);

/// A filter that is disabled unless a route configures it.
#[derive(Serialize)]
struct Optional<M: Message> {
    #[serde(flatten)]
    filter: Extension<M>,
    disabled: bool,
}

/// `envoy.extensions.filters.http.filter_chain.v3.FilterChainConfig`: empty, because only routes have filter chains.
#[derive(Serialize)]
struct RouteChains {}

#[derive(Serialize)]
struct RouteChain {
    filter_chain: FilterChain,
}

#[derive(Serialize)]
struct FilterChain {
    filters: Vec<ChainFilter>,
}

/// A filter that only some routes have.
#[derive(Serialize)]
#[serde(untagged)]
enum ChainFilter {
    Auth(Box<Extension<ExtAuthz>>),
    Sessions(Box<Extension<Wasm>>),
    Pinning(Pinning),
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
    /// If the endpoint cannot serve, Envoy answers with 503 instead of choosing another one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
}

/// `envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState`: base64 of the endpoint's address.
#[derive(Serialize)]
struct HeaderState {
    name: &'static str,
}

/// The filter in a bootstrap where no request needs it. Envoy reads it before it starts, and does not start if the module or the
/// keys are wrong. Routes in files are read later: without them, Envoy would be ready and answer 404.
#[derive(Serialize)]
pub(super) struct Unused(Optional<Wasm>);

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

/// Envoy passes the text unchanged to the plugin. (A `Struct` would be more readable, but arrives as protobuf bytes: Envoy 1.40.)
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

/// The configuration of HTTP filters for a route, by filter name.
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

/// The name of the filter that runs the filter chain of a route.
const FILTER_CHAIN: &str = "envoy.filters.http.filter_chain";

#[derive(Serialize)]
struct FilterConfig {
    config: Empty,
}

/// `envoy.config.route.v3.FilterConfig`, which disables a filter.
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
        // CORS comes after the filter chains: if a session moves a request to another share, the CORS policy of that share applies.
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
    /// A request that a server refuses never reaches the filter of sessions, so it neither opens nor starts one.
    fn new(auths: &[model::ExternalAuth], sessions: Vec<ChainFilter>) -> Self {
        let auths = auths.iter().map(|auth| ChainFilter::Auth(Box::new(ExtAuthz::extension(auth))));
        Self { filter_chain: FilterChain { filters: auths.chain(sessions).collect() } }
    }
}

impl ChainFilter {
    fn of_sessions(config: RouteRule, options: &Options) -> Vec<Self> {
        let pinning = match config.rule.pin() {
            Pin::Metadata => Pinning::Metadata(HeaderToMetadata::extension()),
            Pin::StatefulSession => {
                Pinning::StatefulSession(StatefulSession::extension(config.rule.is_strict()))
            }
        };
        let plugin = Wasm::extension(&PluginConfig::Route(config), options);
        vec![Self::Sessions(Box::new(plugin)), Self::Pinning(pinning)]
    }

    /// On a route without sessions, the filter hides the cookie of this rule, and pins nothing.
    fn of_hidden(rule: &Rule, options: &Options) -> Vec<Self> {
        let config = PluginConfig::Route(RouteRule { rule: rule.clone(), shares: ByName::default() });
        vec![Self::Sessions(Box::new(Wasm::extension(&config, options)))]
    }
}

impl Wasm {
    fn extension(config: &PluginConfig, options: &Options) -> Extension<Self> {
        let plugin = Plugin {
            name: names::FILTER,
            vm_config: Vm {
                // All plugins of a worker share a VM, because all these fields are equal.
                id: names::FILTER,
                runtime: "envoy.wasm.runtime.v8",
                code: Code { local: File { filename: options.module.clone() } },
                // Unlike a literal value, this does not appear in the configuration dump.
                environment_variables: Environment { host_env_keys: (names::KEYS_VARIABLE,) },
            },
            configuration: StringValue { value: LitString(json(config)) }.into(),
            // A trap fails only its own request. `FAIL_OPEN` would silently move sessions.
            failure_policy: "FAIL_RELOAD",
        };
        Extension::new(names::FILTER, Self { config: plugin })
    }
}

impl Unused {
    /// The filter without rules.
    pub(super) fn new(options: &Options) -> Self {
        let config = PluginConfig::Table(RuleTable::default());
        Self(Optional { filter: Wasm::extension(&config, options), disabled: true })
    }
}

/// The configuration as JSON in ASCII, so that it contains no special characters of YAML.
fn json(config: &PluginConfig) -> String {
    // The types always serialize. If they did not, the plugin would reject the empty text, and Envoy would not start.
    let text = serde_json::to_string_pretty(config).unwrap_or_default();
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\n' | ' '..='~') {
            ascii.push(character);
        } else {
            // Other characters occur only in strings.
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
    fn extension(strict: bool) -> Extension<Self> {
        let state = HeaderState { name: names::OVERRIDE_HOST_HEADER };
        let session_state = Extension::new("envoy.http.stateful_session.header", state);
        Extension::new("envoy.filters.http.stateful_session", Self { session_state, strict })
    }
}

impl Router {
    /// The last filter. It adds no `x-envoy-*` headers, which would reveal details to clients and backends.
    pub(super) fn extension() -> Extension<Self> {
        Extension::new("envoy.filters.http.router", Self { suppress_envoy_headers: true })
    }
}

impl PerRoute {
    /// The configuration of a route; `None` if it has none. `siblings` are the routes for the same requests to all shares of its
    /// rule.
    /// `removes_session_header` says whether it removes the session header from responses of its backends.
    pub(super) fn of(
        route: &model::Route,
        siblings: &[model::Route],
        removes_session_header: bool,
        options: &Options,
    ) -> Option<Self> {
        let mut configs = BTreeMap::new();
        // The filters of the chain have already run when a session moves a request to this route.
        let is_first = !matches!(route.subset, RequestSubset::SessionsOf(_));
        let of_sessions = route.persistence.as_ref().filter(|_| is_first).map(|rule| {
            let shares = other_shares(rule, siblings);
            let rule = rule.clone().pinned_by(options.pin_of_rule(rule));
            let rule = if removes_session_header { rule.removed_by_route() } else { rule };
            ChainFilter::of_sessions(RouteRule { rule, shares }, options)
        });
        let of_hidden = route.hidden.as_ref().map(|rule| ChainFilter::of_hidden(rule, options));
        let filters = of_hidden.or(of_sessions).unwrap_or_default();
        let auths: &[_] = if is_first { &route.external_auth } else { &[] };
        if !(filters.is_empty() && auths.is_empty()) {
            configs.insert(FILTER_CHAIN, AnyConfig::Chain(Box::new(RouteChain::new(auths, filters).into())));
        }
        if let Some(cors) = &route.cors {
            configs.insert(CORS, AnyConfig::Cors(CorsPolicy::from(cors).into()));
        } else if siblings.iter().any(|sibling| sibling.cors.is_some()) {
            // Runs the filter for requests that move to a share with CORS.
            configs.insert(CORS, AnyConfig::Switch(FilterConfig { config: Empty {} }.into()));
        }
        if let Action::Forward(forward) = &route.action
            && !retries_after_reset(forward)
        {
            configs.insert(SAFE_METHODS, AnyConfig::Off(SwitchedOff { disabled: true }.into()));
        }
        (!configs.is_empty()).then_some(Self(configs))
    }
}

/// Whether requests with safe methods can be retried after a reset. Envoy treats a timeout of an attempt as a reset, but the Gateway
/// API allows retries after a timeout only if the rule has a `retry`.
fn retries_after_reset(forward: &model::Forward) -> bool {
    forward.retry.as_deref().is_some_and(model::Retry::includes_reset)
        || !matches!(forward.timeouts.attempt, Some(model::Limit::After(_)))
}

/// The other shares of a rule, by the names of the routes to them.
fn other_shares(rule: &Rule, siblings: &[model::Route]) -> ByName<String> {
    let Some(own) = rule.share() else { return ByName::default() };
    let shares =
        siblings.iter().filter_map(|route| Some((&route.name, route.persistence.as_ref()?.share()?)));
    let others = shares.filter(|(_, share)| *share != own);
    others.map(|(name, share)| (name.clone(), share.to_owned())).collect()
}
