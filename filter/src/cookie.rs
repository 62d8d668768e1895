//! Writes the session cookie (RFC 6265).

use crate::config::{Cookie, Lifetime};

/// The `Set-Cookie` value that gives a client its token. `seconds_left`, the remaining absolute timeout, becomes the `Max-Age` of a
/// permanent cookie. (`Expires` would depend on the client's clock.)
#[must_use]
pub fn set_cookie(cookie: &Cookie, token: &str, seconds_left: Option<u64>) -> String {
    line(cookie, token, seconds_left.filter(|_| cookie.lifetime == Lifetime::Permanent))
}

/// The `Set-Cookie` value that removes the token from a client.
#[must_use]
pub fn clear_cookie(cookie: &Cookie) -> String {
    line(cookie, "", Some(0))
}

fn line(cookie: &Cookie, token: &str, max_age: Option<u64>) -> String {
    let (name, path) = (cookie.name.as_str(), cookie.path.as_str());
    // `format!` would take more than half as many instructions as sealing the token.
    let mut value = String::with_capacity(name.len() + token.len() + path.len() + 96);
    for part in [name, "=", token, "; Path=", path] {
        value.push_str(part);
    }
    if let Some(seconds) = max_age {
        value.push_str("; Max-Age=");
        value.push_str(&seconds.to_string());
    }
    if let Some(domain) = &cookie.domain {
        value.push_str("; Domain=");
        value.push_str(domain.as_str());
    }
    if cookie.secure {
        value.push_str("; Secure");
    }
    value.push_str("; HttpOnly; SameSite=");
    value.push_str(cookie.same_site.as_str());
    if cookie.partitioned {
        value.push_str("; Partitioned");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CookieName, CookiePath, SameSite};
    use crate::test;

    fn cookie(lifetime: Lifetime, secure: bool) -> Cookie {
        let name = CookieName::try_from(String::from("Session-A")).unwrap();
        let path = CookiePath::try_from(String::from("/shop")).unwrap();
        Cookie { secure, ..Cookie::new(name, path, lifetime) }
    }

    #[test]
    fn a_permanent_cookie_expires_with_its_session() {
        let value = set_cookie(&cookie(Lifetime::Permanent, false), "token", Some(10));
        assert_eq!(value, "Session-A=token; Path=/shop; Max-Age=10; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_session_cookie_has_neither_expires_nor_max_age() {
        let value = set_cookie(&cookie(Lifetime::Session, false), "token", Some(10));
        assert_eq!(value, "Session-A=token; Path=/shop; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn cookies_of_tls_listeners_are_secure() {
        let value = set_cookie(&cookie(Lifetime::Session, true), "token", None);
        assert_eq!(value, "Session-A=token; Path=/shop; Secure; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_cookie_is_removed_with_the_attributes_with_which_it_was_set() {
        for lifetime in [Lifetime::Permanent, Lifetime::Session] {
            let value = clear_cookie(&cookie(lifetime, true));
            assert_eq!(value, "Session-A=; Path=/shop; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
        }
    }

    /// Browsers replace a cookie only by one with the same name, domain, path and partition.
    #[test]
    fn all_attributes_are_in_cookies_that_are_set_and_in_those_that_are_removed() {
        let domain = Some(String::from("example.com").try_into().unwrap());
        let plain = cookie(Lifetime::Permanent, true);
        let all = Cookie { same_site: SameSite::None, domain, partitioned: true, ..plain.clone() };
        let attributes = "Domain=example.com; Secure; HttpOnly; SameSite=None; Partitioned";
        let set = set_cookie(&all, "token", Some(10));
        assert_eq!(set, format!("Session-A=token; Path=/shop; Max-Age=10; {attributes}"));
        assert_eq!(clear_cookie(&all), format!("Session-A=; Path=/shop; Max-Age=0; {attributes}"));
        let strict = set_cookie(&Cookie { same_site: SameSite::Strict, ..plain }, "token", None);
        assert_eq!(strict, "Session-A=token; Path=/shop; Secure; HttpOnly; SameSite=Strict");
    }
}
