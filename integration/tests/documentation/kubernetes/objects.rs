//! The objects, read as strictly as an API server can: a field that it would drop is an error here.

use std::fs;
use std::path::PathBuf;

use integration::harness::workspace;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::scratch::Scratch;

pub(super) fn folder() -> PathBuf {
    workspace::root().join("envoy-config/examples/kubernetes")
}

/// All objects of all files.
pub(super) fn objects() -> Vec<Value> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.map(|path| fs::read_to_string(path).unwrap());
    texts.flat_map(|text| serde_saphyr::from_multiple::<Value>(&text).unwrap()).collect()
}

/// The only object of this kind, or the one with this name.
pub(super) fn object(kind: &str, name: &str) -> Value {
    let is_it = |object: &Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects().into_iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The paths of what does not come back from a type of Kubernetes.
fn unknown<T: DeserializeOwned + Serialize>(object: &Value) -> Vec<String> {
    let typed: T =
        serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}\n{object:#}"));
    let mut lost = Vec::new();
    compare(object, &serde_json::to_value(typed).unwrap(), "", &mut lost);
    lost
}

fn compare(written: &Value, read: &Value, path: &str, lost: &mut Vec<String>) {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            for (name, value) in written {
                let path = format!("{path}.{name}");
                match read.get(name) {
                    Some(read) => compare(value, read, &path, lost),
                    None => lost.push(path),
                }
            }
        }
        (Value::Array(written), Value::Array(read)) if written.len() == read.len() => {
            for (index, (value, read)) in written.iter().zip(read).enumerate() {
                compare(value, read, &format!("{path}[{index}]"), lost);
            }
        }
        (written, read) if written == read => {}
        _ => lost.push(path.to_owned()),
    }
}

fn unknown_fields(object: &Value) -> Vec<String> {
    match (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap()) {
        ("v1", "ConfigMap") => unknown::<ConfigMap>(object),
        ("v1", "Namespace") => unknown::<Namespace>(object),
        ("v1", "Secret") => unknown::<Secret>(object),
        ("v1", "Service") => unknown::<Service>(object),
        ("v1", "ServiceAccount") => unknown::<ServiceAccount>(object),
        ("apps/v1", "Deployment") => unknown::<Deployment>(object),
        ("batch/v1", "Job") => unknown::<Job>(object),
        ("policy/v1", "PodDisruptionBudget") => unknown::<PodDisruptionBudget>(object),
        kind => panic!("no type for {kind:?}"),
    }
}

#[test]
fn kubernetes_knows_every_field_of_the_fleet() {
    let objects = objects();
    assert!(objects.len() >= 9);
    for object in objects {
        assert_eq!(unknown_fields(&object), [""; 0], "{object:#}");
        let namespace = if object["kind"] == "Namespace" { &Value::Null } else { &Value::from("edge") };
        assert_eq!(&object["metadata"]["namespace"], namespace, "{object:#}");
    }
}

#[test]
fn misspelt_fields_of_kubernetes_are_found() {
    let mut deployment = object("Deployment", "envoy");
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = Value::Object(<_>::default());
    assert_eq!(unknown_fields(&deployment), [".spec.template.spec.containers[0].livenesProbe"]);
}

/// With Gateways, since there are none but in the ConfigMap.
#[test]
fn the_compiler_accepts_the_objects_of_the_fleet() {
    let scratch = Scratch::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        let name = format!("kubernetes/{}", entry.file_name().to_str().unwrap());
        scratch.write(&name, &fs::read(entry.path()).unwrap());
    }
    let output = scratch.run(
        "cargo run -- check -f kubernetes -f envoy-config/examples/quickstart \\
            --map-port eg/http=8888 --map-port eg-header/http=8889 --allow-loopback-endpoints",
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("warning"), "{said}");
}
