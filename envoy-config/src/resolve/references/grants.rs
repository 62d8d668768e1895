//! Which references into another namespace are permitted (Gateway API, `ReferenceGrant`).
//!
//! References inside a namespace are always permitted; others need a grant in the namespace of the object.
//! This is checked before the object is looked up: whoever may not refer to an object is not told whether it
//! exists.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use crate::diagnostic::Code;
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::reference_grant::{GrantTo, ReferenceGrant};
use crate::manifest::{Manifests, Object};
use crate::resolve::status::report::{Place, Report};

/// A kind and the namespace of its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::resolve) struct KindInNamespace<'m> {
    pub(in crate::resolve) group: &'m str,
    pub(in crate::resolve) kind: &'m str,
    pub(in crate::resolve) namespace: &'m str,
}

/// All ReferenceGrants.
pub(in crate::resolve) struct Grants<'m> {
    /// Which objects may be referred to, by the kinds and namespaces of both sides.
    permitted: HashMap<(KindInNamespace<'m>, KindInNamespace<'m>), Names<'m>>,
    all: Vec<&'m Object<ReferenceGrant>>,
}

/// Objects of one kind in one namespace.
enum Names<'m> {
    All,
    Some(BTreeSet<&'m str>),
}

impl<'m> Grants<'m> {
    pub(in crate::resolve) fn index(manifests: &'m Manifests) -> Self {
        let mut permitted: HashMap<_, Names<'m>> = HashMap::new();
        for grant in &manifests.reference_grants {
            let namespace = grant.metadata.namespace.value.as_str();
            for from in &grant.spec.from {
                let from =
                    KindInNamespace { group: &from.group, kind: &from.kind, namespace: &from.namespace };
                for to in &grant.spec.to {
                    let referent = KindInNamespace { group: &to.group, kind: &to.kind, namespace };
                    permitted
                        .entry((from, referent))
                        .or_insert_with(|| Names::Some(BTreeSet::new()))
                        .add(to.name.as_deref());
                }
            }
        }
        let mut all: Vec<_> = manifests.reference_grants.iter().collect();
        all.sort_by_key(|grant| grant.metadata.key());
        Self { permitted, all }
    }

    /// Whether objects of kind `from` may refer to the object of this name of kind `to`. Reports an error at
    /// this place if not.
    pub(in crate::resolve) fn permit(
        &self,
        from: KindInNamespace<'_>,
        to: KindInNamespace<'_>,
        name: &str,
        place: Place<'_>,
        report: &mut Report,
    ) -> bool {
        if from.namespace == to.namespace {
            return true;
        }
        let granted = self.permits(from, to, name);
        if !granted {
            if report.may_have_unread_in("ReferenceGrant", to.namespace) {
                report.decide(&place, "no ReferenceGrant that could be read permits this reference");
            } else {
                self.report_denied(from, to, name, place, report);
            }
        }
        granted
    }

    /// Whether objects of kind `from` may refer to the object of this name of kind `to`.
    pub(in crate::resolve) fn permits(
        &self,
        from: KindInNamespace<'_>,
        to: KindInNamespace<'_>,
        name: &str,
    ) -> bool {
        from.namespace == to.namespace
            || self.permitted.get(&(from, to)).is_some_and(|names| names.contain(name))
    }

    fn report_denied(
        &self,
        from: KindInNamespace<'_>,
        to: KindInNamespace<'_>,
        name: &str,
        place: Place<'_>,
        report: &mut Report,
    ) {
        let message = format!(
            "no ReferenceGrant in namespace `{}` permits references from {}s in namespace `{}` to {} `{name}`",
            to.namespace,
            from.title(),
            from.namespace,
            to.title(),
        );
        let error = report.error(Code::RefNotPermitted, place, message);
        let entries = format!(
            "`from: {{group: {:?}, kind: {}, namespace: {}}}` and `to: {{group: {:?}, kind: {}}}`",
            from.group, from.kind, from.namespace, to.group, to.kind
        );
        let here = |grant: &&&Object<ReferenceGrant>| grant.metadata.namespace.value == to.namespace;
        if let Some((grant, differs)) =
            self.all.iter().filter(here).find_map(|grant| Some((grant, difference(grant, from, to, name)?)))
        {
            error.related = Some((grant.metadata.name.span, format!("this grant {differs}")));
            error.hint = Some(format!("the grant must contain {entries}"));
            return;
        }
        let fits = |grant: &&&Object<ReferenceGrant>| {
            let own = KindInNamespace { namespace: &grant.metadata.namespace.value, ..to };
            difference(grant, from, own, name).is_none()
                && grant.spec.to.iter().any(|to| own.is(&to.group, &to.kind))
        };
        if let Some(grant) = self.all.iter().find(fits) {
            let own = &grant.metadata.namespace.value;
            error.related = Some((grant.metadata.name.span, format!("this grant is in namespace `{own}`")));
            error.hint = Some(format!(
                "a ReferenceGrant must be in the namespace of the object that is referred to: move it to `{}`",
                to.namespace
            ));
            return;
        }
        error.hint = Some(format!("add a ReferenceGrant in namespace `{}` with {entries}", to.namespace));
    }
}

impl<'m> Names<'m> {
    /// Adds one name, or all of them.
    fn add(&mut self, name: Option<&'m str>) {
        match (self, name) {
            (Self::All, _) => {}
            (this @ Self::Some(_), None) => *this = Self::All,
            (Self::Some(names), Some(name)) => {
                names.insert(name);
            }
        }
    }

    fn contain(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(names) => names.contains(name),
        }
    }
}

/// Why a grant does not permit a reference: the first difference.
fn difference(
    grant: &Object<ReferenceGrant>,
    from: KindInNamespace<'_>,
    to: KindInNamespace<'_>,
    name: &str,
) -> Option<&'static str> {
    let ReferenceGrant { from: sources, to: targets } = &grant.spec;
    let of_kind = || sources.iter().filter(|source| from.is(&source.group, &source.kind));
    let targeted = || targets.iter().filter(|target| to.is(&target.group, &target.kind));
    let named = |wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| wanted == name);
    let as_core = |target: &GrantTo| target.group == "core" && to.is("", &target.kind);
    if of_kind().next().is_none() {
        Some("permits references from another kind or group")
    } else if of_kind().all(|source| source.namespace != from.namespace) {
        Some("permits references from another namespace")
    } else if targeted().next().is_none() {
        let written = targets.iter().any(as_core);
        Some(if written {
            "writes the core group as `core`"
        } else {
            "permits references to another kind or group"
        })
    } else {
        (!targeted().any(|target| named(&target.name))).then_some("permits references to another name")
    }
}

impl KindInNamespace<'_> {
    fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    /// The kind, with its group unless that is Kubernetes' core group or the Gateway API's.
    fn title(&self) -> impl fmt::Display {
        match self.group {
            "" | GATEWAY_API => self.kind.to_owned(),
            group => format!("{group}/{}", self.kind),
        }
    }
}
