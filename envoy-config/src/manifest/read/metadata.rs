//! `metadata`: name, namespace, labels and creation time of an object.

use super::field_path::{At, FieldPath};
use super::fields::{Fields, Known};
use super::findings::Findings;
use super::known_kinds::Scope;
use super::syntax::names::{self, NameError};
use super::syntax::timestamp;
use super::value::{parsed, string, strings};
use super::yaml::{Node, Scalar, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Labels, Metadata};
use crate::source::Spanned;

const METADATA: Known = Known {
    read: &["name", "namespace", "labels", "annotations", "creationTimestamp"],
    unread: &[
        "generateName",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "ownerReferences",
        "finalizers",
        "managedFields",
        "clusterName",
    ],
    unsupported: &[],
};

/// The syntax of the names of a kind.
type NameForm = fn(&str) -> Result<String, NameError>;

/// Reads the metadata of an object.
pub(in crate::manifest) fn read(
    object: &Fields<'_>,
    scope: Scope,
    name: NameForm,
    findings: &mut Findings,
) -> Option<Metadata> {
    object.required("metadata", findings, |at, findings| {
        let fields = Fields::of(at, &METADATA, findings)?;
        let name = read_name(&fields, name, findings);
        let namespace = match scope {
            Scope::Namespace => {
                fields.optional("namespace", findings, parsed(Code::InvalidNamespace, names::label))
            }
            Scope::Cluster => {
                warn_of_namespace(&fields, findings);
                None
            }
        };
        let labels = fields.optional("labels", findings, labels).unwrap_or_default();
        fields.optional("annotations", findings, strings);
        let created = fields.optional("creationTimestamp", findings, |at, findings| {
            let text = string(at, findings)?;
            timestamp::parse(&text.value).or_else(|| {
                let message = format!("{:?} is not a date such as `2026-01-02T03:04:05Z`", text.value);
                findings.reject(at.error(Code::InvalidTimestamp, message))
            })
        });
        let own = match scope {
            Scope::Cluster => String::new(),
            Scope::Namespace => String::from("default"),
        };
        let namespace = namespace.unwrap_or(Spanned { value: own, span: at.span() });
        Some(Metadata { name: name?, namespace, labels, created })
    })
}

/// Warns about the namespace of an object without one; an API server removes it.
fn warn_of_namespace(fields: &Fields<'_>, findings: &mut Findings) {
    if let Some(entry) = fields.entry("namespace").filter(|_| fields.has("namespace")) {
        let message = "objects of this kind have no namespace; the field is ignored";
        let warning = Diagnostic::warning(Code::NoEffect, entry.key.span, message);
        findings
            .add(FieldPath::Field(&fields.at().path, "namespace").place(warning).hint("remove the field"));
    }
}

fn read_name(fields: &Fields<'_>, form: NameForm, findings: &mut Findings) -> Option<Spanned<String>> {
    if fields.has("generateName") && !fields.has("name") {
        let message = "missing field `name`: `generateName` works only in a cluster";
        return findings.reject(
            fields.at().error(Code::MissingField, message).hint("replace `generateName` with `name`"),
        );
    }
    fields.required("name", findings, parsed(Code::InvalidObjectName, form))
}

/// Reads and checks labels.
fn labels(at: At<'_>, findings: &mut Findings) -> Option<Labels> {
    let mut map = strings(at, findings)?;
    let Value::Mapping(entries) = &at.node.value else { return None };
    let mut labels = Labels::new();
    for entry in entries {
        let path = FieldPath::Field(&at.path, &entry.key.text);
        if let Err(error) = names::label_key(&entry.key.text) {
            findings.add(path.place(Diagnostic::error(
                Code::InvalidLabel,
                entry.key.span,
                error.to_string(),
            )));
        }
        let Some((key, value)) = map.remove_entry(&*entry.key.text) else { continue };
        if let Err(error) = names::label_value(&value) {
            findings.add(path.place(Diagnostic::error(
                Code::InvalidLabel,
                entry.value.span,
                error.to_string(),
            )));
        }
        labels.insert(key, Spanned { value, span: entry.value.span });
    }
    Some(labels)
}

/// The name of an object in messages, such as `HTTPRoute default/cookie`, before the object is checked. If the scope of
/// the kind is unknown, the namespace is included if there is one.
pub(in crate::manifest) fn title(kind: &str, scope: Option<Scope>, object: &Node<'_>) -> Option<String> {
    Some(match named(scope, object)? {
        (Some(namespace), name) => format!("{kind} {namespace}/{name}"),
        (None, name) => format!("{kind} {name}"),
    })
}

/// The namespace and name of an object, before the object is checked.
pub(in crate::manifest) fn named<'n>(
    scope: Option<Scope>,
    object: &'n Node<'_>,
) -> Option<(Option<&'n str>, &'n str)> {
    let metadata = &object.get("metadata")?.value;
    let text = |field: &str| match &metadata.get(field)?.value.value {
        Value::Scalar(Scalar::Text(text)) => Some(&**text),
        _ => None,
    };
    let namespace = match scope {
        Some(Scope::Cluster) => None,
        Some(Scope::Namespace) => Some(text("namespace").unwrap_or("default")),
        None => text("namespace"),
    };
    Some((namespace, text("name")?))
}
