//! `envoy-config keygen`: makes a key for `SESSION_KEYS`.

use std::fmt::Write as _;

use clap::Args;
use session_persistence::key::KEY_LENGTH;
use zeroize::Zeroizing;

use super::{Exit, Streams};

/// Make a key for `SESSION_KEYS`: 32 random bytes as 64 hex characters.
///
/// Write it into a file that only Envoy's user can read: `umask 077; envoy-config keygen >session-keys`. All Envoys that share
/// sessions need the same keys.
#[derive(Debug, Args)]
pub(super) struct Keygen {}

impl Keygen {
    pub(super) fn run(streams: &mut Streams<'_>) -> Exit {
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        if let Err(problem) = getrandom::fill(&mut *key) {
            return streams.fail(&format!("the system has no random numbers: {problem}"));
        }
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY_LENGTH + 1));
        for byte in key.iter() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
        streams.write(&text).map_or_else(|problem| streams.fail(&problem), |()| Exit::Fine)
    }
}
