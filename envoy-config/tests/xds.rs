//! `--xds`: the files that Envoy watches, as `render` and `watch` write and replace them; runs the program itself.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_envoy-config");
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg}
spec: {gatewayClassName: eg, listeners: [{name: http, protocol: HTTP, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: backend}
spec: {ports: [{port: 3000}]}
";

fn endpoints(address: &str) -> String {
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: backend, labels: {{kubernetes.io/service-name: backend}}}}\n\
         addressType: IPv4\nports: [{{port: 3000}}]\n\
         endpoints: [{{addresses: [\"{address}\"], conditions: {{ready: true}}}}]\n"
    )
}

/// A route with rules of these names.
fn route(rules: &[&str]) -> String {
    let rule = |name: &&str| {
        format!(
            "{{name: {name}, matches: [{{path: {{value: /{name}}}}}], sessionPersistence: {{}}, \
             backendRefs: [{{name: backend, port: 3000}}]}}"
        )
    };
    let rules: Vec<String> = rules.iter().map(rule).collect();
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: shop}}\n\
         spec: {{parentRefs: [{{name: eg}}], rules: [{}]}}\n",
        rules.join(", ")
    )
}

/// A directory with manifests, and the path of one for files.
struct Scratch(tempfile::TempDir);

/// Contents and inode of every file.
type State = BTreeMap<String, (String, u64)>;

impl Scratch {
    fn new() -> Self {
        let scratch = Self(tempfile::tempdir().unwrap());
        fs::create_dir(scratch.manifests()).unwrap();
        scratch.put("gateway.yaml", GATEWAY);
        scratch.put("endpoints.yaml", &endpoints("10.0.0.1"));
        scratch.put("route.yaml", &route(&["cart"]));
        scratch
    }

    fn manifests(&self) -> PathBuf {
        self.0.path().join("manifests")
    }

    fn xds(&self) -> PathBuf {
        self.0.path().join("xds")
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.manifests().join(name), text).unwrap();
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg(name).arg("-f").arg(self.manifests()).arg("--xds").arg(self.xds()).stdin(Stdio::null());
        command
    }

    fn render(&self) -> Output {
        self.command("render").output().unwrap()
    }

    fn rendered(&self) -> String {
        let output = self.render();
        assert_eq!((output.status.code(), errors(&output).as_str()), (Some(0), ""));
        String::from_utf8(output.stdout).unwrap()
    }

    fn state(&self) -> State {
        let mut state = State::new();
        collect(&self.xds(), &self.xds(), &mut state);
        state
    }

    /// The texts of clusters, endpoints and routes.
    fn texts(&self) -> String {
        let folders =
            ["endpoints", "routes"].into_iter().filter_map(|name| fs::read_dir(self.xds().join(name)).ok());
        let paths = folders.flatten().filter_map(|entry| Some(entry.ok()?.path()));
        paths
            .chain([self.xds().join("clusters.yaml")])
            .filter_map(|path| fs::read_to_string(path).ok())
            .collect()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.xds().join(path)).unwrap_or_default()
    }
}

fn collect(root: &Path, directory: &Path, state: &mut State) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, state);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let inode = fs::metadata(&path).unwrap().ino();
            state.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), (text, inode));
        }
    }
}

/// The paths of files that were added, replaced or removed.
fn differences(before: &State, after: &State) -> Vec<String> {
    let paths = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
    paths.filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A running `watch`. Its output is in files.
struct Watch<'s> {
    scratch: &'s Scratch,
    child: Child,
}

impl<'s> Watch<'s> {
    fn start(scratch: &'s Scratch) -> Self {
        let file = |name| fs::File::create(scratch.0.path().join(name)).unwrap();
        let child = scratch.command("watch").stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
        Self { scratch, child }
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.scratch.0.path().join(name)).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits for this many lines on standard output, and returns the last one.
    fn line(&self, count: usize) -> String {
        until("no line was printed", || self.lines("stdout").len() >= count);
        let lines = self.lines("stdout");
        assert_eq!(lines.len(), count, "{lines:?}");
        lines.last().unwrap().clone()
    }

    /// Waits for a text on standard error.
    fn error(&self, text: &str) {
        until(text, || self.lines("stderr").iter().any(|line| line.contains(text)));
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn render_writes_a_directory_for_envoy() {
    let scratch = Scratch::new();
    let line = scratch.rendered();
    let expected = "added listener default/eg/80, routes of default/eg/80, cluster default/shop#cart, \
                    endpoints of default/shop#cart\n";
    assert_eq!(line, expected);
    let state = scratch.state();
    let folders: Vec<&str> = state.keys().map(|path| path.split('/').next().unwrap()).collect();
    assert_eq!(folders, ["clusters.yaml", "endpoints", "envoy.yaml", "listeners.yaml", "routes"]);
    let absolute = format!("path: {}/clusters.yaml", scratch.xds().display());
    assert!(scratch.read("envoy.yaml").contains(&absolute));

    assert_eq!(scratch.rendered(), "nothing changed for Envoy\n");
    assert_eq!(differences(&state, &scratch.state()), [""; 0], "no file is replaced without a change");
}

#[test]
fn a_relative_directory_is_written_with_its_absolute_path() {
    let scratch = Scratch::new();
    let manifests = scratch.manifests();
    let output = Command::new(PROGRAM)
        .args(["render", "-f", manifests.to_str().unwrap(), "--xds", "xds"])
        .current_dir(scratch.0.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    let path = scratch.xds().canonicalize().unwrap().join("listeners.yaml");
    assert!(scratch.read("envoy.yaml").contains(path.to_str().unwrap()));
}

#[test]
fn a_change_of_endpoints_replaces_the_endpoint_file_alone() {
    let scratch = Scratch::new();
    scratch.rendered();
    let before = scratch.state();
    scratch.put("endpoints.yaml", &endpoints("10.0.0.2"));
    assert_eq!(scratch.rendered(), "changed endpoints of default/shop#cart\n");
    let changed = differences(&before, &scratch.state());
    assert!(changed.len() == 1 && changed.iter().all(|path| path.starts_with("endpoints/")), "{changed:?}");
}

/// Envoy may still have the old routes when it reads the new clusters.
/// The slice of a pod at this address.
fn endpoints_of(pod: &str, address: &str) -> String {
    endpoints(address)
        .replace("conditions: {", &format!("targetRef: {{kind: Pod, name: {pod}}}, conditions: {{"))
}

#[test]
fn a_pod_that_moves_has_both_addresses_until_the_routes_name_the_new_one() {
    let scratch = Scratch::new();
    for options in [&[][..], &["--xds-files", "2"]] {
        scratch.put("endpoints.yaml", &endpoints_of("game-0", "10.0.0.1"));
        let render = || scratch.command("render").args(options).output().unwrap();
        assert!(render().status.success());
        scratch.put("endpoints.yaml", &endpoints_of("game-0", "10.0.0.2"));
        let mut running = scratch.command("render").args(options).stdout(Stdio::piped()).spawn().unwrap();
        let mut report = [0; 1];
        running.stdout.as_mut().unwrap().read_exact(&mut report).unwrap();
        let all = || scratch.texts();
        // The first files are published.
        assert!(all().contains("\"default/game-0\": \"10.0.0.2:3000\""), "{}", all());
        assert!(all().contains("address: \"10.0.0.1\""), "{}", all());
        assert_eq!(all().matches("health_status: DRAINING").count(), 1, "{}", all());
        assert!(running.wait().unwrap().success());
        assert!(!all().contains("10.0.0.1"), "{}", all());
        assert!(!all().contains("DRAINING"), "{}", all());
    }
}

#[test]
fn a_pod_that_moves_twice_leaves_only_its_last_address_draining() {
    let scratch = Scratch::new();
    scratch.put("endpoints.yaml", &endpoints_of("game-0", "10.0.0.1"));
    let _watch = Watch::start(&scratch);
    let endpoints = || scratch.texts();
    let names = |address: &str| endpoints().contains(&format!("\"default/game-0\": \"{address}:3000\""));
    until("the first address", || names("10.0.0.1"));
    for (address, last) in [("10.0.0.2", "10.0.0.1"), ("10.0.0.3", "10.0.0.2")] {
        scratch.put("endpoints.yaml", &endpoints_of("game-0", address));
        until("the next address", || names(address));
        assert!(endpoints().contains(&format!("address: \"{last}\"")), "{last}");
        assert_eq!(endpoints().matches("health_status: DRAINING").count(), 1, "{address}");
    }
    until("the old addresses go", || !endpoints().contains("DRAINING"));
    assert!(!endpoints().contains("10.0.0.2") && endpoints().contains("10.0.0.3"));
}

#[test]
fn what_is_removed_stays_until_envoy_has_what_replaces_it() {
    let scratch = Scratch::new();
    scratch.put("route.yaml", &route(&["cart", "desk"]));
    scratch.rendered();
    let before = scratch.state();
    scratch.put("route.yaml", &route(&["desk"]));
    let mut child = scratch.command("render").stdout(Stdio::piped()).spawn().unwrap();
    let has_routes =
        || !scratch.read(before.keys().find(|path| path.starts_with("routes/")).unwrap()).contains("#cart");
    until("the routes do not change", has_routes);
    assert!(scratch.read("clusters.yaml").contains("default/shop#cart"));
    assert_eq!(scratch.state().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert!(child.wait().unwrap().success());
    let mut line = String::new();
    child.stdout.take().unwrap().read_to_string(&mut line).unwrap();
    let expected = "changed routes of default/eg/80; removed cluster default/shop#cart, endpoints of default/shop#cart\n";
    assert_eq!(line, expected);
    assert!(!scratch.read("clusters.yaml").contains("default/shop#cart"));
    assert!(scratch.state().len() == before.len() - 1);
}

#[test]
fn errors_leave_the_files_unchanged() {
    let scratch = Scratch::new();
    scratch.rendered();
    let before = scratch.state();
    scratch.put("route.yaml", &route(&["cart"]).replace("name: backend", "name: nowhere"));
    let output = scratch.render();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(differences(&before, &scratch.state()), [""; 0]);
}

#[test]
fn files_of_others_stay() {
    let scratch = Scratch::new();
    scratch.rendered();
    for name in ["notes.txt", "routes/notes.yaml", "endpoints/notes-0123456789abcdef.txt"] {
        fs::write(scratch.xds().join(name), "mine").unwrap();
    }
    scratch.put("endpoints.yaml", &endpoints("10.0.0.2"));
    scratch.rendered();
    assert_eq!(scratch.state().values().filter(|(text, _)| text == "mine").count(), 3);
}

#[test]
fn damaged_files_are_replaced() {
    let scratch = Scratch::new();
    scratch.rendered();
    let before = scratch.state();
    for path in before.keys() {
        fs::write(scratch.xds().join(path), [0xff, 0xfe]).unwrap();
    }
    assert!(scratch.render().status.success());
    let texts = |state: State| state.into_iter().map(|(path, (text, _))| (path, text)).collect::<Vec<_>>();
    assert_eq!(texts(scratch.state()), texts(before));
}

#[test]
fn only_the_owner_can_read_files_with_private_keys() {
    let scratch = Scratch::new();
    let case = format!("{GOLDEN}/https");
    let output = Command::new(PROGRAM)
        .args([
            "render",
            "-f",
            &format!("{case}/gateway.yaml"),
            "-f",
            &format!("{case}/secrets.yaml"),
            "--xds",
        ])
        .arg(scratch.xds())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    let mut keys = 0;
    for (path, (text, _)) in scratch.state() {
        let mode = fs::metadata(scratch.xds().join(&path)).unwrap().permissions().mode() & 0o777;
        let is_secret = path.starts_with("secrets/");
        keys += usize::from(is_secret);
        assert_eq!(text.contains("PRIVATE KEY"), is_secret, "{path}");
        assert_eq!(mode == 0o600, is_secret, "{path}: {mode:o}");
    }
    assert!(keys > 0);
}

#[test]
fn invalid_command_lines_exit_with_2() {
    let scratch = Scratch::new();
    let manifests = scratch.manifests();
    let [manifests, xds] = [manifests.to_str().unwrap(), scratch.xds().to_str().unwrap()].map(str::to_owned);
    for arguments in [
        &["render", "-f", &manifests, "--xds", &xds, "-o", "envoy.yaml"][..],
        &["render", "-f", &manifests, "--xds", &manifests],
        &["render", "-f", &manifests, "--xds-files", "3"],
        &["render", "-f", &manifests, "--xds", "/dev/null"],
        &["watch", "-f", &manifests],
        &["watch", "-f", "-", "--xds", &xds],
        &["watch", "-f", &manifests, "--xds", &xds, "-o", "envoy.yaml"],
        &["watch", "-f", &manifests, "--xds", &xds, "--limit", "nothing=1"],
    ] {
        let output = Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", errors(&output));
    }
}

#[test]
fn watch_uses_each_change_of_a_manifest() {
    let scratch = Scratch::new();
    let mut watch = Watch::start(&scratch);
    assert!(watch.line(1).starts_with("added listener default/eg/80"));
    scratch.put("endpoints.yaml", &endpoints("10.0.0.2"));
    assert_eq!(watch.line(2), "changed endpoints of default/shop#cart");
    scratch.put("route.yaml", &route(&["cart", "desk"]));
    assert_eq!(
        watch.line(3),
        "added cluster default/shop#desk, endpoints of default/shop#desk; changed routes of default/eg/80"
    );
    fs::remove_file(scratch.manifests().join("route.yaml")).unwrap();
    let line = watch.line(4);
    assert!(line.contains("removed clusters default/shop#cart default/shop#desk"), "{line}");
    until("what is removed stays", || !scratch.read("clusters.yaml").contains("default/shop"));
    assert_eq!(watch.lines("stderr"), [""; 0]);

    // A directory has one writer.
    let other = scratch.render();
    assert_eq!(other.status.code(), Some(2));
    assert!(errors(&other).contains("another envoy-config writes to it"), "{}", errors(&other));
    let kill = Command::new("kill").arg(watch.child.id().to_string()).status().unwrap();
    assert!(kill.success());
    assert_eq!(watch.child.wait().unwrap().code(), Some(0));
}

#[test]
fn watch_keeps_the_last_good_configuration_and_reports_an_error_once() {
    let scratch = Scratch::new();
    let watch = Watch::start(&scratch);
    watch.line(1);
    let before = scratch.state();
    let wrong = route(&["cart"]).replace("name: backend", "name: nowhere");
    scratch.put("route.yaml", &wrong);
    watch.error("the last good configuration stays");
    // Another change with the same errors. That nothing is reported has no state to wait for.
    scratch.put("endpoints.yaml", &endpoints("10.0.0.2"));
    std::thread::sleep(Duration::from_secs(1));
    scratch.put("more.yaml", "kind: [");
    watch.error("more.yaml");
    let errors = watch.lines("stderr");
    let count = |text: &str| errors.iter().filter(|line| line.contains(text)).count();
    assert_eq!([count("error[missing-service]"), count("last good")], [1, 2], "{errors:#?}");
    assert_eq!(differences(&before, &scratch.state()), [""; 0]);
    assert_eq!(watch.lines("stdout").len(), 1);

    fs::remove_file(scratch.manifests().join("more.yaml")).unwrap();
    scratch.put("route.yaml", &route(&["cart"]));
    assert_eq!(watch.line(2), "changed endpoints of default/shop#cart");
}

#[test]
fn watch_waits_for_manifests_that_can_be_used() {
    let scratch = Scratch::new();
    scratch.put("route.yaml", "kind: [");
    let watch = Watch::start(&scratch);
    watch.error("nothing was written");
    assert!(!watch.lines("stderr").iter().any(|line| line.contains("last good")));
    assert!(!scratch.xds().join("envoy.yaml").exists());
    for file in ["gateway.yaml", "endpoints.yaml", "route.yaml"] {
        fs::remove_file(scratch.manifests().join(file)).unwrap();
    }
    watch.error("contains no .yaml, .yml or .json files");
    scratch.put("gateway.yaml", GATEWAY);
    assert!(watch.line(1).starts_with("added listener default/eg/80"));
}

/// Kubernetes writes a ConfigMap to a new directory and moves a link over the old one; the files of the mount are links through it.
#[test]
fn watch_follows_the_links_of_a_config_map() {
    let scratch = Scratch::new();
    let mount = scratch.0.path().join("mount");
    let version = |number: u32, text: &str| {
        let directory = mount.join(format!("..{number}"));
        fs::create_dir_all(&directory).unwrap();
        for (name, text) in
            [("gateway.yaml", GATEWAY), ("endpoints.yaml", text), ("route.yaml", &route(&["cart"]))]
        {
            fs::write(directory.join(name), text).unwrap();
            if number == 1 {
                symlink(format!("..data/{name}"), mount.join(name)).unwrap();
            }
        }
        symlink(format!("..{number}"), mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    version(1, &endpoints("10.0.0.1"));
    fs::remove_dir_all(scratch.manifests()).unwrap();
    symlink(&mount, scratch.manifests()).unwrap();
    let watch = Watch::start(&scratch);
    watch.line(1);
    version(2, &endpoints("10.0.0.2"));
    assert_eq!(watch.line(2), "changed endpoints of default/shop#cart");
    fs::remove_dir_all(mount.join("..1")).unwrap();
    version(3, &endpoints("10.0.0.3"));
    assert_eq!(watch.line(3), "changed endpoints of default/shop#cart");
}

#[test]
fn a_changed_bootstrap_asks_for_a_restart() {
    let scratch = Scratch::new();
    scratch.rendered();
    let output = scratch.command("render").args(["--limit", "connections=7"]).output().unwrap();
    assert!(output.status.success());
    assert_eq!(errors(&output), "note: envoy.yaml has changed; restart Envoy to use it\n");
}
