//! Envoy accepts the configuration of every golden case of `envoy-config`.

use std::fs;
use std::path::{Path, PathBuf};

use integration::harness::deployment::Deployment;
use integration::harness::{artifact, workspace};

#[test]
fn envoy_accepts_every_golden_configuration() {
    let module = artifact::module().unwrap_or_else(|error| panic!("{error}"));
    let authorities = workspace::root().join("integration/tests/envoy/backend_tls/authority.pem");
    let configurations = configurations();
    assert!(configurations.len() > 10, "{configurations:?}");
    let mut refused = Vec::new();
    for path in configurations {
        let bootstrap = with_files(&fs::read_to_string(&path).unwrap(), &module, &authorities);
        if let Err(error) = Deployment::of_bootstrap(bootstrap).unwrap().validate() {
            refused.push(format!("{}: {error}", path.display()));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// The golden cases that write a configuration.
fn configurations() -> Vec<PathBuf> {
    let cases = fs::read_dir(workspace::root().join("envoy-config/tests/golden")).unwrap();
    let files = cases.map(|case| case.unwrap().path().join("envoy.yaml"));
    files.filter(|path| path.exists()).collect()
}

/// The configuration with its files where they are on this machine: the filter, and certificates in place of those that the
/// system trusts.
fn with_files(configuration: &str, module: &Path, authorities: &Path) -> String {
    let line = |line: &str| match line.split_once("filename: ") {
        Some((indent, file)) => {
            let is_module = Path::new(file.trim_matches('"')).extension().is_some_and(|end| end == "wasm");
            let path = if is_module { module } else { authorities };
            format!("{indent}filename: \"{}\"", path.display())
        }
        None => line.to_owned(),
    };
    configuration.lines().map(line).collect::<Vec<_>>().join("\n")
}
