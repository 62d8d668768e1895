//! Diagnostic codes: one variant for each kind of finding, with the data that the finding has.
//!
//! Names are stable: scripts and searches rely on them. `docs/diagnostics.md` has an entry for each code, grouped by
//! [`Stage`]; the test `codes` compares the page with [`Code::ALL`]. Messages belong to the places that report the
//! findings.

use std::fmt;

/// A row of the table of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The code's name, as in `error[unknown-field]`.
    pub name: &'static str,
    /// Which stage reports it.
    pub stage: Stage,
    /// What it means: the first paragraph of its entry in the documentation.
    pub meaning: &'static str,
}

/// Defines [`Code`] and the table of its explanations from one list, so that no variant can be left out.
macro_rules! codes {
    ($(
        $stage:ident { $(
            $(#[doc = $meaning:literal])+
            $name:literal = $variant:ident $({ $( $(#[$about:meta])+ $field:ident: $type:ty, )+ })?,
        )+ }
    )+) => {
        /// What kind of finding a diagnostic is.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(
                $(#[doc = $meaning])+
                $variant $({ $( $(#[$about])+ $field: $type, )+ })?,
            )+)+
        }

        impl Code {
            /// All codes, in the order of the documentation.
            pub const ALL: &[Explanation] = &[
                $($( Explanation {
                    name: $name,
                    stage: Stage::$stage,
                    meaning: concat!($($meaning),+).trim_ascii_start(),
                }, )+)+
            ];

            /// The stable name, in kebab case.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $($( Self::$variant { .. } => $name, )+)+
                }
            }
        }
    };
}

/// The values that a field allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedValues {
    /// All of them.
    pub values: Vec<String>,
    /// The one that was probably meant.
    pub closest: Option<String>,
}

/// Which part of the program reports a code: a section of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading YAML or JSON into objects.
    Text,
    /// Checking the fields of an object.
    Fields,
    /// Session persistence and its policies.
    Sessions,
    /// Gateways, listeners and certificates.
    Gateways,
    /// Attaching routes, and routing requests.
    Routes,
    /// Finding backends and connecting to them.
    Backends,
    /// The command line.
    CommandLine,
}

codes! {
    Text {
        /// The text is not valid YAML or JSON, or uses a YAML feature that Kubernetes does not support.
        "invalid-yaml" = InvalidYaml,
        /// There are more findings than are reported; reading stopped.
        "too-many-findings" = TooManyFindings {
            /// How many findings are reported.
            limit: usize,
        },
        /// A mapping has the same key twice.
        "duplicate-key" = DuplicateKey,
        /// The API group does not exist, or it has no such kind.
        "unknown-kind" = UnknownKind,
        /// The kind exists, but not in this version of its API group.
        "unknown-version" = UnknownVersion {
            /// The newest `apiVersion` that is supported.
            newest: Box<str>,
        },
        /// Two documents have the same kind, namespace and name.
        "duplicate-object" = DuplicateObject,
        /// Warning, with `--keep-going`. The object is left out because of an error elsewhere in its document.
        "left-out" = LeftOut,
        /// The file is input for kustomize, which this program does not run.
        "kustomize-input" = KustomizeInput,
        /// The Gateway API has this kind, field or value, but this program does not support it.
        "not-supported" = NotSupported,
        /// A policy of an unsupported kind targets a Gateway, route or backend that is served.
        "policy-not-applied" = PolicyNotApplied,
    }
    Fields {
        /// The object has no such field.
        "unknown-field" = UnknownField {
            /// The field that was probably meant.
            closest: Option<&'static str>,
        },
        /// A required field is missing or null.
        "missing-field" = MissingField,
        /// The value has the wrong type, for example a number where a string is expected.
        "wrong-type" = WrongType {
            /// What is expected, in words.
            expected: &'static str,
        },
        /// A list has too few or too many items, or a string too few or too many characters.
        "wrong-length" = WrongLength {
            /// How many items or characters there are.
            found: usize,
            /// The least or greatest number, whichever is violated.
            limit: usize,
        },
        /// A number is too small or too large.
        "out-of-range" = OutOfRange {
            /// The least value.
            least: i64,
            /// The greatest value.
            most: i64,
        },
        /// The value is not one of those that the field allows.
        "unknown-value" = UnknownValue {
            /// The values that the field allows.
            allowed: Box<AllowedValues>,
        },
        /// A value that must be unique in its list occurs twice.
        "duplicate-value" = DuplicateValue,
        /// Two fields, or two entries of a list, are set, and the API allows only one of them.
        "conflicting-fields" = ConflictingFields,
        /// The field belongs to another `type`, `protocol` or `operator` than the object has, or to references to
        /// another kind.
        "misplaced-field" = MisplacedField,
        /// Two references to one object do not say which parts of it they mean.
        "ambiguous-reference" = AmbiguousReference,
        /// The name of an object is not a valid Kubernetes name.
        "invalid-object-name" = InvalidObjectName,
        /// A namespace is not a valid DNS label.
        "invalid-namespace" = InvalidNamespace,
        /// An API group is not a valid DNS name.
        "invalid-group" = InvalidGroup,
        /// A kind contains characters that kinds cannot have.
        "invalid-kind" = InvalidKind,
        /// A label's key or value breaks the rules of Kubernetes.
        "invalid-label" = InvalidLabel,
        /// `creationTimestamp` is not an RFC 3339 date.
        "invalid-timestamp" = InvalidTimestamp,
        /// `controllerName` is not a domain followed by a path.
        "invalid-controller-name" = InvalidControllerName,
        /// The name of a listener or rule, or a `sectionName`, is not a valid DNS name.
        "invalid-section-name" = InvalidSectionName,
        /// The name of a port is not valid.
        "invalid-port-name" = InvalidPortName,
        /// A listener's protocol is neither a word nor a domain followed by a word.
        "invalid-protocol-name" = InvalidProtocolName,
        /// The value is not a hostname, or it has a wildcard that is not allowed there.
        "invalid-hostname" = InvalidHostname,
        /// The value is not an IP address of the expected family.
        "invalid-ip-address" = InvalidIpAddress,
        /// The value is not a URI with a scheme.
        "invalid-uri" = InvalidUri,
        /// The value is not a size in bytes that Envoy can use.
        "invalid-quantity" = InvalidQuantity,
        /// The size of the table for consistent hashing is not a prime number.
        "invalid-table-size" = InvalidTableSize,
        /// The value is not base64, as values in a Secret's `data` must be.
        "invalid-base64" = InvalidBase64,
        /// The value is not a path that the Gateway API accepts.
        "invalid-path" = InvalidPath,
        /// The value is not a regular expression that Envoy's RE2 accepts with the same meaning.
        "invalid-regex" = InvalidRegex,
        /// The name cannot be the name of a header, or not of a header that carries sessions.
        "invalid-header-name" = InvalidHeaderName,
        /// A header's value has characters that are not allowed there.
        "invalid-header-value" = InvalidHeaderValue,
        /// The name cannot be the name of a query parameter.
        "invalid-query-param-name" = InvalidQueryParamName,
        /// The value is not the name of a gRPC service or method.
        "invalid-grpc-name" = InvalidGrpcName,
        /// The value is not an origin that a CORS filter can allow.
        "invalid-origin" = InvalidOrigin,
        /// A `*` stands beside other entries of its list.
        "wildcard-not-alone" = WildcardNotAlone,
        /// The numerator of a fraction is greater than its denominator.
        "invalid-fraction" = InvalidFraction,
        /// The value is not a Gateway API duration (GEP-2257), or a session timeout below one second.
        "invalid-duration" = InvalidDuration,
        /// `timeouts.backendRequest` is longer than `timeouts.request`.
        "backend-timeout-too-long" = BackendTimeoutTooLong,
        /// `ReplacePrefixMatch` is used in a rule that does not have exactly one `PathPrefix` match.
        "missing-prefix-match" = MissingPrefixMatch,
        /// A rule has both a redirect and backendRefs.
        "redirect-with-backends" = RedirectWithBackends,
        /// Warning. The field changes nothing here.
        "no-effect" = NoEffect,
    }
    Sessions {
        /// `sessionPersistence` has fields of two versions of the Gateway API.
        "mixed-session-shapes" = MixedSessionShapes,
        /// A field for cookies is set with `type: Header`, or the other way round.
        "session-type-mismatch" = SessionTypeMismatch,
        /// The lifetime of a cookie is `Permanent`, but there is no `absoluteTimeout`.
        "permanent-without-timeout" = PermanentWithoutTimeout,
        /// The name cannot be the name of a cookie.
        "invalid-cookie-name" = InvalidCookieName,
        /// The path cannot be the path of a cookie.
        "invalid-cookie-path" = InvalidCookiePath,
        /// Warning. A session timeout is rounded down to whole seconds.
        "rounded-duration" = RoundedDuration,
        /// Warning. Two rules, or a rule and its policy, set cookies that overwrite each other in the client.
        "cookie-name-conflict" = CookieNameConflict,
        /// Warning. A rule with a session cookie serves one hostname over both HTTP and HTTPS.
        "secure-cookie-on-http" = SecureCookieOnHttp,
        /// Warning. Browsers reject the cookie because of the prefix of its name.
        "cookie-prefix" = CookiePrefix,
        /// The value is not a domain that a cookie can have.
        "invalid-cookie-domain" = InvalidCookieDomain,
        /// Browsers reject the cookie with the attributes that a policy gives it.
        "rejected-cookie" = RejectedCookie,
        /// Warning. A link from another site ends the session.
        "strict-same-site" = StrictSameSite,
        /// Warning. A rule with session persistence has retries that do not apply to requests with a session.
        "retry-without-session" = RetryWithoutSession,
        /// Warning. The Service is reached by its name, so requests cannot be pinned to one of its endpoints.
        "session-by-name" = SessionByName,
        /// Warning. The Service's own `sessionAffinity` is not used.
        "session-affinity" = SessionAffinity,
        /// Warning. The session persistence of a policy or an XBackend has no effect on a rule.
        "policy-overridden" = PolicyOverridden,
        /// Warning. Several policies target one object, and only one of them applies.
        "policy-conflict" = PolicyConflict,
        /// Warning. The policies of two backends of one rule give their sessions the same name.
        "session-name-conflict" = SessionNameConflict,
        /// The parts of `sessionPersistence` contradict each other.
        "invalid-session-persistence" = InvalidSessionPersistence,
        /// Warning. The gateway of `--to` cannot do what the manifest says.
        "not-in-gateway" = NotInGateway,
    }
    Gateways {
        /// The manifests contain no Gateway.
        "no-gateway" = NoGateway,
        /// Warning. The Gateway's GatewayClass is not among the manifests.
        "missing-gateway-class" = MissingGatewayClass,
        /// Warning. The parameters of a GatewayClass are not applied.
        "parameters-not-applied" = ParametersNotApplied,
        /// The Gateway asks for an address in `addresses`.
        "unsupported-address" = UnsupportedAddress,
        /// Several listeners would bind the same address.
        "address-conflict" = AddressConflict,
        /// Warning. A `--map-port` option names a listener of a Gateway that is not served.
        "unused-map-port" = UnusedMapPort,
        /// Listeners with different protocols share a port.
        "protocol-conflict" = ProtocolConflict,
        /// The listener of a ListenerSet has the port and hostname of another listener of its Gateway.
        "listener-conflict" = ListenerConflict,
        /// The Gateway does not allow this ListenerSet to add listeners.
        "listener-set-not-allowed" = ListenerSetNotAllowed,
        /// The protocol of the listener or of the backend is not supported.
        "unsupported-protocol" = UnsupportedProtocol,
        /// `allowedRoutes.kinds` contains a kind that the listener's protocol does not support.
        "invalid-route-kind" = InvalidRouteKind,
        /// `tls` does not fit the protocol of its listener.
        "tls-mismatch" = TlsMismatch,
        /// The Secret with the certificate is not among the manifests.
        "missing-secret" = MissingSecret,
        /// The Secret is not of the type `kubernetes.io/tls`.
        "wrong-secret-type" = WrongSecretType,
        /// A certificate or private key is damaged, or Envoy cannot use it.
        "invalid-certificate" = InvalidCertificate,
    }
    Routes {
        /// A parentRef, or the target of a policy, names a Gateway that is not among the manifests.
        "missing-gateway" = MissingGateway,
        /// A parentRef, or the target of a policy, names a ListenerSet that is not among the manifests.
        "missing-listener-set" = MissingListenerSet,
        /// A parentRef, or the target of a policy, names a listener that the Gateway or ListenerSet does not have.
        "missing-listener" = MissingListener,
        /// The target of a policy names a route that is not among the manifests.
        "missing-route" = MissingRoute,
        /// The target of a policy names a rule that the route does not have.
        "missing-rule" = MissingRule,
        /// Warning. The route has no parentRefs, so no Gateway serves it.
        "no-parent" = NoParent,
        /// The listener does not allow routes of this kind.
        "kind-not-allowed" = KindNotAllowed,
        /// The listener does not allow routes from this namespace.
        "namespace-not-allowed" = NamespaceNotAllowed,
        /// None of the route's hostnames matches the listener's hostname.
        "no-matching-hostname" = NoMatchingHostname,
        /// An HTTPRoute and a GRPCRoute claim the same hostname of a listener.
        "hostname-taken" = HostnameTaken,
        /// Warning. No listener serves this hostname of the route.
        "unused-hostname" = UnusedHostname,
        /// Filters of one rule cannot be combined.
        "incompatible-filters" = IncompatibleFilters,
        /// Warning. Another rule takes all requests of this rule.
        "unreachable-rule" = UnreachableRule,
    }
    Backends {
        /// A reference into another namespace is not permitted by a ReferenceGrant there.
        "ref-not-permitted" = RefNotPermitted,
        /// The Service is not among the manifests.
        "missing-service" = MissingService,
        /// The ConfigMap is not among the manifests.
        "missing-config-map" = MissingConfigMap,
        /// The ClusterTrustBundle is not among the manifests.
        "missing-cluster-trust-bundle" = MissingClusterTrustBundle,
        /// The Backend (of Envoy Gateway) or XBackend is not among the manifests.
        "missing-backend" = MissingBackend,
        /// An ExternalName Service contains an IP address, which DNS cannot look up.
        "external-name" = ExternalName,
        /// The Service has no such port.
        "wrong-port" = WrongPort,
        /// The target port of a headless Service is a name, which only EndpointSlices resolve to a number.
        "named-target-port" = NamedTargetPort,
        /// An endpoint has a loopback address: it is on the machine that Envoy runs on.
        "loopback-endpoint" = LoopbackEndpoint,
        /// An endpoint has a link-local address.
        "link-local-endpoint" = LinkLocalEndpoint,
        /// An endpoint is Envoy's own admin interface.
        "admin-endpoint" = AdminEndpoint,
        /// Warning. A rule without backends answers every request with 500 (`UNAVAILABLE` in a GRPCRoute).
        "no-backends" = NoBackends,
        /// Warning. The Service or XBackend has no endpoints that accept requests.
        "no-endpoints" = NoEndpoints,
        /// Warning. The Service of an EndpointSlice is not among the manifests.
        "endpoints-without-service" = EndpointsWithoutService,
    }
    CommandLine {
        /// Warning. Other machines may be able to reach Envoy's admin interface.
        "exposed-admin" = ExposedAdmin,
    }
}

impl Code {
    /// The known word that is closest to what was written, if the finding has one.
    #[must_use]
    pub fn closest(&self) -> Option<&str> {
        match self {
            Self::UnknownField { closest } => *closest,
            Self::UnknownValue { allowed } => allowed.closest.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
