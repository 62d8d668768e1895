//! The admin interface: manifests cannot route requests to it, and it can be a Unix socket.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use envoy_config::options::{AdminAddress, Options};
use envoy_config::source::Source;
use integration::harness::client::Client;
use integration::harness::deployment::{self, Deployment, FREE_PORT};
use integration::harness::manifests::Manifests;
use integration::harness::{artifact, deadline, envoy, keys};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::setup::{COOKIE, manifests, pod, pods, start};

/// An address that nothing else has for now.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The three ways in which manifests name an address: behind the paths `/slice`, `/name` and `/backend`.
fn leading_to(admin: SocketAddr) -> Manifests {
    let (ip, port) = (admin.ip(), admin.port());
    Manifests::gateway()
        .with(&format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: attack}}\nspec:\n  parentRefs: [{{name: eg}}]\n  rules:\n\
             \x20 - {{matches: [{{path: {{value: /slice}}}}], filters: [&admin {{type: URLRewrite, urlRewrite: {{path: {{type: ReplaceFullPath, replaceFullPath: /quitquitquit}}}}}}], backendRefs: [{{name: slice, port: {port}}}]}}\n\
             \x20 - {{matches: [{{path: {{value: /name}}}}], filters: [*admin], backendRefs: [{{name: name, port: {port}}}]}}\n\
             \x20 - {{matches: [{{path: {{value: /backend}}}}], filters: [*admin], backendRefs: [{{group: gateway.envoyproxy.io, kind: Backend, name: backend}}]}}\n"
        ))
        .with(&format!("{{apiVersion: v1, kind: Service, metadata: {{name: slice}}, spec: {{ports: [{{port: {port}}}]}}}}"))
        .with(&format!(
            "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: slice, labels: {{kubernetes.io/service-name: slice}}}}, \
             addressType: IPv4, ports: [{{port: {port}}}], endpoints: [{{addresses: [{ip}]}}]}}"
        ))
        .with("{apiVersion: v1, kind: Service, metadata: {name: name}, spec: {type: ExternalName, externalName: localhost}}")
        .with(&format!(
            "{{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: Backend, metadata: {{name: backend}}, \
             spec: {{endpoints: [{{ip: {{address: '::ffff:{ip}', port: {port}}}}}]}}}}"
        ))
}

#[tokio::test]
async fn manifests_cannot_route_to_the_admin_interface() {
    let admin = free_address();
    let sources = [Source { name: String::from("test.yaml"), text: leading_to(admin).text().to_owned() }];
    let options = Options { admin: admin.into(), ..deployment::options() };
    assert!(deployment::compile(&sources, &options).is_err());

    let mut model = deployment::compile(&sources, &Options { keep_going: true, ..options }).unwrap();
    for listener in &mut model.listeners {
        listener.bind = FREE_PORT;
    }
    let bootstrap = deployment::bootstrap(&model, admin, &artifact::module().unwrap()).unwrap();
    let envoy = start(&Deployment::of_bootstrap(bootstrap).unwrap()).await;
    assert_eq!(envoy.admin().address(), admin);
    let client = Client::new(envoy.listener("default/eg/80").unwrap());
    for (path, status) in [("/slice", 503), ("/name", 500), ("/backend", 500)] {
        let answer = client.post(path).await.unwrap();
        assert_eq!(answer.status, status, "{path}");
    }
    assert!(envoy.admin().ready().await, "Envoy is still there");
}

/// The answer of the admin interface on this socket to a GET.
async fn get(socket: &Path, path: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn only_the_owner_can_use_the_admin_unix_socket() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let pods = pods::<1>();
    let text = manifests(&pods, COOKIE).text().to_owned();
    let source = Source { name: String::from("test.yaml"), text };
    let mut model = deployment::compile(&[source], &deployment::options()).unwrap();
    let listener = free_address();
    for served in &mut model.listeners {
        served.bind = listener;
    }
    let admin = AdminAddress::Unix(socket.to_str().unwrap().to_owned());
    let bootstrap = folder.path().join("envoy.yaml");
    std::fs::write(&bootstrap, deployment::bootstrap(&model, admin, &artifact::module().unwrap()).unwrap())
        .unwrap();

    let program = envoy::locate(|line| eprintln!("{line}")).unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut running = tokio::process::Command::new(program)
        .arg("--config-path")
        .arg(&bootstrap)
        .args(["--concurrency", "1", "--disable-hot-restart"])
        .env("SESSION_KEYS", keys::fresh().unwrap())
        .stdin(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let ready = deadline::until(Duration::from_mins(1), async || {
        assert_eq!(running.try_wait().unwrap(), None, "Envoy runs");
        get(&socket, "/ready").await.ok().filter(|answer| answer.contains("LIVE"))
    });
    assert!(ready.await.unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(pod(&Client::new(listener).get("/get").await.unwrap()), "backend-0");
}
