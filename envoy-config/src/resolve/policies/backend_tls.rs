//! Which backends use TLS, and how (Gateway API, `BackendTLSPolicy`).
//!
//! - A policy targets a Service, or one of its ports by name (`sectionName`), which takes precedence. As an
//!   extension, it can target Envoy Gateway's Backend.
//! - Of several policies for one target, the oldest applies, then the first by `namespace/name`.
//! - If a policy could not be read or has no valid CA certificate, requests to its target are rejected: they
//!   must not be sent in plaintext.

mod ca_certificates;
mod target_ports;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use self::ca_certificates::CaObjects;
use self::target_ports::TargetPorts;
use super::targets::{self, Targets};
use crate::manifest::Hostname;
use crate::manifest::core::secret::Secret;
use crate::manifest::gateway_api::backend_tls_policy::{BackendTlsPolicy, SubjectAltName, Validation};
use crate::manifest::gateway_api::policy_target::TargetRef;
use crate::manifest::gateway_api::route::Route;
use crate::manifest::gateway_api::xbackend::{BackendTls, GROUP as EXPERIMENTAL, XBackend};
use crate::manifest::{Manifests, Object};
use crate::model::{SubjectName, UpstreamTls};
use crate::resolve::references::certificate::CertificateReference;
use crate::resolve::references::grants::Grants;
use crate::resolve::references::lookup::Objects;
use crate::resolve::seniority::Seniority;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::Report;
use crate::status::Reason;

/// The policies by target.
pub(in crate::resolve) struct TlsPolicies<'m> {
    by_target: HashMap<Target<'m>, Policies<'m>>,
    /// The targets of policies that could not be read, and XBackends, which policies cannot target.
    unread: HashSet<TargetObject<'m>>,
    certificates: CaObjects<'m>,
    secrets: Objects<'m, Secret>,
}

/// An object: group, kind, namespace and name.
pub(super) type TargetObject<'m> = (&'m str, &'m str, &'m str, &'m str);

/// An object, or a port of it.
type Target<'m> = (TargetObject<'m>, Option<&'m str>);

type Policy<'m> = &'m Object<BackendTlsPolicy>;

/// The policies of one target.
struct Policies<'m> {
    /// The one that applies.
    first: Policy<'m>,
    /// `None` if it has no valid CA certificate: requests are rejected.
    tls: Option<Arc<UpstreamTls>>,
    others: Vec<Policy<'m>>,
}

/// How to connect to a backend.
#[derive(Clone, Debug)]
pub(in crate::resolve) enum Connection {
    /// No policy applies.
    Plaintext,
    Tls(Arc<UpstreamTls>),
    /// Requests are rejected.
    Rejected,
}

impl Connection {
    /// The TLS settings, if any; `None` if requests are rejected.
    #[expect(clippy::option_option, reason = "the outer one says whether to connect, the inner one how")]
    pub(in crate::resolve) fn tls(self) -> Option<Option<Arc<UpstreamTls>>> {
        match self {
            Self::Plaintext => Some(None),
            Self::Tls(tls) => Some(Some(tls)),
            Self::Rejected => None,
        }
    }
}

impl<'m> TlsPolicies<'m> {
    /// Indexes the policies by target, and reports those that do not apply.
    pub(in crate::resolve) fn index(manifests: &'m Manifests, report: &mut Report) -> Self {
        let (targets, target_ports) = (Targets::index(manifests), TargetPorts::index(manifests));
        let certificates = CaObjects::index(manifests);
        let mut policies: Vec<Policy<'m>> = manifests.backend_tls_policies.iter().collect();
        policies.sort_by_cached_key(|policy| Seniority::of(policy));
        let mut by_target: HashMap<Target<'m>, Policies<'m>> = HashMap::new();
        let mut unread = HashSet::new();
        for policy in policies {
            let validation = (&policy.spec.validation, "spec.validation");
            let tls = tls(policy, validation, &certificates, report).map(Arc::new);
            for (number, target) in policy.spec.targets.iter().enumerate() {
                if !targets.has(policy, number, target, report)
                    || !target_ports.has(policy, number, target, report)
                {
                    if target.kind.value == "XBackend" {
                        unread.insert(target_object(target, &policy.metadata.namespace.value));
                    }
                    continue;
                }
                let section = target.section_name.as_ref().map(|name| name.value.as_str());
                let key = (target_object(target, &policy.metadata.namespace.value), section);
                if let Some(known) = by_target.get_mut(&key) {
                    targets::warn_conflict(policy, number, target, known.first, report);
                    known.others.push(policy);
                } else {
                    by_target.insert(key, Policies { first: policy, tls: tls.clone(), others: Vec::new() });
                }
            }
        }
        let not_read = manifests.unread.iter().filter(|object| object.kind == "BackendTLSPolicy");
        unread.extend(
            not_read.flat_map(|policy| {
                policy.targets.iter().map(|target| target_object(target, &policy.namespace))
            }),
        );
        Self { by_target, unread, certificates, secrets: Objects::index(&manifests.secrets) }
    }

    /// How to connect to an XBackend, which has settings of its own.
    pub(in crate::resolve) fn of_xbackend(
        &self,
        backend: &'m Object<XBackend>,
        grants: &Grants<'m>,
        report: &mut Report,
    ) -> Connection {
        let Some(BackendTls { validation, client_certificate }) = &backend.spec.tls else {
            let (namespace, name) = backend.metadata.key();
            let is_target = self.unread.contains(&(EXPERIMENTAL, "XBackend", namespace, name));
            return if is_target { Connection::Rejected } else { Connection::Plaintext };
        };
        let validated = tls(backend, (validation, "spec.tls.validation"), &self.certificates, report);
        let Some(certificate) = client_certificate else {
            return validated.map_or(Connection::Rejected, |tls| Connection::Tls(Arc::new(tls)));
        };
        let reference = CertificateReference {
            group: EXPERIMENTAL,
            kind: backend.kind,
            metadata: &backend.metadata,
            certificate,
            part: Part::Whole,
            invalid: Reason::InvalidClientCertificateRef,
            field: String::from("spec.tls.clientCertificateRef"),
        };
        match (validated, reference.resolve(&self.secrets, grants, report)) {
            (Some(tls), Some(certificate)) => {
                let client_certificate = Some(Arc::new(certificate));
                Connection::Tls(Arc::new(UpstreamTls { client_certificate, ..tls }))
            }
            _ => Connection::Rejected,
        }
    }

    /// How a route connects to this port of a backend.
    pub(in crate::resolve) fn of(
        &self,
        backend: TargetObject<'_>,
        section: &str,
        route: &Object<Route>,
        report: &mut Report,
    ) -> Connection {
        if self.unread.contains(&backend) {
            return Connection::Rejected;
        }
        let of_section = self.by_target.get(&(backend, Some(section)));
        let of_whole = self.by_target.get(&(backend, None));
        for policies in [of_section, of_whole].into_iter().flatten() {
            for policy in policies.others.iter().chain([&policies.first]) {
                report.decisions.record_affected(policy, route);
            }
        }
        match of_section.or(of_whole).map(|policies| &policies.tls) {
            None => Connection::Plaintext,
            Some(None) => Connection::Rejected,
            Some(Some(tls)) => Connection::Tls(Arc::clone(tls)),
        }
    }
}

fn target_object<'m>(target: &'m TargetRef, namespace: &'m str) -> TargetObject<'m> {
    (&target.group.value, &target.kind.value, namespace, &target.name.value)
}

/// The TLS settings for a validation; `None` if it has no valid CA certificate.
fn tls<T>(
    object: &Object<T>,
    (validation, field): (&Validation, &str),
    certificates: &CaObjects<'_>,
    report: &mut Report,
) -> Option<UpstreamTls> {
    let Validation { hostname, names, ca_certificates } = validation;
    let names: Vec<SubjectName> = names.iter().map(SubjectName::from).collect();
    Some(UpstreamTls {
        ca_certificates: certificates.of(object, (ca_certificates, field), report)?,
        names: if names.is_empty() { vec![SubjectName::Host(hostname.clone())] } else { names },
        server_name: hostname.clone(),
        // That of an XBackend, or of the Gateway, is added later.
        client_certificate: None,
    })
}

impl From<&SubjectAltName> for SubjectName {
    fn from(name: &SubjectAltName) -> Self {
        match name {
            SubjectAltName::Hostname(Hostname::Exact(name)) => Self::Host(name.clone()),
            SubjectAltName::Hostname(Hostname::Wildcard(suffix)) => Self::AnyHostBelow(suffix.clone()),
            SubjectAltName::Uri(uri) => Self::Uri(uri.clone()),
        }
    }
}
