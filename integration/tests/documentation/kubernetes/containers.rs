//! The containers of the Deployment, run as processes: their arguments with the paths and ports of a test.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use integration::harness::client::Client;
use integration::harness::envoy::locate;
use integration::harness::{artifact, deadline, keys, workspace};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::objects::{object, objects};

/// Far longer than anything takes here, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// The manifests of the ConfigMap, and the paths and ports that stand for those of the pod.
struct Pod {
    folder: TempDir,
    ports: [u16; 3],
    module: String,
}

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn container(kind: &str, name: &str) -> Value {
    let deployment = object("Deployment", "envoy");
    let containers = deployment["spec"]["template"]["spec"][kind].as_array().unwrap();
    containers.iter().find(|container| container["name"] == name).unwrap().clone()
}

/// All containers of an object's pods.
fn containers(kind: &str, name: &str) -> Vec<Value> {
    let pod = object(kind, name)["spec"]["template"]["spec"].clone();
    ["initContainers", "containers"]
        .iter()
        .filter_map(|kind| pod[*kind].as_array())
        .flatten()
        .cloned()
        .collect()
}

fn arguments(container: &Value) -> Vec<String> {
    let arguments = container["args"].as_array().unwrap();
    arguments.iter().map(|argument| argument.as_str().unwrap().to_owned()).collect()
}

impl Pod {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("manifests")).unwrap();
        let data = object("ConfigMap", "manifests");
        for (name, text) in data["data"].as_object().unwrap() {
            fs::write(folder.path().join("manifests").join(name), text.as_str().unwrap()).unwrap();
        }
        let listeners = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = listeners.map(|listener| listener.local_addr().unwrap().port());
        let module = artifact::module().unwrap_or_else(|error| panic!("{error}")).display().to_string();
        Self { folder, ports, module }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The same text for this machine.
    fn here(&self, text: &str) -> String {
        let [http, status, admin] = self.ports.map(|port| port.to_string());
        text.replace("/etc/manifests", &self.path("manifests"))
            .replace("/var/lib/envoy-config", &self.path("xds"))
            .replace("8080", &http)
            .replace("8002", &status)
            .replace("9901", &admin)
            .replace("/etc/envoy/session_persistence.wasm", &self.module)
    }

    /// `envoy-config` as in this container.
    fn compiler(&self, container: &Value) -> Command {
        let mut command = Command::new(artifact::envoy_config().unwrap_or_else(|error| panic!("{error}")));
        command.args(arguments(container).iter().map(|argument| self.here(argument)));
        command.arg(format!("--admin-address=127.0.0.1:{}", self.ports[2]));
        command.arg("--filter").arg(&self.module);
        command.stdin(Stdio::null());
        command
    }

    fn render(&self) {
        let output = self.compiler(&container("initContainers", "render")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Envoy as in its container.
    fn envoy(&self, keys: &str) -> Command {
        let envoy = container("containers", "envoy");
        let variables = envoy["env"].as_array().unwrap();
        let from = |name: &str| {
            variables.iter().find(|variable| variable["name"] == name).unwrap()["valueFrom"].clone()
        };
        let source = &from("STATUS_LISTENER")["configMapKeyRef"];
        let listener =
            &object("ConfigMap", source["name"].as_str().unwrap())["data"][source["key"].as_str().unwrap()];
        let listener = self.here(listener.as_str().unwrap());
        let mut command = Command::new(locate(|progress| eprintln!("{progress}")).unwrap());
        let arguments = arguments(&envoy).into_iter().map(|argument| match argument.as_str() {
            "$(STATUS_LISTENER)" => listener.clone(),
            _ => self.here(&argument),
        });
        command.args(arguments).env("SESSION_KEYS", keys).stdin(Stdio::null());
        command
    }

    fn validate(&self, keys: &str) -> Output {
        self.envoy(keys).args(["--mode", "validate"]).output().unwrap()
    }

    fn log(&self) -> File {
        File::create(self.path("log")).unwrap()
    }
}

#[test]
fn envoy_accepts_the_bootstrap_and_the_listener_for_probes() {
    let pod = Pod::new();
    pod.render();
    let output = pod.validate(&keys::fresh().unwrap());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn envoy_does_not_start_with_the_placeholder_of_the_keys() {
    let pod = Pod::new();
    pod.render();
    let secret = object("Secret", "session-keys");
    let placeholder = secret["stringData"]["keys"].as_str().unwrap();
    let mut envoy = Running(pod.envoy(placeholder).stderr(pod.log()).spawn().unwrap());
    let ended = deadline::until(PATIENCE, async || envoy.0.try_wait().unwrap()).await;
    let log = fs::read_to_string(pod.path("log")).unwrap();
    assert!(ended.is_ok_and(|status| !status.success()) && log.contains("SESSION_KEYS"), "{log}");
}

#[tokio::test]
async fn probes_see_whether_envoy_is_ready_and_nothing_else_of_its_admin_interface() {
    let pod = Pod::new();
    pod.render();
    let _envoy = Running(pod.envoy(&keys::fresh().unwrap()).stderr(pod.log()).spawn().unwrap());
    let status = Client::new(SocketAddr::from(([127, 0, 0, 1], pod.ports[1])));
    let ready = async || status.get("/ready").await.ok().filter(|answer| answer.status == 200);
    let log = || fs::read_to_string(pod.path("log")).unwrap();
    assert!(deadline::until(PATIENCE, ready).await.is_ok(), "{}", log());
    assert_eq!(status.get("/stats/prometheus").await.unwrap().status, 200);
    for path in ["/", "/config_dump", "/ready/", "/stats"] {
        assert_eq!(status.get(path).await.unwrap().status, 404, "{path}");
    }
    for path in ["/quitquitquit", "/ready", "/healthcheck/fail"] {
        assert_eq!(status.post(path).await.unwrap().status, 404, "{path}");
    }

    let envoy = container("containers", "envoy");
    let hook = envoy["lifecycle"]["preStop"]["exec"]["command"].as_array().unwrap();
    let hook: Vec<_> =
        hook.iter().map(|word| pod.here(word.as_str().unwrap()).replace("sleep 30", "sleep 0")).collect();
    let output = Command::new(&hook[0]).args(&hook[1..]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(status.get("/ready").await.unwrap().status, 503);
    for probe in ["startupProbe", "readinessProbe"] {
        assert_eq!(envoy[probe]["httpGet"]["path"], "/ready");
        assert_eq!(envoy[probe]["httpGet"]["port"], "status");
    }
}

#[tokio::test]
async fn watch_goes_on_where_the_first_rendering_ended() {
    let [render, watch] =
        [("initContainers", "render"), ("containers", "watch")].map(|(kind, name)| container(kind, name));
    assert_eq!(arguments(&render)[1..], arguments(&watch)[1..], "another configuration than the first");
    let pod = Pod::new();
    pod.render();
    let mut watching = Running(
        pod.compiler(&watch)
            .stdout(pod.log())
            .stderr(File::create(pod.path("errors")).unwrap())
            .spawn()
            .unwrap(),
    );
    let (routes, new) = (pod.path("manifests/routes.yaml"), pod.path("new"));
    let mut times = 2;
    let changed = async || {
        // It may still be about to read the first manifests.
        let text = fs::read_to_string(&routes).unwrap();
        let timeout = text.lines().find(|line| line.contains("absoluteTimeout")).unwrap().trim();
        fs::write(&new, text.replace(timeout, &format!("absoluteTimeout: {times}h"))).unwrap();
        fs::rename(&new, &routes).unwrap();
        times += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
        fs::read_to_string(pod.path("log")).unwrap().contains("changed routes").then_some(())
    };
    let changed = deadline::until(PATIENCE, changed).await;
    let errors = fs::read_to_string(pod.path("errors")).unwrap();
    assert!(changed.is_ok() && errors.is_empty(), "{errors}");
    kill_process(Pid::from_raw(watching.0.id().try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
    assert!(watching.0.wait().unwrap().success());
}

#[test]
fn containers_use_the_images_that_are_released() {
    let [dockerfile, script] = ["release/Dockerfile", "release/images.sh"]
        .map(|path| fs::read_to_string(workspace::root().join(path)).unwrap());
    for container in &[containers("Deployment", "envoy"), containers("Job", "check")].concat() {
        let image = container["image"].as_str().unwrap();
        let (name, version) = image.rsplit_once(':').unwrap();
        let target = name.rsplit_once('/').unwrap().1;
        let is_built = dockerfile.lines().any(|line| line.ends_with(&format!(" AS {target}")));
        assert!(is_built || script.contains(&format!("\nwrite {target} ")), "{image}");
        assert_eq!(version, env!("CARGO_PKG_VERSION"), "{image}");
    }
    // Where `envoy-config` looks for the filter, unless it is told otherwise.
    assert!(dockerfile.contains("session_persistence.wasm /etc/envoy/\n"));
    assert!(!objects().iter().any(|object| object.to_string().contains("--filter=")));
}

#[test]
fn the_job_succeeds_with_good_manifests_and_fails_with_the_place_of_an_error() {
    let pod = Pod::new();
    let [job] = containers("Job", "check").try_into().unwrap();
    let check = || {
        let mut command = Command::new(artifact::envoy_config().unwrap_or_else(|error| panic!("{error}")));
        let arguments = arguments(&job).into_iter().map(|argument| pod.here(&argument));
        command.args(arguments).stdin(Stdio::null()).output().unwrap()
    };
    let output = check();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let routes = pod.path("manifests/routes.yaml");
    let text = fs::read_to_string(&routes).unwrap();
    fs::write(&routes, text.replace("absoluteTimeout:", "absoluteTimout:")).unwrap();
    let output = check();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("error[unknown-field]") && said.contains("routes.yaml:"),
        "{said}"
    );
}

#[test]
fn containers_are_confined_and_run_as_one_user() {
    let pod = object("Deployment", "envoy")["spec"]["template"]["spec"].clone();
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["runAsUser"], 101);
    assert_eq!(object("Job", "check")["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"], true);
    for container in [containers("Deployment", "envoy"), containers("Job", "check")].concat() {
        let context = &container["securityContext"];
        assert!(context["runAsUser"].is_null() && context["runAsNonRoot"].is_null(), "{container:#}");
        assert_eq!(context["readOnlyRootFilesystem"], true, "{container:#}");
        assert_eq!(context["allowPrivilegeEscalation"], false, "{container:#}");
        assert_eq!(context["capabilities"]["drop"][0], "ALL", "{container:#}");
        assert!(container["resources"]["limits"]["memory"].is_string(), "{container:#}");
        let mounts = container["volumeMounts"].as_array().unwrap();
        let shared = if container["name"] == "check" { "/etc/manifests" } else { "/var/lib/envoy-config" };
        assert!(mounts.iter().any(|mount| mount["mountPath"] == shared), "{container:#}");
    }
}
