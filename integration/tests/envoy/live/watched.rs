//! An Envoy whose configuration `envoy-config watch` writes.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use integration::harness::artifact;
use integration::harness::deadline;
use integration::harness::deployment::Deployment;
use integration::harness::envoy::Process;
use tempfile::TempDir;

use crate::setup::start;

/// How long Envoy may take to use a change: far longer than it needs, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// An Envoy, and the program that writes its files. Both end when it is dropped.
pub(super) struct Watched {
    watch: Child,
    pub(super) envoy: Process,
    pub(super) http: SocketAddr,
    pub(super) https: SocketAddr,
    folder: TempDir,
}

impl Watched {
    /// Starts both with these manifests, by file name, and these options of `watch`.
    pub(super) async fn start(manifests: &[(&str, &str)], options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("manifests")).unwrap();
        for (name, text) in manifests {
            fs::write(path("manifests").join(name), text).unwrap();
        }
        let [http, https, admin] = free_addresses();
        let mut watch = Command::new(artifact::envoy_config().unwrap_or_else(|error| panic!("{error}")));
        watch.arg("watch").arg("-f").arg(path("manifests")).arg("--xds").arg(path("xds"));
        watch.arg("--filter").arg(artifact::module().unwrap_or_else(|error| panic!("{error}")));
        watch.args(["--allow-loopback-endpoints", "--map-port", &format!("http={http}")]);
        watch.args(["--admin-address", &admin.to_string()]);
        if manifests.iter().any(|(_, text)| text.contains("name: https")) {
            watch.args(["--map-port", &format!("https={https}")]);
        }
        watch.args(options).stdin(Stdio::null());
        let watch = watch
            .stdout(File::create(path("reports")).unwrap())
            .stderr(File::create(path("errors")).unwrap())
            .spawn()
            .unwrap();
        let written = async || fs::read_to_string(path("xds/envoy.yaml")).ok();
        let bootstrap = deadline::until(PATIENCE, written)
            .await
            .unwrap_or_else(|_| panic!("{}", fs::read_to_string(path("errors")).unwrap()));
        let envoy = start(&Deployment::of_bootstrap(bootstrap).unwrap().with_workers(2)).await;
        Self { watch, envoy, http, https, folder }
    }

    /// Replaces a manifest.
    pub(super) fn put(&self, name: &str, text: &str) {
        let [new, path] = ["new", name].map(|name| self.folder.path().join("manifests").join(name));
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// What the program has reported about changes, a line each.
    pub(super) fn reports(&self) -> Vec<String> {
        self.lines("reports")
    }

    /// What the program has reported about errors.
    pub(super) fn errors(&self) -> Vec<String> {
        self.lines("errors")
    }

    /// The text of a file that Envoy watches.
    pub(super) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join("xds").join(name)).unwrap()
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join(name)).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits for a state.
    pub(super) async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let reached = deadline::until(PATIENCE, async || is_so().await.then_some(())).await;
        assert!(reached.is_ok(), "{what}\nreports: {:#?}\nerrors: {:#?}", self.reports(), self.errors());
    }

    /// The sum of Envoy's counters or gauges whose name ends so.
    pub(super) async fn sum(&self, end: &str) -> u64 {
        let stats = self.envoy.admin().stats(end).await.unwrap();
        stats.into_iter().filter(|(name, _)| name.ends_with(end)).map(|(_, value)| value).sum()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.watch.kill();
        let _ = self.watch.wait();
    }
}

/// The program refuses port 0, since Envoy would bind another port with each change.
pub(crate) fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}
