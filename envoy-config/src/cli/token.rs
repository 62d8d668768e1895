//! `envoy-config token inspect`: what a token says, and whether a rule accepts it.

mod inspection;
mod rules;

use std::env::{self, VarError};
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use session_persistence::key::{KeyError, KeyRing};
use session_persistence::names::KEYS_VARIABLE;
use session_persistence::time::Timestamp;
use zeroize::Zeroizing;

use self::inspection::Inspection;
use self::rules::{Rules, RulesError};
use super::shared_options::CompileOptions;
use super::{Exit, Streams};

/// Look into tokens.
#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    Inspect(Inspect),
}

/// Show what a token says, and whether it is accepted.
///
/// The keys are read from `SESSION_KEYS`, the rules from manifests or from a plugin configuration. The exit status is 0 if the
/// token is accepted, 1 if it is rejected, and 2 if it cannot be inspected.
#[derive(Debug, Args)]
struct Inspect {
    /// The token, or - for standard input; the text of a Cookie or Set-Cookie header works, too.
    ///
    /// Other users of the machine can see arguments. A token lets its owner continue a session: prefer standard input.
    #[arg(default_value = "-")]
    token: String,

    /// Manifests with the rule: a file or a directory; can be repeated.
    #[arg(short, long = "filename", value_name = "FILE|DIR", required_unless_present = "plugin_config")]
    filenames: Vec<PathBuf>,

    /// A plugin configuration with the rule, as JSON, instead of manifests.
    #[arg(long, value_name = "FILE", conflicts_with = "filenames")]
    plugin_config: Option<PathBuf>,

    #[command(flatten)]
    compiling: CompileOptions,
}

/// Why a token cannot be inspected.
#[derive(Debug, thiserror::Error)]
enum InspectError {
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error("{KEYS_VARIABLE} is not valid UTF-8")]
    NotUnicode,
    #[error(transparent)]
    Rules(#[from] RulesError),
    #[error("cannot read standard input: {0}")]
    StandardInput(#[from] io::Error),
    #[error("there is no token to inspect")]
    NoToken,
}

/// The longest text that is read as a token: the limit of a request's headers in Envoy.
const LONGEST: u64 = 60 << 10;

impl Token {
    pub(super) fn run(&self, streams: &mut Streams<'_>) -> Exit {
        let TokenCommand::Inspect(inspect) = &self.command;
        match inspect.inspect(streams) {
            Ok(inspection) => {
                let exit = if inspection.is_accepted() { Exit::Fine } else { Exit::Diagnostics };
                let written = streams.write(&inspection.to_string());
                written.map_or_else(|problem| streams.fail(&problem), |()| exit)
            }
            Err(problem) => streams.fail(&problem),
        }
    }
}

impl Inspect {
    fn inspect(&self, streams: &mut Streams<'_>) -> Result<Inspection, InspectError> {
        let ring = KeyRing::parse(&keys()?)?;
        let rules = match &self.plugin_config {
            Some(path) => Rules::of_plugin(path)?,
            None => Rules::of_manifests(&self.filenames, &self.compiling)?,
        };
        let text = if self.token == "-" {
            let mut text = String::new();
            (&mut *streams.input).take(LONGEST).read_to_string(&mut text)?;
            text
        } else {
            self.token.clone()
        };
        let token = value(&text);
        if token.is_empty() {
            return Err(InspectError::NoToken);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Inspection::new(token, &rules, &ring, Timestamp::from_unix_seconds(now.as_secs())))
    }
}

fn keys() -> Result<Zeroizing<String>, InspectError> {
    match env::var(KEYS_VARIABLE) {
        Ok(keys) => Ok(Zeroizing::new(keys)),
        Err(VarError::NotPresent) => Ok(Zeroizing::new(String::new())),
        Err(VarError::NotUnicode(_)) => Err(InspectError::NotUnicode),
    }
}

/// The token in the text of a header: behind its name or that of the cookie, and before the attributes. Tokens contain neither
/// of the separators.
fn value(text: &str) -> &str {
    let text = text.trim();
    let text = text.rsplit_once(": ").map_or(text, |(_, value)| value);
    let text = text.split(';').next().unwrap_or(text);
    text.rsplit('=').next().unwrap_or(text).trim().trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn tokens_are_found_in_headers() {
        for text in [
            "abc-_9",
            " abc-_9\n",
            "cart=abc-_9",
            "cart=\"abc-_9\"",
            "cart=abc-_9; Path=/; HttpOnly; SameSite=Lax",
            "set-cookie: cart=abc-_9; Path=/\r\n",
            "X-Cart: abc-_9",
        ] {
            assert_eq!(value(text), "abc-_9", "{text}");
        }
    }
}
