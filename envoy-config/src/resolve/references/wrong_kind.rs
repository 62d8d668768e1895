//! References to kinds that are not supported there.

use crate::source::{Span, Spanned};

/// A reference to an unsupported kind.
pub(in crate::resolve) struct WrongKind {
    /// The field of the reference: `.group` or `.kind`.
    pub(in crate::resolve) field: &'static str,
    /// Where it is written.
    pub(in crate::resolve) span: Span,
    /// The message.
    pub(in crate::resolve) message: String,
    /// What to do, unless the message says so.
    pub(in crate::resolve) hint: Option<String>,
}

impl WrongKind {
    /// An unsupported kind in a reference to `what` (for example `backends`); `hint` names the supported
    /// kinds.
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

/// A kind in messages: with its group, unless that is the core group.
pub(in crate::resolve) fn title(group: &str, kind: &str) -> String {
    if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") }
}
