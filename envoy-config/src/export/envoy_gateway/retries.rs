//! The `BackendTrafficPolicy` with the retries that move a session from an endpoint that is gone. Envoy Gateway applies one such policy to
//! a route, so routes that have one get a warning instead.

use super::{api_version, metadata, targets};
use crate::export::sessions::{self, RouteKey};
use crate::export::{Export, incapable};
use crate::manifest::backend_traffic_policy::BackendTrafficPolicy;
use crate::manifest::policy_targets::Targets;
use crate::manifest::{Manifests, Object};
use crate::render::RenderError;
use crate::resolve::selects;
use crate::tree::Tree;

/// Writes the policy for these routes, unless all of them have one.
pub(super) fn write(
    export: &mut Export<'_>,
    namespace: &str,
    routes: &[RouteKey],
) -> Result<(), RenderError> {
    let mut free = Vec::new();
    for key in routes {
        let Some(policy) = own_policy(export.manifests, key) else {
            free.push(key);
            continue;
        };
        let name = &policy.metadata.name;
        let title = format!("BackendTrafficPolicy {namespace}/{}", name.value);
        let message = "a session gets 503 while its endpoint is gone: Envoy Gateway applies one BackendTrafficPolicy to a route, and this one needs the retries";
        if policy.spec.retry.is_none() {
            let hint = "add `retry: {retryOn: {triggers: [connect-failure, refused-stream]}}` to it";
            export.diagnostics.push(incapable(name.span, &title, message).hint(hint));
        }
    }
    if free.is_empty() {
        return Ok(());
    }
    let comment = "A session moves from an endpoint that is gone to another one, in the same answer.";
    export.documents.push(comment, &retries(namespace, &free))
}

fn retries(namespace: &str, routes: &[&RouteKey]) -> Tree {
    let triggers = Tree::List(vec!["connect-failure".into(), "refused-stream".into()]);
    let retry =
        Tree::object([("numRetries", Tree::Integer(6)), ("retryOn", Tree::object([("triggers", triggers)]))]);
    let spec = Tree::object([
        ("targetRefs", targets(routes.iter().copied())),
        ("mergeType", "StrategicMerge".into()),
        ("timeout", Tree::object([("tcp", Tree::object([("connectTimeout", "1s".into())]))])),
        ("retry", retry),
    ]);
    Tree::object([
        ("apiVersion", api_version().into()),
        ("kind", "BackendTrafficPolicy".into()),
        ("metadata", metadata(namespace)),
        ("spec", spec),
    ])
}

/// The `BackendTrafficPolicy` of the manifests that names the route.
fn own_policy<'m>(
    manifests: &'m Manifests,
    key @ (kind, namespace, name): &RouteKey,
) -> Option<&'m Object<BackendTrafficPolicy>> {
    let route = sessions::object(manifests, key)?;
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
