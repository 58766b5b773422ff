//! A check as JSON: the shape is documented, fields are added but never change their meaning.

use serde::Serialize;

use super::{Severity, findings};
use crate::policy::check::CheckReport;
use crate::policy::error::PolicyError;
use crate::policy::rules::Policy;

#[derive(Serialize)]
struct Report<'a> {
    errors: Vec<Finding<'a>>,
    warnings: Vec<Finding<'a>>,
    policies: Vec<Checked<'a>>,
}

#[derive(Serialize)]
struct Finding<'a> {
    path: String,
    /// These three are null where the file as a whole is meant.
    line: Option<u32>,
    column: Option<u32>,
    width: Option<u32>,
    problem: &'a str,
    hint: &'a str,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
}

#[derive(Serialize)]
struct Checked<'a> {
    name: &'a str,
    mode: &'static str,
    path: String,
    line: u32,
}

pub fn write(report: &CheckReport) -> String {
    let of = |wanted| {
        let chosen = findings(report).filter(move |(severity, _)| *severity == wanted);
        chosen.map(|(severity, finding)| Finding::new(severity, finding)).collect()
    };
    let loaded: &[Policy] = if report.errors.is_empty() { &report.set.policies } else { &[] };
    let report = Report {
        errors: of(Severity::Error),
        warnings: of(Severity::Warning),
        policies: loaded.iter().map(Checked::new).collect(),
    };
    super::pretty(&report)
}

impl<'a> Finding<'a> {
    fn new(severity: Severity, finding: &'a PolicyError) -> Self {
        Self {
            path: finding.path.display().to_string(),
            line: finding.place.map(|place| place.line),
            column: finding.place.map(|place| place.column),
            width: finding.place.map(|place| place.width),
            problem: &finding.problem,
            hint: &finding.hint,
            severity: severity.name(),
            rule: finding.rule.map(crate::policy::Rule::name),
        }
    }
}

impl<'a> Checked<'a> {
    fn new(policy: &'a Policy) -> Self {
        Self {
            name: &policy.name,
            mode: policy.control.mode.name(),
            path: policy.origin.path.display().to_string(),
            line: policy.origin.line,
        }
    }
}
