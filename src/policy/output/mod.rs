//! What a check found, in the forms that editors and pipelines read. Each form holds the same findings at the same places;
//! `docs/policy-commands.md` gives their shapes.

mod github;
mod json;
mod sarif;
#[cfg(test)]
mod tests;

use std::path::Path;

use clap::ValueEnum;

use super::check::CheckReport;
use super::error::PolicyError;

/// How a check is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Lines with carets and hints, and what each policy will do
    Human,
    /// One object: errors, warnings, policies
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands, which GitHub shows beside the lines of a pull request
    Github,
}

impl Output {
    /// The report in this form, whole lines. `folder` is the one that relative paths start at: the current one.
    pub fn write(self, report: &CheckReport, folder: &Path) -> String {
        match self {
            Self::Human => report.to_string(),
            Self::Json => json::write(report),
            Self::Sarif => sarif::write(report, folder),
            Self::Github => github::write(report, folder),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Error,
    Warning,
}

impl Severity {
    /// JSON, SARIF and GitHub agree on these words.
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Errors, then warnings.
fn findings(report: &CheckReport) -> impl Iterator<Item = (Severity, &PolicyError)> {
    let errors = report.errors.iter().map(|error| (Severity::Error, error));
    errors.chain(report.set.warnings.iter().map(|warning| (Severity::Warning, warning)))
}

/// Problem and hint as one text.
fn message(finding: &PolicyError) -> String {
    if finding.hint.is_empty() {
        finding.problem.clone()
    } else {
        format!("{}\nhint: {}", finding.problem, finding.hint)
    }
}

/// The path as seen from `folder`, where a checkout begins; as it is where it lies elsewhere.
fn seen_from<'a>(folder: &Path, path: &'a Path) -> &'a Path {
    let path = path.strip_prefix(folder).unwrap_or(path);
    path.strip_prefix(".").unwrap_or(path)
}

/// JSON for a reader who may be a person.
fn pretty(value: &impl serde::Serialize) -> String {
    // Strings and numbers only: nothing in them that JSON could not hold.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
