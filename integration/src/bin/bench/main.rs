//! What session persistence costs: instructions, CPU time, latency and memory of Envoy, with this project's filter, with
//! Envoy's own `stateful_session` (which neither encrypts nor expires), with a Lua script, and with none.
//!
//! - [`rows`]: what is measured, and the limits.
//! - [`setup`], [`baseline`]: the configurations of Envoy.
//! - [`testbed`], [`sessions`], [`load`]: backends, clients, and the check that every answer is right.
//! - [`instructions`], [`callgrind`]: instructions per request.
//! - [`rounds`], [`cpu`]: CPU time and latency, in turns.
//! - [`memory`]: memory of workers and streams.
//! - [`statistics`], [`results`], [`table`], [`chart`], [`machine`], [`document`]: from numbers to `docs/performance.md`.
//!
//! Exit status: 0, within the limits; 1, above one; 2, it could not be measured.

mod baseline;
mod callgrind;
mod chart;
mod cpu;
mod document;
mod instructions;
mod load;
mod machine;
mod memory;
mod results;
mod rounds;
mod rows;
mod sessions;
mod setup;
mod statistics;
mod table;
mod testbed;

use std::fs;
use std::io;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use integration::harness::artifact::{self, ArtifactError};
use integration::harness::envoy::{self, LocateError};
use integration::harness::workspace;

use results::Results;
use testbed::Testbed;

/// Measures what session persistence costs Envoy.
///
/// Writes the results to docs/performance.md and docs/performance.svg, and exits with 1 if a ratio of instructions is over its
/// limit, with 2 if something cannot be measured.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Measure less, and write no files: takes a few minutes, and times are rough.
    #[arg(long)]
    quick: bool,
    /// Measure this only; repeatable.
    #[arg(long)]
    only: Vec<Part>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Instructions per request, under valgrind.
    Instructions,
    /// CPU time per request.
    Time,
    /// How long clients wait.
    Latency,
    /// Memory of workers and streams.
    Memory,
}

impl Arguments {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// `full`, or `quick` if that is enough.
    fn either<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    #[error(transparent)]
    Locate(#[from] LocateError),
    #[error(transparent)]
    Callgrind(#[from] callgrind::CallgrindError),
    #[error(transparent)]
    Testbed(#[from] testbed::TestbedError),
    #[error(transparent)]
    Count(#[from] instructions::CountError),
    #[error(transparent)]
    Round(#[from] rounds::RoundError),
    #[error(transparent)]
    Memory(#[from] memory::MemoryError),
    #[error(transparent)]
    Document(#[from] document::DocumentError),
    #[error("cannot describe the machine or write the chart: {0}")]
    Io(#[from] io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    match bench(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Measures and reports; whether all ratios are within their limits.
async fn bench(arguments: &Arguments) -> Result<bool, BenchError> {
    if arguments.wants(Part::Instructions) {
        callgrind::available()?;
    }
    let machine = machine::describe(&artifact::module()?, &envoy::locate(|line| println!("==> {line}"))?)?;
    println!("{machine}");
    println!("==> starting an Envoy for each configuration");
    let bed = Testbed::start(arguments.either(10_000, 1_000)).await?;
    let mut parts = vec![("machine", machine)];
    let mut results = Results::default();
    // What depends on the machine comes first, while it is as quiet as it was.
    measure_times(arguments, &bed, &mut results, &mut parts)?;
    if arguments.wants(Part::Memory) {
        println!("==> measuring memory");
        let measured = memory::measure(&bed, arguments.either(3, 1)).await?;
        report(&mut parts, "memory", table::memory(&measured));
        results.memory = Some(measured);
    }
    if arguments.wants(Part::Instructions) {
        let plan = instructions::Plan {
            warm_up: arguments.either(500, 200),
            batches: arguments.either(5, 3),
            requests: arguments.either(100, 50),
        };
        let counted = instructions::count(&bed, plan).await?;
        report(&mut parts, "instructions", table::instructions(&counted));
        results.instructions = Some(counted);
    }
    if !arguments.quick {
        write(&results, &parts)?;
    }
    Ok(results.instructions.is_none_or(|counted| judge(&counted)))
}

fn measure_times(
    arguments: &Arguments,
    bed: &Testbed,
    results: &mut Results,
    parts: &mut Vec<(&str, String)>,
) -> Result<(), BenchError> {
    if arguments.wants(Part::Time) {
        println!("==> measuring CPU time");
        let plan = rounds::Plan {
            rounds: arguments.either(21, 7),
            requests: arguments.either(2_000, 500),
            connections: 4,
        };
        let load = machine::load();
        let times = rounds::cpu_times(bed, plan)?;
        report(parts, "time", format!("{load}\n\n{}", table::times(&times)));
        results.times = Some(times);
    }
    if arguments.wants(Part::Latency) {
        println!("==> measuring latency");
        let plan = rounds::Plan {
            rounds: arguments.either(21, 7),
            requests: arguments.either(1_000, 300),
            connections: 1,
        };
        let load = machine::load();
        let latencies = rounds::latencies(bed, plan)?;
        report(parts, "latency", format!("{load}\n\n{}", table::latencies(&latencies)));
        results.latencies = Some(latencies);
    }
    Ok(())
}

fn report(parts: &mut Vec<(&str, String)>, part: &'static str, text: String) {
    println!("\n{text}");
    parts.push((part, text));
}

fn write(results: &Results, parts: &[(&str, String)]) -> Result<(), BenchError> {
    let docs = workspace::root().join("docs");
    document::update(&docs.join("performance.md"), parts)?;
    if let Some(counted) = &results.instructions {
        fs::write(docs.join("performance.svg"), chart::draw(counted))?;
    }
    println!("==> wrote docs/performance.md");
    Ok(())
}

/// Says which ratios are over their limit; whether none is.
fn judge(counted: &instructions::Instructions) -> bool {
    let mut passed = true;
    for verdict in results::verdicts(counted) {
        let results::Verdict { row, ratio, limit } = verdict;
        let verb = if verdict.passes() { "within" } else { "OVER" };
        println!("{} ({}): {ratio:.3} is {verb} the limit of {limit:.2}", row.name, row.traffic.title());
        passed &= verdict.passes();
    }
    passed
}
