//! What the clients send: requests with the sessions that an Envoy of the same configuration and key has given them.
//!
//! Nothing here knows what a token looks like. Sessions come from answers, and a session has expired when Envoy says so.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use integration::backend::Backend;
use integration::harness::deadline;

use super::load::{Connection, LoadError, Request, Requests};
use super::rows::{Row, Setup, Traffic};
use super::setup::SESSION;

/// The longest that a session of one second may take to expire.
const PATIENCE: Duration = Duration::from_secs(30);

/// The size of the large response body.
const LARGE_BODY: u32 = 1_000_000;

/// A session, as its client has it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The header line that brings it back, without its line break.
    pub(super) header: String,
    /// The endpoint that it is pinned to.
    pub(super) endpoint: usize,
}

impl Row {
    /// What its clients send to the Envoy at this address; `many` is how many clients [`Traffic::Many`] are.
    ///
    /// # Errors
    /// Envoy gives no sessions, or they do not expire.
    pub(super) async fn requests(
        self,
        address: SocketAddr,
        backends: &[Backend],
        many: usize,
    ) -> Result<Requests, LoadError> {
        let path = match self.traffic {
            Traffic::LargeBody => format!("/bytes/{LARGE_BODY}"),
            _ => String::from("/health"),
        };
        let count = match (self.setup, self.traffic) {
            (Setup::Plain | Setup::Elsewhere, _) | (_, Traffic::New) => 0,
            (_, Traffic::Many) => many,
            _ => 1,
        };
        let mut connection = Connection::open(address)?;
        let mut list = Vec::new();
        for number in 0..count {
            let session = match self.setup {
                Setup::Lua => unsigned(number, backends),
                _ => begin(&mut connection, backends)?,
            };
            if self.traffic == Traffic::Expired {
                expire(&mut connection, &session).await?;
            }
            list.push(self.request(&path, &session));
        }
        if list.is_empty() {
            list.push(Request { bytes: request(&path, ""), endpoint: None });
        }
        Ok(Requests { list, begins_sessions: self.traffic.begins_sessions() })
    }

    fn request(self, path: &str, session: &Session) -> Request {
        let Session { header, endpoint } = session;
        match self.traffic {
            // It goes to whichever endpoint is next.
            Traffic::Expired => Request { bytes: request(path, header), endpoint: None },
            Traffic::ForeignCookies => {
                let header = header.replacen("cookie: ", &format!("cookie: {}", foreign_cookies()), 1);
                Request { bytes: request(path, &header), endpoint: Some(*endpoint) }
            }
            _ => Request { bytes: request(path, header), endpoint: Some(*endpoint) },
        }
    }
}

/// Begins a session.
///
/// # Errors
/// The answer has none, or does not name its endpoint.
pub(super) fn begin(connection: &mut Connection, backends: &[Backend]) -> Result<Session, LoadError> {
    let answer = connection.ask(&request("/get", ""))?;
    let cookie = answer.cookie(SESSION).map(|token| format!("cookie: {SESSION}={token}"));
    let header = cookie.or_else(|| answer.value(SESSION).map(|token| format!("{SESSION}: {token}")));
    let pod = answer.pod();
    let endpoint = backends.iter().position(|backend| pod.as_ref() == Some(&backend.pod().pod));
    match (header, endpoint) {
        (Some(header), Some(endpoint)) => Ok(Session { header, endpoint }),
        _ => Err(LoadError::Answer { expected: "a new session", answer: format!("{answer:?}") }),
    }
}

/// The session that the Lua script reads: the bare address of an endpoint.
fn unsigned(number: usize, backends: &[Backend]) -> Session {
    let endpoint = number % backends.len().max(1);
    let address = backends.get(endpoint).map(Backend::address);
    let address = address.map(|address| address.to_string()).unwrap_or_default();
    Session { header: format!("cookie: {SESSION}={address}"), endpoint }
}

/// Waits until Envoy no longer accepts a session.
async fn expire(connection: &mut Connection, session: &Session) -> Result<(), LoadError> {
    let old = request("/health", &session.header);
    let expired = deadline::until(PATIENCE, async || match connection.ask(&old) {
        Ok(answer) => answer.cookie(SESSION).map(|_| Ok(())),
        Err(error) => Some(Err(error)),
    });
    expired.await.unwrap_or_else(|elapsed| {
        let problem = format!("the session does not expire: {elapsed}");
        Err(LoadError::Connection(io::Error::other(problem)))
    })
}

/// A request as curl sends it. Browsers send more headers, which cost Envoy more and make every ratio look better.
fn request(path: &str, header: &str) -> Vec<u8> {
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let headers = "Host: localhost\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n";
    format!("GET {path} HTTP/1.1\r\n{headers}{header}\r\n").into_bytes()
}

/// Twenty cookies, about as long as those of analytics and preferences.
fn foreign_cookies() -> String {
    (0..20).fold(String::new(), |cookies, number| {
        cookies + &format!("_preference{number:02}=GA1.2.{number:02}1234567890.1700000000; ")
    })
}
