//! Runs the command line on the standard streams of the process.

use std::env;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use envoy_config::cli::{self, Streams};

fn main() -> ExitCode {
    let errors = io::stderr();
    let colour = errors.is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let streams = Streams {
        input: &mut io::stdin().lock(),
        output: &mut io::stdout().lock(),
        errors: &mut errors.lock(),
        colour,
    };
    cli::run(env::args_os(), streams).into()
}
