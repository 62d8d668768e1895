//! Extensions: a name and a message that says its own type (`google.protobuf.Any` in JSON).

use serde::Serialize;

/// A message that stands where Envoy expects any message.
pub(super) trait Message: Serialize {
    /// Its type URL.
    const TYPE: &'static str;
}

/// A message with its type.
#[derive(Serialize)]
pub(super) struct Typed<M: Message> {
    #[serde(rename = "@type")]
    type_url: &'static str,
    #[serde(flatten)]
    message: M,
}

impl<M: Message> From<M> for Typed<M> {
    fn from(message: M) -> Self {
        Self { type_url: M::TYPE, message }
    }
}

/// `envoy.config.core.v3.TypedExtensionConfig` and the many messages of the same shape.
#[derive(Serialize)]
pub(super) struct Extension<M: Message> {
    name: &'static str,
    typed_config: Typed<M>,
}

impl<M: Message> Extension<M> {
    pub(super) fn new(name: &'static str, message: M) -> Self {
        Self { name, typed_config: message.into() }
    }
}

/// A message of which no field is set.
#[derive(Serialize)]
pub(super) struct Empty {}
