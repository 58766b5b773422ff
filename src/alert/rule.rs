//! Rule files: read whole or not at all, with every expression parsed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::template::Template;
use crate::promql::{Engine, Millis, Query, parse_duration};

/// The rules that are shipped, in `alerts/`.
const SHIPPED: &str = include_str!("../../alerts/plotwarden.rules.yml");
const SHIPPED_NAME: &str = "alerts/plotwarden.rules.yml";

/// The rules of one file.
#[derive(Debug, Clone)]
pub struct Rules(Vec<Rule>);

/// One alerting rule.
#[derive(Debug, Clone)]
pub struct Rule {
    pub name: String,
    pub query: Query,
    /// How long the expression has to be true before the alert fires.
    pub hold: Millis,
    /// How long the alert goes on after the expression was true for the last time.
    pub keep: Millis,
    pub labels: BTreeMap<String, Template>,
    pub annotations: BTreeMap<String, Template>,
}

/// Why a rule file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    #[error("cannot read the rule file {}: {source}; name a file that plotwarden may read", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{}:{line}:{column}: {problem}", file.display())]
    Invalid {
        file: PathBuf,
        /// From 1.
        line: u64,
        /// From 1, in characters.
        column: u64,
        problem: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    groups: Vec<Group>,
}

/// The interval of a group is that of a server; all rules are evaluated at our own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "interval")]
    _interval: Option<String>,
    rules: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    alert: Option<Spanned<String>>,
    record: Option<Spanned<String>>,
    expr: Spanned<String>,
    #[serde(default, rename = "for")]
    hold: Option<Spanned<String>>,
    #[serde(default)]
    keep_firing_for: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    annotations: BTreeMap<String, Spanned<String>>,
}

impl Rules {
    /// The shipped rules.
    pub fn shipped() -> Result<Self, RuleError> {
        Self::parse(Path::new(SHIPPED_NAME), SHIPPED)
    }

    /// The rules of a file.
    pub fn read(file: &Path) -> Result<Self, RuleError> {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|source| RuleError::Unreadable { file: file.to_owned(), source })?;
        Self::parse(file, &text)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    fn parse(file: &Path, text: &str) -> Result<Self, RuleError> {
        let source = Source { file };
        let written: File = serde_yaml::from_str(text).map_err(|error| {
            source.error(error.location().unwrap_or(Location::UNKNOWN), error.without_snippet().to_string())
        })?;
        let rules = written.groups.into_iter().flat_map(|group| group.rules);
        rules.map(|rule| source.rule(rule)).collect::<Result<_, _>>().map(Self)
    }
}

struct Source<'a> {
    file: &'a Path,
}

impl Source<'_> {
    fn error(&self, at: Location, problem: impl Into<String>) -> RuleError {
        RuleError::Invalid { file: self.file.to_owned(), line: at.line(), column: at.column(), problem: problem.into() }
    }

    fn rule(&self, written: Written) -> Result<Rule, RuleError> {
        let Written { alert, record, expr, hold, keep_firing_for, labels, annotations } = written;
        if let Some(record) = record {
            return Err(self.error(record.referenced, "recording rules are a server's: write an alert, or remove it"));
        }
        let Some(alert) = alert else { return Err(self.error(expr.referenced, "the rule has no `alert:` name")) };
        let query = Engine::default()
            .parse(&expr.value)
            .map_err(|error| self.error(expr.referenced, format!("not PromQL:\n{}", error.show(&expr.value))))?;
        Ok(Rule {
            name: alert.value,
            query,
            hold: self.duration(hold)?,
            keep: self.duration(keep_firing_for)?,
            labels: self.templates(labels)?,
            annotations: self.templates(annotations)?,
        })
    }

    fn duration(&self, text: Option<Spanned<String>>) -> Result<Millis, RuleError> {
        let Some(text) = text else { return Ok(0) };
        parse_duration(&text.value)
            .ok_or_else(|| self.error(text.referenced, format!("`{}` is no duration; write `5m`", text.value)))
    }

    fn templates(&self, texts: BTreeMap<String, Spanned<String>>) -> Result<BTreeMap<String, Template>, RuleError> {
        let template = |(name, text): (String, Spanned<String>)| match Template::parse(&text.value) {
            Ok(template) => Ok((name, template)),
            Err(problem) => Err(self.error(text.referenced, format!("`{name}`: {problem}"))),
        };
        texts.into_iter().map(template).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_rules_can_be_used() {
        let rules = Rules::shipped().unwrap_or_else(|error| panic!("{error}"));
        assert!(rules.iter().count() >= 25);
        assert!(rules.iter().all(|rule| rule.annotations.contains_key("summary")));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (rule, place, part) in [
            ("expr: up ==", "r.yml:5:11:", "not PromQL"),
            ("expr: up\n    for: soon", "r.yml:6:10:", "`soon` is no duration"),
            ("expr: up\n    annotations: {summary: '{{ query \"x\" }}'}", "r.yml:6:28:", "`summary`"),
            ("expr: up\n    record: x", "r.yml:6:13:", "recording rules"),
            ("expr: up\n    fro: 5m", "r.yml:6:", "fro"),
        ] {
            let text = format!("groups:\n- name: g\n  rules:\n  - alert: A\n    {rule}\n");
            let said = Rules::parse(Path::new("r.yml"), &text).unwrap_err().to_string();
            assert!(said.starts_with(place) && said.contains(part), "{said}");
        }
    }
}
