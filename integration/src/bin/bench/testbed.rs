//! The backends, one Envoy for every configuration, and the requests of every row.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use integration::backend::{Backend, Pod};
use integration::harness::deployment::{DeployError, Deployment};
use integration::harness::envoy::Process;
use integration::harness::keys;

use super::load::{LoadError, Requests};
use super::rows::{Row, Setup};
use super::setup::{self, Purpose, SetupError};

/// Why there is nothing to measure.
#[derive(Debug, thiserror::Error)]
pub(super) enum TestbedError {
    /// The backends.
    #[error("cannot start a backend: {0}")]
    Backend(#[from] io::Error),
    /// An Envoy.
    #[error("{setup}: {problem}")]
    Setup {
        /// Its configuration.
        setup: &'static str,
        /// Why.
        problem: SetupError,
    },
    /// The sessions of a row.
    #[error("row `{row}`: {problem}")]
    Sessions {
        /// The row.
        row: &'static str,
        /// Why.
        problem: LoadError,
    },
}

/// A row, with an Envoy that serves it and what that gets.
#[derive(Debug)]
pub(super) struct Lane {
    /// What is measured.
    pub(super) row: Row,
    /// The process of its Envoy.
    pub(super) process: u32,
    /// Where that listens.
    pub(super) address: SocketAddr,
    /// What it gets.
    pub(super) requests: Requests,
}

/// All that runs while anything is measured. All Envoys have the same key and the same backends, so that the sessions of one
/// hold in another with the same rule.
#[derive(Debug)]
pub(super) struct Testbed {
    /// The backends behind every Envoy.
    pub(super) backends: Vec<Backend>,
    /// The rows, in the order of the report.
    pub(super) lanes: Vec<Lane>,
    key: String,
    /// They run until this is dropped.
    _envoys: Vec<Process>,
}

impl Testbed {
    /// Starts everything; `many` is the number of different clients where a row has many.
    ///
    /// # Errors
    /// Something does not start, or begins no sessions.
    pub(super) async fn start(many: usize) -> Result<Self, TestbedError> {
        let mut backends = Vec::new();
        for number in 0..4 {
            backends.push(Backend::start(Pod::new("backend", &format!("backend-{number}")))?);
        }
        let key = keys::fresh().map_err(io::Error::other)?;
        let mut envoys = BTreeMap::new();
        for setup in Setup::ALL {
            let problem = |problem| TestbedError::Setup { setup: setup.name(), problem };
            let deployment = setup::deployment(setup, Purpose::Serving, &backends, &key).map_err(problem)?;
            let envoy = start(&deployment).await.map_err(problem)?;
            envoys.insert(setup, (setup::address(&envoy).map_err(problem)?, envoy));
        }
        let mut lanes = Vec::new();
        for row in Row::ALL {
            let Some((address, envoy)) = envoys.get(&row.setup) else { continue };
            let requests = row.requests(*address, &backends, many).await;
            let requests = requests.map_err(|problem| TestbedError::Sessions { row: row.id, problem })?;
            lanes.push(Lane { row, process: envoy.id(), address: *address, requests });
        }
        let envoys = envoys.into_values().map(|(_, envoy)| envoy).collect();
        Ok(Self { backends, lanes, key, _envoys: envoys })
    }

    /// The same configuration, backends and key as one of the running Envoys, for another one.
    ///
    /// # Errors
    /// See [`setup::deployment`].
    pub(super) fn deployment(&self, setup: Setup, purpose: Purpose) -> Result<Deployment, SetupError> {
        setup::deployment(setup, purpose, &self.backends, &self.key)
    }
}

async fn start(deployment: &Deployment) -> Result<Process, SetupError> {
    let started: Result<_, DeployError> = deployment.start().await;
    Ok(started?)
}
