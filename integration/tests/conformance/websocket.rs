//! WebSockets: an upgraded connection carries frames in both directions.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{accept_async, client_async};

use crate::documents::route;
use crate::infrastructure::{INFRA, SAME_NAMESPACE, Target, service, slice};
use crate::replay::Replay;

/// WebSocket connections reach a port with the WebSocket protocol, and carry text and bytes.
#[tokio::test]
async fn httproute_backend_protocol_websocket() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(parrot(listener));
    let socket = Target { namespace: INFRA, service: "socket" };
    let rules = "\n  - backendRefs: [{name: socket, port: 8082}]";
    let documents =
        [service(socket), slice(INFRA, "socket", 0, address), route("socket", SAME_NAMESPACE, rules)];
    let replay = Replay::start(&documents).await;
    converse(replay.address(SAME_NAMESPACE, 80)).await.unwrap();
    server.await.unwrap().unwrap();
}

/// Sends frames of both kinds and wants them back.
async fn converse(address: SocketAddr) -> Result<(), Error> {
    let stream = TcpStream::connect(address).await?;
    let (mut socket, _) = client_async("ws://gateway.example/ws", stream).await?;
    for message in [Message::text("a frame of text"), Message::binary(vec![1, 2, 3, 4, 5, 6, 7])] {
        socket.send(message.clone()).await?;
        assert_eq!(socket.next().await.unwrap()?, message);
    }
    socket.close(None).await
}

/// Says what it hears on one connection, until that closes.
async fn parrot(listener: TcpListener) -> Result<(), Error> {
    let (stream, _) = listener.accept().await?;
    let mut socket = accept_async(stream).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if !message.is_close() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
