//! The command line: options, input and output files, exit status.
//!
//! Results go to standard output or to a file, diagnostics to standard error. The exit status is 0 on success (also
//! with warnings), 1 if the manifests have errors, and 2 if the command line is wrong or a file cannot be read or
//! written.
//!
//! - `shared_options`: the options that all commands have; `input` reads the manifests.
//! - `render`, `watch` and `check`: the commands; `rendering` has what the first two share, `export` what `render --to` does.
//! - `explain`, `token`, `keygen`, `completions`: what helps those who operate and write manifests.
//! - `output` writes a file, `xds` a directory of files that Envoy watches.
//! - `identity`: whether two paths lead to the same file.

mod check;
mod completions;
mod explain;
mod export;
mod identity;
mod input;
mod keygen;
mod output;
mod render;
mod rendering;
mod shared_options;
mod token;
mod watch;
mod xds;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use self::check::Check;
use self::completions::{Completions, Man};
use self::explain::Explain;
use self::keygen::Keygen;
use self::render::Render;
use self::token::Token;
use self::watch::Watch;
use self::xds::Changes;
use crate::diagnostic::{Diagnostic, Severity};
use crate::options::UsageError;

/// Compiles Gateway API manifests to Envoy configuration with session persistence.
#[derive(Debug, Parser)]
#[command(name = "envoy-config", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Render(Render),
    Watch(Watch),
    Check(Check),
    Explain(Explain),
    Token(Token),
    Keygen(Keygen),
    Completions(Completions),
    Man(Man),
}

/// The standard streams of the program.
pub struct Streams<'s> {
    /// Standard input.
    pub input: &'s mut dyn Read,
    /// Standard output.
    pub output: &'s mut dyn Write,
    /// Standard error.
    pub errors: &'s mut dyn Write,
    /// Whether to use colours on standard error.
    pub colour: bool,
}

/// The exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Success: 0.
    Fine,
    /// The manifests have errors: 1.
    Diagnostics,
    /// The command line is wrong, or a file cannot be read or written: 2.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::Diagnostics => 1,
            Exit::Usage => 2,
        })
    }
}

/// Runs the program with these arguments; the first one is the name of the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>, mut streams: Streams<'_>) -> Exit {
    match Cli::try_parse_from(arguments) {
        Ok(Cli { command }) => command.run(&mut streams),
        Err(error) => {
            let text = error.render();
            if error.use_stderr() {
                streams.report(&if streams.colour { text.ansi().to_string() } else { text.to_string() });
                Exit::Usage
            } else {
                // The help text or the version.
                streams
                    .write(&text.to_string())
                    .map_or_else(|problem| streams.fail(&problem), |()| Exit::Fine)
            }
        }
    }
}

impl Command {
    fn run(self, streams: &mut Streams<'_>) -> Exit {
        match self {
            Self::Render(call) => call.run(streams),
            Self::Watch(call) => call.run(streams),
            Self::Check(call) => call.run(streams),
            Self::Explain(call) => call.run(streams),
            Self::Token(call) => call.run(streams),
            Self::Keygen(Keygen {}) => Keygen::run(streams),
            Self::Completions(call) => call.run(Cli::command(), streams),
            Self::Man(call) => call.run(Cli::command(), streams),
        }
    }
}

/// The highest severity, and a text such as `1 error, 2 warnings`; `None` without diagnostics.
fn count(diagnostics: &[Diagnostic]) -> Option<(Severity, String)> {
    let count = |severity| diagnostics.iter().filter(|found| found.severity == severity).count();
    let plural = |count, noun| match count {
        0 => None,
        1 => Some(format!("1 {noun}")),
        _ => Some(format!("{count} {noun}s")),
    };
    let errors = plural(count(Severity::Error), "error");
    let level = if errors.is_some() { Severity::Error } else { Severity::Warning };
    let warnings = plural(count(Severity::Warning), "warning");
    let counts: Vec<String> = [errors, warnings].into_iter().flatten().collect();
    (!counts.is_empty()).then(|| (level, counts.join(", ")))
}

impl Streams<'_> {
    /// Writes to standard output. It is not an error if the reader stops early.
    fn write(&mut self, text: &str) -> io::Result<()> {
        let written = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush());
        written.or_else(|problem| match problem.kind() {
            io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(io::Error::new(problem.kind(), format!("standard output: {problem}"))),
        })
    }

    /// Writes to standard error. Errors are ignored: there is nowhere to report them.
    fn report(&mut self, text: &str) {
        let _ = self.errors.write_all(text.as_bytes());
    }

    /// Reports what changed in the files that Envoy watches.
    fn report_changes(&mut self, changes: &Changes) {
        // Like those of standard error, errors are ignored: the files are written.
        let _ = self.write(&format!("{changes}\n"));
        if changes.needs_restart {
            self.report("note: envoy.yaml has changed; restart Envoy to use it\n");
        }
    }

    /// Reports options that do not fit the manifests.
    fn fail_usage(&mut self, usage_errors: &[UsageError]) -> Exit {
        for usage_error in usage_errors {
            self.report(&format!("error: {usage_error}\n"));
        }
        Exit::Usage
    }

    /// Reports an error that is not about the manifests.
    fn fail(&mut self, problem: &dyn std::fmt::Display) -> Exit {
        self.report(&format!("error: {problem}\n"));
        Exit::Usage
    }
}
