//! Where a token travels: a cookie or a header, with names that can stand in an HTTP message.

use std::fmt;

use serde::Serialize;

use super::read::{At, Problem, Refused};
use super::reserved::is_reserved;

/// The longest cookie or header name, in bytes (Gateway API, `SessionPersistence`).
pub const NAME_LIMIT: usize = 256;

/// The longest cookie path, in bytes (Gateway API, `CookieSessionPersistence.path`).
pub const PATH_LIMIT: usize = 1024;

/// Where a token travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// In a cookie: the client's jar brings it back.
    Cookie(Cookie),
    /// In a header of this name, in answers and in requests: the client itself brings it back.
    Header(Header),
}

/// A session header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Header {
    /// The header's name.
    pub name: HeaderName,
    /// Whether the Envoy route removes a header of this name from the backends' answers (`response_headers_to_remove`).
    /// Otherwise the filter does, at a hundredth of the price of a request: it would take the place of the client's session.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed_by_route: bool,
}

/// A session cookie and its attributes (RFC 6265 section 4.1.2).
///
/// `HttpOnly` and `SameSite=Lax` are always set: no script needs the token, and `Strict` would drop the cookie on a visit
/// from another site, whose answer would then replace the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cookie {
    /// The cookie's name.
    pub name: CookieName,
    /// The `Path` attribute.
    pub path: CookiePath,
    /// Whether the client keeps the cookie when it closes.
    pub lifetime: Lifetime,
    /// Whether the `Secure` attribute is set: wanted wherever the listener terminates TLS.
    pub secure: bool,
}

/// How long a client keeps a cookie (Gateway API, `CookieLifetimeType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// Until the client closes: neither `Expires` nor `Max-Age`.
    #[default]
    Session,
    /// `Max-Age` is what is left of the absolute timeout, which must be set.
    Permanent,
}

/// The name of a cookie: a token of RFC 9110 section 5.6.2, at most [`NAME_LIMIT`] bytes; case counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct CookieName(String);

/// Why a text is no cookie name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CookieNameError {
    /// Empty, too long, or a character that a name cannot have.
    #[error("invalid cookie name: {0}")]
    Token(#[from] TokenError),
}

/// The name of a header, in lower case: a token of RFC 9110 section 5.6.2, at most [`NAME_LIMIT`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct HeaderName(String);

/// Why a text is no name for a session header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNameError {
    /// Empty, too long, or a character that a name cannot have.
    #[error("invalid header name: {0}")]
    Token(#[from] TokenError),
    /// HTTP, Envoy, a proxy or this filter gives the header another meaning.
    #[error(
        "the header `{0}` has a meaning of its own to HTTP or to proxies and cannot carry a session; choose another name, as `x-session`"
    )]
    Reserved(String),
}

/// The `Path` of a cookie: starts with `/`, printable ASCII without `;`, at most [`PATH_LIMIT`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct CookiePath(String);

/// Why a text is no cookie path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CookiePathError {
    /// A client would take its own default in place of such a path (RFC 6265 section 5.2.4).
    #[error("invalid cookie path: it must start with `/`")]
    Relative,
    /// Longer than [`PATH_LIMIT`].
    #[error("invalid cookie path: {0} bytes are more than {PATH_LIMIT}")]
    TooLong(usize),
    /// The character would end the attribute or the header.
    #[error("invalid cookie path: the character {0:?} cannot stand in a cookie's `Path`")]
    Character(char),
}

/// Why a text is no token in the sense of RFC 9110 section 5.6.2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No character at all.
    #[error("it is empty")]
    Empty,
    /// Longer than [`NAME_LIMIT`].
    #[error("{0} bytes are more than {NAME_LIMIT}")]
    TooLong(usize),
    /// Neither letter, digit nor one of ``!#$%&'*+-.^_`|~``.
    #[error("the character {0:?} is not allowed; letters, digits and !#$%&'*+-.^_`|~ are")]
    Character(char),
}

impl Cookie {
    pub(super) fn read(at: &At<'_>) -> Result<Self, Refused> {
        let fields = at.fields(&["name", "path", "lifetime", "secure"])?;
        Ok(Self {
            name: fields.required("name")?.parse()?,
            path: fields.optional("path").map(|path| path.parse()).transpose()?.unwrap_or_default(),
            lifetime: fields
                .optional("lifetime")
                .map(|it| Lifetime::read(&it))
                .transpose()?
                .unwrap_or_default(),
            secure: fields.optional("secure").map(|secure| secure.flag()).transpose()?.unwrap_or_default(),
        })
    }
}

impl Header {
    pub(super) fn read(at: &At<'_>) -> Result<Self, Refused> {
        let fields = at.fields(&["name", "removed_by_route"])?;
        let removed = fields.optional("removed_by_route").map(|removed| removed.flag()).transpose()?;
        Ok(Self { name: fields.required("name")?.parse()?, removed_by_route: removed.unwrap_or_default() })
    }
}

impl Lifetime {
    fn read(at: &At<'_>) -> Result<Self, Refused> {
        match at.text()? {
            "session" => Ok(Self::Session),
            "permanent" => Ok(Self::Permanent),
            other => Err(at.refuse(Problem::Value(format!(
                "unknown lifetime {other:?}, expected `session` or `permanent`"
            )))),
        }
    }
}

fn token(text: &str) -> Result<(), TokenError> {
    if text.is_empty() {
        return Err(TokenError::Empty);
    }
    if text.len() > NAME_LIMIT {
        return Err(TokenError::TooLong(text.len()));
    }
    let allowed = |c| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '!' | '#'..='\'' | '*' | '+' | '-' | '.' | '^'..='`' | '|' | '~');
    text.chars().find(|&c| !allowed(c)).map_or(Ok(()), |c| Err(TokenError::Character(c)))
}

impl TryFrom<String> for CookieName {
    type Error = CookieNameError;

    fn try_from(text: String) -> Result<Self, CookieNameError> {
        token(&text)?;
        Ok(Self(text))
    }
}

impl TryFrom<String> for HeaderName {
    type Error = HeaderNameError;

    fn try_from(text: String) -> Result<Self, HeaderNameError> {
        token(&text)?;
        let name = text.to_ascii_lowercase();
        if is_reserved(&name) { Err(HeaderNameError::Reserved(name)) } else { Ok(Self(name)) }
    }
}

impl TryFrom<String> for CookiePath {
    type Error = CookiePathError;

    fn try_from(text: String) -> Result<Self, CookiePathError> {
        if !text.starts_with('/') {
            return Err(CookiePathError::Relative);
        }
        if text.len() > PATH_LIMIT {
            return Err(CookiePathError::TooLong(text.len()));
        }
        let allowed = |c: char| matches!(c, ' '..='~') && c != ';';
        text.chars().find(|&c| !allowed(c)).map_or(Ok(Self(text)), |c| Err(CookiePathError::Character(c)))
    }
}

impl Default for CookiePath {
    fn default() -> Self {
        Self(String::from("/"))
    }
}

macro_rules! text {
    ($($name:ident),*) => {$(
        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text!(CookieName, HeaderName, CookiePath);
