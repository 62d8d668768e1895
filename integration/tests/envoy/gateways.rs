//! Sessions inside Envoy Gateway: the configuration that its own translator writes for the rendered objects, on a real Envoy with the
//! compiled filter.
//!
//! `envoy-gateway/` has what a user writes, `rendered.yaml`, which is what `envoy-config render --to envoy-gateway` makes of it, and
//! `xds.yaml`, which is what Envoy Gateway 1.9.1 makes of that. `make test-gateways` builds the translator and compares the latter.

mod bootstrap;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::{fs, io};

use envoy_config::cli::{self, Exit, Streams};
use integration::backend::Backend;
use integration::harness::client::{Answer, Client};
use integration::harness::deployment::Deployment;
use integration::harness::envoy::Process;
use integration::harness::{artifact, keys, workspace};
use session_persistence::config::{PluginConfig, Rule, RuleTable};
use sha2::{Digest, Sha256};

use self::bootstrap::Xds;
use crate::setup::{Mint, pod, pods, start, token};

/// The private header between the filter and Envoy Gateway's persistence.
const PIN: &str = "x-session-persistence-pin";

/// Its value for 10.0.0.1:80, which no pod has.
const NOBODY: &str = "MTAuMC4wLjE6ODA=";

fn folder() -> PathBuf {
    workspace::root().join("integration/tests/envoy/gateways/envoy-gateway")
}

fn xds() -> Xds {
    Xds::read(&fs::read_to_string(folder().join("xds.yaml")).unwrap(), "default/eg")
}

/// An Envoy with this configuration and these pods.
async fn serve(pods: &[Backend; 3], keys: &str) -> Process {
    let module = artifact::module().unwrap_or_else(|error| panic!("{error}"));
    let bootstrap = xds().bootstrap("default/eg/http", &module, pods.each_ref().map(Backend::address));
    start(&Deployment::of_bootstrap(bootstrap).unwrap().with_keys(keys)).await
}

fn client(envoy: &Process) -> Client {
    Client::new(envoy.listener("default/eg/http").unwrap())
}

/// The rule whose routes have this prefix, as the filter has it.
fn rule(prefix: &str) -> Rule {
    let config = PluginConfig::parse(xds().plugin_configuration().as_bytes()).unwrap();
    let PluginConfig::Table(RuleTable { rules_by_prefix, .. }) = config else { panic!("{config:?}") };
    rules_by_prefix.get(prefix).unwrap().clone()
}

/// The two rules with sessions: a path, and the prefix of its routes.
const RULES: [(&str, &str); 2] =
    [("/cart", "httproute/default/shop/rule/0/"), ("/room", "httproute/default/shop/rule/1/")];

async fn get(client: &Client, path: &str, token: &str) -> Answer {
    let cookie = format!("session={token}");
    let answer = client.get_with(path, &[("cookie", &cookie), ("session", token)]).await.unwrap();
    assert!(answer.values(PIN).is_empty(), "{answer:?}");
    answer
}

#[test]
fn the_objects_are_those_that_were_translated() {
    let folder = folder();
    let [routes, backends] = ["routes.yaml", "backends.yaml"].map(|file| folder.join(file).into_os_string());
    let digest = "0".repeat(64);
    let mut arguments =
        vec!["envoy-config".into(), "render".into(), "-f".into(), routes, "-f".into(), backends];
    let module = ["--module-url", "https://example.com/session_persistence.wasm", "--module-sha256", &digest];
    arguments.extend(["--to", "envoy-gateway"].into_iter().chain(module).map(OsString::from));
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let (input, colour) = (&mut io::empty(), false);
    let streams = Streams { input, output: &mut output, errors: &mut errors, colour };
    assert_eq!(cli::run(arguments, streams), Exit::Fine, "{}", String::from_utf8_lossy(&errors));
    let expected = fs::read_to_string(folder.join("rendered.yaml")).unwrap();
    assert_eq!(String::from_utf8(output).unwrap(), expected);
}

#[test]
fn the_translation_is_that_of_these_objects() {
    let files = ["class.yaml", "backends.yaml", "rendered.yaml"];
    let input = files.map(|file| fs::read_to_string(folder().join(file)).unwrap()).join("---\n");
    let digest = Sha256::digest(input).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let line = format!("\n# SHA-256 of input.yaml: {digest}\n");
    let stale = "xds.yaml is the translation of other objects: run `make test-gateways UPDATE=1`";
    assert!(fs::read_to_string(folder().join("xds.yaml")).unwrap().contains(&line), "{stale}");
}

#[tokio::test]
async fn a_session_in_envoy_gateway_has_one_pod() {
    let pods = pods::<3>();
    let envoy = serve(&pods, &keys::fresh().unwrap()).await;
    let client = client(&envoy);
    let mut homes = BTreeSet::new();
    for (path, _) in RULES {
        for _ in 0..4 {
            let first = client.get(path).await.unwrap();
            assert!(first.values(PIN).is_empty(), "{first:?}");
            let (home, token) = (pod(&first), self::token(&first).unwrap());
            for _ in 0..5 {
                let again = get(&client, path, &token).await;
                assert_eq!((pod(&again), self::token(&again)), (home.clone(), None), "{path}");
            }
            homes.insert(home);
        }
    }
    assert!(homes.len() > 1, "all sessions are on one pod: {homes:?}");
}

#[tokio::test]
async fn a_session_in_envoy_gateway_moves_in_the_same_answer_when_its_pod_is_gone() {
    let mut pods = pods::<3>();
    let envoy = serve(&pods, &keys::fresh().unwrap()).await;
    let client = client(&envoy);
    for (path, _) in RULES {
        let first = client.get(path).await.unwrap();
        let (home, token) = (pod(&first), self::token(&first).unwrap());
        let gone = pods.iter_mut().find(|pod| pod.pod().pod == home).unwrap();
        gone.kill().await.unwrap();
        let moved = get(&client, path, &token).await;
        let (elsewhere, token) = (pod(&moved), self::token(&moved).unwrap());
        assert_ne!(elsewhere, home, "{path}");
        let gone = pods.iter_mut().find(|pod| pod.pod().pod == home).unwrap();
        gone.revive().unwrap();
        for _ in 0..5 {
            let again = get(&client, path, &token).await;
            assert_eq!((pod(&again), self::token(&again)), (elsewhere.clone(), None), "{path}");
        }
    }
}

#[tokio::test]
async fn a_session_in_envoy_gateway_expires_and_its_keys_rotate() {
    let pods = pods::<3>();
    let [old, new] = [(); 2].map(|()| keys::fresh().unwrap());
    let envoy = serve(&pods, &format!("{new},{old}")).await;
    let client = client(&envoy);
    for (path, prefix) in RULES {
        let rule = rule(prefix);
        let (of_old, of_new) = (Mint::of(&rule, &old), Mint::of(&rule, &new));
        for backend in &pods {
            // It is sealed anew, with its old time of issue.
            let answer = get(&client, path, &of_old.token(3_000, 10, backend.address())).await;
            assert_eq!(pod(&answer), backend.pod().pod, "{path}");
            let opened = of_new.open(&token(&answer).unwrap()).unwrap();
            assert_eq!(opened.contents.endpoint.address(), backend.address());
            // An hour has passed: each session begins anew.
            let expired = of_new.token(3_600, 10, backend.address());
            let contents =
                of_new.open(&token(&get(&client, path, &expired).await).unwrap()).unwrap().contents;
            assert!(contents.issued > opened.contents.issued, "{path}");
        }
    }
    // The token of one rule is none of the other.
    let [cart, room] = RULES.map(|(_, prefix)| Mint::of(&rule(prefix), &new));
    let stolen = cart.fresh(pods[0].address());
    let answer = get(&client, "/room", &stolen).await;
    assert!(room.open(&token(&answer).unwrap()).is_some());
}

#[tokio::test]
async fn a_forged_pin_has_no_effect_in_envoy_gateway() {
    let pods = pods::<3>();
    let envoy = serve(&pods, &keys::fresh().unwrap()).await;
    let client = client(&envoy);
    let of = |address: std::net::SocketAddr| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(address.to_string())
    };
    for path in ["/cart", "/room", "/plain"] {
        let mut reached = BTreeSet::new();
        for _ in 0..12 {
            let answer = client.get_with(path, &[(PIN, &of(pods[0].address()))]).await.unwrap();
            assert!(answer.values(PIN).is_empty(), "{answer:?}");
            reached.insert(pod(&answer));
        }
        assert!(reached.len() > 1, "{path}: the client chose {reached:?}");
    }
    for (path, _) in RULES {
        let first = client.get(path).await.unwrap();
        let (home, token) = (pod(&first), self::token(&first).unwrap());
        let cookie = format!("session={token}");
        for other in &pods {
            let forged = of(other.address());
            // What a client sends, and what the backend answers.
            let echo = format!("{PIN}: {NOBODY}");
            let headers = [
                ("cookie", cookie.as_str()),
                ("session", &token),
                (PIN, &forged),
                ("x-echo-set-header", &echo),
            ];
            let answer = client.get_with(path, &headers).await.unwrap();
            assert!(answer.values(PIN).is_empty(), "{answer:?}");
            assert_eq!((pod(&answer), self::token(&answer)), (home.clone(), None), "{path}");
        }
    }
}
