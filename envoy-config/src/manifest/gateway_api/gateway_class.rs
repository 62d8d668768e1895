//! GatewayClass.

use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::parsed;
use crate::source::Spanned;

/// A GatewayClass.
#[derive(Clone, Debug)]
pub struct GatewayClass {
    /// `controllerName`.
    pub controller_name: Spanned<String>,
}

const CLASS: Known =
    Known { read: &["controllerName", "parametersRef"], unread: &["description"], unsupported: &[] };

const CLASS_PARAMETERS_REF: Known =
    Known { read: &["group", "kind", "name", "namespace"], unread: &[], unsupported: &[] };

/// `spec` of a GatewayClass.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<GatewayClass> {
    let fields = Fields::of(at, &CLASS, findings)?;
    let controller_name =
        fields.required("controllerName", findings, parsed(Code::InvalidControllerName, names::controller));
    fields.optional("parametersRef", findings, class_parameters);
    Some(GatewayClass { controller_name: controller_name? })
}

/// `parametersRef` of a GatewayClass: settings for a controller, such as the number of proxies. They are not applied,
/// but the Gateways of the class are served.
fn class_parameters(at: At<'_>, findings: &mut Findings) -> Option<()> {
    let fields = Fields::of(at, &CLASS_PARAMETERS_REF, findings)?;
    fields.optional("namespace", findings, parsed(Code::InvalidNamespace, names::label));
    let referent = referent(&fields, findings)?;
    let message = format!(
        "`parametersRef` is not supported: Gateways of this class are served without the parameters ({referent})"
    );
    findings.add(at.warning(Code::ParametersNotApplied, message));
    Some(())
}

/// The kind and name of the object of a `parametersRef`, such as `` EnvoyProxy `custom` ``.
pub(in crate::manifest) fn referent(fields: &Fields<'_>, findings: &mut Findings) -> Option<String> {
    let group = fields.required("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", findings, parsed(Code::InvalidKind, names::kind));
    let name = fields.required("name", findings, parsed(Code::InvalidObjectName, names::reference));
    group?;
    Some(format!("{} `{}`", kind?.value, name?.value))
}
