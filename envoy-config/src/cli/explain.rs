//! `envoy-config explain`: what a diagnostic code means, and how a field is supported.

mod fields;

use std::fmt::Write as _;

use clap::Args;

use super::{Exit, Streams};
use crate::diagnostic::{Code, closest};

/// Explain a diagnostic code or a field.
///
/// A code is what stands in brackets in a diagnostic, such as missing-service. A field is a path as in diagnostics or in
/// kubectl explain, such as HTTPRoute.spec.rules.timeouts or spec.rules[0].sessionPersistence. The exit status is 0 if it is
/// known, and 2 if not.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A code or the path of a field [default: list all codes].
    #[arg(value_name = "CODE|FIELD")]
    topic: Option<String>,
}

impl Explain {
    pub(super) fn run(&self, streams: &mut Streams<'_>) -> Exit {
        let text = match self.topic.as_deref() {
            None => list(),
            Some(topic) => match code(topic).or_else(|| fields::explain(topic)) {
                Some(text) => text,
                None => return streams.fail(&unknown(topic)),
            },
        };
        streams.write(&text).map_or_else(|problem| streams.fail(&problem), |()| Exit::Fine)
    }
}

/// The entry of a code, which may be written as in a diagnostic: `error[missing-service]`.
fn code(topic: &str) -> Option<String> {
    let name = topic.rsplit('[').next().unwrap_or(topic).trim_end_matches(']');
    let explanation = Code::explanation(name)?;
    Some(format!("{name}\n\n{}\n", explanation.entry()))
}

fn list() -> String {
    let mut out = String::new();
    for code in Code::ALL {
        let meaning: Vec<&str> = code.meaning.split_whitespace().collect();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{:28} {}", code.name, meaning.join(" "));
    }
    out
}

fn unknown(topic: &str) -> String {
    let near = closest(topic, Code::ALL.iter().map(|code| code.name));
    let hint = near.map_or_else(
        || String::from("`envoy-config explain` lists all codes, and docs/gateway-api.md all fields"),
        |near| format!("did you mean `{near}`?"),
    );
    format!("{topic:?} is neither a diagnostic code nor a field in the documentation; {hint}")
}
