//! Values of HTTP that mean the same in a manifest and in the model: schemes, redirect statuses, CORS.
//!
//! `manifest` reads them and `resolve` copies them into `model`, so neither of the two has to know the other.

mod cors;

pub use self::cors::{Allowed, Cors, Origin, OriginHost};

/// The scheme of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`, whose port is 80.
    Http,
    /// `https`, whose port is 443.
    Https,
}

impl Scheme {
    /// The default port.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The status of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectStatus {
    /// 301
    MovedPermanently,
    /// 302
    Found,
    /// 303
    SeeOther,
    /// 307
    TemporaryRedirect,
    /// 308
    PermanentRedirect,
}
