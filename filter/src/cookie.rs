//! Writing the session cookie (RFC 6265).

use crate::config::{Cookie, Lifetime};

/// The `Set-Cookie` value that gives a client its token. `seconds_left` is what is left of the absolute timeout: a
/// permanent cookie's `Max-Age`. `Max-Age` and not `Expires`, which would depend on the client's clock.
#[must_use]
pub fn set_cookie(cookie: &Cookie, token: &str, seconds_left: Option<u64>) -> String {
    // `format!` would take more than half as many instructions as sealing the token does.
    let mut value =
        String::with_capacity(cookie.name.as_str().len() + token.len() + cookie.path.as_str().len() + 80);
    for part in [cookie.name.as_str(), "=", token, "; Path=", cookie.path.as_str()] {
        value.push_str(part);
    }
    if let (Lifetime::Permanent, Some(seconds)) = (cookie.lifetime, seconds_left) {
        value.push_str("; Max-Age=");
        value.push_str(&seconds.to_string());
    }
    if cookie.secure {
        value.push_str("; Secure");
    }
    value.push_str("; HttpOnly; SameSite=Lax");
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CookieName, CookiePath};
    use crate::test;

    fn cookie(lifetime: Lifetime, secure: bool) -> Cookie {
        let name = CookieName::try_from(String::from("Session-A")).unwrap();
        let path = CookiePath::try_from(String::from("/shop")).unwrap();
        Cookie { name, path, lifetime, secure }
    }

    #[test]
    fn a_permanent_cookie_lives_as_long_as_its_session() {
        let value = set_cookie(&cookie(Lifetime::Permanent, false), "token", Some(10));
        assert_eq!(value, "Session-A=token; Path=/shop; Max-Age=10; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_session_cookie_has_neither_expires_nor_max_age() {
        let value = set_cookie(&cookie(Lifetime::Session, false), "token", Some(10));
        assert_eq!(value, "Session-A=token; Path=/shop; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_cookie_of_a_tls_listener_is_secure() {
        let value = set_cookie(&cookie(Lifetime::Session, true), "token", None);
        assert_eq!(value, "Session-A=token; Path=/shop; Secure; HttpOnly; SameSite=Lax");
    }
}
