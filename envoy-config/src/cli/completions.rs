//! `envoy-config completions` and `envoy-config man`: files for a shell and for `man`, made from the command line itself.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::{Exit, Streams};

/// Print the completions for a shell.
///
/// For bash: `envoy-config completions bash >/etc/bash_completion.d/envoy-config`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

/// Write the man pages into a directory: envoy-config.1, and one for each command.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// The directory, such as /usr/local/share/man/man1. It must exist.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Completions {
    pub(super) fn run(&self, mut command: Command, streams: &mut Streams<'_>) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "envoy-config", &mut script);
        let script = String::from_utf8_lossy(&script);
        streams.write(&script).map_or_else(|problem| streams.fail(&problem), |()| Exit::Fine)
    }
}

impl Man {
    pub(super) fn run(&self, command: Command, streams: &mut Streams<'_>) -> Exit {
        match clap_mangen::generate_to(command, &self.directory) {
            Ok(()) => Exit::Fine,
            Err(problem) => {
                streams.fail(&format!("cannot write man pages to {}: {problem}", self.directory.display()))
            }
        }
    }
}
