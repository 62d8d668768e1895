//! Sends requests over connections that stay open, and checks every answer.
//!
//! The client is kept cheap, since it shares the machine with what is measured. It checks two things of each answer (its
//! status, and whether it begins a session), and of each run how many requests every endpoint got: a filter that does not
//! pin is fast, and must not pass.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use integration::backend::Backend;
use integration::harness::client::{Answer, parse};

use super::setup::SESSION;

/// More than any answer: 1 MB and a head.
const BUFFER: usize = 1_100_000;

/// Longer than any answer takes, also under a profiler on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Why a run does not count.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// A connection broke.
    #[error("a connection to Envoy broke: {0}")]
    Connection(#[from] io::Error),
    /// An answer that these clients must not get.
    #[error("unexpected answer ({expected} expected):\n{answer}")]
    Answer {
        /// What it lacks.
        expected: &'static str,
        /// Its head.
        answer: String,
    },
    /// The requests reached other endpoints than their sessions name.
    #[error("requests per endpoint: expected {expected:?}, found {found:?}")]
    Endpoints {
        /// By endpoint; empty if any will do, as long as every endpoint gets some.
        expected: Vec<u64>,
        /// By endpoint.
        found: Vec<u64>,
    },
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// What is sent.
    pub(super) bytes: Vec<u8>,
    /// The endpoint that its session is pinned to, as a position among the backends.
    pub(super) endpoint: Option<usize>,
}

/// Requests that are sent one after the other, from the first again after the last.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    /// At least one.
    pub(super) list: Vec<Request>,
    /// Whether each answer has to begin a session; otherwise none may.
    pub(super) begins_sessions: bool,
}

impl Requests {
    fn at(&self, position: usize) -> Option<&Request> {
        self.list.get(position % self.list.len().max(1))
    }

    fn check(&self, head: &[u8]) -> Result<(), LoadError> {
        let begins = [format!("\r\nset-cookie: {SESSION}="), format!("\r\n{SESSION}: ")];
        let begins = begins.iter().any(|text| contains(head, text.as_bytes()));
        let expected = match (head.starts_with(b"HTTP/1.1 200 "), begins, self.begins_sessions) {
            (false, ..) => "status 200",
            (true, true, false) => "no new session",
            (true, false, true) => "a new session",
            _ => return Ok(()),
        };
        Err(LoadError::Answer { expected, answer: String::from_utf8_lossy(head).into_owned() })
    }
}

/// Open connections to one Envoy.
pub(super) struct Load {
    connections: Vec<Connection>,
    next: usize,
}

impl Load {
    /// Opens so many connections.
    pub(super) fn open(address: SocketAddr, connections: usize) -> Result<Self, LoadError> {
        let connections = (0..connections).map(|_| Connection::open(address)).collect::<Result<_, _>>()?;
        Ok(Self { connections, next: 0 })
    }

    /// Sends the next requests, one at a time over each connection. Returns how long each answer took.
    pub(super) fn run(
        &mut self,
        requests: &Requests,
        count: usize,
        backends: &[Backend],
    ) -> Result<Vec<Duration>, LoadError> {
        let before: Vec<_> = backends.iter().map(Backend::requests).collect();
        let positions = self.next..self.next + count;
        self.next = positions.end;
        let step = self.connections.len().max(1);
        let times = thread::scope(|scope| {
            let send = |(first, connection)| {
                let positions = positions.clone().skip(first).step_by(step);
                scope.spawn(move || send(connection, requests, positions))
            };
            let running: Vec<_> = self.connections.iter_mut().enumerate().map(send).collect();
            let ended = running.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|_| Err(io::Error::other("the client failed").into()))
            });
            ended.collect::<Result<Vec<_>, _>>()
        })?;
        let found =
            backends.iter().zip(before).map(|(backend, before)| backend.requests() - before).collect();
        check_endpoints(requests, positions, found)?;
        Ok(times.concat())
    }
}

fn send(
    connection: &mut Connection,
    requests: &Requests,
    positions: impl Iterator<Item = usize>,
) -> Result<Vec<Duration>, LoadError> {
    let exchange = |request: &Request| {
        let start = Instant::now();
        let (head, _) = connection.exchange(&request.bytes)?;
        let time = start.elapsed();
        requests.check(head)?;
        Ok(time)
    };
    positions.filter_map(|position| requests.at(position)).map(exchange).collect()
}

/// Checks that the requests reached the endpoints of their sessions, or every endpoint if they have none.
fn check_endpoints(
    requests: &Requests,
    positions: impl Iterator<Item = usize>,
    found: Vec<u64>,
) -> Result<(), LoadError> {
    let mut expected = vec![0; found.len()];
    for request in positions.filter_map(|position| requests.at(position)) {
        match request.endpoint.and_then(|endpoint| expected.get_mut(endpoint)) {
            Some(count) => *count += 1,
            None if found.contains(&0) => return Err(LoadError::Endpoints { expected: Vec::new(), found }),
            None => return Ok(()),
        }
    }
    if expected == found { Ok(()) } else { Err(LoadError::Endpoints { expected, found }) }
}

/// A connection that sends one request at a time.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(super) fn open(address: SocketAddr) -> Result<Self, LoadError> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: vec![0; BUFFER] })
    }

    /// Sends a request; the answer in full.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<Answer, LoadError> {
        let (head, body) = self.exchange(request)?;
        let answer = parse(&[head, body].concat());
        answer.ok_or_else(|| LoadError::Connection(io::Error::other("the answer is not HTTP")))
    }

    /// Sends a request; the head (with its empty line) and the body of the answer.
    fn exchange(&mut self, request: &[u8]) -> Result<(&[u8], &[u8]), LoadError> {
        self.stream.write_all(request)?;
        let mut length = 0;
        let mut ends = None;
        while ends.is_none_or(|(_, end)| length < end) {
            let read = self.stream.read(self.buffer.get_mut(length..).unwrap_or_default())?;
            if read == 0 {
                let problem = "it closed, or the answer is longer than expected";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem).into());
            }
            length += read;
            ends = ends.or_else(|| ends_of(self.buffer.get(..length)?));
        }
        let (head, end) = ends.unwrap_or_default();
        Ok((self.buffer.get(..head).unwrap_or_default(), self.buffer.get(head..end).unwrap_or_default()))
    }
}

/// Where the head of an answer ends, and where its body does; none while the head is incomplete or gives no length.
fn ends_of(answer: &[u8]) -> Option<(usize, usize)> {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let mut lines = answer.get(..head)?.split(|&byte| byte == b'\n');
    let length = lines.find_map(|line| line.strip_prefix(b"content-length: "))?;
    let length: usize = str::from_utf8(length.trim_ascii()).ok()?.parse().ok()?;
    Some((head, head + length))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(endpoints: &[Option<usize>], begins_sessions: bool) -> Requests {
        let list = endpoints.iter().map(|&endpoint| Request { bytes: Vec::new(), endpoint }).collect();
        Requests { list, begins_sessions }
    }

    #[test]
    fn requests_have_to_reach_the_endpoints_of_their_sessions() {
        let pinned = requests(&[Some(1), Some(1), Some(0)], false);
        assert!(check_endpoints(&pinned, 0..6, vec![2, 4]).is_ok());
        assert!(check_endpoints(&pinned, 1..3, vec![1, 1]).is_ok());
        assert!(check_endpoints(&pinned, 0..6, vec![3, 3]).is_err());
        // One request more than was sent: a retry.
        assert!(check_endpoints(&pinned, 0..6, vec![3, 4]).is_err());
    }

    #[test]
    fn requests_without_a_session_have_to_reach_every_endpoint() {
        assert!(check_endpoints(&requests(&[None], false), 0..6, vec![5, 1]).is_ok());
        assert!(check_endpoints(&requests(&[None], false), 0..6, vec![6, 0]).is_err());
    }

    #[test]
    fn an_answer_begins_a_session_or_it_does_not() {
        let [continues, begins] = [false, true].map(|begins| requests(&[None], begins));
        let head = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n").into_bytes();
        for set in ["set-cookie: session=x\r\n", "session: x\r\n"] {
            assert!(begins.check(&head(set)).is_ok());
            assert!(continues.check(&head(set)).is_err());
        }
        for other in ["", "set-cookie: other=x\r\n", "x-session: x\r\n"] {
            assert!(begins.check(&head(other)).is_err());
            assert!(continues.check(&head(other)).is_ok());
        }
        assert!(continues.check(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").is_err());
    }

    #[test]
    fn an_answer_ends_where_its_length_says() {
        assert_eq!(ends_of(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nOK"), Some((39, 51)));
        assert_eq!(ends_of(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n"), None);
    }
}
