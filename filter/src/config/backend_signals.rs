//! What a backend says about its own session, in a rule that follows it: `start_on` and `end_on`.

use std::fmt;

use serde::Serialize;

use super::carrier::{Carrier, CookieName, TokenError, token};
use super::read::{At, Problem, Refused};

/// What a backend sets when a session starts: `{"backend_cookie": "JSESSIONID"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StartOn {
    /// A cookie of its own.
    BackendCookie(CookieName),
    /// A header.
    BackendHeader(FieldName),
}

/// What a backend sets when a session ends: `{"backend_header": "x-logout"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndOn {
    /// A header.
    BackendHeader(FieldName),
}

/// The name of any header, in lower case: a token of RFC 9110 section 5.6.2, at most [`NAME_LIMIT`](super::NAME_LIMIT) bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct FieldName(String);

/// A text is not the name of a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid header name: {0}")]
pub struct FieldNameError(#[from] TokenError);

impl StartOn {
    pub(super) fn read(at: &At<'_>) -> Result<Self, Refused> {
        let fields = at.fields(&["backend_cookie", "backend_header"])?;
        match (fields.optional("backend_cookie"), fields.optional("backend_header")) {
            (Some(cookie), None) => Ok(Self::BackendCookie(cookie.parse()?)),
            (None, Some(header)) => Ok(Self::BackendHeader(header.parse()?)),
            (None, None) => Err(fields.refuse(Problem::Missing("backend_cookie` or `backend_header"))),
            (Some(_), Some(header)) => Err(header.refuse(Problem::Beside("backend_cookie"))),
        }
    }

    /// Whether it is the carrier of the rule's own tokens.
    pub(super) fn is_carrier(&self, carrier: &Carrier) -> bool {
        match (self, carrier) {
            (Self::BackendCookie(name), Carrier::Cookie(cookie)) => *name == cookie.name,
            (Self::BackendHeader(name), Carrier::Header(header)) => name.as_str() == header.name.as_str(),
            _ => false,
        }
    }
}

impl EndOn {
    pub(super) fn read(at: &At<'_>) -> Result<Self, Refused> {
        Ok(Self::BackendHeader(at.fields(&["backend_header"])?.required("backend_header")?.parse()?))
    }

    /// The header.
    #[must_use]
    pub const fn backend_header(&self) -> &FieldName {
        let Self::BackendHeader(name) = self;
        name
    }

    /// Whether it is the carrier of the rule's own tokens.
    pub(super) fn is_carrier(&self, carrier: &Carrier) -> bool {
        matches!(carrier, Carrier::Header(header) if header.name.as_str() == self.backend_header().as_str())
    }
}

impl FieldName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FieldName {
    type Error = FieldNameError;

    fn try_from(text: String) -> Result<Self, FieldNameError> {
        token(&text)?;
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl From<FieldName> for String {
    fn from(name: FieldName) -> Self {
        name.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
