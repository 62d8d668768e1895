//! The command line: what to read, where to write, and how it ended.
//!
//! What was asked for goes to standard output or to a file, everything that is to be said to standard error. It exits with
//! 0 when all is well (warnings are), with 1 when there are errors in the manifests, with 2 when the call is wrong or a
//! file cannot be read or written.

//!
//! - `request`: what all commands ask for; `input` reads the manifests.
//! - `render` and `check`: the commands; `output` writes a file.
//! - `identity`: whether two paths lead to one file.

mod check;
mod identity;
mod input;
mod output;
mod render;
mod request;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::check::Check;
use self::render::Render;
use crate::diagnostic::{Diagnostic, Severity};
use crate::manifest::other_kinds::Ignored;
use crate::options::UsageError;

/// Compiles Gateway API manifests to a static Envoy bootstrap with session persistence.
#[derive(Debug, Parser)]
#[command(name = "envoy-config", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Render(Render),
    Check(Check),
}

/// What the command line reads from and writes to.
pub struct Streams<'s> {
    /// Standard input.
    pub input: &'s mut dyn Read,
    /// Standard output.
    pub output: &'s mut dyn Write,
    /// Standard error.
    pub errors: &'s mut dyn Write,
    /// Whether standard error shows colours.
    pub colour: bool,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well: 0.
    Fine,
    /// There are errors in the manifests: 1.
    Diagnostics,
    /// The call is wrong, or a file cannot be read or written: 2.
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

/// Runs the program with these arguments, the first of which is its own name.
pub fn run(arguments: impl IntoIterator<Item = OsString>, mut streams: Streams<'_>) -> Exit {
    match Cli::try_parse_from(arguments) {
        Ok(Cli { command: Command::Render(call) }) => call.run(&mut streams),
        Ok(Cli { command: Command::Check(call) }) => call.run(&mut streams),
        Err(refused) => {
            let text = refused.render();
            if refused.use_stderr() {
                streams.say(&if streams.colour { text.ansi().to_string() } else { text.to_string() });
                Exit::Usage
            } else {
                // Help or the version, which were asked for.
                streams.put(&text.to_string()).map_or_else(|problem| streams.fail(&problem), |()| Exit::Fine)
            }
        }
    }
}

/// `1 error, 2 warnings` and whether there is any error; none when there was no finding.
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
    /// Writes to standard output. A reader that has seen enough is no failure.
    fn put(&mut self, text: &str) -> io::Result<()> {
        let written = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush());
        written.or_else(|problem| match problem.kind() {
            io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(io::Error::new(problem.kind(), format!("standard output: {problem}"))),
        })
    }

    /// Writes to standard error; where that fails there is nobody left to tell.
    fn say(&mut self, text: &str) {
        let _ = self.errors.write_all(text.as_bytes());
    }

    /// Says how many objects were ignored, in one line.
    fn note(&mut self, ignored: &Ignored) {
        if !ignored.is_empty() {
            self.say(&format!("note: {ignored}\n"));
        }
    }

    /// Says where the options do not fit the manifests.
    fn refuse(&mut self, usage_errors: &[UsageError]) -> Exit {
        for usage_error in usage_errors {
            self.say(&format!("error: {usage_error}\n"));
        }
        Exit::Usage
    }

    fn fail(&mut self, problem: &dyn std::fmt::Display) -> Exit {
        self.say(&format!("error: {problem}\n"));
        Exit::Usage
    }
}
