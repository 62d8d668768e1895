//! Objects by namespace and name.

use std::collections::BTreeMap;

use crate::manifest::Object;

/// Objects of one kind by namespace and name.
pub(in crate::resolve) type Objects<'m, T> = BTreeMap<(&'m str, &'m str), &'m Object<T>>;
