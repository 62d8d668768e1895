//! Carriers: the cookie or header in which a token travels, with validated names.

use std::fmt;

use serde::Serialize;

use super::read::{At, Problem, Refused};
use super::reserved::is_reserved;

/// The longest cookie or header name, in bytes (Gateway API, `SessionPersistence`).
pub const NAME_LIMIT: usize = 256;

/// The longest cookie domain, in bytes (RFC 1123).
pub const DOMAIN_LIMIT: usize = 253;

/// The longest cookie path, in bytes (Gateway API, `CookieSessionPersistence.path`).
pub const PATH_LIMIT: usize = 1024;

/// Where a token travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// In a cookie, which the client returns automatically.
    Cookie(Cookie),
    /// In a header of responses and requests. The client must copy it from a response to its next requests.
    Header(Header),
}

/// A session header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Header {
    /// The header's name.
    pub name: HeaderName,
    /// Whether the Envoy route removes this header from responses of backends (`response_headers_to_remove`), where it would
    /// replace the client's session. Otherwise the filter removes it, which costs about 1 % of the instructions of a request.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed_by_route: bool,
}

/// A session cookie and its attributes (RFC 6265 section 4.1.2).
///
/// `HttpOnly` is always set, because scripts do not need the token. The defaults of the optional attributes are not written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cookie {
    /// The cookie's name.
    pub name: CookieName,
    /// The `Path` attribute.
    pub path: CookiePath,
    /// Whether the client keeps the cookie after it closes.
    pub lifetime: Lifetime,
    /// Whether the `Secure` attribute is set, as it should be on TLS listeners.
    pub secure: bool,
    /// The `SameSite` attribute.
    #[serde(skip_serializing_if = "SameSite::is_default")]
    pub same_site: SameSite,
    /// The `Domain` attribute: without it, clients send the cookie only to the host that set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<CookieDomain>,
    /// Whether the `Partitioned` attribute is set (CHIPS): browsers keep a cookie for each site that embeds this one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partitioned: bool,
}

/// Which requests from other sites have the cookie (RFC 6265bis, "The `SameSite` Attribute").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SameSite {
    /// None: a link from another site leads to a request without it, whose response replaces the session.
    Strict,
    /// Those that open a page, with a safe method.
    #[default]
    Lax,
    /// All. Browsers require `Secure`.
    None,
}

/// The `Domain` of a cookie: a hostname in lower case, at most [`DOMAIN_LIMIT`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct CookieDomain(String);

/// A text is not the domain of a cookie.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid cookie domain: expected a hostname in lower case, such as `example.com`")]
pub struct CookieDomainError;

/// How long a client keeps a cookie (Gateway API, `CookieLifetimeType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// Until the client closes: neither `Expires` nor `Max-Age`.
    #[default]
    Session,
    /// `Max-Age` is the remaining absolute timeout, which is required.
    Permanent,
}

/// The name of a cookie: a token of RFC 9110 section 5.6.2, at most [`NAME_LIMIT`] bytes; case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct CookieName(String);

/// A text is not a cookie name.
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

/// A text is not the name of a header that can carry a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNameError {
    /// Empty, too long, or a character that a name cannot have.
    #[error("invalid header name: {0}")]
    Token(#[from] TokenError),
    /// The header has a meaning in HTTP, Envoy, another proxy or this filter.
    #[error(
        "the header `{0}` is reserved and cannot carry a session; choose another name, such as `x-session`"
    )]
    Reserved(String),
}

/// The `Path` of a cookie: starts with `/`, printable ASCII without `;`, at most [`PATH_LIMIT`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct CookiePath(String);

/// A text is not a cookie path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CookiePathError {
    /// Clients ignore such a path and use a default (RFC 6265 section 5.2.4).
    #[error("invalid cookie path: it must start with `/`")]
    Relative,
    /// Longer than [`PATH_LIMIT`].
    #[error("invalid cookie path: {0} bytes exceed the limit of {PATH_LIMIT}")]
    TooLong(usize),
    /// The character would end the attribute or the header.
    #[error("invalid cookie path: the character {0:?} is not allowed")]
    Character(char),
}

/// A text is not a token as defined by RFC 9110 section 5.6.2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// Longer than [`NAME_LIMIT`].
    #[error("{0} bytes exceed the limit of {NAME_LIMIT}")]
    TooLong(usize),
    /// Not a letter, a digit or one of ``!#$%&'*+-.^_`|~``.
    #[error("the character {0:?} is not allowed in it (letters, digits and !#$%&'*+-.^_`|~ are)")]
    Character(char),
}

impl Carrier {
    /// The name of the session header; `None` if sessions travel in a cookie.
    #[must_use]
    pub const fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Cookie(_) => None,
            Self::Header(header) => Some(&header.name),
        }
    }
}

impl Cookie {
    /// A cookie with the default of every attribute that is not given.
    #[must_use]
    pub const fn new(name: CookieName, path: CookiePath, lifetime: Lifetime) -> Self {
        let same_site = SameSite::Lax;
        Self { name, path, lifetime, secure: false, same_site, domain: None, partitioned: false }
    }

    pub(super) fn read(at: &At<'_>) -> Result<Self, Refused> {
        let fields =
            at.fields(&["name", "path", "lifetime", "secure", "same_site", "domain", "partitioned"])?;
        let flag = |name| fields.optional(name).map(|flag| flag.flag()).transpose();
        Ok(Self {
            name: fields.required("name")?.parse()?,
            path: fields.optional("path").map(|path| path.parse()).transpose()?.unwrap_or_default(),
            lifetime: fields
                .optional("lifetime")
                .map(|it| Lifetime::read(&it))
                .transpose()?
                .unwrap_or_default(),
            secure: flag("secure")?.unwrap_or_default(),
            same_site: fields
                .optional("same_site")
                .map(|it| SameSite::read(&it))
                .transpose()?
                .unwrap_or_default(),
            domain: fields.optional("domain").map(|domain| domain.parse()).transpose()?,
            partitioned: flag("partitioned")?.unwrap_or_default(),
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

impl SameSite {
    /// The value of the attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn read(at: &At<'_>) -> Result<Self, Refused> {
        match at.text()? {
            "strict" => Ok(Self::Strict),
            "lax" => Ok(Self::Lax),
            "none" => Ok(Self::None),
            _ => Err(at.refuse(Problem::Value("expected `strict`, `lax` or `none`".to_owned()))),
        }
    }
}

pub(super) fn token(text: &str) -> Result<(), TokenError> {
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

impl TryFrom<String> for CookieDomain {
    type Error = CookieDomainError;

    fn try_from(text: String) -> Result<Self, CookieDomainError> {
        // Each label has a character: a dot stands neither first, nor last, nor behind a dot.
        let mut previous = b'.';
        for &byte in text.as_bytes() {
            let inner = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
            if !inner && (byte != b'.' || previous == b'.') {
                return Err(CookieDomainError);
            }
            previous = byte;
        }
        if previous == b'.' || text.len() > DOMAIN_LIMIT { Err(CookieDomainError) } else { Ok(Self(text)) }
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
            /// The text.
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

text!(CookieName, HeaderName, CookiePath, CookieDomain);
