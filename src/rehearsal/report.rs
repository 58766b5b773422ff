//! Plays all tests of a set of policies, and says what came of them.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::judge::{Fault, judge};
use super::play::{CannotPlay, Player};
use super::timeline::{self, Row};
use crate::plotter::Profiles;
use crate::policy::cases::Case;
use crate::policy::{Policy, PolicyError, PolicySet};

/// What came of all tests.
#[derive(Debug)]
pub struct TestReport {
    pub verdicts: Vec<Verdict>,
    pub policies: usize,
    /// Policies that no test is about.
    pub untested: Vec<String>,
    /// Tests that could not be played, and why.
    pub wrong: Vec<PolicyError>,
    /// Something of this program stood in the way.
    pub trouble: Option<CannotPlay>,
}

/// What came of one test.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub name: String,
    pub policies: Vec<String>,
    pub file: PathBuf,
    pub line: u32,
    pub faults: Vec<Fault>,
    /// Empty if all is as expected and nothing else was asked for.
    pub timeline: Vec<Row>,
}

/// Which tests are shown step by step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Failed,
    All,
}

/// Plays the tests of `set`.
pub fn test(set: &PolicySet, profiles: &Profiles, shown: Shown) -> TestReport {
    let is_tested = |policy: &&Policy| set.cases.iter().any(|case| case.policies.contains(&policy.name));
    let mut report = TestReport {
        verdicts: Vec::new(),
        policies: set.policies.len(),
        untested: set.policies.iter().filter(|policy| !is_tested(policy)).map(|policy| policy.name.clone()).collect(),
        wrong: Vec::new(),
        trouble: None,
    };
    for case in &set.cases {
        match verdict(case, &set.policies, profiles, shown) {
            Ok(verdict) => report.verdicts.push(verdict),
            Err(CannotPlay::Wrong(errors)) => report.wrong.extend(errors),
            Err(trouble) => {
                report.trouble = Some(trouble);
                return report;
            }
        }
    }
    report
}

/// Plays one test.
///
/// # Errors
/// It cannot be played.
pub fn verdict(case: &Case, policies: &[Policy], profiles: &Profiles, shown: Shown) -> Result<Verdict, CannotPlay> {
    let mut player = Player::new(case, policies, profiles)?;
    let seen = player.play();
    let mut faults = judge(case, &seen);
    let left = player.end();
    if !left.is_empty() {
        faults.push(Fault {
            spot: case.spot.clone(),
            step: seen.len().saturating_sub(1),
            what: "the end".to_owned(),
            expected: "everything is put back when plotwarden stops".to_owned(),
            actual: format!("changed: {}", left.join(", ")),
        });
    }
    let timeline = match (faults.is_empty(), shown) {
        (true, Shown::Failed) => Vec::new(),
        (true, Shown::All) => timeline::whole(policies, &seen),
        (false, _) => timeline::rows(policies, &seen, &faults),
    };
    Ok(Verdict {
        name: case.name.clone(),
        policies: case.policies.clone(),
        file: case.spot.path.clone(),
        line: case.spot.place.map_or(1, |place| place.line),
        faults,
        timeline,
    })
}

impl Verdict {
    pub fn passed(&self) -> bool {
        self.faults.is_empty()
    }
}

impl TestReport {
    pub fn failed(&self) -> usize {
        self.verdicts.iter().filter(|verdict| !verdict.passed()).count()
    }

    /// 0: all as expected; 1: a test fails; 2: a test cannot be played.
    pub fn exit_code(&self) -> u8 {
        if self.trouble.is_some() || !self.wrong.is_empty() { 2 } else { u8::from(self.failed() > 0) }
    }

    /// For programs: every test, with its faults and the timeline of those that fail.
    pub fn json(&self) -> serde_json::Value {
        let of_fault = |fault: &Fault| JsonFault {
            file: fault.spot.path.display().to_string(),
            line: fault.spot.place.map_or(1, |place| place.line),
            column: fault.spot.place.map_or(1, |place| place.column),
            what: fault.what.clone(),
            expected: fault.expected.clone(),
            actual: fault.actual.clone(),
        };
        let of_verdict = |verdict: &Verdict| {
            serde_json::json!({
                "name": verdict.name,
                "policies": verdict.policies,
                "file": verdict.file.display().to_string(),
                "line": verdict.line,
                "passed": verdict.passed(),
                "faults": verdict.faults.iter().map(of_fault).collect::<Vec<_>>(),
                "timeline": verdict.timeline,
            })
        };
        serde_json::json!({
            "tests": self.verdicts.iter().map(of_verdict).collect::<Vec<_>>(),
            "policies": self.policies,
            "untested": self.untested,
            "failed": self.failed(),
            "errors": self.errors(),
        })
    }

    /// Why tests could not be played.
    pub fn errors(&self) -> Vec<String> {
        let of_tests = self.wrong.iter().map(ToString::to_string);
        of_tests.chain(self.trouble.iter().map(ToString::to_string)).collect()
    }
}

#[derive(Serialize)]
struct JsonFault {
    file: String,
    line: u32,
    column: u32,
    what: String,
    expected: String,
    actual: String,
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in self.errors() {
            writeln!(f, "error: {error}")?;
        }
        for verdict in self.verdicts.iter().filter(|verdict| !verdict.timeline.is_empty()) {
            let outcome = if verdict.passed() { "passed" } else { "FAILED" };
            writeln!(f, "{outcome} {} ({})", verdict.name, verdict.policies.join(", "))?;
            for fault in &verdict.faults {
                writeln!(f, "{}", fault.error())?;
            }
            writeln!(f, "{}", timeline::table(&verdict.timeline))?;
        }
        if !self.untested.is_empty() {
            writeln!(f, "without a test: {}", self.untested.join(", "))?;
        }
        let count = |count: usize, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
        let (tests, policies) = (self.verdicts.len(), self.policies);
        write!(f, "{}, {}", count(tests, "test", "tests"), count(policies, "policy", "policies"))?;
        match self.failed() {
            0 if tests > 0 => writeln!(f, ": all as expected"),
            0 => writeln!(f),
            failed => writeln!(f, ": {failed} failed"),
        }
    }
}

impl Fault {
    /// With its place and its line, as an error of a policy is shown.
    fn error(&self) -> PolicyError {
        self.spot.saying(format!("{}: expected {}, was {}", self.what, self.expected, self.actual), "")
    }
}
