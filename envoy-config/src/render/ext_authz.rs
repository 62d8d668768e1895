//! Authorization of requests by a server (`envoy.extensions.filters.http.ext_authz.v3.ExtAuthz`).
//!
//! If the server cannot be asked, Envoy refuses the request with 403: no failure lets a request pass.

use serde::Serialize;

use super::extension::{Extension, Message};
use super::string_matcher::{Regex, StringMatcher};
use crate::model::{AuthProtocol, ExternalAuth};

/// How long the server may take.
const TIMEOUT: &str = "10s";

/// Headers that the answer of a server must not change in a request: those of the connection, those that frame the message, and
/// `Host`. (Of an answer without a list of allowed headers, all others are copied.)
const KEPT: &str =
    "host|connection|content-length|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade";

#[derive(Serialize)]
pub(super) struct ExtAuthz {
    #[serde(flatten)]
    service: Service,
    transport_api_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_headers: Option<Names>,
    #[serde(skip_serializing_if = "Option::is_none")]
    with_request_body: Option<Body>,
    decoder_header_mutation_rules: MutationRules,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Service {
    GrpcService { envoy_grpc: EnvoyGrpc, timeout: &'static str },
    HttpService(HttpService),
}

#[derive(Serialize)]
struct EnvoyGrpc {
    cluster_name: String,
    authority: String,
}

#[derive(Serialize)]
struct HttpService {
    server_uri: HttpUri,
    #[serde(skip_serializing_if = "String::is_empty")]
    path_prefix: String,
    authorization_response: AuthorizationResponse,
}

#[derive(Serialize)]
struct HttpUri {
    uri: String,
    cluster: String,
    timeout: &'static str,
}

#[derive(Serialize)]
struct AuthorizationResponse {
    allowed_upstream_headers: Names,
}

/// `envoy.type.matcher.v3.ListStringMatcher`
#[derive(Serialize)]
struct Names {
    patterns: Vec<StringMatcher>,
}

/// `BufferSettings`: without `allow_partial_message`, longer bodies are refused.
#[derive(Serialize)]
struct Body {
    max_request_bytes: u32,
}

/// `envoy.config.common.mutation_rules.v3.HeaderMutationRules`
#[derive(Serialize)]
struct MutationRules {
    disallow_system: bool,
    disallow_expression: Regex,
}

impl Message for ExtAuthz {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
}

impl ExtAuthz {
    pub(super) fn extension(auth: &ExternalAuth) -> Extension<Self> {
        let cluster = auth.cluster.clone();
        let (service, allowed_headers) = match &auth.protocol {
            AuthProtocol::Grpc { request_headers } => {
                let envoy_grpc = EnvoyGrpc { cluster_name: cluster, authority: auth.host.clone() };
                (Service::GrpcService { envoy_grpc, timeout: TIMEOUT }, request_headers)
            }
            AuthProtocol::Http { path, request_headers, response_headers } => {
                let uri = format!("http://{}", auth.host);
                let http = HttpService {
                    server_uri: HttpUri { uri, cluster, timeout: TIMEOUT },
                    path_prefix: path.clone(),
                    authorization_response: AuthorizationResponse {
                        allowed_upstream_headers: Names::of(response_headers).unwrap_or_else(Names::all),
                    },
                };
                (Service::HttpService(http), request_headers)
            }
        };
        let filter = Self {
            service,
            transport_api_version: "V3",
            allowed_headers: Names::of(allowed_headers),
            with_request_body: (auth.max_body > 0).then_some(Body { max_request_bytes: auth.max_body }),
            decoder_header_mutation_rules: MutationRules {
                disallow_system: true,
                disallow_expression: Regex::new(KEPT),
            },
        };
        Extension::new("envoy.filters.http.ext_authz", filter)
    }
}

impl Names {
    /// These names; `None` if there are none.
    fn of(names: &[String]) -> Option<Self> {
        let patterns = names.iter().cloned().map(StringMatcher::Exact).collect();
        (!names.is_empty()).then_some(Self { patterns })
    }

    fn all() -> Self {
        Self { patterns: vec![StringMatcher::regex(".*")] }
    }
}
