//! ReferenceGrant.

/// A ReferenceGrant: any of `from` may refer to any of `to` in the grant's own namespace.
#[derive(Clone, Debug)]
pub struct ReferenceGrant {
    /// `from`: 1 to 16.
    pub from: Vec<GrantFrom>,
    /// `to`: 1 to 16.
    pub to: Vec<GrantTo>,
}

/// Who may refer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantFrom {
    /// `group`: empty for core.
    pub group: String,
    /// `kind`.
    pub kind: String,
    /// `namespace`.
    pub namespace: String,
}

/// What may be referred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantTo {
    /// `group`: empty for core.
    pub group: String,
    /// `kind`.
    pub kind: String,
    /// `name`: all of the kind when left out.
    pub name: Option<String>,
}
