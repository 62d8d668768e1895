//! What the demo adds to echo backends: a web page that shows sessions, and pods that its buttons stop and start.
//!
//! - [`sources`]: reads the manifests of a folder.
//! - [`slices`]: the pods behind the EndpointSlices of manifests.
//! - [`Control`]: the control port of a pod; [`Peers`]: all pods of a Service, by their control ports.
//! - [`Site`]: the page and what its buttons request; [`watched`]: the sessions that the page shows.
//! - [`start_group`]: starts several pods with one site.
//! - [`transcript`]: the commands of Envoy Gateway's session persistence task, and their expected results.

mod control;
mod group;
mod page;
mod peers;
mod sessions;
mod site;
pub mod slices;
pub mod sources;
pub mod transcript;

pub use control::{Control, Status};
pub use group::{GroupError, start_group};
pub use peers::{Peers, PeersError};
pub use sessions::{WatchedSession, watched};
pub use site::Site;
