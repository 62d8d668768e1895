//! `targetRef`, `targetRefs` and `targetSelectors`: what a policy applies to.
//!
//! `BackendTrafficPolicy` has all three (`PolicyTargetReferences` of Envoy Gateway), `SessionPersistencePolicy` only `targetRefs`.

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::gateway_api::GROUP;
use crate::manifest::gateway_api::gateway::{LabelSelector, label_selector};
use crate::manifest::gateway_api::policy_target::{TargetRef, section_ref};
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known, Unsupported};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::parsed;
use crate::manifest::read::yaml::Node;
use crate::source::{Span, Spanned};

/// The targets of a policy.
#[derive(Clone, Debug)]
pub struct Targets {
    /// `targetRef` or `targetRefs`, with the path of each.
    pub refs: Vec<(String, TargetRef)>,
    /// `targetSelectors`.
    pub selectors: Vec<TargetSelector>,
}

/// The objects of a kind in the policy's namespace that have some labels.
#[derive(Clone, Debug)]
pub struct TargetSelector {
    /// `kind`.
    pub kind: Spanned<String>,
    /// `matchLabels` and `matchExpressions`.
    pub labels: LabelSelector,
    /// The whole selector.
    pub span: Span,
}

const SELECTOR: Known = Known {
    read: &["group", "kind", "matchLabels", "matchExpressions"],
    unread: &[],
    unsupported: &[Unsupported {
        name: "namespaces",
        consequence: "a policy applies to its own namespace only",
        hint: "write a policy for each namespace",
    }],
};

/// The kinds that are served.
const SERVED_KINDS: [&str; 4] = ["Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute"];

/// The kinds that Envoy Gateway's API allows; `resolve` rejects those that are not served.
const KINDS: [&str; 7] =
    ["Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "UDPRoute", "TCPRoute", "TLSRoute"];

pub(in crate::manifest) fn read(fields: &Fields<'_>, findings: &mut Findings) -> Option<Targets> {
    let one = fields.optional("targetRef", findings, |at, findings| target_ref(at, &KINDS, findings));
    let several = fields.optional("targetRefs", findings, |at, findings| {
        let targets = list(at, 0..=usize::MAX, findings, |at, findings| target_ref(at, &KINDS, findings))?;
        check_unique(&at, &targets, findings);
        Some(targets)
    });
    let selectors = fields
        .optional("targetSelectors", findings, |at, findings| list(at, 0..=usize::MAX, findings, selector));
    let has_selectors = selectors.as_ref().is_some_and(|selectors| !selectors.is_empty());
    match (fields.has("targetRef"), fields.has("targetRefs")) {
        // With selectors, the API allows both, but Envoy Gateway reads only `targetRef`.
        (true, true) => {
            let message = "`targetRef` and `targetRefs` cannot both be set";
            findings.reject(fields.at().error(Code::ConflictingFields, message))
        }
        (false, false) if !fields.has("targetSelectors") || (selectors.is_some() && !has_selectors) => {
            let message = "missing field `targetRefs`";
            let hint = "name the Gateway or the routes that the policy applies to";
            findings.reject(fields.at().error(Code::MissingField, message).hint(hint))
        }
        _ => {
            let several = with_paths(several.unwrap_or_default());
            let one = one.map(|target| (String::from("spec.targetRef"), target));
            Some(Targets {
                refs: one.into_iter().chain(several).collect(),
                selectors: selectors.unwrap_or_default(),
            })
        }
    }
}

/// `targetRefs` of a policy that has no other targets.
pub(in crate::manifest) fn refs(at: At<'_>, findings: &mut Findings) -> Option<Vec<(String, TargetRef)>> {
    let targets = list(at, 1..=16, findings, |at, findings| target_ref(at, &SERVED_KINDS, findings))?;
    check_unique(&at, &targets, findings);
    Some(with_paths(targets).collect())
}

fn with_paths(targets: Vec<TargetRef>) -> impl Iterator<Item = (String, TargetRef)> {
    let numbered = targets.into_iter().enumerate();
    numbered.map(|(number, target)| (format!("spec.targetRefs[{number}]"), target))
}

fn check_unique(at: &At<'_>, targets: &[TargetRef], findings: &mut Findings) {
    let names = targets.iter().map(|one| {
        let section = one.section_name.as_ref().map(|name| name.value.as_str());
        ((&one.kind.value, &one.name.value, section), one.span)
    });
    unique(at, "target", names, findings);
}

/// The readable references of a policy with errors, which have been reported.
pub(in crate::manifest) fn targets_of(policy: &Node<'_>) -> Vec<TargetRef> {
    let spec = policy.get("spec").map(|spec| &spec.value);
    let field = |name| spec.and_then(|spec| spec.get(name)).map(|field| &field.value);
    let mut unreported = Findings::default();
    let one =
        field("targetRef").and_then(|node| section_ref(At { node, path: FieldPath::Root }, &mut unreported));
    let several = field("targetRefs").and_then(|node| {
        list(At { node, path: FieldPath::Root }, 0..=usize::MAX, &mut unreported, section_ref)
    });
    one.into_iter().chain(several.unwrap_or_default()).collect()
}

fn target_ref(at: At<'_>, kinds: &[&str], findings: &mut Findings) -> Option<TargetRef> {
    let target = section_ref(at, findings)?;
    one_of(&at, "group", &target.group, &[GROUP], findings)?;
    one_of(&at, "kind", &target.kind, kinds, findings)?;
    Some(target)
}

fn selector(at: At<'_>, findings: &mut Findings) -> Option<TargetSelector> {
    let fields = Fields::of(at, &SELECTOR, findings)?;
    let default = fields.default(GROUP.to_owned());
    let group = fields.or("group", default, findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", findings, parsed(Code::InvalidKind, names::kind));
    let labels = label_selector(&fields, findings);
    let (group, kind) = (group?, kind?);
    one_of(&at, "group", &group, &[GROUP], findings)?;
    one_of(&at, "kind", &kind, &KINDS, findings)?;
    Some(TargetSelector { kind, labels, span: at.span() })
}

fn one_of(
    at: &At<'_>,
    field: &str,
    found: &Spanned<String>,
    allowed: &[&str],
    findings: &mut Findings,
) -> Option<()> {
    if allowed.contains(&found.value.as_str()) {
        return Some(());
    }
    let path = FieldPath::Field(&at.path, field);
    let error = at.unknown_value(&found.value, allowed.iter().copied());
    findings.reject(path.place(Diagnostic { span: found.span, ..error }))
}
