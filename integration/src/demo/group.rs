//! Starts several pods in one process, each with a control port, all with one site.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::{Control, Peers, Site, WatchedSession};
use crate::backend::{Backend, Overlay, Pod};
use crate::harness::deployment::FREE_PORT;

/// A pod of the group cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {problem}")]
pub struct GroupError {
    /// The address that cannot be bound.
    pub address: SocketAddr,
    /// Why.
    pub problem: io::Error,
}

/// Starts these pods at these addresses, each with a page that shows these sessions; returns them in the same order.
///
/// # Errors
/// The first address that cannot be bound.
pub async fn start_group(
    pods: impl IntoIterator<Item = (SocketAddr, Pod)>,
    sessions: Vec<WatchedSession>,
) -> Result<Vec<Control>, GroupError> {
    let refused = |address| move |problem| GroupError { address, problem };
    let mut placed = Vec::new();
    for (address, pod) in pods {
        let listener = TcpListener::bind(FREE_PORT).await.map_err(refused(FREE_PORT))?;
        let control = listener.local_addr().map_err(refused(FREE_PORT))?;
        placed.push((address, pod, listener, control));
    }
    let peers = Peers::At(placed.iter().map(|(.., control)| *control).collect());
    let site: Arc<dyn Overlay> = Arc::new(Site::new(sessions, peers));
    let started = placed.into_iter().map(|(address, pod, listener, _)| {
        let backend = Backend::start_with(address, pod, Some(Arc::clone(&site))).map_err(refused(address))?;
        Control::start(listener, backend).map_err(refused(FREE_PORT))
    });
    started.collect()
}
