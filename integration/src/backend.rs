//! Echo backends: HTTP servers that answer like the Gateway API's `echo-basic`, and that tests can kill, pause and restart.
//!
//! With an [`Overlay`] they serve something else at some paths, as the demo's pods do.

mod echo;
mod failures;
mod serve;
mod tls;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::broadcast;

pub use echo::Pod;
use serve::Shared;
pub use serve::{Arrival, Overlaid, Overlay};
pub(crate) use serve::{Outcome, Server};
pub use tls::{Handshake, TlsFront, TlsFrontError};

/// How many connections may wait for `accept`.
const BACKLOG: u32 = 1024;

/// What a backend does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers them.
    Answer,
    /// It accepts them, and answers when the behaviour changes.
    Pause,
    /// It closes their connections without a response.
    HangUp,
}

/// One backend. It keeps its address while it is killed.
#[derive(Debug)]
pub struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
    state: State,
}

/// Whether anything listens at the address.
#[derive(Debug)]
enum State {
    Alive(Server),
    /// The socket keeps the address from others; since it does not listen, connections are refused.
    Killed(Option<TcpSocket>),
}

impl Backend {
    /// Starts a backend on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port is free.
    pub fn start(pod: Pod) -> io::Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), pod)
    }

    /// Starts pods on one port that is free, each with an address of its own (127.0.1.1 and so on), like pods of a cluster.
    ///
    /// # Errors
    /// No port is free on all of the addresses.
    pub fn start_on_one_port<const N: usize>(pods: &[Pod; N]) -> io::Result<[Self; N]> {
        const TRIES: usize = 100;
        let mut port = 0;
        for last in (0..TRIES).rev() {
            let mut started = Vec::with_capacity(N);
            let failed = pods.iter().zip(1..=u8::MAX).find_map(|(pod, host)| {
                let address = SocketAddr::from((Ipv4Addr::new(127, 0, 1, host), port));
                match Self::start_at(address, pod.clone()) {
                    Ok(one) => {
                        port = one.address.port();
                        started.push(one);
                        None
                    }
                    Err(error) => Some(error),
                }
            });
            // Something else may have this port on another address.
            match (<[Self; N]>::try_from(started), failed) {
                (Ok(all), _) => return Ok(all),
                (Err(_), Some(error)) if last == 0 => return Err(error),
                (Err(_), _) => port = 0,
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// Starts a backend on this address.
    ///
    /// # Errors
    /// The address is in use, or does not belong to this machine.
    pub fn start_at(address: SocketAddr, pod: Pod) -> io::Result<Self> {
        Self::start_with(address, pod, None)
    }

    /// Starts a backend on this address that also serves this overlay.
    ///
    /// # Errors
    /// The address is in use, or does not belong to this machine.
    pub fn start_with(address: SocketAddr, pod: Pod, overlay: Option<Arc<dyn Overlay>>) -> io::Result<Self> {
        let listener = bind(address)?.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(pod, overlay));
        let state = State::Alive(serve::pod(listener, &shared));
        Ok(Self { address, shared, state })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its pod.
    #[must_use]
    pub fn pod(&self) -> &Pod {
        &self.shared.pod
    }

    /// How many requests have reached it, answered or not.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The requests from now on. The latest thousand are buffered.
    #[must_use]
    pub fn arrivals(&self) -> broadcast::Receiver<Arrival> {
        self.shared.arrivals.subscribe()
    }

    /// Changes what it does with requests, including paused ones.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.behaviour.send_replace(behaviour);
    }

    /// Closes every connection and refuses new ones; returns when it is done.
    ///
    /// # Errors
    /// The address cannot be reserved.
    pub async fn kill(&mut self) -> io::Result<()> {
        if let State::Alive(server) = std::mem::replace(&mut self.state, State::Killed(None)) {
            server.stop().await;
            self.state = State::Killed(Some(bind_again(self.address).await?));
        }
        Ok(())
    }

    /// Shuts down gracefully: refuses new connections, and closes the others after their next response, or when they are
    /// idle. Returns when only connections with a pending request are left.
    ///
    /// # Errors
    /// The address cannot be reserved.
    pub async fn leave(&mut self) -> io::Result<()> {
        if let State::Alive(mut server) = std::mem::replace(&mut self.state, State::Killed(None)) {
            server.leave().await;
            self.state = State::Killed(Some(bind_again(self.address).await?));
            server.close().await;
        }
        Ok(())
    }

    /// Listens again, on the same address.
    ///
    /// # Errors
    /// The address is no longer available.
    pub fn revive(&mut self) -> io::Result<()> {
        if let State::Killed(kept) = &mut self.state {
            let socket = kept.take().map_or_else(|| bind(self.address), Ok)?;
            self.state = State::Alive(serve::pod(socket.listen(BACKLOG)?, &self.shared));
        }
        Ok(())
    }

    /// Whether it is neither killed nor has left.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        matches!(self.state, State::Alive(_))
    }

    /// Whether it accepts connections.
    pub async fn reachable(&self) -> bool {
        TcpStream::connect(self.address).await.is_ok()
    }
}

/// Binds an address that was in use until now. An outgoing connection may have taken its port in between, for as long as it lasts.
async fn bind_again(address: SocketAddr) -> io::Result<TcpSocket> {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        match bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            bound => return bound,
        }
    }
}

/// Binds an address without listening on it.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Closed connections occupy an address for a while; a restarted backend needs it at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
