//! References to objects of a kind that they cannot have.

use crate::source::{Span, Spanned};

/// What is wrong with the kind of a reference.
pub(in crate::resolve) struct WrongKind {
    /// The field of the reference: `.group` or `.kind`.
    pub(in crate::resolve) field: &'static str,
    /// Where it is written.
    pub(in crate::resolve) span: Span,
    /// What to say.
    pub(in crate::resolve) message: String,
    /// What to do, if that is not said yet.
    pub(in crate::resolve) hint: Option<String>,
}

impl WrongKind {
    /// A reference to this kind, where it stands for something (`backends`) that others are for (`hint`).
    pub(in crate::resolve) fn of(
        group: &Spanned<String>,
        kind: &Spanned<String>,
        what: &str,
        hint: String,
    ) -> Self {
        if group.value == "core" {
            return Self {
                field: ".group",
                span: group.span,
                message: String::from("the core group is written `group: \"\"`, not `core`"),
                hint: None,
            };
        }
        let message = format!("{what} of kind `{}` are not supported", title(&group.value, &kind.value));
        Self { field: ".kind", span: kind.span, message, hint: Some(hint) }
    }
}

/// What messages call a kind: with its group, unless that is the core group.
pub(in crate::resolve) fn title(group: &str, kind: &str) -> String {
    if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") }
}
