//! Every configuration that the tests of `envoy-config` compare with is one that Envoy accepts.
