//! What came back.

use serde_json::Value;

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers in the order in which they came, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The values of a header (its name in lower case), in the order in which they came.
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

    /// The whole `Set-Cookie` line that sets the cookie of this name, if there is one.
    #[must_use]
    pub fn set_cookie(&self, name: &str) -> Option<String> {
        self.values("set-cookie").into_iter().find(|line| line.split('=').next() == Some(name))
    }

    /// The value that this answer sets for the cookie of this name, if it sets it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        let line = self.set_cookie(name)?;
        let pair = line.split(';').next()?;
        pair.split_once('=').map(|(_, value)| value.to_owned())
    }

    /// What an echo backend wrote: `None` when the body is not its JSON.
    #[must_use]
    pub fn echo(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The pod that answered: `None` when no echo backend did.
    #[must_use]
    pub fn pod(&self) -> Option<String> {
        self.echo()?.get("pod")?.as_str().map(str::to_owned)
    }

    /// The values of a request header as an echo backend saw them (the name as Go writes it: `X-Request-Id`).
    #[must_use]
    pub fn echoed(&self, name: &str) -> Vec<String> {
        let echo = self.echo();
        let values = echo.as_ref().and_then(|echo| echo.get("headers")?.get(name)?.as_array());
        values.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }
}
