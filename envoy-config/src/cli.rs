//! The command line: what to read, where to write, and how it ended.
//!
//! The configuration goes to standard output or to a file, everything that is to be said to standard error. It exits with
//! 0 when all is well (warnings are), with 1 when there are errors in the manifests, with 2 when the call is wrong or a
//! file cannot be read or written.

mod input;
mod output;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::output::Readers;
use crate::diagnostic::{self, Diagnostic, Severity};
use crate::options::{NamespacedName, Options, PortMapping};
use crate::render;
use crate::{Compilation, compile};

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
}

/// Write the bootstrap that serves the manifests.
///
/// Exits with 0 when it is written (warnings or not), with 1 when there are errors in the manifests, with 2 when the call
/// is wrong or a file cannot be read or written.
#[derive(Debug, Args)]
struct Render {
    /// Manifests to read: a file, a directory, or - for standard input; repeatable.
    ///
    /// YAML with any number of documents, or JSON. Of a directory, the files that end in .yaml, .yml or .json are read,
    /// not those in directories below it.
    #[arg(short, long = "filename", value_name = "FILE|DIR|-", required = true)]
    filenames: Vec<PathBuf>,

    /// Serve this Gateway only [default: all whose GatewayClass is among the manifests].
    #[arg(long, value_name = "NAMESPACE/NAME")]
    gateway: Option<NamespacedName>,

    /// The address that listeners bind, at their own port.
    #[arg(long, value_name = "IP", default_value = "0.0.0.0")]
    listen_address: IpAddr,

    /// Bind a listener elsewhere: at a port of the listen address, or at IP:PORT; repeatable.
    ///
    /// LISTENER is a listener's name, GATEWAY/LISTENER or NAMESPACE/GATEWAY/LISTENER. The listeners of a Gateway that
    /// share a port move together.
    #[arg(long = "map-port", value_name = "LISTENER=BIND")]
    port_mappings: Vec<PortMapping>,

    /// Where Envoy's admin interface listens.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9901")]
    admin_address: SocketAddr,

    /// The path of the session persistence filter as Envoy sees it.
    #[arg(long, value_name = "PATH", default_value = "/etc/envoy/session_persistence.wasm")]
    filter: String,

    /// Write what can be served in spite of errors; it still exits with 1.
    ///
    /// A backendRef that does not resolve answers 500 for its share of the requests; everything else that is wrong is
    /// left out and named.
    #[arg(long)]
    keep_going: bool,

    /// The file to write, whole or not at all, or - for standard output [default: -].
    ///
    /// With an HTTPS listener it holds private keys, and only its owner may read it (mode 0600): make it the file of the
    /// user that Envoy runs as, which is 101 in Envoy's image. Without one, everybody may read it.
    #[arg(short, long, value_name = "FILE|-")]
    output: Option<PathBuf>,
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

impl Render {
    fn run(self, streams: &mut Streams<'_>) -> Exit {
        let sources = match input::read(&self.filenames, streams.input) {
            Ok(sources) => sources,
            Err(problem) => return streams.fail(&problem),
        };
        let options = Options {
            gateway: self.gateway,
            listen_address: self.listen_address,
            port_mappings: self.port_mappings,
            keep_going: self.keep_going,
        };
        let Compilation { model, diagnostics, misfits } = compile(&sources, &options);
        streams.say(&diagnostic::print(&diagnostics, &sources, streams.colour));
        if !misfits.is_empty() {
            for misfit in misfits {
                streams.say(&format!("error: {misfit}\n"));
            }
            return Exit::Usage;
        }
        let written = model.is_some();
        if let Some(model) = model {
            let options = render::Options { admin: self.admin_address, module: self.filter };
            let (keys, text) = (model.holds_keys(), render::render(&model, &options));
            let result = match self.output.as_deref().filter(|path| path.as_os_str() != "-") {
                Some(path) => {
                    output::replace(path, &text, if keys { Readers::Owner } else { Readers::Anyone })
                        .map_err(|problem| problem.to_string())
                }
                None => streams.put(&text).map_err(|problem| problem.to_string()),
            };
            if let Err(problem) = result {
                return streams.fail(&problem);
            }
        }
        if let Some(summary) = summary(&diagnostics, written) {
            streams.say(&summary);
        }
        if diagnostics.iter().any(|found| found.severity == Severity::Error) {
            Exit::Diagnostics
        } else {
            Exit::Fine
        }
    }
}

/// How many findings there were, and what was done about them; nothing when there were none.
fn summary(diagnostics: &[Diagnostic], written: bool) -> Option<String> {
    let count = |severity| diagnostics.iter().filter(|found| found.severity == severity).count();
    let plural = |count, noun| match count {
        0 => None,
        1 => Some(format!("1 {noun}")),
        _ => Some(format!("{count} {noun}s")),
    };
    let errors = plural(count(Severity::Error), "error");
    let warnings = plural(count(Severity::Warning), "warning");
    let (level, outcome) = match (&errors, written) {
        (Some(_), true) => ("error", "; the rest is written"),
        (Some(_), false) => ("error", "; nothing written"),
        (None, _) => ("warning", ""),
    };
    let counts: Vec<String> = [errors, warnings].into_iter().flatten().collect();
    (!counts.is_empty()).then(|| format!("{level}: {}{outcome}\n", counts.join(", ")))
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

    fn fail(&mut self, problem: &dyn std::fmt::Display) -> Exit {
        self.say(&format!("error: {problem}\n"));
        Exit::Usage
    }
}
