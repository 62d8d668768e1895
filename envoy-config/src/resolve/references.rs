//! References from one object to another.
//!
//! - `allowed_namespaces`: which namespaces a listener allows routes from, or a Gateway ListenerSets.
//! - `grants`: which references into another namespace are permitted.
//! - `label_selector`: which objects have the labels that a selector wants.
//! - `lookup`: the object that a reference names, or what to do if it is missing.
//! - `certificate`: the certificate and key in a Secret.
//! - `ca_certificates`: the CA certificates in a ConfigMap.
//! - `wrong_kind`: references to kinds that are not supported there.

pub(super) mod allowed_namespaces;
pub(super) mod ca_certificates;
pub(super) mod certificate;
pub(super) mod grants;
pub(super) mod label_selector;
pub(super) mod lookup;
pub(super) mod wrong_kind;
