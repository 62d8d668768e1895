//! `envoy-config watch`: writes the files that Envoy watches whenever a manifest changes.
//!
//! The last good configuration stays while manifests have errors. Each finding is reported once, as long as it is the same.
//! `manifests` finds changes.

mod manifests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};

use self::manifests::Manifests;
use super::rendering::Rendering;
use super::xds::{Directory, GRACE, XdsError, XdsOptions};
use super::{Exit, Streams};
use crate::limits::Limits;
use crate::render::files::Files;
use crate::source::Source;

/// Write the files that Envoy watches, again whenever a manifest changes.
///
/// While manifests have errors, the last good configuration stays. Standard input (`-f -`) cannot be watched. It runs until
/// it is stopped: the exit status is 0 after SIGTERM or SIGINT, and 2 if the command line is wrong or the directory cannot
/// be used.
#[derive(Debug, Args)]
pub(super) struct Watch {
    #[command(flatten)]
    rendering: Rendering,

    /// Directory for the files that Envoy watches.
    ///
    /// Start Envoy with `envoy -c DIR/envoy.yaml`, once that file exists. The files contain the directory's absolute
    /// path: Envoy must see it under the same one. Files with private keys can be read by their owner only (mode 0600):
    /// it must be the user that Envoy runs as.
    #[arg(long, value_name = "DIR")]
    xds: PathBuf,

    #[command(flatten)]
    xds_options: XdsOptions,
}

/// Why the command cannot run.
#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error("-f - cannot be watched: pass a file or a directory")]
    StandardInput,
    #[error("cannot handle signals: {0}")]
    Signals(#[from] io::Error),
    #[error(transparent)]
    Directory(#[from] XdsError),
}

/// How often files are looked at. A change is used when two looks have found the same.
const INTERVAL: Duration = Duration::from_millis(200);

/// How long to wait after the files could not be written.
const RETRY: Duration = Duration::from_secs(5);

/// A running `watch`.
struct Watcher<'w, 's> {
    rendering: &'w Rendering,
    limits: &'w Limits,
    xds: XdsOptions,
    directory: Directory,
    streams: &'w mut Streams<'s>,
    /// What was reported last on standard error.
    reported: String,
    /// What is published, and when what it does not use can be removed.
    unused: Option<(Files, Instant)>,
}

impl Watch {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> Exit {
        let limits = match self.rendering.shared.limits() {
            Ok(limits) => limits,
            Err(problem) => return streams.fail(&problem),
        };
        match self.watch(&limits, streams) {
            Ok(()) => Exit::Fine,
            Err(problem) => streams.fail(&problem),
        }
    }

    fn watch(&self, limits: &Limits, streams: &mut Streams<'_>) -> Result<(), WatchError> {
        let paths = self.rendering.shared.filenames();
        if paths.iter().any(|path| path.as_os_str() == "-") {
            return Err(WatchError::StandardInput);
        }
        // The first process of a container does not end by itself on a signal.
        let stopped = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&stopped))?;
        }
        let directory = Directory::open(&self.xds)?;
        let mut manifests = Manifests::new(paths);
        let rendering = &self.rendering;
        let mut watcher = Watcher {
            rendering,
            limits,
            xds: self.xds_options,
            directory,
            streams,
            reported: String::new(),
            unused: None,
        };
        while !stopped.load(Ordering::Relaxed) {
            match manifests.changed(&self.xds) {
                Ok(None) => {}
                Ok(Some(sources)) => {
                    if !watcher.update(sources) {
                        manifests.look_again(RETRY);
                    }
                }
                Err(problem) => watcher.report_once(&format!("error: {problem}\n"), true),
            }
            watcher.remove_unused();
            thread::sleep(INTERVAL);
        }
        Ok(())
    }
}

impl Watcher<'_, '_> {
    /// Uses these manifests. `false` if the files cannot be written.
    fn update(&mut self, sources: &[Source]) -> bool {
        let compiled = self.rendering.compile(sources, self.limits, self.streams.colour);
        let mut report = compiled.findings.clone();
        for usage_error in &compiled.usage_errors {
            report.extend(["error: ", &usage_error.to_string(), "\n"]);
        }
        report.push_str(&compiled.summary().unwrap_or_default());
        self.report_once(&report, compiled.served.is_none());
        let Some((model, options)) = compiled.served else { return true };
        let published = self.directory.render(&model, &options, self.xds).and_then(|files| {
            let changes = self.directory.publish(&files, self.unused.as_ref().map(|(files, _)| files))?;
            Ok((changes, self.directory.has_unused(&files)?, files))
        });
        match published {
            Ok((changes, has_unused, files)) => {
                self.streams.report_changes(&changes);
                self.unused = has_unused.then(|| (files, Instant::now() + GRACE));
                true
            }
            Err(problem) => {
                self.report_once(&format!("error: {problem}\n"), false);
                false
            }
        }
    }

    /// Reports this unless it was reported last. `keeps` says that the last good configuration stays.
    fn report_once(&mut self, report: &str, keeps: bool) {
        if report != self.reported {
            self.streams.report(report);
            if keeps && self.directory.is_published() {
                self.streams.report("note: the last good configuration stays\n");
            }
            report.clone_into(&mut self.reported);
        }
    }

    fn remove_unused(&mut self) {
        if let Some((files, _)) = self.unused.take_if(|(_, due)| *due <= Instant::now())
            && let Err(problem) = self.directory.remove_unused(&files)
        {
            self.report_once(&format!("error: {problem}\n"), false);
        }
    }
}
