//! The private names that the filter and Envoy's configuration agree on.
//!
//! `envoy-config` renders from these very constants, so the two cannot drift.

/// The filter's name in the connection manager, in `typed_per_filter_config` and as the plugin.
pub const FILTER: &str = "session-persistence";

/// The request header that carries the pin (`ip:port`) from the filter to `header_to_metadata`, never further.
pub const OVERRIDE_HOST_HEADER: &str = "x-session-persistence-override-host";

/// The dynamic metadata namespace that `override_host` reads the pin from.
pub const METADATA_NAMESPACE: &str = "envoy.lb";

/// The key of the pin in [`METADATA_NAMESPACE`].
pub const METADATA_KEY: &str = "session-persistence-override-host";

/// The filter state that tells the access log what session a request had: `%FILTER_STATE(wasm.session_persistence:PLAIN)%`.
pub const FILTER_STATE: &str = "wasm.session_persistence";

/// The filter state that leads a request to the share of its session, where the backends of a rule are told apart: a route
/// with a `filter_state` matcher waits for it. No client can set it.
pub const SHARE_FILTER_STATE: &str = "wasm.session_persistence_share";

/// The environment variable of the Envoy process that holds the keys.
pub const KEYS_VARIABLE: &str = "SESSION_KEYS";
