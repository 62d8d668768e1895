//! Reads one document: an object of a known kind, or a list of objects.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::field_path::{At, FieldPath};
use super::fields::{Fields, Known};
use super::findings::{FieldNames, Findings};
use super::known_kinds::{self, Kind, Verdict, look_up};
use super::original::Original;
use super::syntax::names;
use super::value::string;
use super::yaml::{Document, Node, Value};
use super::{Reader, kustomize, metadata, unread};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::core::{config_map, endpoint_slice, namespace, pod, secret, service};
use crate::manifest::gateway_api::{
    backend_tls_policy, backend_traffic_policy, gateway, gateway_class, grpc_route, http_route, listener_set,
    reference_grant, xbackend,
};
use crate::manifest::{Metadata, Object};
use crate::manifest::{
    backend, backend_traffic_policy as envoy_traffic_policy, cluster_trust_bundle, other_kinds,
    session_persistence_policy,
};
use crate::source::Span;

const WITH_SPEC: Known =
    Known { read: &["apiVersion", "kind", "metadata", "spec"], unread: &["status"], unsupported: &[] };

/// The fields of a kind without a status.
const SPEC_ALONE: Known =
    Known { read: &["apiVersion", "kind", "metadata", "spec"], unread: &[], unsupported: &[] };

const LIST: Known = Known { read: &["apiVersion", "kind", "items"], unread: &["metadata"], unsupported: &[] };

/// `apiVersion` and `kind` of the items of a list, which may omit them.
struct Inherited {
    api_version: String,
    kind: String,
}

impl Reader {
    pub(in crate::manifest) fn document(&mut self, document: &Document<'_>) {
        self.object(&document.root, document.sound, None);
    }

    fn object(&mut self, node: &Node<'_>, sound: bool, inherited: Option<&Inherited>) {
        let at = At { node, path: FieldPath::Root };
        let Some((api_version, kind)) = identify(at, inherited, &mut self.findings) else { return };
        if let Some(item_kind) = kind.strip_suffix("List").filter(|_| inherited.is_none()) {
            let inherited = Inherited { api_version, kind: item_kind.to_owned() };
            self.list(at, sound, &inherited);
            return;
        }
        let place = |key: &str| node.get(key).map_or(node.span, |entry| entry.value.span);
        let finding = match look_up(&api_version, &kind) {
            Verdict::Read(kind) => return self.read(kind, at, sound),
            Verdict::Ignored => {
                if api_version == "v1" && kind == "Pod" && sound {
                    self.manifests.pods.extend(pod::read(node));
                }
                if !self.other_policy(&api_version, &kind, node) {
                    self.manifests.ignored.add(known_kinds::group(&api_version), &kind);
                }
                return;
            }
            Verdict::NotSupported { hint } => {
                if self.other_policy(&api_version, &kind, node) {
                    return;
                }
                let message = format!("kind `{kind}` is not supported");
                let hint = hint.map(str::to_owned);
                Diagnostic { hint, ..Diagnostic::error(Code::NotSupported, place("kind"), message) }
            }
            Verdict::Kustomize => {
                self.findings.add(kustomize::input(place("kind"), None));
                return;
            }
            Verdict::UnknownVersion { known } => {
                let message = format!("kind `{kind}` is not supported in version `{api_version}`");
                let hint = format!("write `{known}`");
                Diagnostic::error(Code::UnknownVersion { newest: known.into() }, place("apiVersion"), message)
                    .hint(hint)
            }
            Verdict::UnknownKind { hint } => {
                let message = format!("unknown kind `{kind}` in `{api_version}`");
                Diagnostic { hint, ..Diagnostic::error(Code::UnknownKind, place("kind"), message) }
            }
            Verdict::UnknownGroup { hint } => {
                let message = format!("unknown API group in apiVersion `{api_version}`");
                Diagnostic { hint, ..Diagnostic::error(Code::UnknownKind, place("apiVersion"), message) }
            }
        };
        self.findings.in_object(metadata::title(&kind, None, node), FieldNames::Shown, |findings| {
            findings.reject::<()>(finding)
        });
    }

    /// Whether an object of another kind is a policy with targets; if so, it is kept.
    fn other_policy(&mut self, api_version: &str, kind: &str, node: &Node<'_>) -> bool {
        let policy = other_kinds::policy(known_kinds::group(api_version), kind, node);
        let is_attached = policy.is_some();
        self.manifests.other_policies.extend(policy);
        is_attached
    }

    fn list(&mut self, at: At<'_>, sound: bool, inherited: &Inherited) {
        let Some(fields) = Fields::of(at, &LIST, &mut self.findings) else { return };
        let Some(items) = fields.entry("items") else { return };
        let Value::Sequence(items) = &items.value.value else {
            let at = At { node: &items.value, path: FieldPath::Field(&FieldPath::Root, "items") };
            self.findings.add(at.wrong_type("a list"));
            return;
        };
        for item in items {
            self.object(item, sound, Some(inherited));
        }
    }

    fn read(&mut self, kind: Kind, at: At<'_>, sound: bool) {
        if matches!(kind, Kind::Gateway | Kind::HttpRoute | Kind::GrpcRoute)
            && let Some(originals) = &mut self.originals
        {
            originals.push(Original::new(kind.name(), at.node));
        }
        match kind {
            Kind::GatewayClass => {
                let object = self.with_spec(kind, at, sound, gateway_class::spec);
                self.manifests.gateway_classes.extend(object);
            }
            Kind::Gateway => {
                let object = self.with_spec(kind, at, sound, gateway::spec);
                self.manifests.gateways.extend(object);
            }
            Kind::ListenerSet => {
                let object = self.with_spec(kind, at, sound, listener_set::spec);
                self.manifests.listener_sets.extend(object);
            }
            Kind::HttpRoute => {
                let object = self.with_spec(kind, at, sound, http_route::spec);
                self.manifests.routes.extend(object);
            }
            Kind::GrpcRoute => {
                let object = self.with_spec(kind, at, sound, grpc_route::spec);
                self.manifests.routes.extend(object);
            }
            Kind::ReferenceGrant => {
                let object = self.with_spec(kind, at, sound, reference_grant::spec);
                self.manifests.reference_grants.extend(object);
            }
            Kind::BackendTlsPolicy => {
                let object = self.with_spec(kind, at, sound, backend_tls_policy::spec);
                self.manifests.backend_tls_policies.extend(object);
            }
            Kind::BackendTrafficPolicy => {
                let object = self.with_spec(kind, at, sound, backend_traffic_policy::spec);
                self.manifests.backend_traffic_policies.extend(object);
            }
            Kind::EnvoyTrafficPolicy => {
                let object = self.with_spec(kind, at, sound, envoy_traffic_policy::spec);
                self.manifests.envoy_traffic_policies.extend(object);
            }
            Kind::SessionPersistencePolicy => {
                let object = self.with_spec(kind, at, sound, session_persistence_policy::spec);
                self.manifests.session_persistence_policies.extend(object);
            }
            Kind::Backend => {
                let object = self.with_spec(kind, at, sound, backend::spec);
                self.manifests.backends.extend(object);
            }
            Kind::XBackend => {
                let object = self.with_spec(kind, at, sound, xbackend::spec);
                self.manifests.xbackends.extend(object);
            }
            Kind::ClusterTrustBundle => {
                let object = self.with_spec(kind, at, sound, cluster_trust_bundle::spec);
                self.manifests.cluster_trust_bundles.extend(object);
            }
            Kind::Service => {
                let object = self.with_spec(kind, at, sound, service::spec);
                self.manifests.services.extend(object);
            }
            Kind::EndpointSlice => {
                let object = self.typed(kind, at, sound, endpoint_slice::read);
                self.manifests.endpoint_slices.extend(object);
            }
            Kind::ConfigMap => {
                let object =
                    self.typed(kind, at, sound, |fields, findings| Some(config_map::read(fields, findings)));
                self.manifests.config_maps.extend(object);
            }
            Kind::Secret => {
                let object = self.typed(kind, at, sound, secret::read);
                self.manifests.secrets.extend(object);
            }
            Kind::Namespace => {
                let object =
                    self.typed(kind, at, sound, |fields, findings| Some(namespace::read(fields, findings)));
                self.manifests.namespaces.extend(object.map(namespace::with_name_label));
            }
        }
    }

    /// Reads an object with a required `spec`.
    fn with_spec<T>(
        &mut self,
        kind: Kind,
        at: At<'_>,
        sound: bool,
        spec: impl FnOnce(At<'_>, &mut Findings) -> Option<T>,
    ) -> Option<Object<T>> {
        self.typed(kind, at, sound, |fields, findings| fields.required("spec", findings, spec))
    }

    /// Reads an object; `spec` reads the fields of its kind. `None` after any error.
    fn typed<T>(
        &mut self,
        kind: Kind,
        at: At<'_>,
        sound: bool,
        spec: impl FnOnce(&Fields<'_>, &mut Findings) -> Option<T>,
    ) -> Option<Object<T>> {
        let known = match kind {
            Kind::EndpointSlice => &endpoint_slice::OBJECT,
            Kind::Secret => &secret::OBJECT,
            Kind::ConfigMap => &config_map::OBJECT,
            Kind::ReferenceGrant | Kind::ClusterTrustBundle => &SPEC_ALONE,
            Kind::GatewayClass
            | Kind::Gateway
            | Kind::ListenerSet
            | Kind::HttpRoute
            | Kind::GrpcRoute
            | Kind::BackendTrafficPolicy
            | Kind::EnvoyTrafficPolicy
            | Kind::SessionPersistencePolicy
            | Kind::BackendTlsPolicy
            | Kind::Backend
            | Kind::XBackend
            | Kind::Service
            | Kind::Namespace => &WITH_SPEC,
        };
        let name: fn(&str) -> Result<String, names::NameError> = match kind {
            Kind::Service | Kind::Namespace => names::label,
            Kind::ClusterTrustBundle => names::trust_bundle,
            Kind::GatewayClass
            | Kind::Gateway
            | Kind::ListenerSet
            | Kind::HttpRoute
            | Kind::ReferenceGrant
            | Kind::GrpcRoute
            | Kind::BackendTrafficPolicy
            | Kind::EnvoyTrafficPolicy
            | Kind::SessionPersistencePolicy
            | Kind::Backend
            | Kind::XBackend
            | Kind::BackendTlsPolicy
            | Kind::EndpointSlice
            | Kind::ConfigMap
            | Kind::Secret => names::subdomain,
        };
        let title = metadata::title(kind.name(), Some(kind.scope()), at.node);
        let field_names = if kind == Kind::Secret { FieldNames::Hidden } else { FieldNames::Shown };
        let before = self.findings.len();
        let names = &mut self.names;
        let object = self.findings.in_object(title, field_names, |findings| {
            let fields = Fields::of(at, known, findings)?;
            let metadata = metadata::read(&fields, kind.scope(), name, findings);
            if let Some(metadata) = &metadata {
                check_first(names, kind, metadata, findings);
            }
            let spec = spec(&fields, findings);
            Some(Object { kind: kind.name(), metadata: metadata?, spec: spec?, span: at.span() })
        });
        let object = object.filter(|_| sound);
        if object.is_none() {
            self.manifests.unread.extend(unread::describe(kind, at.node, sound, &self.findings, before));
        }
        object
    }
}

/// Reports an object if another one has the same kind, namespace and name.
fn check_first(
    names: &mut HashMap<(Kind, String, String), Span>,
    kind: Kind,
    metadata: &Metadata,
    findings: &mut Findings,
) {
    let span = metadata.name.span;
    match names.entry((kind, metadata.namespace.value.clone(), metadata.name.value.clone())) {
        Entry::Vacant(free) => {
            free.insert(span);
        }
        Entry::Occupied(taken) => {
            let message = format!("this {} is already defined", kind.name());
            let path = FieldPath::Field(&FieldPath::Field(&FieldPath::Root, "metadata"), "name");
            let diagnostic = path.place(Diagnostic::error(Code::DuplicateObject, span, message));
            findings.add(diagnostic.label("defined again here").related(*taken.get(), "first defined here"));
        }
    }
}

/// The `apiVersion` and `kind` of an object.
fn identify(at: At<'_>, inherited: Option<&Inherited>, findings: &mut Findings) -> Option<(String, String)> {
    let Value::Mapping(_) = &at.node.value else {
        return findings.reject(at.wrong_type("an object with `apiVersion` and `kind`"));
    };
    let mut field = |name: &str, inherited: Option<&String>| match at.node.get(name) {
        Some(entry) if !entry.value.is_null() => {
            let path = FieldPath::Field(&at.path, name);
            string(At { node: &entry.value, path }, findings).map(|text| text.value)
        }
        _ => match inherited {
            Some(text) if !text.is_empty() => Some(text.clone()),
            _ => findings.reject(at.error(Code::MissingField, format!("missing field `{name}`")).field(name)),
        },
    };
    let api_version = field("apiVersion", inherited.map(|list| &list.api_version));
    let kind = field("kind", inherited.map(|list| &list.kind));
    Some((api_version?, kind?))
}
