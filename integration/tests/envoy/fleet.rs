//! Three Envoys that have nothing in common but keys, behind a balancer without affinity: each session is served by all of them,
//! while keys are rotated and Envoys are restarted, drained and killed.

mod balancer;
mod clock;
mod figures;
mod judge;
mod member;
mod rules;
mod visitors;

use std::time::{Duration, Instant};

use integration::harness::{deadline, keys};

use self::balancer::Balancer;
use self::member::Member;
use self::rules::Rules;
use self::visitors::Visitors;
use crate::setup::pods_of;

/// How many seconds each Envoy's clock is ahead of the test's. The outer ones are as far apart as the documentation allows.
const CLOCKS: [i64; 3] = [-30, 0, 30];

/// How many clients there are.
const CLIENTS: usize = 200;

/// How long the fleet may take to reach a state: far longer than it needs, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_keeps_sessions_while_keys_rotate_and_envoys_come_and_go() {
    let pods = pods_of::<4>("backend");
    let [old, new] = [(); 2].map(|()| keys::fresh().unwrap());
    let rules = Rules::new(&pods, &old, &new);
    let mut fleet = Fleet::start(rules, &old).await;
    let begun = Instant::now();
    fleet.serve_all_sessions_at_all_members("at first").await;

    // As docs/configuration.md says, with restarts first and hot restarts then.
    fleet.restart_one_by_one(&format!("{old},{new}")).await;
    fleet.hot_restart_one_by_one(&format!("{new},{old}")).await;
    fleet.use_the_new_key_for_all_sessions().await;
    fleet.hot_restart_one_by_one(&new).await;

    fleet.drain_and_start_again(1, &new).await;
    let killed = fleet.kill(2).await;

    let Fleet { visitors, balancer, .. } = fleet;
    let figures = visitors.stop().await;
    let took = begun.elapsed();
    let served = balancer.stop().await;
    figures.print(took);
    figures.assert_promises();
    assert!(!figures.resets.is_empty(), "the killed Envoy had no connections");
    for client in &figures.resets {
        let at = served.get(client).map(Vec::as_slice).unwrap_or_default();
        assert!(at.contains(&killed), "{client} was reset, but not by the Envoy that was killed: {at:?}");
    }
}

/// The Envoys, the balancer in front of them, and their clients.
struct Fleet {
    members: [Member; 3],
    balancer: Balancer,
    visitors: Visitors,
}

impl Fleet {
    /// Starts all with this value of `SESSION_KEYS`.
    async fn start(rules: Rules, keys: &str) -> Self {
        let library = clock::library();
        let member = |number: usize| Member::start(&rules, number, CLOCKS[number], &library, keys);
        let (first, second, third) = tokio::join!(member(0), member(1), member(2));
        let members = [first, second, third];
        let balancer = Balancer::start(&members).await;
        balancer.until_healthy(3).await;
        let visitors = Visitors::start(CLIENTS, &rules, balancer.address());
        Self { members, balancer, visitors }
    }

    /// Waits until every session was served by every member once more.
    async fn serve_all_sessions_at_all_members(&self, when: &str) {
        let numbers: Vec<usize> =
            self.members.iter().filter(|member| member.runs()).map(|member| member.number).collect();
        self.visitors.forget_members();
        let all = async || self.visitors.were_served_by(&numbers).then_some(());
        let waited = deadline::until(PATIENCE, all).await;
        assert!(
            waited.is_ok(),
            "{when}: not every session was served by {numbers:?}; {:?}",
            self.visitors.failures()
        );
    }

    async fn restart_one_by_one(&mut self, keys: &str) {
        for number in 0..self.members.len() {
            self.drain_and_start_again(number, keys).await;
        }
        self.serve_all_sessions_at_all_members("after restarts").await;
    }

    /// The balancer takes the member out, and its connections end before it does.
    async fn drain_and_start_again(&mut self, number: usize, keys: &str) {
        let member = &mut self.members[number];
        member.drain().await;
        self.balancer.until_healthy(2).await;
        member.until_left().await;
        member.stop().await;
        member.start_again(keys).await;
        self.balancer.until_healthy(3).await;
    }

    async fn hot_restart_one_by_one(&mut self, keys: &str) {
        for member in &mut self.members {
            member.hot_restart(keys).await;
        }
        self.serve_all_sessions_at_all_members("after hot restarts").await;
        // Until then, the processes before these ones seal tokens with the keys before these ones.
        for member in &mut self.members {
            member.until_alone().await;
        }
    }

    async fn use_the_new_key_for_all_sessions(&self) {
        let all = async || self.visitors.have_new_key().then_some(());
        assert!(deadline::until(PATIENCE, all).await.is_ok(), "sessions keep the old key");
    }

    /// The address of the member that was killed.
    async fn kill(&mut self, number: usize) -> std::net::SocketAddr {
        self.members[number].kill();
        self.balancer.until_healthy(2).await;
        self.serve_all_sessions_at_all_members("after one was killed").await;
        self.members[number].http
    }
}
