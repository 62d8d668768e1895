//! Session keys: missing or malformed keys, secrecy, rotation.

use std::fs;
use std::process::Command;

use integration::harness::deployment::Deployment;
use integration::harness::{artifact, keys};

use crate::live::watched::free_addresses;
use crate::setup::{
    COOKIE, Mint, client, deployment, get_with_cookie, manifests, now, pod, pods, refusal, start, token,
};

const ROUTE: &str = "default/route/0/0";

#[tokio::test]
async fn missing_keys_stop_envoy_with_instructions() {
    let pods = pods::<1>();
    let deployment = deployment(&manifests(&pods, COOKIE));
    for deployment in [deployment.clone().without_keys(), deployment.with_keys("")] {
        let log = refusal(&deployment).await;
        assert!(log.contains("SESSION_KEYS") && log.contains("openssl rand -hex 32"), "{log}");
    }
}

#[tokio::test]
async fn malformed_keys_stop_envoy_without_leaking_key_material() {
    let pods = pods::<1>();
    let good = keys::fresh().unwrap();
    let bad = "correct-horse-battery-staple";
    let log = refusal(&deployment(&manifests(&pods, COOKIE)).with_keys(&format!("{good},{bad}"))).await;
    assert!(log.contains("SESSION_KEYS") && log.contains("key 2 of 2"), "{log}");
    assert!(!log.contains(&good) && !log.contains(bad), "{log}");
}

#[tokio::test]
async fn running_envoy_never_exposes_its_keys() {
    let pods = pods::<1>();
    let keys = keys::fresh().unwrap();
    let envoy = start(&deployment(&manifests(&pods, COOKIE)).with_keys(&keys)).await;
    client(&envoy).get("/get").await.unwrap();
    let dump = envoy.admin().config_dump().await.unwrap();
    assert!(dump.contains("SESSION_KEYS"));
    assert!(!dump.contains(&keys) && !envoy.log().contains(&keys));
}

#[tokio::test]
async fn key_rotation_reseals_sessions_without_extending_them() {
    let pods = pods::<3>();
    let persistence = "{sessionName: session, absoluteTimeout: 1h, cookieConfig: {lifetimeType: Permanent}}";
    let manifests = manifests(&pods, persistence);
    let [old, new] = [(); 2].map(|()| keys::fresh().unwrap());
    let envoy = start(&deployment(&manifests).with_keys(&format!("{new},{old}"))).await;
    let client = client(&envoy);
    let (of_old, of_new) = (Mint::new(&manifests, ROUTE, &old), Mint::new(&manifests, ROUTE, &new));

    let issued = now() - 3000;
    let answer = get_with_cookie(&client, &of_old.token(3000, 3000, pods[1].address())).await;
    assert_eq!(pod(&answer), "backend-1");
    let resealed = token(&answer).unwrap();
    let opened = of_new.open(&resealed).unwrap();
    assert!(of_old.open(&resealed).is_none());
    assert!((issued..issued + 5).contains(&opened.contents.issued.unix_seconds()), "the beginning is kept");
    let line = answer.set_cookie("session").unwrap();
    let left = line.split("; ").find_map(|part| part.strip_prefix("Max-Age=")).unwrap();
    assert!((570..=600).contains(&left.parse::<u64>().unwrap()), "{line}");

    let again = get_with_cookie(&client, &resealed).await;
    assert_eq!((pod(&again).as_str(), token(&again)), ("backend-1", None));
}

#[tokio::test]
async fn removed_keys_end_their_sessions() {
    let pods = pods::<2>();
    let manifests = manifests(&pods, COOKIE);
    let [old, new] = [(); 2].map(|()| keys::fresh().unwrap());
    let envoy = start(&deployment(&manifests).with_keys(&new)).await;
    let token = Mint::new(&manifests, ROUTE, &old).fresh(pods[0].address());
    crate::setup::assert_no_session(&client(&envoy), &token, "a dropped key").await;
}

/// Routes in files are read when Envoy runs already.
#[tokio::test]
async fn missing_or_malformed_keys_stop_an_envoy_that_watches_files() {
    let pods = pods::<1>();
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("manifests.yaml"), manifests(&pods, COOKIE).text()).unwrap();
    let [http, admin] = free_addresses();
    let mut render = Command::new(artifact::envoy_config().unwrap_or_else(|error| panic!("{error}")));
    render.arg("render").arg("-f").arg(files.path().join("manifests.yaml"));
    render.arg("--xds").arg(files.path().join("xds"));
    render.arg("--filter").arg(artifact::module().unwrap_or_else(|error| panic!("{error}")));
    render.args(["--allow-loopback-endpoints", "--map-port", &format!("http={http}")]);
    let output = render.args(["--admin-address", &admin.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bootstrap = fs::read_to_string(files.path().join("xds/envoy.yaml")).unwrap();
    let deployment = Deployment::of_bootstrap(bootstrap).unwrap();
    for deployment in [deployment.clone().without_keys(), deployment.with_keys("correct-horse")] {
        let log = refusal(&deployment).await;
        assert!(log.contains("SESSION_KEYS") && !log.contains("correct-horse"), "{log}");
    }
}
