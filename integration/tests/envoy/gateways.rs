//! Sessions inside gateways that load the filter: the configuration that their own code makes of the rendered objects, on a real Envoy
//! with the compiled filter.
//!
//! A gateway's folder has what a user writes (`routes.yaml`, `backends.yaml`), `rendered.yaml`, which is what `envoy-config render --to`
//! makes of it, and `xds.yaml`, which is what the gateway makes of that. `make test-gateways` builds the gateway's code and compares the
//! latter.

mod behaviours;
mod bootstrap;
mod envoy_gateway;
mod istio;

use std::ffi::OsString;
use std::path::PathBuf;
use std::{fs, io};

use envoy_config::cli::{self, Exit, Streams};
use integration::backend::Backend;
use integration::harness::client::Client;
use integration::harness::deployment::Deployment;
use integration::harness::envoy::Process;
use integration::harness::{artifact, workspace};
use serde_json::Value;
use session_persistence::config::{PluginConfig, Rule};
use sha2::{Digest, Sha256};

use self::bootstrap::Sent;
use crate::setup::start;

/// A gateway, and what its folder has.
struct Gateway {
    /// Its folder, and its name for `--to`.
    name: &'static str,
    /// The name of its listener.
    listener: &'static str,
    /// The rules with sessions, that with a cookie first: a path, and the names of its Envoy routes or their prefix.
    rules: [(&'static str, &'static str); 2],
    /// The resources for Envoy in what its code prints.
    sent: fn(&Value) -> Sent,
}

impl Gateway {
    fn folder(&self) -> PathBuf {
        workspace::root().join("integration/tests/envoy/gateways").join(self.name)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder().join(file)).unwrap()
    }

    /// What its code prints.
    fn printed(&self) -> Value {
        serde_saphyr::from_str(&self.read("xds.yaml")).unwrap()
    }

    /// An Envoy with this configuration and these pods.
    async fn serve(&self, pods: &[Backend; 3], keys: &str) -> Process {
        let module = artifact::module().unwrap_or_else(|error| panic!("{error}"));
        let sent = (self.sent)(&self.printed());
        let bootstrap = sent.bootstrap(&module, pods.each_ref().map(Backend::address));
        start(&Deployment::of_bootstrap(bootstrap).unwrap().with_keys(keys)).await
    }

    fn client(&self, envoy: &Process) -> Client {
        Client::new(envoy.listener(self.listener).unwrap())
    }

    /// The rule for these routes, as a filter has it.
    fn rule(&self, routes: &str) -> Rule {
        let configurations = (self.sent)(&self.printed()).configurations();
        let found = configurations.iter().find_map(|configuration| {
            let config = PluginConfig::parse(configuration.as_bytes()).unwrap();
            let PluginConfig::Table(table) = config else { panic!("{config:?}") };
            table.rules.get(routes).or_else(|| table.rules_by_prefix.get(routes)).cloned()
        });
        found.unwrap()
    }

    /// The rendered objects are those of the manifests.
    fn is_rendered(&self) {
        let mut arguments: Vec<OsString> = vec!["envoy-config".into(), "render".into()];
        for file in ["class.yaml", "routes.yaml", "backends.yaml"] {
            arguments.extend(["-f".into(), self.folder().join(file).into_os_string()]);
        }
        let digest = "0".repeat(64);
        let module =
            ["--module-url", "https://example.com/session_persistence.wasm", "--module-sha256", &digest];
        arguments.extend(["--to", self.name].into_iter().chain(module).map(OsString::from));
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let (input, colour) = (&mut io::empty(), false);
        let streams = Streams { input, output: &mut output, errors: &mut errors, colour };
        assert_eq!(cli::run(arguments, streams), Exit::Fine, "{}", String::from_utf8_lossy(&errors));
        assert_eq!(String::from_utf8(output).unwrap(), self.read("rendered.yaml"));
    }

    /// What the gateway sends is made of these objects.
    fn is_translated(&self) {
        let files = ["class.yaml", "backends.yaml", "rendered.yaml"];
        let input = files.map(|file| self.read(file)).join("---\n");
        let digest =
            Sha256::digest(input).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let line = format!("\n# SHA-256 of input.yaml: {digest}\n");
        let stale = "xds.yaml is the translation of other objects: run `make test-gateways UPDATE=1`";
        assert!(self.read("xds.yaml").contains(&line), "{stale}");
    }
}
