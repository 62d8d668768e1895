//! Reads the JSON document and reports the path of an invalid value.
//!
//! It is written by hand, because derived deserializers that report paths made the module a third larger, and Envoy compiles it
//! for every worker. `serde_json::Value` is not used, because it silently accepts duplicate keys.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The JSON values of a plugin configuration.
#[derive(Debug)]
pub(super) enum Json {
    Object(BTreeMap<String, Json>),
    Text(String),
    Flag(bool),
    /// A value of a type that is not used in it, such as a list: the name of the type.
    Other(&'static str),
}

/// Why a value is invalid.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The configuration is not JSON. Envoy passes only the text of a `StringValue` or `BytesValue` unchanged.
    #[error("expected JSON in a google.protobuf.StringValue: {0}")]
    Syntax(#[from] serde_json::Error),
    /// The value has another type.
    #[error("expected {expected}, found {found}")]
    Type {
        /// The expected type.
        expected: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// A required field is missing.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// The field requires another one.
    #[error("requires `{0}`")]
    Without(&'static str),
    /// The field excludes another one.
    #[error("cannot be combined with `{0}`")]
    Beside(&'static str),
    /// The field is unknown.
    #[error("unknown field, expected one of: {0}")]
    Unknown(String),
    /// The value is invalid.
    #[error("{0}")]
    Value(String),
}

/// An invalid value and its path.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) path: String,
    pub(super) problem: Problem,
}

/// A value and its path.
#[derive(Clone)]
pub(super) struct At<'a> {
    path: String,
    value: &'a Json,
}

/// An object and its path.
pub(super) struct Fields<'a> {
    path: String,
    fields: &'a BTreeMap<String, Json>,
}

impl<'a> At<'a> {
    pub(super) const fn document(value: &'a Json) -> Self {
        Self { path: String::new(), value }
    }

    /// Reports this value as invalid.
    pub(super) fn refuse(&self, problem: Problem) -> Refused {
        refuse(&self.path, problem)
    }

    /// Reads an object that can have only these fields.
    pub(super) fn fields(&self, known: &[&str]) -> Result<Fields<'a>, Refused> {
        let fields = self.object()?;
        match fields.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(refuse(&join(&self.path, unknown), Problem::Unknown(listed(known)))),
            None => Ok(Fields { path: self.path.clone(), fields }),
        }
    }

    /// The entries of an object whose keys are data, sorted by key.
    pub(super) fn entries(&self) -> Result<impl Iterator<Item = (&'a String, Self)>, Refused> {
        let path = self.path.clone();
        Ok(self.object()?.iter().map(move |(name, value)| (name, At { path: join(&path, name), value })))
    }

    /// Parses a string.
    pub(super) fn parse<T>(&self) -> Result<T, Refused>
    where
        T: TryFrom<String, Error: std::fmt::Display>,
    {
        T::try_from(self.text()?.to_owned())
            .map_err(|problem| self.refuse(Problem::Value(problem.to_string())))
    }

    pub(super) fn text(&self) -> Result<&'a str, Refused> {
        if let Json::Text(text) = self.value { Ok(text) } else { Err(self.mismatch("a string")) }
    }

    pub(super) fn flag(&self) -> Result<bool, Refused> {
        if let Json::Flag(flag) = self.value { Ok(*flag) } else { Err(self.mismatch("true or false")) }
    }

    fn object(&self) -> Result<&'a BTreeMap<String, Json>, Refused> {
        if let Json::Object(fields) = self.value { Ok(fields) } else { Err(self.mismatch("an object")) }
    }

    fn mismatch(&self, expected: &'static str) -> Refused {
        let found = match self.value {
            Json::Object(_) => "an object",
            Json::Text(_) => "a string",
            Json::Flag(_) => "a boolean",
            Json::Other(name) => name,
        };
        self.refuse(Problem::Type { expected, found })
    }
}

impl<'a> Fields<'a> {
    /// Reports the object as invalid.
    pub(super) fn refuse(&self, problem: Problem) -> Refused {
        refuse(&self.path, problem)
    }

    /// The field of this name, if it is set.
    pub(super) fn optional(&self, name: &str) -> Option<At<'a>> {
        self.fields.get(name).map(|value| At { path: join(&self.path, name), value })
    }

    /// The required field of this name.
    pub(super) fn required(&self, name: &'static str) -> Result<At<'a>, Refused> {
        self.optional(name).ok_or_else(|| refuse(&self.path, Problem::Missing(name)))
    }
}

/// The names, joined with commas. (`[&str]::join` would add a kilobyte to the module.)
fn listed(names: &[&str]) -> String {
    let mut list = String::new();
    for name in names {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(name);
    }
    list
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn refuse(path: &str, problem: Problem) -> Refused {
    let path = if path.is_empty() { String::from(".") } else { path.to_owned() };
    Refused { path, problem }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyJson;

        impl<'de> Visitor<'de> for AnyJson {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if fields.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    let value = map.next_value()?;
                    fields.insert(name, value);
                }
                Ok(Json::Object(fields))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Json::Other("a list"))
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
                Ok(Json::Flag(flag))
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Other("null"))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
                Ok(Json::Other("a number"))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
                Ok(Json::Other("a number"))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
                Ok(Json::Other("a number"))
            }
        }

        deserializer.deserialize_any(AnyJson)
    }
}
