//! Memory of Envoy: for each worker, and for open streams.
//!
//! Counted is the anonymous memory of the process that is in use (`RssAnon`): heap, stacks, and what V8 maps for the module.
//! A difference of two states counts, never a state: one more worker, two thousand more streams.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use integration::backend::{Backend, Behaviour};
use integration::harness::deadline::{self, Elapsed};
use integration::harness::envoy::Process;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::load::{Connection, Load, LoadError, Requests};
use super::rows::Setup;
use super::sessions;
use super::setup::{self, Purpose, SetupError};
use super::statistics::Summary;
use super::testbed::Testbed;

/// The configurations whose memory is measured.
pub(super) const SETUPS: [Setup; 3] = [Setup::Plain, Setup::StatefulCookie, Setup::Cookie];

/// Workers of the Envoy with many.
const WORKERS: u32 = 5;

/// Streams on one connection: what clients usually allow themselves.
const STREAMS: usize = 100;

/// Connections before the first look, so that pools and the module's memory have grown, and before the second.
const CONNECTIONS: [usize; 2] = [10, 30];

/// The longest that streams may take to open.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why memory was not measured.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemoryError {
    /// An Envoy.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The requests.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The kernel's numbers.
    #[error("cannot read the memory of process {process} (`RssAnon` in `/proc/{process}/status`): {problem}")]
    Process {
        /// The process.
        process: u32,
        /// Why.
        problem: io::Error,
    },
    /// HTTP/2.
    #[error("cannot open streams: {0}")]
    Http(#[from] hyper::Error),
    /// Streams that do not reach the backends.
    #[error("of {expected} streams {found} reached a backend: {elapsed}")]
    Streams {
        /// How many were opened.
        expected: u64,
        /// How many arrived.
        found: u64,
        /// How long that was.
        elapsed: Elapsed,
    },
}

/// The memory of one configuration, in kilobytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// How Envoy is configured.
    pub(super) setup: Setup,
    /// One worker more.
    pub(super) worker: Summary,
    /// A thousand open streams more.
    pub(super) streams: Summary,
}

/// Measures so many times.
///
/// # Errors
/// An Envoy does not start, or a request fails.
pub(super) async fn measure(bed: &Testbed, rounds: usize) -> Result<Vec<Memory>, MemoryError> {
    let mut measured = vec![(Vec::new(), Vec::new()); SETUPS.len()];
    for _ in 0..rounds {
        for (setup, (workers, streams)) in SETUPS.into_iter().zip(&mut measured) {
            workers.push(worker(bed, setup).await?);
            let opened = open_streams(bed, setup).await;
            bed.backends.iter().for_each(|backend| backend.behave(Behaviour::Answer));
            streams.push(opened?);
        }
    }
    let summaries = SETUPS.into_iter().zip(measured);
    let summary = |(setup, (worker, streams)): (_, (Vec<f64>, Vec<f64>))| Memory {
        setup,
        worker: Summary::of_all(&worker),
        streams: Summary::of_all(&streams),
    };
    Ok(summaries.map(summary).collect())
}

/// What one worker more takes, after each has answered requests.
async fn worker(bed: &Testbed, setup: Setup) -> Result<f64, MemoryError> {
    let one = with_workers(bed, setup, 1).await?;
    let many = with_workers(bed, setup, WORKERS).await?;
    Ok((many - one) / f64::from(WORKERS - 1))
}

async fn with_workers(bed: &Testbed, setup: Setup, workers: u32) -> Result<f64, MemoryError> {
    let deployment = bed.deployment(setup, Purpose::Serving)?.with_workers(workers);
    let envoy = deployment.start().await.map_err(SetupError::from)?;
    let address = setup::address(&envoy)?;
    // The kernel spreads connections over the workers.
    let mut load = Load::open(address, 64)?;
    let requests = requests(bed, setup)?;
    tokio::task::block_in_place(|| load.run(requests, 6_400, &bed.backends))?;
    resident(&envoy)
}

/// What a thousand open streams more take.
async fn open_streams(bed: &Testbed, setup: Setup) -> Result<f64, MemoryError> {
    let envoy = bed.deployment(setup, Purpose::Holding)?.start().await.map_err(SetupError::from)?;
    let address = setup::address(&envoy)?;
    let cookie = match setup {
        Setup::Plain => String::new(),
        _ => sessions::begin(&mut Connection::open(address)?, &bed.backends)?.header,
    };
    let cookie = cookie.strip_prefix("cookie: ").unwrap_or_default();
    bed.backends.iter().for_each(|backend| backend.behave(Behaviour::Pause));
    let arrived = || bed.backends.iter().map(Backend::requests).sum::<u64>();
    let before = arrived();
    let mut open = JoinSet::new();
    let mut seen = Vec::new();
    let last = CONNECTIONS.into_iter().max().unwrap_or_default();
    for connections in 1..=last {
        connect(address, cookie, &mut open).await?;
        // One connection after the other: of 3,000 streams opened at once, not all arrived.
        let expected = u64::try_from(connections * STREAMS).unwrap_or(u64::MAX);
        let all = deadline::until(PATIENCE, async || (arrived() - before == expected).then_some(()));
        let found = || arrived() - before;
        all.await.map_err(|elapsed| MemoryError::Streams { expected, found: found(), elapsed })?;
        if CONNECTIONS.contains(&connections) {
            seen.push(resident(&envoy)?);
        }
    }
    let [few, many] = <[f64; 2]>::try_from(seen).unwrap_or([f64::NAN; 2]);
    let [first, last] = CONNECTIONS.map(|count| u32::try_from(count * STREAMS).unwrap_or(u32::MAX));
    Ok((many - few) * 1000.0 / f64::from(last - first))
}

/// Opens a connection and streams on it; they stay open as long as `open`.
async fn connect(address: SocketAddr, cookie: &str, open: &mut JoinSet<()>) -> Result<(), MemoryError> {
    let stream = TcpStream::connect(address).await.map_err(LoadError::from)?;
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    open.spawn(async { drop(connection.await) });
    for _ in 0..STREAMS {
        let mut sender = sender.clone();
        let request = Request::get("http://localhost/health").header("cookie", cookie);
        let request =
            request.body(Empty::<Bytes>::new()).map_err(io::Error::other).map_err(LoadError::from)?;
        open.spawn(async move { drop(sender.send_request(request).await) });
    }
    Ok(())
}

/// The requests of the first row with this configuration.
fn requests(bed: &Testbed, setup: Setup) -> Result<&Requests, MemoryError> {
    let lane = bed.lanes.iter().find(|lane| lane.row.setup == setup);
    let missing = || LoadError::from(io::Error::other("no row has this configuration"));
    Ok(&lane.ok_or_else(missing)?.requests)
}

/// The anonymous memory of an Envoy that is in use, in kilobytes.
fn resident(envoy: &Process) -> Result<f64, MemoryError> {
    let process = envoy.id();
    let problem = |problem| MemoryError::Process { process, problem };
    let status = fs::read_to_string(format!("/proc/{process}/status")).map_err(problem)?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.ok_or_else(|| problem(io::Error::other("there is no such line")))
}
