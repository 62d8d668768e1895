//! Finds or downloads Envoy, starts it, reads its admin interface, stops it.

mod admin;
mod locate;
mod process;
mod pypi;

pub use admin::{Admin, AdminError};
pub use locate::{LocateError, VERSION, locate};
pub use process::{HotRestart, Launch, Process, StartError, validate};
pub use pypi::FetchError;
