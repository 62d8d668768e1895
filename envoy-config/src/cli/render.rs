//! `envoy-config render`: writes the configuration that serves the manifests, once: a bootstrap, or a directory of files that Envoy
//! watches.

use std::path::{Path, PathBuf};
use std::thread;

use clap::Args;

use super::export::{self, ExportOptions};
use super::output::{self, Readers};
use super::rendering::{Compiled, Rendering};
use super::xds::{Directory, GRACE, XdsError, XdsOptions};
use super::{Exit, Streams};
use crate::model::Model;
use crate::render;

/// Write the Envoy configuration that serves the manifests.
///
/// The exit status is 0 if it is written (also with warnings), 1 if the manifests have errors, and 2 if the command
/// line is wrong or a file cannot be read or written.
#[derive(Debug, Args)]
pub(super) struct Render {
    #[command(flatten)]
    rendering: Rendering,

    /// File to write, or - for standard output [default: -].
    ///
    /// The file is written completely or not at all. With an HTTPS listener it contains private keys, and only its
    /// owner can read it (mode 0600): it must belong to the user that Envoy runs as, which is 101 in Envoy's image.
    /// Without one, everyone can read a new file, and an existing file keeps its mode. It cannot be one of the files
    /// that -f reads.
    #[arg(short, long, value_name = "FILE|-")]
    output: Option<PathBuf>,

    /// Write files that Envoy watches to this directory instead of one bootstrap.
    ///
    /// Start Envoy with `envoy -c DIR/envoy.yaml`. A later run with the same directory changes what a running Envoy
    /// serves, and `envoy-config watch` does so whenever a manifest changes. The files contain the directory's absolute
    /// path: Envoy must see it under the same one. Files with private keys can be read by their owner only (mode 0600):
    /// it must be the user that Envoy runs as.
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    xds: Option<PathBuf>,

    #[command(flatten)]
    xds_options: XdsOptions,

    #[command(flatten)]
    export: ExportOptions,
}

impl Render {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> Exit {
        let output = self.output.as_deref().filter(|path| path.as_os_str() != "-");
        let read = self.rendering.shared.read(streams).and_then(|input| {
            output.map_or(Ok(()), |output| input.check_output(output))?;
            self.xds.as_deref().map_or(Ok(()), |directory| input.check_directory(directory))?;
            Ok(input.sources)
        });
        let sources = match read {
            Ok(sources) => sources,
            Err(problem) => return streams.fail(&problem),
        };
        if let Some(options) = self.export.options() {
            return export::run(&self.rendering, &options, &sources, output, streams);
        }
        let limits = match self.rendering.shared.limits() {
            Ok(limits) => limits,
            Err(problem) => return streams.fail(&problem),
        };
        let compiled = self.rendering.compile(&sources, &limits, streams.colour);
        streams.report(&compiled.findings);
        if !compiled.usage_errors.is_empty() {
            return streams.fail_usage(&compiled.usage_errors);
        }
        if let Some((model, options)) = &compiled.served {
            let written = match (&self.xds, output) {
                (Some(directory), _) => publish(directory, model, options, self.xds_options, streams)
                    .map_err(|problem| problem.to_string()),
                (None, output) => write(output, model, options, streams),
            };
            if let Err(problem) = written {
                return streams.fail(&problem);
            }
        }
        finish(&compiled, streams)
    }
}

fn finish(compiled: &Compiled, streams: &mut Streams<'_>) -> Exit {
    if let Some(summary) = compiled.summary() {
        streams.report(&summary);
    }
    if compiled.has_errors() { Exit::Diagnostics } else { Exit::Fine }
}

fn write(
    output: Option<&Path>,
    model: &Model,
    options: &render::Options,
    streams: &mut Streams<'_>,
) -> Result<(), String> {
    let readers = if model.holds_keys() { Readers::Owner } else { Readers::Anyone };
    let text = render::render(model, options).map_err(|problem| problem.to_string())?;
    match output {
        Some(path) => output::replace(path, &text, readers).map_err(|problem| problem.to_string()),
        None => streams.write(&text).map_err(|problem| problem.to_string()),
    }
}

/// Writes the files, and removes what they no longer use.
fn publish(
    path: &Path,
    model: &Model,
    options: &render::Options,
    xds: XdsOptions,
    streams: &mut Streams<'_>,
) -> Result<(), XdsError> {
    let directory = Directory::open(path)?;
    let files = directory.render(model, options, xds)?;
    let changes = directory.publish(&files, None)?;
    streams.report_changes(&changes);
    if directory.has_unused(&files)? {
        thread::sleep(GRACE);
        directory.remove_unused(&files)?;
    }
    Ok(())
}
