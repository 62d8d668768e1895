//! The price of a session: CPU time of Envoy per request of a returning client, with our filter, with Envoy's own
//! `stateful_session` (which neither signs nor expires), and with neither.
//!
//! The three run side by side and take turns, on one build of Envoy, one worker each, over connections that are kept
//! alive. Only ratios within one run mean anything: the machine is never idle, and its clock never steady.
//!
//! Exit status: 0, within the limit; 1, above it; 2, it could not be measured.

mod cpu;
mod load;
mod variants;

use std::process::ExitCode;

use clap::Parser;
use integration::backend::{Backend, Pod};

use cpu::CpuError;
use load::{Load, LoadError};
use variants::{Variant, VariantError};

/// At most so many times the CPU time of Envoy's own filter.
const LIMIT: f64 = 1.15;

/// What we want to reach.
const GOAL: f64 = 1.08;

/// Measures Envoy's CPU time per request with session persistence, against Envoy's own.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often the variants take turns.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// Requests per variant and round.
    #[arg(long, default_value_t = 4000)]
    requests: u32,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 4)]
    connections: u32,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error(transparent)]
    Variant(#[from] VariantError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error("cannot start a backend: {0}")]
    Backend(#[from] std::io::Error),
}

/// CPU time per request of one round, in microseconds, in the order of the variants.
type Round = [f64; Variant::ALL.len()];

#[tokio::main]
async fn main() -> ExitCode {
    match measure(&Arguments::parse()).await {
        Ok(rounds) if report(&rounds) <= LIMIT => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<Vec<Round>, BenchError> {
    let mut pods = Vec::new();
    for number in 0..4 {
        pods.push(Backend::start(Pod::new("backend", &format!("backend-{number}")))?);
    }
    let mut envoys = Vec::new();
    for variant in Variant::ALL {
        println!("==> starting Envoy with {}", variant.name());
        let envoy = variant.start(&pods).await?;
        let load = Load::prepare(variants::address(&envoy)?, variant.keeps_sessions(), arguments.connections)
            .await?;
        envoys.push((envoy, load));
    }
    println!(
        "==> {} rounds of {} requests each, {} connections",
        arguments.rounds, arguments.requests, arguments.connections
    );
    let mut rounds = Vec::new();
    // The first round warms up.
    for number in 0..=arguments.rounds {
        let mut round: Round = Default::default();
        let mut turns: Vec<_> = envoys.iter_mut().zip(&mut round).collect();
        // Whoever goes first in one round goes last in the next.
        if number % 2 == 1 {
            turns.reverse();
        }
        for ((envoy, load), spent) in turns {
            let before = cpu::time(envoy.id())?;
            load.run(arguments.requests).await?;
            let time = cpu::time(envoy.id())?.saturating_sub(before);
            *spent = time.as_secs_f64() * 1e6 / f64::from(arguments.requests);
        }
        if number > 0 {
            rounds.push(round);
        }
    }
    Ok(rounds)
}

/// Prints what was measured; the median ratio of ours to Envoy's own.
fn report(rounds: &[Round]) -> f64 {
    println!("\nEnvoy's CPU time per request of a returning client, median (quartiles):");
    for (position, variant) in Variant::ALL.into_iter().enumerate() {
        let times = rounds.iter().filter_map(|round| round.get(position).copied()).collect();
        let [low, median, high] = quartiles(times);
        println!("  {:<36} {median:6.1} µs  ({low:.1} to {high:.1})", variant.name());
    }
    let ratios = rounds.iter().map(|[_, theirs, ours]| ours / theirs).collect();
    let [low, median, high] = quartiles(ratios);
    println!(
        "\nOurs to Envoy's own, median of the ratios of {} rounds: {median:.3} ({low:.3} to {high:.3})",
        rounds.len()
    );
    let verdict = if median <= GOAL {
        "within the goal"
    } else if median <= LIMIT {
        "within the limit, above the goal"
    } else {
        "above the limit"
    };
    println!("{verdict} (goal {GOAL}, limit {LIMIT})");
    median
}

/// The lower quartile, the median and the upper quartile.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values.get(values.len() * quarter / 4).copied().unwrap_or(f64::NAN))
}
