//! The `BackendTrafficPolicy` with the retries that move a session from an endpoint that is gone. Envoy Gateway applies one such policy to
//! a route, so routes that have one get a warning instead.

use super::{Document, RouteRules, api_version, metadata, targets};
use crate::diagnostic::Diagnostic;
use crate::export::incapable;
use crate::export::sessions::RouteKey;
use crate::manifest::backend_traffic_policy::BackendTrafficPolicy;
use crate::manifest::policy_targets::Targets;
use crate::manifest::{Manifests, Object};
use crate::resolve::selects;
use crate::tree::Tree;

/// The policy for these routes, unless all of them have one.
pub(super) fn policy(
    namespace: &str,
    routes: &[RouteRules<'_>],
    manifests: &Manifests,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(String, Document)> {
    let mut free = Vec::new();
    for (key, _) in routes {
        let Some(policy) = own_policy(manifests, key) else {
            free.push(*key);
            continue;
        };
        let name = &policy.metadata.name;
        let title = format!("BackendTrafficPolicy {namespace}/{}", name.value);
        let message = "a session gets 503 while its endpoint is gone: Envoy Gateway applies one BackendTrafficPolicy to a route, and this one needs the retries";
        if policy.spec.retry.is_none() {
            let hint = "add `retry: {retryOn: {triggers: [connect-failure, refused-stream]}}` to it";
            diagnostics.push(incapable(name.span, &title, message).hint(hint));
        }
    }
    (!free.is_empty()).then(|| retries(namespace, &free))
}

fn retries(namespace: &str, routes: &[&RouteKey]) -> (String, Document) {
    let triggers = Tree::List(vec!["connect-failure".into(), "refused-stream".into()]);
    let retry =
        Tree::object([("numRetries", Tree::Integer(6)), ("retryOn", Tree::object([("triggers", triggers)]))]);
    let spec = Tree::object([
        ("targetRefs", targets(routes.iter().copied())),
        ("mergeType", "StrategicMerge".into()),
        ("timeout", Tree::object([("tcp", Tree::object([("connectTimeout", "1s".into())]))])),
        ("retry", retry),
    ]);
    let object = Tree::object([
        ("apiVersion", api_version().into()),
        ("kind", "BackendTrafficPolicy".into()),
        ("metadata", metadata(namespace)),
        ("spec", spec),
    ]);
    let comment = "A session moves from an endpoint that is gone to another one, in the same answer.";
    (comment.to_owned(), Document::Object(object))
}

/// The `BackendTrafficPolicy` of the manifests that names the route.
fn own_policy<'m>(
    manifests: &'m Manifests,
    (kind, namespace, name): &RouteKey,
) -> Option<&'m Object<BackendTrafficPolicy>> {
    let route = manifests.routes.iter().find(|route| {
        let metadata = &route.metadata;
        route.spec.kind == *kind && metadata.namespace.value == *namespace && metadata.name.value == *name
    })?;
    let label = |label: &str| route.metadata.labels.get(label).map(|value| value.value.as_str());
    let names = |targets: &Targets| {
        let by_name = targets
            .refs
            .iter()
            .any(|(_, target)| target.kind.value == kind.name() && target.name.value == *name);
        by_name
            || targets
                .selectors
                .iter()
                .any(|selector| selector.kind.value == kind.name() && selects(&selector.labels, label))
    };
    let policies = manifests.envoy_traffic_policies.iter();
    let mut own = policies
        .filter(|policy| policy.metadata.namespace.value == *namespace && names(&policy.spec.targets));
    own.next()
}
