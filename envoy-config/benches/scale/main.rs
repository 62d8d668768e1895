//! What compiling costs, from the text of the manifests to the text of the bootstrap, and how the cost grows.
//!
//! `make bench-scale` runs it. The limits are the project's own: a size that takes longer than its limit, or twice the
//! input that takes more than 2.3 times as long, ends the run with an error.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark fails by panicking, and tells a person"
)]

mod workload;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use envoy_config::limits::Limits;
use envoy_config::options::{AccessLog, AdminAddress, Options};
use envoy_config::source::Source;
use envoy_config::{compile, render};
use session_persistence::config::Pin;

use workload::{Size, manifests};

/// Routes as they are: little behind them.
const ROUTES: Size = Size { routes: 1_000, rules: 1, endpoints: 1 };
/// With 4,000 rules and 10,000 endpoints.
const CLUSTER: Size = Size { routes: 1_000, rules: 4, endpoints: 10 };
const LIMITS: [(&str, Size, Duration); 2] = [
    ("1,000 routes", ROUTES, Duration::from_millis(100)),
    ("1,000 routes with 4 rules and 10,000 endpoints", CLUSTER, Duration::from_secs(1)),
];
/// How much longer twice the input may take.
const GROWTH_LIMIT: f64 = 2.3;
/// Pairs of measurements behind a growth.
const PAIRS: usize = 11;

fn main() -> ExitCode {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let mut group = criterion.benchmark_group("compile");
    for (name, size, _) in LIMITS {
        let sources = [manifests(size)];
        group.throughput(Throughput::Elements(u64::from(size.routes)));
        group.bench_function(name, |bench| bench.iter(|| bootstrap(black_box(&sources))));
    }
    group.finish();
    criterion.final_summary();

    let mut kept = true;
    for (name, size, limit) in LIMITS {
        let (once, twice) = ([manifests(size)], [manifests(twice(size))]);
        let mut pairs: Vec<(Duration, Duration)> =
            (0..PAIRS).map(|_| (timed(&once), timed(&twice))).collect();
        let time = median(&mut pairs, |pair| pair.0.as_secs_f64());
        let growth = median(&mut pairs, |pair| pair.1.as_secs_f64() / pair.0.as_secs_f64());
        println!(
            "{name}: {:.0} ms (limit {:.0}); twice as much: {growth:.2} times as long (limit {GROWTH_LIMIT})",
            time * 1e3,
            limit.as_secs_f64() * 1e3,
        );
        kept &= time <= limit.as_secs_f64() && growth <= GROWTH_LIMIT;
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Twice the routes, and with them twice the Services and their endpoints.
fn twice(size: Size) -> Size {
    Size { routes: size.routes * 2, ..size }
}

fn timed(sources: &[Source]) -> Duration {
    let begun = Instant::now();
    black_box(bootstrap(sources));
    begun.elapsed()
}

fn median(pairs: &mut [(Duration, Duration)], of: impl Fn(&(Duration, Duration)) -> f64) -> f64 {
    let mut values: Vec<f64> = pairs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().expect("there are pairs")
}

fn bootstrap(sources: &[Source]) -> String {
    let compiled = compile(sources, &Options::default());
    let model = compiled.model.expect("the manifests are in order");
    let options = render::Options {
        admin: AdminAddress::default(),
        module: String::from("session_persistence.wasm"),
        system_authorities: String::from("authorities.pem"),
        limits: Limits::default(),
        pin: Pin::default(),
        access_log: AccessLog::default(),
    };
    render::render(&model, &options).expect("a bootstrap can be written")
}
