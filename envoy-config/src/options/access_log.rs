//! Where Envoy writes a line for each request, and in which form.

use std::str::FromStr;

/// The access log of all listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// JSON objects, one a line, on standard output.
    #[default]
    Json,
    /// Lines of text on standard output.
    Text,
    /// None.
    Off,
    /// JSON objects, one a line, that are appended to the file with this path, as Envoy sees it.
    File(String),
}

/// A text is not an access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected json, text, off, or a path that contains a slash, such as ./access.log")]
pub struct AccessLogError;

impl FromStr for AccessLog {
    type Err = AccessLogError;

    fn from_str(text: &str) -> Result<Self, AccessLogError> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            "off" => Ok(Self::Off),
            path if path.contains('/') && !path.ends_with('/') => Ok(Self::File(path.to_owned())),
            _ => Err(AccessLogError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_a_word_or_a_path_with_a_slash() {
        let file = |path: &str| Ok(AccessLog::File(path.to_owned()));
        for (text, expected) in [
            ("json", Ok(AccessLog::Json)),
            ("text", Ok(AccessLog::Text)),
            ("off", Ok(AccessLog::Off)),
            ("./json", file("./json")),
            ("/var/log/envoy/access.log", file("/var/log/envoy/access.log")),
            ("JSON", Err(AccessLogError)),
            ("access.log", Err(AccessLogError)),
            ("logs/", Err(AccessLogError)),
            ("", Err(AccessLogError)),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
    }
}
