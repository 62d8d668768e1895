//! Finds the object that a reference names, and suggests what to do if it is missing.
//!
//! `grants` decides before whether the reference is permitted: whoever may not refer to an object is not told
//! whether it exists.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, closest};
use crate::manifest::backend::Backend;
use crate::manifest::backend::GROUP as ENVOY_GATEWAY;
use crate::manifest::cluster_trust_bundle::{ClusterTrustBundle, GROUP as CERTIFICATES};
use crate::manifest::core::config_map::ConfigMap;
use crate::manifest::core::secret::Secret;
use crate::manifest::core::service::Service;
use crate::manifest::gateway_api::xbackend::{GROUP as EXPERIMENTAL, XBackend};
use crate::manifest::{Metadata, Object};
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;

/// Objects of one kind by namespace and name.
pub(in crate::resolve) struct Objects<'m, T>(BTreeMap<(&'m str, &'m str), &'m Object<T>>);

/// A kind that references can name.
pub(in crate::resolve) trait Kind {
    const NAME: &'static str;
    const GROUP: &'static str;
    /// The code of the error if the object is missing.
    const MISSING: Code;
}

impl Kind for Service {
    const NAME: &'static str = "Service";
    const GROUP: &'static str = "";
    const MISSING: Code = Code::MissingService;
}

impl Kind for Backend {
    const NAME: &'static str = "Backend";
    const GROUP: &'static str = ENVOY_GATEWAY;
    const MISSING: Code = Code::MissingBackend;
}

impl Kind for XBackend {
    const NAME: &'static str = "XBackend";
    const GROUP: &'static str = EXPERIMENTAL;
    const MISSING: Code = Code::MissingBackend;
}

impl Kind for ConfigMap {
    const NAME: &'static str = "ConfigMap";
    const GROUP: &'static str = "";
    const MISSING: Code = Code::MissingConfigMap;
}

impl Kind for ClusterTrustBundle {
    const NAME: &'static str = "ClusterTrustBundle";
    const GROUP: &'static str = CERTIFICATES;
    const MISSING: Code = Code::MissingClusterTrustBundle;
}

impl Kind for Secret {
    const NAME: &'static str = "Secret";
    const GROUP: &'static str = "";
    const MISSING: Code = Code::MissingSecret;
}

/// In which namespaces a reference can name objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::resolve) enum Scope {
    /// In all namespaces that ReferenceGrants permit: it has a field `namespace`.
    AllNamespaces,
    /// In the namespace of the object that contains it, which has this kind.
    OwnNamespace(&'static str),
}

/// Why a reference does not resolve.
pub(in crate::resolve) struct Unresolved {
    message: String,
    /// `None` if the object may be in a document that could not be read, which is an error of its own.
    finding: Option<Box<Finding>>,
}

struct Finding {
    code: Code,
    hint: Option<String>,
    related: Option<(Span, String)>,
}

impl<'m, T: Kind> Objects<'m, T> {
    pub(in crate::resolve) fn index(objects: &'m [Object<T>]) -> Self {
        Self(objects.iter().map(|object| (object.metadata.key(), object)).collect())
    }

    /// The object of this name, if it is in the input.
    pub(in crate::resolve) fn get(&self, namespace: &str, name: &str) -> Option<&'m Object<T>> {
        self.0.get(&(namespace, name)).copied()
    }

    /// The object that a reference names.
    ///
    /// # Errors
    /// It is not in the input, or could not be read.
    pub(in crate::resolve) fn find(
        &self,
        namespace: &str,
        name: &str,
        scope: Scope,
        report: &Report,
    ) -> Result<&'m Object<T>, Unresolved> {
        self.get(namespace, name).ok_or_else(|| {
            if report.may_be_unread(T::NAME, namespace, name) {
                let message = format!("the {} was not found, or could not be read", T::NAME);
                return Unresolved { message, finding: None };
            }
            let title = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
            let message = format!("{} `{title}` not found in the input", T::NAME);
            Unresolved::new(T::MISSING, message).hint(self.hint(namespace, name, scope))
        })
    }

    /// A close name, another namespace that has such an object, or the advice to add it.
    fn hint(&self, namespace: &str, name: &str, scope: Scope) -> String {
        let neighbours = self.0.keys().filter(|(other, _)| *other == namespace).map(|(_, name)| *name);
        if let Some(near) = closest(name, neighbours) {
            return format!("did you mean `{near}`?");
        }
        match (self.0.keys().find(|(_, other)| *other == name), scope) {
            (Some((elsewhere, _)), Scope::AllNamespaces) => {
                format!("a {} of this name exists in namespace `{elsewhere}`", T::NAME)
            }
            (Some((elsewhere, _)), Scope::OwnNamespace(kind)) => {
                format!(
                    "a {} of this name exists in namespace `{elsewhere}`, but this {kind} refers to its own namespace only",
                    T::NAME
                )
            }
            (None, _) => format!("add the {} to the input", T::NAME),
        }
    }
}

impl Unresolved {
    pub(in crate::resolve) fn new(code: Code, message: String) -> Self {
        Self { message, finding: Some(Box::new(Finding { code, hint: None, related: None })) }
    }

    /// Adds what to do about it.
    pub(in crate::resolve) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(finding) = &mut self.finding {
            finding.hint = Some(hint.into());
        }
        self
    }

    /// Adds the place of the object that was found.
    pub(in crate::resolve) fn found<T: Kind>(mut self, object: &Metadata) -> Self {
        if let Some(finding) = &mut self.finding {
            finding.related = Some((object.name.span, format!("this {}", T::NAME)));
        }
        self
    }

    /// What is wrong, for conditions.
    pub(in crate::resolve) fn message(&self) -> &str {
        &self.message
    }

    /// Reports it at this place. If the object may be in a document that could not be read, this is no second
    /// error, and only the conditions get it.
    pub(in crate::resolve) fn report(self, place: Place<'_>, report: &mut Report) {
        match self.finding.map(|finding| *finding) {
            None => report.decide(&place, &self.message),
            Some(Finding { code, hint, related }) => {
                let error = report.error(code, place, self.message);
                error.hint = hint;
                error.related = related;
            }
        }
    }

    /// Reports it as a warning with another code.
    pub(in crate::resolve) fn warn(self, code: Code, place: Place<'_>, report: &mut Report) {
        if let Some(Finding { hint, related, .. }) = self.finding.map(|finding| *finding) {
            let warning = report.warning(code, place, self.message);
            warning.hint = hint;
            warning.related = related;
        }
    }
}
