//! `envoy-config check`: the status that each object would have.

use clap::{Args, ValueEnum};

use super::request::Request;
use super::{Exit, Streams, count};
use crate::diagnostic::{self, Severity};
use crate::status::{ObjectStatus, json, table};

/// Tell the Gateway API status that each object would have.
///
/// Exits with 0 when every condition is as it should be, with 1 when one is not or there are errors in the manifests, with 2
/// when the call is wrong or a file cannot be read.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    request: Request,

    /// How to write the statuses.
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

/// A form that statuses are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: what is not as it should be, and why.
    Table,
    /// For programs: a List of objects with the API's `status`, without times and generations.
    Json,
}

impl Check {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> Exit {
        let sources = match self.request.read(streams) {
            Ok(input) => input.sources,
            Err(problem) => return streams.fail(&problem),
        };
        if let Err(problem) = self.request.limits() {
            return streams.fail(&problem);
        }
        // A controller looks at what is right in spite of what is wrong.
        let checked = crate::compile(&sources, &self.request.options(true));
        streams.say(&diagnostic::print(&checked.diagnostics, &sources, streams.colour));
        streams.note(&checked.ignored);
        if !checked.usage_errors.is_empty() {
            return streams.refuse(&checked.usage_errors);
        }
        let statuses = checked.statuses(&sources);
        let text = match self.output {
            Format::Table => Ok(table::write(&statuses)),
            Format::Json => json::write(&statuses).map_err(std::io::Error::from),
        };
        if let Err(problem) = text.and_then(|text| streams.put(&text)) {
            return streams.fail(&problem);
        }
        let counted = count(&checked.diagnostics);
        if let Some((level, counts)) = &counted {
            let level = if *level == Severity::Error { "error" } else { "warning" };
            streams.say(&format!("{level}: {counts}\n"));
        }
        let failed = counted.is_some_and(|(level, _)| level == Severity::Error);
        if failed || !statuses.iter().all(ObjectStatus::is_fine) { Exit::Diagnostics } else { Exit::Fine }
    }
}
