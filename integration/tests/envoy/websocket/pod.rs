//! A WebSocket pod: it sends its name, then echoes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use futures_util::{SinkExt, StreamExt};
use integration::harness::manifests::{Endpoint, EndpointState};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// One pod. It has its address for as long as it lives, alive or killed.
pub(crate) struct WebSocketPod {
    name: String,
    address: SocketAddr,
    server: JoinSet<()>,
    /// The socket keeps the address of a killed pod from others; since it does not listen, connections are refused.
    kept: Option<TcpSocket>,
}

/// What a pod does with who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It upgrades the connection.
    Upgrade,
    /// It never answers.
    Silent,
}

impl From<&WebSocketPod> for Endpoint {
    fn from(pod: &WebSocketPod) -> Self {
        Self { address: pod.address, state: EndpointState::Ready }
    }
}

impl WebSocketPod {
    /// Starts a pod of this name on a free port of 127.0.0.1.
    pub(crate) fn start(name: &str, manner: Manner) -> Self {
        let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap().listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, name.to_owned(), manner));
        Self { name: name.to_owned(), address, server, kept: None }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Closes every connection and refuses new ones.
    pub(crate) async fn kill(&mut self) {
        self.server.shutdown().await;
        self.kept = Some(bind(self.address).unwrap());
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn serve(listener: TcpListener, name: String, manner: Manner) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        match manner {
            Manner::Upgrade => connections.spawn(upgrade(stream, name.clone())),
            Manner::Silent => connections.spawn(async move {
                std::future::pending::<()>().await;
                drop(stream);
            }),
        };
    }
}

async fn upgrade(stream: TcpStream, name: String) {
    // Who connects and asks for no WebSocket, or goes away, is nobody's business.
    if let Ok(mut socket) = accept_async(stream).await {
        let _ = converse(&mut socket, name).await;
    }
}

async fn converse(
    socket: &mut WebSocketStream<TcpStream>,
    name: String,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    socket.send(Message::from(name)).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
