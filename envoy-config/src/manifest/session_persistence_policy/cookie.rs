//! `cookie`: the attributes of the session cookie, with the rules of browsers that its fields alone can break (RFC 6265bis,
//! "Storage Model", and CHIPS for `Partitioned`). Whether the cookie fits the listeners and hostnames of a route is decided in
//! `resolve::sessions::browser_rules`.

use session_persistence::config::{CookieDomain, CookiePath, SameSite};

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Hostname;
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::syntax::hostname;
use crate::manifest::read::value::{boolean, parsed, string, word};
use crate::source::{Span, Spanned};

/// `cookie`. Attributes that are left out have their defaults.
#[derive(Clone, Debug)]
pub struct Cookie {
    /// `sameSite`.
    pub same_site: Option<Spanned<SameSite>>,
    /// `secure`.
    pub secure: Option<Spanned<Secure>>,
    /// `domain`.
    pub domain: Option<Spanned<CookieDomain>>,
    /// `partitioned`, if it is set to true.
    pub partitioned: Option<Spanned<()>>,
    /// `path`.
    pub path: Option<Spanned<CookiePath>>,
    /// `prefix`.
    pub prefix: Option<Spanned<Prefix>>,
    /// The whole field.
    pub span: Span,
}

/// `secure`: when the cookie has the attribute `Secure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secure {
    /// On listeners with TLS.
    Auto,
    /// On all listeners: something in front of Envoy ends TLS.
    Always,
    /// On no listener.
    Never,
}

/// `prefix`: what precedes the name of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// `__Host-`.
    Host,
    /// `__Secure-`.
    Secure,
}

impl Prefix {
    /// The text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "__Host-",
            Self::Secure => "__Secure-",
        }
    }
}

pub(super) const COOKIE: Known = Known {
    read: &["sameSite", "secure", "domain", "partitioned", "path", "prefix"],
    unread: &[],
    unsupported: &[],
};

pub(super) fn read(at: At<'_>, findings: &mut Findings) -> Option<Cookie> {
    let fields = Fields::of(at, &COOKIE, findings)?;
    let same_site = [("Strict", SameSite::Strict), ("Lax", SameSite::Lax), ("None", SameSite::None)];
    let secure = [("Auto", Secure::Auto), ("Always", Secure::Always), ("Never", Secure::Never)];
    let prefixes = [Prefix::Host, Prefix::Secure].map(|prefix| (prefix.as_str(), prefix));
    let path = |text: &str| CookiePath::try_from(text.to_owned());
    let partitioned =
        fields.optional("partitioned", findings, |at, findings| Some((boolean(at, findings)?, at.span())));
    let cookie = Cookie {
        same_site: fields.optional("sameSite", findings, word(&same_site)),
        secure: fields.optional("secure", findings, word(&secure)),
        domain: fields.optional("domain", findings, domain),
        partitioned: partitioned.filter(|(set, _)| *set).map(|(_, span)| Spanned { value: (), span }),
        path: fields.optional("path", findings, parsed(Code::InvalidCookiePath, path)),
        prefix: fields.optional("prefix", findings, word(&prefixes)),
        span: at.span(),
    };
    cookie.check(at.path, findings);
    Some(cookie)
}

/// A domain that browsers accept from some host.
fn domain(at: At<'_>, findings: &mut Findings) -> Option<Spanned<CookieDomain>> {
    let text = string(at, findings)?;
    let name = match hostname::parse(&text.value) {
        Ok(Hostname::Exact(name)) => name,
        Ok(Hostname::Wildcard(name)) => {
            let message = "a cookie domain has no wildcard: it includes all hostnames below it";
            let error = at.error(Code::InvalidCookieDomain, message);
            return findings.reject(error.hint(format!("write `{name}`")));
        }
        Err(error) => {
            let leading = text.value.strip_prefix('.').filter(|rest| hostname::parse(rest).is_ok());
            let error = at.error(Code::InvalidCookieDomain, error.to_string());
            return findings.reject(match leading {
                Some(rest) => error.hint(format!("browsers ignore the leading dot: write `{rest}`")),
                None => error,
            });
        }
    };
    if !name.contains('.') {
        let message = "browsers reject a domain of one label for all hosts but that one";
        let error = at.error(Code::InvalidCookieDomain, message);
        return findings
            .reject(error.hint("remove the field: without it, the cookie is for the host that sets it"));
    }
    match CookieDomain::try_from(name) {
        Ok(value) => Some(Spanned { value, span: text.span }),
        Err(error) => findings.reject(at.error(Code::InvalidCookieDomain, error.to_string())),
    }
}

impl Cookie {
    /// Reports attributes that browsers reject together, wherever the cookie is set.
    fn check(&self, path: FieldPath<'_>, findings: &mut Findings) {
        let mut reject = |field: &str, span, message: &str, other: Span, hint: &str| {
            let error = Diagnostic::error(Code::RejectedCookie, span, message).related(other, "set here");
            findings.add(FieldPath::Field(&path, field).place(error).hint(hint));
        };
        if let Some(never) = self.secure.as_ref().filter(|secure| secure.value == Secure::Never) {
            let none = self.same_site.as_ref().filter(|same_site| same_site.value == SameSite::None);
            for (field, span, what) in [
                ("sameSite", none.map(|none| none.span), "`SameSite=None`"),
                ("partitioned", self.partitioned.as_ref().map(|set| set.span), "`Partitioned`"),
                ("prefix", self.prefix.as_ref().map(|prefix| prefix.span), "this prefix"),
            ] {
                if let Some(span) = span {
                    let message = format!("browsers reject a cookie with {what} that is not `Secure`");
                    reject(field, span, &message, never.span, "remove `secure: Never`");
                }
            }
        }
        if let Some(prefix) = self.prefix.as_ref().filter(|prefix| prefix.value == Prefix::Host) {
            if let Some(domain) = &self.domain {
                let message = "browsers reject a cookie with the prefix `__Host-` and a domain";
                reject(
                    "domain",
                    domain.span,
                    message,
                    prefix.span,
                    "remove `domain`, or use the prefix `__Secure-`",
                );
            }
            if let Some(path) = self.path.as_ref().filter(|path| path.value.as_str() != "/") {
                let message = "browsers reject a cookie with the prefix `__Host-` and another path than `/`";
                reject(
                    "path",
                    path.span,
                    message,
                    prefix.span,
                    "write `path: /`, or use the prefix `__Secure-`",
                );
            }
        }
        if let Some(strict) = self.same_site.as_ref().filter(|same_site| same_site.value == SameSite::Strict)
        {
            let message = "browsers do not send the cookie after a link from another site, so that visit starts a new session \
                           and ends the old one";
            let warning = Diagnostic::warning(Code::StrictSameSite, strict.span, message);
            let hint = "use `Lax` unless nobody comes from another site";
            findings.add(FieldPath::Field(&path, "sameSite").place(warning).hint(hint));
        }
    }
}
