//! One Envoy of the fleet: a process, or a series of hot restarts.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use integration::harness::client::Client;
use integration::harness::deadline;
use integration::harness::deployment::Deployment;
use integration::harness::envoy::{HotRestart, Process};
use rustix::process::{Pid, Signal, kill_process};

use super::rules::Rules;
use super::{PATIENCE, clock};
use crate::live::watched::free_addresses;
use crate::setup::start;

/// How long clients are asked to leave.
const DRAIN: Duration = Duration::from_secs(2);

/// When the process before a hot restart ends. Until then, a client that was asked to leave has sent another request.
const PARENT_SHUTDOWN: Duration = Duration::from_secs(5);

pub(super) struct Member {
    pub(super) number: usize,
    /// Where clients connect.
    pub(super) http: SocketAddr,
    pub(super) admin: SocketAddr,
    deployment: Deployment,
    epoch: u32,
    process: Option<Process>,
    /// The process before it, which ends by itself.
    before: Option<Process>,
}

impl Member {
    pub(super) async fn start(rules: &Rules, number: usize, clock: i64, library: &Path, keys: &str) -> Self {
        let [http, admin] = free_addresses();
        let deployment = Deployment::of_bootstrap(rules.bootstrap(number, http, admin)).unwrap();
        let deployment = deployment.with_workers(2).with_environment(&clock::environment(library, clock));
        let mut member = Self { number, http, admin, deployment, epoch: 0, process: None, before: None };
        member.start_again(keys).await;
        member
    }

    /// Starts it with this value of `SESSION_KEYS`.
    pub(super) async fn start_again(&mut self, keys: &str) {
        self.epoch = 0;
        self.process = Some(start(&self.of_epoch(keys)).await);
    }

    /// Starts another process, which takes the listener over from the one before. That one lets its clients go, and ends.
    pub(super) async fn hot_restart(&mut self, keys: &str) {
        self.epoch += 1;
        let next = start(&self.of_epoch(keys)).await;
        self.before = self.process.replace(next);
    }

    fn of_epoch(&self, keys: &str) -> Deployment {
        let series = HotRestart {
            base_id: self.base_id(),
            epoch: self.epoch,
            drain: DRAIN,
            parent_shutdown: PARENT_SHUTDOWN,
        };
        self.deployment.clone().with_keys(keys).hot_restarted(series)
    }

    /// No other Envoy on this machine has this port.
    fn base_id(&self) -> u32 {
        u32::from(self.admin.port())
    }

    /// Waits until the process before a hot restart has ended.
    pub(super) async fn until_alone(&mut self) {
        if let Some(mut before) = self.before.take() {
            let ended = tokio::time::timeout(PATIENCE, before.ended()).await;
            assert!(ended.unwrap().unwrap().success(), "{}", before.log());
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// Tells balancers that it goes, and clients to leave.
    pub(super) async fn drain(&self) {
        for path in ["/healthcheck/fail", "/drain_listeners?graceful&skip_exit"] {
            let answer = Client::new(self.admin).post(path).await.unwrap();
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
    }

    /// Waits until no client is connected.
    pub(super) async fn until_left(&self) {
        let admin = self.process.as_ref().unwrap().admin();
        let left = async || {
            let stats = admin.stats("downstream_cx_active").await.ok()?;
            let clients: u64 = stats
                .iter()
                .filter(|(name, _)| name.starts_with("http.") && !name.starts_with("http.admin"))
                .map(|(_, count)| count)
                .sum();
            (clients == 0).then_some(())
        };
        assert!(deadline::until(PATIENCE, left).await.is_ok(), "clients stay at Envoy {}", self.number);
    }

    /// Ends it as service managers do.
    pub(super) async fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        let id = Pid::from_raw(process.id().try_into().unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        tokio::time::timeout(PATIENCE, process.ended()).await.unwrap().unwrap();
    }

    /// Ends it as a crash does.
    pub(super) fn kill(&mut self) {
        drop(self.process.take());
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // What the processes of a series share; a killed one leaves it.
        let shared = format!("/dev/shm/envoy_shared_memory_{}", self.base_id() * 10);
        let _ = fs::remove_file(shared);
    }
}
