//! The filter's module as a running plugin: started as Envoy starts it, then given requests and responses.
//!
//! A trap, a paused request or an endless loop fails the test.

use std::mem;
use std::sync::LazyLock;

use wasmi::{
    CompilationMode, Config, Engine, Error, Instance, Linker, Module, Store, WasmParams, WasmResults,
};

use crate::exchange::{Answer, Costs, Forwarded, Request, Response};
use crate::proxy::{Guest, LogLine, Proxy, Stream};
use crate::{artifact, imports, wasi};

/// No callback may need more: a loop without end becomes a trap.
const FUEL_PER_CALLBACK: u64 = 1_000_000_000;

/// Translated once, instantiated by each test.
static MODULE: LazyLock<Module> = LazyLock::new(|| {
    let mut config = Config::default();
    // Eager, since what is translated on first use costs fuel there: which test meets it would be chance.
    config.consume_fuel(true).compilation_mode(CompilationMode::Eager);
    Module::new(&Engine::new(&config), artifact::read()).unwrap()
});

/// A started plugin with its own VM, as each worker of an Envoy has one.
pub(crate) struct Plugin {
    store: Store<Proxy>,
    instance: Instance,
    /// The root context (the plugin) that gets the next requests.
    root: u32,
    /// The youngest context, of a plugin or of a stream.
    last: u32,
    /// The fuel of all callbacks since it was last taken.
    fuel: u64,
}

/// The plugin refused to start, as `on_vm_start` or `on_configure` answering false.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What it wrote to the log.
    pub(crate) log: Vec<LogLine>,
}

impl Plugin {
    /// Starts the plugin in a VM of its own, as Envoy does: `_initialize`, the plugin's context, `on_vm_start`,
    /// `on_configure`.
    ///
    /// `keys` is the environment variable `SESSION_KEYS`; `None` where Envoy's environment has none.
    pub(crate) fn start(
        keys: Option<&str>,
        configuration: impl AsRef<[u8]>,
        now: u64,
    ) -> Result<Self, Refused> {
        let environment = keys.map(|keys| (String::from("SESSION_KEYS"), String::from(keys)));
        let mut plugin = Self::instantiate(Proxy::new(environment.into_iter().collect(), now)).unwrap();
        plugin.call::<(), ()>("_initialize", ());
        plugin.listen(configuration)?;
        Ok(plugin)
    }

    /// Starts one more plugin in the same VM, as Envoy does for a second listener. It gets the requests from now on. Gives
    /// the one that got them before.
    pub(crate) fn listen(&mut self, configuration: impl AsRef<[u8]>) -> Result<u32, Refused> {
        self.last += 1;
        let (context, before) = (self.last, self.root);
        let size = u32::try_from(configuration.as_ref().len()).unwrap();
        self.store.data_mut().plugin_configuration = configuration.as_ref().to_vec();
        self.store.data_mut().active = context;
        self.call::<_, ()>("proxy_on_context_create", (context, 0_u32));
        let started = self.call::<_, u32>("proxy_on_vm_start", (context, 0_u32)) != 0;
        if started && self.call::<_, u32>("proxy_on_configure", (context, size)) != 0 {
            self.root = context;
            Ok(before)
        } else {
            Err(Refused { log: mem::take(&mut self.store.data_mut().log) })
        }
    }

    /// Lets another plugin of the VM have the requests from now on.
    pub(crate) fn switch_to(&mut self, root: u32) {
        self.root = root;
    }

    /// Ends the plugin that has the requests, as Envoy does with a listener that is no longer in its configuration.
    pub(crate) fn stop_listening(&mut self) {
        self.end_context(self.root);
    }

    fn instantiate(proxy: Proxy) -> Result<Self, Error> {
        let engine = MODULE.engine();
        let mut linker = Linker::new(engine);
        wasi::link(&mut linker)?;
        imports::link(&mut linker, &MODULE)?;
        let mut store = Store::new(engine, proxy);
        store.set_fuel(FUEL_PER_CALLBACK)?;
        let instance = linker.instantiate_and_start(&mut store, &MODULE)?;
        let memory = instance.get_memory(&store, "memory").unwrap();
        let allocate = instance.get_typed_func(&store, "proxy_on_memory_allocate")?;
        store.data_mut().guest = Some(Guest { memory, allocate });
        Ok(Self { store, instance, root: 0, last: 0, fuel: 0 })
    }

    /// Runs one of the module's functions.
    fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, parameters: P) -> R {
        self.store.set_fuel(FUEL_PER_CALLBACK).unwrap();
        let function = self.instance.get_typed_func::<P, R>(&self.store, name).unwrap();
        let result = function.call(&mut self.store, parameters);
        self.fuel += FUEL_PER_CALLBACK - self.store.get_fuel().unwrap();
        result.unwrap_or_else(|trap| panic!("{name}: {trap}\nlog: {:#?}", self.store.data().log))
    }

    /// Runs a callback of a stream that must not pause it.
    fn callback<P: WasmParams>(&mut self, context: u32, name: &str, parameters: P) {
        const CONTINUE: u32 = 0;
        self.store.data_mut().active = context;
        let action: u32 = self.call(name, parameters);
        assert_eq!(action, CONTINUE, "{name} paused the stream");
    }

    /// The host calls and the fuel since they were last taken: after a start, what that took.
    pub(crate) fn take_costs(&mut self) -> Costs {
        Costs { calls: mem::take(&mut self.store.data_mut().journal), fuel: mem::take(&mut self.fuel) }
    }

    fn stream(&self, context: u32) -> &Stream {
        &self.store.data().streams[&context]
    }

    /// Sends a request through the filter, up to the next filter in Envoy.
    pub(crate) fn request(&mut self, request: Request) -> Forwarded {
        self.take_costs();
        self.last += 1;
        let context = self.last;
        let end = u32::from(!request.body);
        let stream = request.into_stream();
        let count = u32::try_from(stream.request.len()).unwrap();
        self.store.data_mut().streams.insert(context, stream);
        self.call::<_, ()>("proxy_on_context_create", (context, self.root));
        self.callback(context, "proxy_on_request_headers", (context, count, end));
        let headers = self.stream(context).request.clone();
        Forwarded { context, headers, costs: self.take_costs() }
    }

    /// Sends the response to a request back through the filter, and ends the stream.
    pub(crate) fn respond(&mut self, request: &Forwarded, response: Response) -> Answer {
        self.take_costs();
        let context = request.context;
        let count = u32::try_from(response.headers.len()).unwrap();
        response.arrive(self.store.data_mut().streams.get_mut(&context).unwrap());
        self.callback(context, "proxy_on_response_headers", (context, count, 1_u32));
        let stream = self.stream(context);
        let (headers, filter_state) = (stream.response.clone().unwrap(), stream.filter_state.clone());
        self.end(request);
        Answer { headers, filter_state, costs: self.take_costs() }
    }

    /// Ends a stream, be it with an answer or because the client went away.
    pub(crate) fn end(&mut self, request: &Forwarded) {
        self.end_context(request.context);
        self.store.data_mut().streams.remove(&request.context);
    }

    fn end_context(&mut self, context: u32) {
        self.store.data_mut().active = context;
        // Envoy calls `proxy_on_done` and `proxy_on_log` first, if a module exports them. This one does not: see `artifact`.
        self.call::<_, ()>("proxy_on_delete", context);
    }

    /// Sends a request and its response through the filter.
    pub(crate) fn exchange(&mut self, request: Request, response: Response) -> (Forwarded, Answer) {
        let forwarded = self.request(request);
        let answer = self.respond(&forwarded, response);
        (forwarded, answer)
    }

    /// Moves the wall clock on.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.store.data_mut().now += seconds;
    }

    /// What the module wrote to the log so far.
    pub(crate) fn log(&self) -> &[LogLine] {
        &self.store.data().log
    }

    /// How often an event happened, in all rules.
    pub(crate) fn counted(&self, event: &str) -> u64 {
        let start = format!("session_persistence.{event}.rule.");
        let metrics = self.store.data().metrics.iter();
        metrics.filter(|metric| metric.name.starts_with(&start)).map(|metric| metric.value).sum()
    }

    /// The names of the counters that the module defined, in that order.
    pub(crate) fn counters(&self) -> Vec<&str> {
        self.store.data().metrics.iter().map(|metric| metric.name.as_str()).collect()
    }

    /// The size of the module's linear memory, in bytes.
    pub(crate) fn memory_size(&self) -> usize {
        self.store.data().guest.unwrap().memory.data_size(&self.store)
    }
}
