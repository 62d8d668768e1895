//! Warnings, at most one a minute for each cause and worker. They cost nothing as long as nothing is wrong. No message contains a token,
//! a key or a cookie.

use std::cell::RefCell;
use std::fmt::Arguments;

use log::Level;

use super::calls::now;
use crate::config::RuleId;
use crate::session::Rejection;
use crate::throttle::Throttle;
use crate::token::OpenError;

/// What is warned about.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Cause {
    /// An Envoy has other keys.
    UnknownKey,
    /// Somebody tries tokens, or two rules have the same cookie.
    Forged,
    /// The clock of an Envoy is wrong.
    FutureDated,
    /// There are no random numbers.
    Random,
    /// Sealing fails.
    Sealing,
    /// Envoy refuses a call.
    Refused,
    /// An endpoint cannot have sessions.
    Address,
}

const CAUSES: usize = 7;

thread_local! {
    static THROTTLES: RefCell<[Throttle; CAUSES]> = const { RefCell::new([Throttle::new(); CAUSES]) };
}

/// Logs a message, unless there was one about the same cause less than a minute ago.
pub(super) fn warn(level: Level, cause: Cause, message: Arguments<'_>) {
    let admitted = THROTTLES.with_borrow_mut(|throttles| throttles.get_mut(cause as usize)?.admit(now()));
    match admitted {
        Some(0) => log::log!(level, "{message}"),
        Some(left_out) => log::log!(level, "{message} ({left_out} more since the last such message)"),
        None => {}
    }
}

/// Logs a rejected token: at level debug if that is usual.
pub(super) fn rejected(rule: &RuleId, rejection: Rejection) {
    let cause = match rejection {
        Rejection::Unopened(OpenError::UnknownKey) => Cause::UnknownKey,
        Rejection::Unopened(OpenError::Forged) => Cause::Forged,
        Rejection::FutureDated => Cause::FutureDated,
        Rejection::Unopened(OpenError::Malformed) | Rejection::Expired | Rejection::Idle => {
            log::debug!("{rule}: token rejected: {rejection}");
            return;
        }
    };
    warn(Level::Warn, cause, format_args!("{rule}: token rejected: {rejection}"));
}
