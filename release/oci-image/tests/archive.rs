//! The archive as those read it who pull the image: by its digests, from the index to the file.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A layout: its files by path.
struct Layout(BTreeMap<String, Vec<u8>>);

impl Layout {
    fn of(archive: &Path) -> Self {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(&fs::read(archive).unwrap()[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(entry.path().unwrap().to_str().unwrap().to_owned(), bytes);
        }
        Self(files)
    }

    /// The blob that a descriptor names, whose digest and size must be right.
    fn blob(&self, descriptor: &Value, media_type: &str) -> &[u8] {
        assert_eq!(descriptor["mediaType"], media_type);
        let digest = descriptor["digest"].as_str().unwrap();
        let blob = &self.0[&format!("blobs/{}", digest.replace(':', "/"))];
        assert_eq!(digest, format!("sha256:{}", hex(blob)));
        assert_eq!(descriptor["size"], blob.len());
        blob
    }

    fn document(&self, descriptor: &Value, media_type: &str) -> Value {
        serde_json::from_slice(self.blob(descriptor, media_type)).unwrap()
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_oci-image")).args(arguments).output().unwrap()
}

/// The files of an image with their modes, and the documents about it.
fn image(layout: &Layout, image: &Value) -> (BTreeMap<String, (u32, Vec<u8>)>, Value) {
    let manifest = layout.document(image, "application/vnd.oci.image.manifest.v1+json");
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1, "gateways read the last layer");
    let layer = layout.blob(&layers[0], "application/vnd.oci.image.layer.v1.tar+gzip");
    let mut unpacked = Vec::new();
    GzDecoder::new(layer).read_to_end(&mut unpacked).unwrap();
    let config = layout.document(&manifest["config"], "application/vnd.oci.image.config.v1+json");
    assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", hex(&unpacked)));
    assert_eq!(config["architecture"], image["platform"]["architecture"]);
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(&unpacked[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mode = entry.header().mode().unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        assert_eq!((entry.header().uid().unwrap(), entry.header().mtime().unwrap()), (0, 1_700_000_000));
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(path, (mode, bytes));
    }
    (files, config)
}

#[test]
fn an_archive_leads_from_its_index_to_the_files_of_each_platform() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("module"), b"\0asm").unwrap();
    fs::write(path("program"), b"\x7fELF").unwrap();
    // Downloads lose the permission to run.
    fs::set_permissions(path("program"), Permissions::from_mode(0o600)).unwrap();
    let files = [
        format!("amd64:/plugin.wasm={}", path("module")),
        format!("arm64:/plugin.wasm={}", path("module")),
        format!("arm64:/usr/bin/run={}", path("program")),
    ];
    let mut digests = Vec::new();
    for output in ["one.tar", "two.tar"] {
        let output = path(output);
        let fixed = ["--output", &output, "--reference", "filter:1.2.3", "--epoch", "1700000000"];
        let more = ["--user", "65534:65534", "--entrypoint", "/usr/bin/run"];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let done = run(&[&fixed[..], &more, &files].concat());
        assert!(done.status.success(), "{done:?}");
        digests.push(String::from_utf8(done.stdout).unwrap());
    }
    assert_eq!(digests[0], digests[1]);
    assert_eq!(fs::read(path("one.tar")).unwrap(), fs::read(path("two.tar")).unwrap());

    let layout = Layout::of(Path::new(&path("one.tar")));
    assert_eq!(layout.0["oci-layout"], br#"{"imageLayoutVersion":"1.0.0"}"#);
    let index: Value = serde_json::from_slice(&layout.0["index.json"]).unwrap();
    let [named] = index["manifests"].as_array().unwrap().as_slice() else { panic!("{index}") };
    assert_eq!(named["annotations"]["org.opencontainers.image.ref.name"], "filter:1.2.3");
    assert_eq!(format!("{}\n", named["digest"].as_str().unwrap()), digests[0]);
    let platforms = layout.document(named, "application/vnd.oci.image.index.v1+json");
    let [amd64, arm64] = platforms["manifests"].as_array().unwrap().as_slice() else { panic!("{platforms}") };
    assert_eq!(amd64["platform"], serde_json::json!({"architecture": "amd64", "os": "linux"}));

    let module = (0o444, b"\0asm".to_vec());
    let (files, config) = image(&layout, amd64);
    assert_eq!(files, BTreeMap::from([(String::from("plugin.wasm"), module.clone())]));
    assert_eq!(config["config"], serde_json::json!({"Entrypoint": ["/usr/bin/run"], "User": "65534:65534"}));
    let (files, _) = image(&layout, arm64);
    let folder = |path: &str| (path.to_owned(), (0o755, Vec::new()));
    let program = (String::from("usr/bin/run"), (0o555, b"\x7fELF".to_vec()));
    let all = [(String::from("plugin.wasm"), module), folder("usr/"), folder("usr/bin/"), program];
    assert_eq!(files, BTreeMap::from(all));
}

/// Gateways compare the digest in a reference with that of the image that they get, not of an index above it.
#[test]
fn the_digest_of_an_image_for_one_platform_is_that_of_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("module"), b"\0asm").unwrap();
    let output = path("filter.tar");
    let fixed = ["--output", &output, "--reference", "filter:1.2.3", "--epoch", "1700000000"];
    let done = run(&[&fixed[..], &[&format!("amd64:/plugin.wasm={}", path("module"))]].concat());
    assert!(done.status.success(), "{done:?}");
    let layout = Layout::of(Path::new(&output));
    let index: Value = serde_json::from_slice(&layout.0["index.json"]).unwrap();
    let [named] = index["manifests"].as_array().unwrap().as_slice() else { panic!("{index}") };
    assert_eq!(named["annotations"]["org.opencontainers.image.ref.name"], "filter:1.2.3");
    assert_eq!(format!("{}\n", named["digest"].as_str().unwrap()), String::from_utf8(done.stdout).unwrap());
    let (files, _) = image(&layout, named);
    assert_eq!(files, BTreeMap::from([(String::from("plugin.wasm"), (0o444, b"\0asm".to_vec()))]));
}

#[test]
fn a_wrong_argument_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("image.tar");
    let fixed = ["--output", output.to_str().unwrap(), "--reference", "a:1", "--epoch", "0"];
    for (file, said) in [
        ("plugin.wasm=/none", "ARCHITECTURE:/PATH=FILE"),
        ("s390x:/a=/none", "amd64 or arm64"),
        ("amd64:/=/none", "ARCHITECTURE:/PATH=FILE"),
        ("amd64:/a=", "ARCHITECTURE:/PATH=FILE"),
        ("amd64:/a=/none/such", "/none/such: No such file"),
    ] {
        let done = run(&[&fixed[..], &[file]].concat());
        let text = String::from_utf8_lossy(&done.stderr);
        assert!(!done.status.success() && text.contains(said), "{file}: {text}");
        assert!(!output.exists());
    }
}
