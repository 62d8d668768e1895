//! The rules that a token may belong to: of manifests, or of a plugin configuration that was written by hand.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use session_persistence::config::{ConfigError, PluginConfig, Rule};
use session_persistence::token::Share;

use crate::cli::input::{self, InputError};
use crate::cli::shared_options::CompileOptions;
use crate::diagnostic::Severity;
use crate::model::Listener;

/// Rules with different ids or carriers.
pub(super) struct Rules(Vec<RuleShares>);

/// A rule, and its shares if it is split.
pub(super) struct RuleShares {
    pub(super) rule: Rule,
    pub(super) shares: Vec<Share>,
}

/// Why there are no rules.
#[derive(Debug, thiserror::Error)]
pub(super) enum RulesError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("cannot read {}: {problem}", path.display())]
    Read { path: PathBuf, problem: io::Error },
    #[error("{}: {problem}", path.display())]
    Config { path: PathBuf, problem: ConfigError },
    #[error("{0}")]
    Usage(String),
    #[error(
        "the manifests have errors, and no rule with session persistence is left; `envoy-config check` shows them"
    )]
    Invalid,
    #[error("no rule has session persistence")]
    None,
}

impl Rules {
    pub(super) fn of_manifests(paths: &[PathBuf], options: &CompileOptions) -> Result<Self, RulesError> {
        let input = input::read(paths, &mut io::empty())?;
        let compiled = crate::compile(&input.sources, &options.options(true));
        if let Some(error) = compiled.usage_errors.first() {
            return Err(RulesError::Usage(error.to_string()));
        }
        let mut rules = Self(Vec::new());
        let listeners = compiled.model.iter().flat_map(|model| &model.listeners);
        for route in listeners.flat_map(Listener::virtual_hosts).flat_map(|host| &host.routes) {
            if let Some(rule) = &route.persistence {
                rules.add(rule.clone());
            }
        }
        let has_errors = compiled.diagnostics.iter().any(|found| found.severity == Severity::Error);
        match (rules.0.is_empty(), has_errors) {
            (true, true) => Err(RulesError::Invalid),
            (true, false) => Err(RulesError::None),
            (false, _) => Ok(rules),
        }
    }

    pub(super) fn of_plugin(path: &Path) -> Result<Self, RulesError> {
        let json = fs::read(path).map_err(|problem| RulesError::Read { path: path.to_owned(), problem })?;
        let config = PluginConfig::parse(&json)
            .map_err(|problem| RulesError::Config { path: path.to_owned(), problem })?;
        let mut rules = Self(Vec::new());
        match config {
            PluginConfig::Route(route) => {
                for (_, share) in route.shares {
                    rules.add(route.rule.clone().of_share(share));
                }
                rules.add(route.rule);
            }
            PluginConfig::Table(table) => {
                for (_, rule) in table.rules.into_iter().chain(table.rules_by_prefix) {
                    rules.add(rule);
                }
            }
        }
        if rules.0.is_empty() { Err(RulesError::None) } else { Ok(rules) }
    }

    fn add(&mut self, rule: Rule) {
        let share = rule.share().map(Share::new);
        // On a TLS listener, the cookie of the same rule is `Secure`.
        let is_same = |known: &&mut RuleShares| {
            let (known, rule) = (known.rule.clone().secure(), rule.clone().secure());
            (known.id(), known.carrier()) == (rule.id(), rule.carrier())
        };
        match self.0.iter_mut().find(is_same) {
            Some(known) => known.shares.extend(share.filter(|share| !known.shares.contains(share))),
            None => self.0.push(RuleShares { rule, shares: share.into_iter().collect() }),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &RuleShares> {
        self.0.iter()
    }
}
