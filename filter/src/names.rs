//! Private names that the filter and Envoy's configuration must agree on.
//!
//! `envoy-config` uses these constants in what it renders, so the two cannot disagree.

/// The filter's name in the connection manager, in `typed_per_filter_config` and as the plugin.
pub const FILTER: &str = "session-persistence";

/// The private request header that carries the pin to the Envoy filter that applies it; it is never forwarded.
pub const OVERRIDE_HOST_HEADER: &str = "x-session-persistence-override-host";

/// The dynamic metadata namespace that `override_host` reads the pin from.
pub const METADATA_NAMESPACE: &str = "envoy.lb";

/// The key of the pin in [`METADATA_NAMESPACE`].
pub const METADATA_KEY: &str = "session-persistence-override-host";

/// The namespace of endpoint metadata in which the key is the endpoint's address, with an empty value. It is optional: it makes it
/// cheap to find out whether the endpoint of a session served a request.
pub const ENDPOINT_NAMESPACE: &str = "session-persistence";

/// The filter state in which the access log finds the session of a request: `%FILTER_STATE(wasm.session_persistence:PLAIN)%`.
pub const FILTER_STATE: &str = "wasm.session_persistence";

/// The filter state with what the session came to, as two letters: [`State`](crate::event::State). It is absent if a valid session
/// continues and its token is not renewed, and if a request ends without a response.
pub const STATE_FILTER_STATE: &str = "wasm.session_persistence_state";

/// The filter state with the cookies of a request for its backend, if the rule hides the session cookie:
/// `%FILTER_STATE(wasm.session_persistence_cookies:PLAIN)%`.
pub const COOKIES_FILTER_STATE: &str = "wasm.session_persistence_cookies";

/// The label with the reason of an event, and the expression that Envoy's `stats_tags` need for it: the first group is removed from the
/// name of the counter, the second is the value. Envoy tries an expression that starts with `^wasmcustom\.` for no other counters.
pub const REASON_TAG: (&str, &str) = (
    "session_persistence.reason",
    r"^wasmcustom\.session_persistence\.(?:renewed|ended|not_started|rejected)(\.([a-z_]+))\.rule\.",
);

/// The same for the label with the id of the rule.
pub const RULE_TAG: (&str, &str) =
    ("session_persistence.rule", r"^wasmcustom\.session_persistence\.[a-z_.]+?(\.rule\.([\s\S]+))$");

/// The filter state with the share of a session. In a split rule, a route with a `filter_state` matcher takes the sessions of each
/// share. Clients cannot set filter state.
pub const SHARE_FILTER_STATE: &str = "wasm.session_persistence_share";

/// The share of a strict rule that is not split: requests with a session have a route of their own.
pub const UNSPLIT_SHARE: &str = "*";

/// The environment variable of the Envoy process that contains the keys.
pub const KEYS_VARIABLE: &str = "SESSION_KEYS";
