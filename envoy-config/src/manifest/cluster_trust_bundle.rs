//! ClusterTrustBundle (certificates.k8s.io), which has no namespace.

use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::string;
use crate::source::Spanned;

/// The API group of ClusterTrustBundles.
pub const GROUP: &str = "certificates.k8s.io";

/// A ClusterTrustBundle.
#[derive(Clone, Debug)]
pub struct ClusterTrustBundle {
    /// `trustBundle`: CA certificates in PEM. They are parsed where something refers to the bundle.
    pub trust_bundle: Spanned<String>,
}

const BUNDLE: Known = Known { read: &["trustBundle"], unread: &["signerName"], unsupported: &[] };

/// `spec` of a ClusterTrustBundle.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<ClusterTrustBundle> {
    let fields = Fields::of(at, &BUNDLE, findings)?;
    let trust_bundle = fields.required("trustBundle", findings, string);
    Some(ClusterTrustBundle { trust_bundle: trust_bundle? })
}
