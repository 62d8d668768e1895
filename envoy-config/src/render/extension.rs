//! Envoy extensions: a name and a message with its type URL (`google.protobuf.Any` in JSON form).

use serde::Serialize;

/// A message that can be written as `google.protobuf.Any`.
pub(super) trait Message: Serialize {
    /// Its type URL.
    const TYPE: &'static str;
}

/// A message and its type URL.
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

/// `envoy.config.core.v3.TypedExtensionConfig` and other messages with the same two fields.
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

/// A message without fields.
#[derive(Serialize)]
pub(super) struct Empty {}
