//! An HTTP response, and what an echo backend wrote in it.

use serde_json::Value;

/// A response with any status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers in order of arrival, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The values of a header (its name in lower case), in order of arrival.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<String> {
        let named = self.headers.iter().filter(|(found, _)| found == name);
        named.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// The first value of a header (its name in lower case).
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        self.values(name).into_iter().next()
    }

    /// The `Set-Cookie` value that sets the cookie of this name.
    #[must_use]
    pub fn set_cookie(&self, name: &str) -> Option<String> {
        self.values("set-cookie").into_iter().find(|line| line.split('=').next() == Some(name))
    }

    /// The value of the cookie of this name, if the response sets it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        let line = self.set_cookie(name)?;
        let pair = line.split(';').next()?;
        pair.split_once('=').map(|(_, value)| value.to_owned())
    }

    /// The JSON of an echo backend: `None` if the body is not JSON.
    #[must_use]
    pub fn echo(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The pod that answered: `None` if no echo backend did.
    #[must_use]
    pub fn pod(&self) -> Option<String> {
        self.echo()?.get("pod")?.as_str().map(str::to_owned)
    }

    /// The values of a request header as an echo backend received them (the name in Go's notation: `X-Request-Id`).
    #[must_use]
    pub fn echoed(&self, name: &str) -> Vec<String> {
        let echo = self.echo();
        let values = echo.as_ref().and_then(|echo| echo.get("headers")?.get(name)?.as_array());
        values.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }
}
