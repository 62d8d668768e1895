//! Writes an image of a few files as an OCI archive, without a container engine or registry: `make images` calls it.
//!
//! The archive is a tar file with an OCI image layout (image-spec, `image-layout.md`), in which one index has an image for each
//! platform. With one platform, there is no such index: Envoy Gateway and Istio compare the digest in a reference with that of an image.
//! Every image has one layer. Equal files give equal bytes.

mod archive;
mod image;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use oci_spec::OciSpecError;
use oci_spec::image::Arch;

use self::image::{Contents, File};

/// Writes an image of a few files as an OCI archive, and prints its digest.
#[derive(Parser)]
struct Arguments {
    /// The archive to write.
    #[arg(long)]
    output: PathBuf,
    /// The name and version of the image, such as `filter:1.2.3`.
    #[arg(long)]
    reference: String,
    /// The time of its files, in seconds since 1970.
    #[arg(long)]
    epoch: u64,
    /// The program that a container starts: the one file that can be executed.
    #[arg(long)]
    entrypoint: Option<String>,
    /// The user and group of the program, as numbers.
    #[arg(long)]
    user: Option<String>,
    /// A platform and a file for it, as `amd64:/plugin.wasm=dist/session_persistence.wasm`.
    #[arg(required = true, value_parser = file)]
    files: Vec<(Arch, String, PathBuf)>,
}

/// Why no archive is written.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    #[error("cannot make the image: {0}")]
    Image(#[from] OciSpecError),
    #[error("cannot make the image: {0}")]
    Layer(#[from] io::Error),
}

/// Parses `ARCHITECTURE:/PATH=FILE`.
fn file(text: &str) -> Result<(Arch, String, PathBuf), &'static str> {
    const FORM: &str = "expected ARCHITECTURE:/PATH=FILE, with the architecture amd64 or arm64";
    let (architecture, rest) = text.split_once(":/").ok_or(FORM)?;
    let (path, source) = rest.split_once('=').ok_or(FORM)?;
    let architecture = match architecture {
        "amd64" => Arch::Amd64,
        "arm64" => Arch::ARM64,
        _ => return Err(FORM),
    };
    if path.is_empty() || source.is_empty() {
        return Err(FORM);
    }
    Ok((architecture, path.to_owned(), PathBuf::from(source)))
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(digest) => {
            println!("{digest}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("oci-image: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<String, Problem> {
    let mut contents: Vec<Contents> = Vec::new();
    for (architecture, path, source) in arguments.files {
        let bytes = fs::read(&source).map_err(|error| Problem::File(source, error))?;
        let file = File { path, bytes };
        match contents.iter_mut().find(|known| known.architecture == architecture) {
            Some(known) => known.files.push(file),
            None => contents.push(Contents { architecture, files: vec![file] }),
        }
    }
    let start = image::Start { entrypoint: arguments.entrypoint, user: arguments.user };
    let layout = image::layout(&contents, &start, &arguments.reference, arguments.epoch)?;
    let bytes = archive::write(&layout.blobs, &layout.index, arguments.epoch)?;
    fs::write(&arguments.output, bytes).map_err(|error| Problem::File(arguments.output, error))?;
    Ok(layout.digest)
}
