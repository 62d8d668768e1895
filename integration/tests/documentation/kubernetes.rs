//! The manifests in `envoy-config/examples/kubernetes`: Kubernetes and the compiler know every field, and the containers run with
//! their arguments.

mod containers;
mod objects;
