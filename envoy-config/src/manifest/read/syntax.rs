//! The syntax of single values: names, hostnames, paths, quantities, regular expressions, timestamps.
//!
//! Each parser returns the parsed value or says what is wrong with the text; the callers know the field and its code.

pub(in crate::manifest) mod hostname;
pub(in crate::manifest) mod names;
pub(in crate::manifest) mod path;
pub(in crate::manifest) mod quantity;
pub(in crate::manifest) mod regex;
pub(in crate::manifest) mod timestamp;
