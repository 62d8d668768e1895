//! The state of the embedded proxy: environment, active streams, and what the filter did to them.

use std::collections::BTreeMap;
use std::fmt;

use wasmi::{Memory, TypedFunc};

use crate::headers::HeaderMap;

/// The state behind the module's imports, one per instance.
pub(crate) struct Proxy {
    /// The environment variables handed to the VM (`host_env_keys`).
    pub(crate) environment: Vec<(String, String)>,
    /// The configuration of the plugin that was started last, as in Envoy's `PluginConfig.configuration`.
    pub(crate) plugin_configuration: Vec<u8>,
    /// The wall clock, in seconds since 1970: stands still unless the test moves it.
    pub(crate) now: u64,
    /// The state of the random numbers. They differ within a run and not between runs, so that fuel can be compared.
    pub(crate) random: u64,
    /// What the module wrote to the log.
    pub(crate) log: Vec<LogLine>,
    /// The metrics the module defined, by id.
    pub(crate) metrics: Vec<Metric>,
    /// The streams between `proxy_on_context_create` and `proxy_on_delete`, by context id.
    pub(crate) streams: BTreeMap<u32, Stream>,
    /// The context whose callback is running.
    pub(crate) active: u32,
    /// Every host call since the journal was last taken.
    pub(crate) journal: Vec<Call>,
    /// The module's side of the conversation; set once it is instantiated.
    pub(crate) guest: Option<Guest>,
}

/// What the host needs of the module: its memory and the function that makes room in it.
#[derive(Clone, Copy)]
pub(crate) struct Guest {
    /// The module's linear memory.
    pub(crate) memory: Memory,
    /// `proxy_on_memory_allocate`: bytes wanted, address given.
    pub(crate) allocate: TypedFunc<u32, u32>,
}

/// One request and its answer, as the filters see them.
#[derive(Default)]
pub(crate) struct Stream {
    /// The request headers; what the filter left in them travels on.
    pub(crate) request: HeaderMap,
    /// The response headers, once there are any.
    pub(crate) response: Option<HeaderMap>,
    /// Envoy's attributes by their path, parts joined with dots: `xds.route_name`.
    pub(crate) properties: BTreeMap<String, Vec<u8>>,
    /// What the filter stored: `session_persistence` is Envoy's filter state `wasm.session_persistence`.
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
}

impl Stream {
    /// The route that waits for the share in the filter state, by the convention of the tests: `rule/share`.
    pub(crate) fn choose_route_again(&mut self) {
        let Some(share) = self.filter_state.get("session_persistence_share") else { return };
        let name = [b"rule/", share.as_slice()].concat();
        self.properties.insert(String::from("xds.route_name"), name);
    }

    /// An attribute. A header's is all its lines with commas between them, where the header map's getter gives the first.
    pub(crate) fn property(&self, name: &str) -> Option<Vec<u8>> {
        let (headers, header) = match (name.strip_prefix("request.headers."), &self.response) {
            (Some(header), _) => (&self.request, header),
            (None, Some(response)) if name.starts_with("response.headers.") => {
                (response, name.trim_start_matches("response.headers."))
            }
            _ => return self.properties.get(name).cloned(),
        };
        let lines: Vec<&[u8]> = headers.all(header.as_bytes()).collect();
        (!lines.is_empty()).then(|| lines.join(&b","[..]))
    }
}

/// A counter, gauge or histogram.
pub(crate) struct Metric {
    /// The name the module gave it.
    pub(crate) name: String,
    /// The sum of all increments, or the last recorded value.
    pub(crate) value: u64,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// 0 trace, 1 debug, 2 info, 3 warn, 4 error, 5 critical.
    pub(crate) level: u32,
    /// The text.
    pub(crate) text: String,
}

/// One call of the module into the host: the function and what it was about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    /// The imported function, without `proxy_`.
    pub(crate) function: &'static str,
    /// The header, property, metric or text.
    pub(crate) subject: String,
    /// Whether it returned data, for which Envoy lets the module allocate memory.
    pub(crate) returned_data: bool,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.function, self.subject)
    }
}

impl Proxy {
    /// A proxy that has served nothing yet.
    pub(crate) fn new(environment: Vec<(String, String)>, now: u64) -> Self {
        Self {
            environment,
            plugin_configuration: Vec::new(),
            now,
            random: 0x5eed,
            log: Vec::new(),
            metrics: Vec::new(),
            streams: BTreeMap::new(),
            active: 0,
            journal: Vec::new(),
            guest: None,
        }
    }

    /// Notes a host call.
    pub(crate) fn note(&mut self, function: &'static str, subject: &[u8]) {
        let subject = subject.escape_ascii().to_string();
        self.journal.push(Call { function, subject, returned_data: false });
    }

    /// Notes that the last host call returned data.
    pub(crate) fn note_data(&mut self) {
        if let Some(call) = self.journal.last_mut() {
            call.returned_data = true;
        }
    }

    /// The stream whose callback is running; none in the plugin's own callbacks.
    pub(crate) fn stream(&mut self) -> Option<&mut Stream> {
        self.streams.get_mut(&self.active)
    }

    /// The next random number (`SplitMix64`).
    pub(crate) fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
