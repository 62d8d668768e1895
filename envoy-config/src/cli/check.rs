//! `envoy-config check`: prints the status that each object would have in a cluster.

use clap::{Args, ValueEnum};

use super::shared_options::SharedOptions;
use super::{Exit, Streams, count};
use crate::diagnostic::{self, Severity};
use crate::status::{ObjectStatus, json, table};

/// Print the Gateway API status that each object would have.
///
/// The exit status is 0 if every condition is as it should be, 1 if a condition is not or the manifests have errors,
/// and 2 if the command line is wrong or a file cannot be read. Diagnostics for people go to standard error in every
/// output format.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    shared: SharedOptions,

    /// Output format.
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,

    /// Exit with 1 also if there are only warnings.
    #[arg(long)]
    warnings_as_errors: bool,

    /// Exit with 0 whatever the manifests are like.
    ///
    /// For a report that must not fail its job. The exit status is still 2 if the command line is wrong or a file
    /// cannot be read.
    #[arg(long, conflicts_with = "warnings_as_errors")]
    exit_zero: bool,
}

/// The output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: the conditions that are not as they should be, and why.
    Table,
    /// For programs: a List of the objects with their `status`, without timestamps and generations.
    Json,
    /// For GitHub Actions: a workflow command for each diagnostic, which becomes an annotation on its line.
    Github,
    /// For code scanning: the diagnostics as a SARIF 2.1.0 log.
    Sarif,
}

impl Check {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> Exit {
        let sources = match self.shared.read(streams) {
            Ok(input) => input.sources,
            Err(problem) => return streams.fail(&problem),
        };
        if let Err(problem) = self.shared.limits() {
            return streams.fail(&problem);
        }
        // Like a controller, continue after errors.
        let checked = crate::compile(&sources, &self.shared.options(true));
        streams.report(&diagnostic::print(&checked.diagnostics, &sources, streams.colour));
        streams.report(&checked.notes.to_string());
        if !checked.usage_errors.is_empty() {
            return streams.fail_usage(&checked.usage_errors);
        }
        let statuses = checked.statuses(&sources);
        let text = match self.output {
            Format::Table => Ok(table::write(&statuses)),
            Format::Json => json::write(&statuses).map_err(std::io::Error::from),
            Format::Github => Ok(diagnostic::github(&checked.diagnostics, &sources)),
            Format::Sarif => diagnostic::sarif(&checked.diagnostics, &sources).map_err(std::io::Error::from),
        };
        if let Err(problem) = text.and_then(|text| streams.write(&text)) {
            return streams.fail(&problem);
        }
        let counted = count(&checked.diagnostics);
        if let Some((level, counts)) = &counted {
            let level = if *level == Severity::Error { "error" } else { "warning" };
            streams.report(&format!("{level}: {counts}\n"));
        }
        let failed = counted.is_some_and(|(level, _)| level == Severity::Error || self.warnings_as_errors);
        let is_fine = !failed && statuses.iter().all(ObjectStatus::is_fine);
        if is_fine || self.exit_zero { Exit::Fine } else { Exit::Diagnostics }
    }
}
