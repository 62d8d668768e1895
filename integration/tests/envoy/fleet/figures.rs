//! What clients have counted.

use std::net::SocketAddr;
use std::time::Duration;

use super::judge::{Broken, Verdict};

#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) clients: u64,
    pub(super) connections: u64,
    pub(super) requests: u64,
    /// How many there were, one after the other.
    pub(super) sessions: u64,
    /// How many of them ended when they might, and the client moved on to another one.
    pub(super) ended: u64,
    /// How often a session got another token.
    pub(super) resealed: u64,
    /// How many sessions ended before their time.
    pub(super) lost: u64,
    /// How many requests were answered for a session whose time had passed.
    pub(super) extended: u64,
    /// The client's side of every connection that ended without an answer.
    pub(super) resets: Vec<SocketAddr>,
    /// Whatever else should not happen, and what was lost or extended.
    pub(super) failures: Vec<String>,
}

impl Figures {
    /// Counts a verdict.
    pub(super) fn count(&mut self, verdict: Result<Verdict, Broken>) {
        match verdict {
            Ok(Verdict::Began) => self.sessions += 1,
            Ok(Verdict::Continued) => {}
            Ok(Verdict::Resealed) => self.resealed += 1,
            Ok(Verdict::Ended) => {
                self.sessions += 1;
                self.ended += 1;
            }
            Err(broken) => {
                match broken {
                    Broken::Lost(_) => self.lost += 1,
                    Broken::Extended(_) => self.extended += 1,
                    Broken::Wrong(_) => {}
                }
                self.failures.push(broken.to_string());
            }
        }
    }

    /// Both together.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.clients += other.clients;
        self.connections += other.connections;
        self.requests += other.requests;
        self.sessions += other.sessions;
        self.ended += other.ended;
        self.resealed += other.resealed;
        self.lost += other.lost;
        self.extended += other.extended;
        self.resets.extend(other.resets);
        self.failures.extend(other.failures);
        self
    }

    pub(super) fn print(&self, took: Duration) {
        println!(
            "{} requests of {} clients over {} connections in {took:?}; {} sessions: {} ended at their timeout, {} got a \
             new token, {} lost; {} requests answered after the timeout; moves: {} expected, {} seen; {} resets; {} errors",
            self.requests,
            self.clients,
            self.connections,
            self.sessions,
            self.ended,
            self.resealed,
            self.lost,
            self.extended,
            self.ended,
            self.ended + self.lost,
            self.resets.len(),
            self.failures.len(),
        );
    }

    pub(super) fn assert_promises(&self) {
        let first: Vec<_> = self.failures.iter().take(5).collect();
        assert!(self.failures.is_empty(), "{} failures, the first ones: {first:#?}", self.failures.len());
        assert!(self.ended > 0, "no session has ended at its timeout");
        assert!(self.resealed > self.clients, "the new key was not used");
    }
}
