//! Clients with sessions that send requests all the time, each over one connection, and record what they see.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

/// Between two requests of a client.
const PAUSE: Duration = Duration::from_millis(100);

/// How a client reaches its rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
    pub(crate) path: &'static str,
    /// Whether the token is in the cookie `session`, rather than in the header of that name.
    pub(crate) cookie: bool,
}

/// What a client saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// The pods of its session, each with the number of the request that came to it first.
    pub(super) pods: Vec<String>,
    /// Whatever should not happen.
    pub(super) failures: Vec<String>,
}

/// Clients that visit until they are stopped.
pub(super) struct Clients {
    records: Vec<Arc<Mutex<Record>>>,
    requests: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Clients {
    pub(super) fn start(visits: impl IntoIterator<Item = Visit>) -> Self {
        let (requests, stopped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (mut records, mut tasks) = (Vec::new(), JoinSet::new());
        for visit in visits {
            let record = Arc::new(Mutex::new(Record::default()));
            records.push(Arc::clone(&record));
            let (requests, stopped) = (Arc::clone(&requests), Arc::clone(&stopped));
            tasks.spawn(async move {
                if let Err(problem) = visit.repeat(&record, &requests, &stopped).await {
                    record.lock().unwrap().failures.push(problem);
                }
            });
        }
        Self { records, requests, stopped, tasks }
    }

    /// What they saw so far.
    pub(super) fn records(&self) -> Vec<Record> {
        self.records.iter().map(|record| record.lock().unwrap().clone()).collect()
    }

    /// How many requests were answered.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Ends their visits.
    pub(super) async fn stop(mut self) -> Vec<Record> {
        self.stopped.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.records()
    }
}

/// A client without sessions that asks for one path again and again without a pause.
pub(super) struct Probe {
    stopped: Arc<AtomicBool>,
    task: JoinHandle<BTreeMap<u16, u64>>,
}

impl Probe {
    pub(super) fn start(visit: Visit, path: &'static str) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stopped);
        let task = tokio::spawn(async move {
            let visit = Visit { path, ..visit };
            let mut statuses = BTreeMap::new();
            let mut connection = connect(visit).await.unwrap();
            while !until.load(Ordering::Relaxed) {
                let (response, _) = visit.ask(&mut connection, None).await.unwrap();
                *statuses.entry(response.status().as_u16()).or_default() += 1;
            }
            statuses
        });
        Self { stopped, task }
    }

    /// How often it got each status.
    pub(super) async fn stop(self) -> BTreeMap<u16, u64> {
        self.stopped.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

impl Visit {
    /// The error is what ended its connection.
    async fn repeat(
        self,
        record: &Mutex<Record>,
        requests: &AtomicU64,
        stopped: &AtomicBool,
    ) -> Result<(), String> {
        let mut connection = connect(self).await?;
        let mut token = None;
        while !stopped.load(Ordering::Relaxed) {
            let answer = self.ask(&mut connection, token.as_deref()).await;
            let (response, body) =
                answer.map_err(|problem| format!("after {:?}: {problem}", record.lock().unwrap().pods))?;
            requests.fetch_add(1, Ordering::Relaxed);
            let pod = serde_json::from_slice::<serde_json::Value>(&body)
                .ok()
                .and_then(|echo| Some(echo.get("pod")?.as_str()?.to_owned()));
            let renewed = self.token(&response);
            {
                let mut record = record.lock().unwrap();
                if response.status() != 200 || response.headers().contains_key("connection") {
                    record.failures.push(format!("{response:?} {}", String::from_utf8_lossy(&body)));
                }
                if let Some(pod) = pod.filter(|pod| record.pods.last() != Some(pod)) {
                    if renewed.is_none() {
                        record.failures.push(format!("{pod} has answered without a token"));
                    }
                    record.pods.push(pod);
                }
            }
            token = renewed.or(token);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The answer to a request with this token.
    pub(crate) async fn ask(
        self,
        connection: &mut SendRequest<Empty<Bytes>>,
        token: Option<&str>,
    ) -> Result<(Response<()>, Bytes), hyper::Error> {
        connection.ready().await?;
        let mut request = Request::get(self.path).header("host", "localhost");
        if let Some(token) = token {
            let cookie = format!("session={token}");
            request =
                if self.cookie { request.header("cookie", cookie) } else { request.header("session", token) };
        }
        let response = connection.send_request(request.body(Empty::new()).unwrap()).await?;
        let (head, body) = response.into_parts();
        Ok((Response::from_parts(head, ()), body.collect().await?.to_bytes()))
    }

    /// The token that an answer has.
    pub(crate) fn token(self, response: &Response<()>) -> Option<String> {
        let name = if self.cookie { "set-cookie" } else { "session" };
        let value = response.headers().get(name)?.to_str().unwrap();
        let value = value.split(';').next().unwrap();
        Some(value.strip_prefix("session=").unwrap_or(value).to_owned())
    }
}

async fn connect(visit: Visit) -> Result<SendRequest<Empty<Bytes>>, String> {
    let stream = TcpStream::connect(visit.address).await.map_err(|problem| problem.to_string())?;
    if visit.tls { talk(handshake(stream).await?).await } else { talk(stream).await }
}

/// A connection for requests.
pub(crate) async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Empty<Bytes>>, String> {
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|problem| problem.to_string())?;
    tokio::spawn(connection);
    Ok(sender)
}

/// The certificate that Envoy shows to a new client.
pub(super) async fn certificate(address: SocketAddr) -> Vec<u8> {
    let stream = handshake(TcpStream::connect(address).await.unwrap()).await.unwrap();
    let (_, session) = stream.get_ref();
    session.peer_certificates().unwrap()[0].to_vec()
}

async fn handshake(stream: TcpStream) -> Result<TlsStream<TcpStream>, String> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    connector
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
        .map_err(|problem| problem.to_string())
}

/// Accepts every certificate: which one it is is compared.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
