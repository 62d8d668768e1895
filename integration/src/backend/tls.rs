//! Terminates TLS in front of a backend with a given certificate, and forwards the bytes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// What a client of a [`TlsFront`] negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The server name (SNI).
    pub server_name: Option<String>,
    /// The negotiated protocol (ALPN).
    pub protocol: Option<String>,
    /// Whether the client presented a certificate.
    pub client_certificate: bool,
}

/// A [`TlsFront`] cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum TlsFrontError {
    /// No port, or no connection.
    #[error("cannot listen: {0}")]
    Io(#[from] io::Error),
    /// The certificate and its key cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// They are not PEM.
    #[error("the certificate cannot be read: {0}")]
    Pem(#[from] pem::Error),
    /// The CA certificate for clients cannot be used.
    #[error("clients cannot be verified: {0}")]
    Clients(#[from] VerifierBuilderError),
}

/// Terminates TLS in front of a backend until it is dropped. Offers HTTP/1.1 and HTTP/2.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    handshakes: Arc<Mutex<Vec<Handshake>>>,
    _task: JoinSet<()>,
}

impl TlsFront {
    /// Starts on a free port of 127.0.0.1, in front of this address, with a certificate (and those behind it) and its key
    /// in PEM.
    ///
    /// # Errors
    /// No port is free, or the certificate cannot be used.
    pub async fn start(backend: SocketAddr, certificates: &str, key: &str) -> Result<Self, TlsFrontError> {
        Self::with_clients(backend, certificates, key, WebPkiClientVerifier::no_client_auth()).await
    }

    /// The same for clients with a certificate of this authority only.
    ///
    /// # Errors
    /// No port is free, or a certificate cannot be used.
    pub async fn start_for_clients_of(
        authority: &str,
        backend: SocketAddr,
        certificates: &str,
        key: &str,
    ) -> Result<Self, TlsFrontError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        Self::with_clients(backend, certificates, key, verifier).await
    }

    async fn with_clients(
        backend: SocketAddr,
        certificates: &str,
        key: &str,
        verifier: Arc<dyn ClientCertVerifier>,
    ) -> Result<Self, TlsFrontError> {
        let chain = CertificateDer::pem_slice_iter(certificates.as_bytes()).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let handshakes = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        task.spawn(serve(listener, backend, TlsAcceptor::from(Arc::new(config)), Arc::clone(&handshakes)));
        Ok(Self { address, handshakes, _task: task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The handshakes that have succeeded so far.
    #[must_use]
    pub fn handshakes(&self) -> Vec<Handshake> {
        self.handshakes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(
    listener: TcpListener,
    backend: SocketAddr,
    acceptor: TlsAcceptor,
    handshakes: Arc<Mutex<Vec<Handshake>>>,
) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(connection(stream, backend, acceptor.clone(), Arc::clone(&handshakes)));
        }
        while connections.try_join_next().is_some() {}
    }
}

/// A handshake that fails, or a side that goes away, is what the test is about, or nobody's business.
async fn connection(
    stream: TcpStream,
    backend: SocketAddr,
    acceptor: TlsAcceptor,
    handshakes: Arc<Mutex<Vec<Handshake>>>,
) {
    let Ok(mut secure) = acceptor.accept(stream).await else { return };
    let (_, session) = secure.get_ref();
    let handshake = Handshake {
        server_name: session.server_name().map(str::to_owned),
        protocol: session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        client_certificate: session.peer_certificates().is_some(),
    };
    handshakes.lock().unwrap_or_else(PoisonError::into_inner).push(handshake);
    if let Ok(mut plain) = TcpStream::connect(backend).await {
        let _ = copy_bidirectional(&mut secure, &mut plain).await;
    }
}
