//! The demo: the examples of `envoy-config`, unchanged, on a real Envoy with the real filter, shown with the commands of
//! Envoy Gateway's task "Session Persistence".
//!
//! Exit status: 0, all results are as expected; 1, some are not; 2, the demo cannot run; 130, interrupted.

mod print;
mod stage;

use std::process::ExitCode;

use clap::Parser;
use integration::demo::transcript::{self, Shell, Step};

use stage::{Ports, Stage, StageError};

/// Shows session persistence on a real Envoy, then keeps it running until Ctrl-C.
#[derive(Debug, Parser)]
struct Arguments {
    /// End when the transcript has been shown.
    #[arg(long)]
    once: bool,
    /// The port of the route that carries sessions in a cookie; 0 for any free port, as for the others.
    #[arg(long, value_name = "PORT", default_value_t = 8888)]
    cookie_port: u16,
    /// The port of the route that carries sessions in a header.
    #[arg(long, value_name = "PORT", default_value_t = 8889)]
    header_port: u16,
    /// The port of Envoy's admin interface.
    #[arg(long, value_name = "PORT", default_value_t = 9901)]
    admin_port: u16,
    /// The port of the backends [default: the one in the EndpointSlice, 3000].
    #[arg(long, value_name = "PORT")]
    backend_port: Option<u16>,
}

/// How the demo ended.
enum End {
    /// All commands ran; `held` if all results are as expected.
    Shown { held: bool },
    /// The user interrupted it.
    Interrupted,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match demo(&arguments).await {
        Ok(End::Shown { held: true }) => ExitCode::SUCCESS,
        Ok(End::Shown { held: false }) => ExitCode::FAILURE,
        Ok(End::Interrupted) => ExitCode::from(130),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn demo(arguments: &Arguments) -> Result<End, StageError> {
    let ports = Ports {
        cookie: arguments.cookie_port,
        header: arguments.header_port,
        admin: arguments.admin_port,
        backend: arguments.backend_port,
    };
    let mut interrupted = std::pin::pin!(stage::interrupted());
    let mut stage = tokio::select! {
        stage = Stage::set(&ports) => stage?,
        () = &mut interrupted => return Ok(End::Interrupted),
    };
    let held = tokio::select! {
        held = show(&stage) => held?,
        () = &mut interrupted => return Ok(End::Interrupted),
    };
    if !arguments.once {
        print::usage(&stage);
        tokio::select! {
            // First, because Ctrl-C ends Envoy, too.
            biased;
            () = interrupted => print::step("stopping"),
            ended = stage.envoy.ended() => return Err(StageError::Ended(ended?)),
        }
    }
    Ok(End::Shown { held })
}

/// Runs the transcripts; returns whether all results are as expected.
async fn show(stage: &Stage) -> Result<bool, StageError> {
    print::title("Cookie-based session persistence");
    let cookie = run(&transcript::cookie(stage.cookie.port())).await?;
    print::title("Header-based session persistence");
    let header = run(&transcript::header(stage.header.port())).await?;
    print::title("A policy: requests that sessions ignore");
    let policy = run(&transcript::policy(stage.cookie.port())).await?;
    let held = cookie && header && policy;
    print::verdict(held);
    Ok(held)
}

async fn run(steps: &[Step]) -> Result<bool, StageError> {
    let mut shell = Shell::default();
    let mut held = true;
    for step in steps {
        print::command(step);
        let outcome = shell.run(step).await?;
        print::outcome(step, &outcome);
        held &= outcome.held;
    }
    Ok(held)
}
