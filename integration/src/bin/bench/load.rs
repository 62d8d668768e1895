//! The requests of a returning client: small, all alike, over connections that stay open.
//!
//! The client is kept cheap, since it shares the machine with what is measured.

use std::io;
use std::net::SocketAddr;

use integration::client::{Client, ClientError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Why there is no load.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// The first requests failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A connection broke.
    #[error("a connection broke: {0}")]
    Connection(#[from] io::Error),
    /// What is measured does not do its work.
    #[error("the session does not hold: its requests were answered by {0:?}")]
    NoSession(Vec<Option<String>>),
    /// An answer that a returning client does not get.
    #[error("not the answer of a session that goes on: {0:?}")]
    Answer(String),
}

/// Open connections to one Envoy.
pub(super) struct Load {
    connections: Vec<TcpStream>,
    request: Vec<u8>,
}

impl Load {
    /// Begins a session, where there are sessions, and opens connections.
    pub(super) async fn prepare(address: SocketAddr, session: bool, count: u32) -> Result<Self, LoadError> {
        let client = Client::new(address);
        let token = client.get("/get").await?.cookie("session");
        let cookie = token.map(|token| format!("session={token}")).unwrap_or_default();
        let mut pods = Vec::new();
        for _ in 0..8 {
            pods.push(client.get_with("/get", &[("cookie", &cookie)]).await?.pod());
        }
        pods.dedup();
        if (pods.len() == 1) != session {
            return Err(LoadError::NoSession(pods));
        }
        let header = if session { format!("cookie: {cookie}\r\n") } else { String::new() };
        let request = format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{header}\r\n").into_bytes();
        let mut connections = Vec::new();
        for _ in 0..count {
            let connection = TcpStream::connect(address).await?;
            connection.set_nodelay(true)?;
            connections.push(connection);
        }
        Ok(Self { connections, request })
    }

    /// Sends so many requests over the connections and waits for their answers.
    pub(super) async fn run(&mut self, requests: u32) -> Result<(), LoadError> {
        let connections = u32::try_from(self.connections.len()).unwrap_or(u32::MAX);
        let share = requests / connections.max(1);
        let mut running = JoinSet::new();
        for connection in self.connections.drain(..) {
            running.spawn(exchange(connection, self.request.clone(), share));
        }
        while let Some(ended) = running.join_next().await {
            self.connections.push(ended.map_err(io::Error::from)??);
        }
        Ok(())
    }
}

async fn exchange(mut connection: TcpStream, request: Vec<u8>, count: u32) -> Result<TcpStream, LoadError> {
    let mut buffer = [0; 4096];
    for _ in 0..count {
        connection.write_all(&request).await?;
        let mut length = 0;
        // The body of `/health` is `OK`, and nothing else ends so.
        loop {
            let free = buffer.get_mut(length..).unwrap_or_default();
            let read = connection.read(free).await?;
            length += read;
            let answer = buffer.get(..length).unwrap_or_default();
            if read == 0 || answer.ends_with(b"\r\n\r\nOK") {
                break;
            }
        }
        let answer = buffer.get(..length).unwrap_or_default();
        if !answer.starts_with(b"HTTP/1.1 200 ") || contains(answer, b"set-cookie") {
            return Err(LoadError::Answer(String::from_utf8_lossy(answer).into_owned()));
        }
    }
    Ok(connection)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
