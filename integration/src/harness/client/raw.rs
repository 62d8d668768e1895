//! Sends arbitrary bytes as a request and parses the response.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Answer, ClientError, PATIENCE};

/// Sends these bytes, which must be one HTTP/1.1 request with `Connection: close`, and reads until the connection closes.
///
/// # Errors
/// There is no response, or it is not HTTP.
pub async fn raw(address: SocketAddr, request: &[u8]) -> Result<Answer, ClientError> {
    tokio::time::timeout(PATIENCE, exchange(address, request)).await.map_err(|_| ClientError::Timeout)?
}

async fn exchange(address: SocketAddr, request: &[u8]) -> Result<Answer, ClientError> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    parse(&bytes).ok_or_else(|| ClientError::Garbage(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Parses a response whose body is everything after the head: as received over HTTP/1.1, or as printed by `curl --include`.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (bytes.get(..end)?, bytes.get(end + 4..)?.to_vec());
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let status = str::from_utf8(lines.next()?).ok()?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &[u8]| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = String::from_utf8_lossy(line.get(..colon)?).to_ascii_lowercase();
        Some((name, line.get(colon + 1..)?.trim_ascii().to_vec()))
    };
    Some(Answer { status, headers: lines.filter_map(header).collect(), body })
}
