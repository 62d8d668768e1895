//! A cookie jar with the rules of a browser (RFC 6265), on the crate `cookie_store`.

use std::cmp::Reverse;
use std::sync::{Mutex, PoisonError};

use cookie_store::{CookieStore, RawCookie};
use url::Url;

/// The cookies of a client.
#[derive(Debug, Default)]
pub(super) struct Jar(Mutex<CookieStore>);

impl Jar {
    /// The `Cookie` header for a request to `url`, if any cookie matches.
    pub(super) fn cookies(&self, url: &str) -> Option<String> {
        let url = Url::parse(url).ok()?;
        let store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cookies = store.matches(&url);
        // RFC 6265 section 5.4: longer paths first. The names make equal paths stand in the same order every time.
        cookies.sort_by_key(|cookie| (Reverse(cookie.path.len()), cookie.name().to_owned()));
        let pairs: Vec<_> =
            cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value())).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Stores the cookies that the response from `url` sets, as a browser would.
    pub(super) fn keep(&self, url: &str, lines: Vec<String>) {
        if let Ok(url) = Url::parse(url) {
            let cookies = lines.into_iter().filter_map(|line| RawCookie::parse(line).ok());
            self.0.lock().unwrap_or_else(PoisonError::into_inner).store_response_cookies(cookies, &url);
        }
    }
}
