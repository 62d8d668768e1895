//! A YAML value whose keys keep their order, for documents that are written in full or with few changes.

use serde::{Serialize, Serializer};
use serde_saphyr::LitStr;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Float(f64),
    /// A string. One that is lines of plain text is written as a block.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// An object.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// An object with these fields.
    pub(crate) fn object<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The field of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The field of an object, to be changed.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Sets the value at the end of a path of fields. Those that do not exist are added; what is no object becomes one.
    pub(crate) fn set(&mut self, path: &[&str], value: Self) {
        let Some((name, rest)) = path.split_first() else {
            *self = value;
            return;
        };
        if let Some(field) = self.get_mut(name) {
            field.set(rest, value);
            return;
        }
        let mut field = Self::Null;
        field.set(rest, value);
        if let Self::Object(fields) = self {
            fields.push(((*name).to_owned(), field));
        } else {
            *self = Self::Object(vec![((*name).to_owned(), field)]);
        }
    }

    /// Removes all fields but these from an object.
    pub(crate) fn keep(&mut self, names: &[&str]) {
        if let Self::Object(fields) = self {
            fields.retain(|(name, _)| names.contains(&name.as_str()));
        }
    }

    /// Removes a field from an object.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Self::Object(fields) = self {
            fields.retain(|(known, _)| known != name);
        }
    }

    /// The items of a list, to be changed.
    pub(crate) fn items(&mut self) -> &mut [Self] {
        if let Self::List(items) = self { items } else { &mut [] }
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Tree {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl FromIterator<Self> for Tree {
    fn from_iter<I: IntoIterator<Item = Self>>(items: I) -> Self {
        Self::List(items.into_iter().collect())
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) if is_block(text) => LitStr(text).serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
    }
}

/// Whether a string is lines of plain text, which a block shows as they are.
fn is_block(text: &str) -> bool {
    let lines = text.strip_suffix('\n').map(|lines| lines.split('\n'));
    let is_plain =
        |line: &str| line.chars().all(|letter| matches!(letter, ' '..='~')) && !line.ends_with(' ');
    lines.is_some_and(|mut lines| {
        lines.clone().next().is_some_and(|first| !first.starts_with(' '))
            && lines.all(|line| !line.is_empty() && is_plain(line))
    })
}
