//! Where the parts of the configuration are that can change while Envoy runs: inside the bootstrap, or in files that Envoy watches
//! (`envoy.config.core.v3.ConfigSource`).
//!
//! A source names its file and no `watched_directory`: with one, every file that is replaced in the directory would make Envoy read
//! all of them again. Envoy watches the directory of a file in any case, and reads a file when another one is moved over it.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Where routes, endpoints and certificates are.
#[derive(Clone, Copy)]
pub(super) enum Sources<'d> {
    /// Inside the listeners and clusters that use them.
    Inline,
    /// In files of their own.
    Files {
        /// The directory of the files: an absolute path, because Envoy may be started anywhere.
        directory: &'d str,
        /// Whether endpoints are in files of their own, too, rather than in their clusters.
        endpoints: bool,
    },
}

/// A kind of files.
#[derive(Clone, Copy)]
pub(super) enum Folder {
    Routes,
    Endpoints,
    Secrets,
}

/// A file that Envoy watches.
#[derive(Serialize)]
pub(super) struct ConfigSource {
    path_config_source: PathConfigSource,
    resource_api_version: &'static str,
}

#[derive(Serialize)]
struct PathConfigSource {
    path: String,
}

/// The file of all listeners.
pub(super) const LISTENERS: &str = "listeners.yaml";

/// The file of all clusters.
pub(super) const CLUSTERS: &str = "clusters.yaml";

/// How much of a name stands in the name of a file, whose length is limited. The digest is of the whole name.
const READABLE: usize = 100;

impl ConfigSource {
    /// The file at this path in the directory.
    pub(super) fn new(directory: &str, path: &str) -> Self {
        Self {
            path_config_source: PathConfigSource { path: format!("{directory}/{path}") },
            resource_api_version: "V3",
        }
    }
}

impl Folder {
    /// The path of the file with the resource of this name, in the directory of all files. Another `variant` is another file.
    pub(super) fn file(self, name: &str, variant: &[u8]) -> String {
        let folder = match self {
            Self::Routes => "routes",
            Self::Endpoints => "endpoints",
            Self::Secrets => "secrets",
        };
        let readable: String = name.chars().take(READABLE).map(plain).collect();
        let length = (name.len() as u64).to_be_bytes();
        let digest = digest(&[&length, name.as_bytes(), variant].concat());
        format!("{folder}/{readable}-{digest}.yaml")
    }
}

/// 16 hexadecimal digits of the SHA-256 of these bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let first = digest.iter().take(8).fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
    format!("{first:016x}")
}

/// The character in a name of a file, where some have a meaning for shells.
const fn plain(character: char) -> char {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' => character,
        _ => '_',
    }
}
