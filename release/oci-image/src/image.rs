//! The parts of an image: layer, configuration, manifest and index.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use oci_spec::image::{
    ANNOTATION_REF_NAME, Arch, ConfigBuilder, Descriptor, DescriptorBuilder, Digest,
    ImageConfigurationBuilder, ImageIndex, ImageIndexBuilder, ImageManifestBuilder, MediaType, Os,
    PlatformBuilder, RootFsBuilder, SCHEMA_VERSION,
};
use sha2::{Digest as _, Sha256};

use crate::{Problem, archive};

/// A file of an image.
pub(crate) struct File {
    /// Its path, without the first slash.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// The files for one platform.
pub(crate) struct Contents {
    pub(crate) architecture: Arch,
    pub(crate) files: Vec<File>,
}

/// What a container starts.
pub(crate) struct Start {
    pub(crate) entrypoint: Option<String>,
    pub(crate) user: Option<String>,
}

/// An image layout.
pub(crate) struct Layout {
    /// All blobs, by digest.
    pub(crate) blobs: Vec<(Digest, Vec<u8>)>,
    /// `index.json`.
    pub(crate) index: Vec<u8>,
    /// The digest of the image: that of the index of its platforms, or of the image of the only one.
    pub(crate) digest: String,
}

impl Start {
    /// The permissions of a file. Those of its source are not used: downloads lose them.
    fn mode(&self, path: &str) -> u32 {
        let entrypoint = self.entrypoint.as_deref().and_then(|entrypoint| entrypoint.strip_prefix('/'));
        if entrypoint == Some(path) { 0o555 } else { 0o444 }
    }
}

/// The layout of an image with these contents.
pub(crate) fn layout(
    contents: &[Contents],
    start: &Start,
    reference: &str,
    epoch: u64,
) -> Result<Layout, Problem> {
    let mut blobs = Vec::new();
    let manifests: Result<Vec<Descriptor>, Problem> =
        contents.iter().map(|one| manifest(one, start, epoch, &mut blobs)).collect();
    let mut manifests = manifests?;
    let mut image = match manifests.pop() {
        Some(only) if manifests.is_empty() => only,
        last => {
            manifests.extend(last);
            add(&mut blobs, MediaType::ImageIndex, json(&index(manifests)?)?)?
        }
    };
    let digest = image.digest().to_string();
    image.set_annotations(Some([(ANNOTATION_REF_NAME.to_owned(), reference.to_owned())].into()));
    Ok(Layout { blobs, index: json(&index(vec![image])?)?, digest })
}

fn index(manifests: Vec<Descriptor>) -> Result<ImageIndex, Problem> {
    let index = ImageIndexBuilder::default().schema_version(SCHEMA_VERSION).media_type(MediaType::ImageIndex);
    Ok(index.manifests(manifests).build()?)
}

/// Adds the image of one platform.
fn manifest(
    contents: &Contents,
    start: &Start,
    epoch: u64,
    blobs: &mut Vec<(Digest, Vec<u8>)>,
) -> Result<Descriptor, Problem> {
    let files = contents.files.iter();
    let layer =
        archive::of(files.map(|file| (file.path.as_str(), start.mode(&file.path), &file.bytes[..])), epoch)?;
    let mut config = ConfigBuilder::default();
    if let Some(entrypoint) = &start.entrypoint {
        config = config.entrypoint(vec![entrypoint.clone()]);
    }
    if let Some(user) = &start.user {
        config = config.user(user.clone());
    }
    let root =
        RootFsBuilder::default().typ("layers").diff_ids(vec![digest_of(&layer)?.to_string()]).build()?;
    let configuration = ImageConfigurationBuilder::default()
        .architecture(contents.architecture.clone())
        .os(Os::Linux)
        .config(config.build()?)
        .rootfs(root)
        .build()?;
    let configuration = add(blobs, MediaType::ImageConfig, json(&configuration)?)?;
    let layer = add(blobs, MediaType::ImageLayerGzip, compressed(&layer)?)?;
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageManifest)
        .config(configuration)
        .layers(vec![layer])
        .build()?;
    let mut manifest = add(blobs, MediaType::ImageManifest, json(&manifest)?)?;
    let platform = PlatformBuilder::default().architecture(contents.architecture.clone()).os(Os::Linux);
    manifest.set_platform(Some(platform.build()?));
    Ok(manifest)
}

/// Adds a blob, once.
fn add(blobs: &mut Vec<(Digest, Vec<u8>)>, kind: MediaType, bytes: Vec<u8>) -> Result<Descriptor, Problem> {
    let digest = digest_of(&bytes)?;
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if !blobs.iter().any(|(known, _)| *known == digest) {
        blobs.push((digest.clone(), bytes));
    }
    Ok(DescriptorBuilder::default().media_type(kind).digest(digest).size(size).build()?)
}

fn digest_of(bytes: &[u8]) -> Result<Digest, Problem> {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text.parse()?)
}

/// Without a time or a name in the header.
fn compressed(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// Members of objects are sorted: the types have maps without order.
fn json(document: &impl serde::Serialize) -> Result<Vec<u8>, Problem> {
    let value = serde_json::to_value(document).map_err(io::Error::from)?;
    Ok(serde_json::to_vec(&value).map_err(io::Error::from)?)
}
