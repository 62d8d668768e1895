//! Authorization of requests by a server.

/// A server that is asked whether a request may pass. If it cannot be asked, the request may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAuth {
    /// The cluster of the server.
    pub cluster: String,
    /// The name of the server, as `service.namespace`.
    pub host: String,
    /// How it is asked.
    pub protocol: AuthProtocol,
    /// The length in bytes of the longest body that it gets; longer ones are refused with 413. 0 forwards no body.
    pub max_body: u32,
}

/// How the server is asked. Names of headers are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthProtocol {
    /// Envoy's `ext_authz` protocol.
    Grpc {
        /// The headers that the server gets; if empty, all.
        request_headers: Vec<String>,
    },
    /// Plain HTTP: 200 lets a request pass.
    Http {
        /// What goes before the path of the request.
        path: String,
        /// The headers that the server gets beside host, method, path, length and `authorization`.
        request_headers: Vec<String>,
        /// The headers of its answer that the backend gets; if empty, all.
        response_headers: Vec<String>,
    },
}
