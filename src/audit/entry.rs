//! One audit entry: what a policy saw, which rule spoke, which claims won and lost, and what was done to the machine.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::upshot::Upshot;
use crate::actuate::{EndingReport, OperationReport, Outcome, Report};
use crate::arbiter::Wanted;
use crate::claim::{Claim, Setting};
use crate::clock::Moment;
use crate::decide::{Decision, Input};

/// One line of the audit file. Field names are its interface: scripts read them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// RFC 3339, UTC.
    pub time: String,
    /// Seconds since boot, which order entries even when the wall clock jumps.
    pub boot_seconds: f64,
    pub policy: Option<String>,
    /// What changed and by which rule, in plain English; effects of earlier actions among them.
    pub changes: Vec<String>,
    pub inputs: Vec<InputLine>,
    pub severity: BTreeMap<&'static str, f64>,
    pub cause: Option<&'static str>,
    pub strategy: Option<&'static str>,
    /// The strongest stage in force; `None` while there is none.
    pub stage: Option<String>,
    pub admission_closed: bool,
    /// What came of the decision; `None` where nobody has decided.
    pub outcome: Option<Upshot>,
    pub claims: Claims,
    pub writes: Vec<Write>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InputLine {
    pub signal: String,
    pub value: Option<f64>,
    pub age_seconds: Option<f64>,
    pub missing: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Claims {
    pub won: Vec<ClaimLine>,
    pub lost: Vec<ClaimLine>,
    pub dry_run: Vec<ClaimLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClaimLine {
    pub knob: &'static str,
    pub target: String,
    pub value: String,
    pub reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Write {
    pub knob: &'static str,
    pub target: String,
    pub action: &'static str,
    pub outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub read_back: Option<String>,
    pub reason: String,
}

impl Entry {
    /// An entry that says one thing and belongs to no policy.
    pub fn note(now: Moment, text: &str) -> Self {
        Self {
            time: humantime::format_rfc3339_millis(now.wall).to_string(),
            boot_seconds: now.boot.as_secs_f64(),
            policy: None,
            changes: vec![text.to_owned()],
            inputs: Vec::new(),
            severity: BTreeMap::new(),
            cause: None,
            strategy: None,
            stage: None,
            admission_closed: false,
            outcome: None,
            claims: Claims::default(),
            writes: Vec::new(),
        }
    }

    /// What an operation did, which no knob holds and nothing puts back.
    pub fn of_operation(now: Moment, report: &OperationReport) -> Self {
        Self {
            policy: Some(report.claimant.policy.clone()),
            changes: Vec::new(),
            writes: vec![Write::from(report)],
            ..Self::note(now, "")
        }
    }

    /// One step in the ending of a job.
    pub fn of_ending(now: Moment, report: &EndingReport) -> Self {
        Self {
            policy: Some(report.policy.clone()),
            changes: Vec::new(),
            writes: vec![Write::from(report)],
            ..Self::note(now, "")
        }
    }

    /// One structured log line for each thing that the entry says.
    pub fn log(&self) {
        let policy = self.policy.as_deref().unwrap_or("-");
        for change in &self.changes {
            tracing::info!(policy, cause = self.cause, strategy = self.strategy, "{change}");
        }
        for write in &self.writes {
            let Write { knob, target, action, outcome, from, to, read_back, reason, .. } = write;
            let detail = write.detail.as_deref();
            let (from, to, read_back) = (from.as_deref(), to.as_deref(), read_back.as_deref());
            if matches!(*outcome, "failed" | "foreign" | "protected") {
                tracing::warn!(policy, knob, %target, action, outcome, from, to, read_back, reason, detail, "knob");
            } else {
                tracing::info!(policy, knob, %target, action, outcome, from, to, read_back, reason, "knob");
            }
        }
    }

    fn of_decision(now: Moment, decision: &Decision, wanted: &Wanted, reports: &[Report]) -> Self {
        let claims = Claims::of(&decision.claims, wanted);
        let concerned = reports.iter().filter(|report| concerns(report, &decision.policy));
        let writes: Vec<Write> = concerned.map(Write::from).collect();
        Self {
            policy: Some(decision.policy.clone()),
            changes: decision.changes.clone(),
            inputs: decision.inputs.iter().map(InputLine::from).collect(),
            severity: decision.severities.iter().map(|(resource, severity)| (resource.name(), severity.0)).collect(),
            cause: decision.cause.map(crate::decide::Cause::name),
            strategy: decision.strategy.map(crate::decide::Strategy::name),
            stage: decision.stages.last().cloned(),
            admission_closed: decision.admission_closed,
            outcome: Some(Upshot::of(&claims, &writes)),
            claims,
            writes,
            ..Self::note(now, "")
        }
    }
}

/// The entries of one tick: one for each policy that changed its mind or had something done, one for what nobody holds any more.
pub fn entries(now: Moment, decisions: &[Decision], wanted: &Wanted, reports: &[Report]) -> Vec<Entry> {
    // In nearly all ticks nothing is worth an entry, and then none is made.
    let has_news = |decision: &&Decision| {
        !decision.changes.is_empty() || reports.iter().any(|report| concerns(report, &decision.policy))
    };
    let mut entries: Vec<Entry> =
        decisions.iter().filter(has_news).map(|decision| Entry::of_decision(now, decision, wanted, reports)).collect();
    let orphaned: Vec<Write> = reports
        .iter()
        .filter(|report| !decisions.iter().any(|decision| concerns(report, &decision.policy)))
        .map(Write::from)
        .collect();
    if !orphaned.is_empty() {
        entries.push(Entry { writes: orphaned, ..Entry::note(now, "nobody holds these knobs any more") });
    }
    entries
}

/// What was put back when the program ends; `None` if nothing had to be.
pub fn farewell(now: Moment, reports: &[Report]) -> Option<Entry> {
    let writes: Vec<Write> = reports.iter().map(Write::from).collect();
    (!writes.is_empty()).then(|| Entry { writes, ..Entry::note(now, "plotwarden ends and puts back what it changed") })
}

fn concerns(report: &Report, policy: &str) -> bool {
    report.holders.iter().any(|holder| holder.policy == policy)
}

impl Claims {
    fn of(claims: &[Claim], wanted: &Wanted) -> Self {
        let mut sorted = Self::default();
        for claim in claims {
            let denied = wanted.denied.iter().find(|denied| denied.claim == *claim);
            let line = ClaimLine {
                knob: claim.setting.kind().name(),
                target: claim.target.to_string(),
                value: claim.setting.to_string(),
                reason: claim.reason,
                lost_to: denied.map(|denied| denied.by.clone()),
                because: denied.map(|denied| denied.reason.clone()),
            };
            // A group of its own is the ground that every other claim stands on; listing it for each job says nothing.
            if claim.setting == Setting::Group && denied.is_none() {
                continue;
            }
            if denied.is_some() {
                sorted.lost.push(line);
            } else if claim.dry_run {
                sorted.dry_run.push(line);
            } else {
                sorted.won.push(line);
            }
        }
        sorted
    }
}

impl From<&Input> for InputLine {
    fn from(input: &Input) -> Self {
        Self {
            signal: input.signal.clone(),
            value: input.value,
            age_seconds: input.age.map(|age: Duration| age.as_secs_f64()),
            missing: input.missing.clone(),
        }
    }
}

/// In the columns of a knob: an operation goes from what was measured before to what was measured after.
impl From<&OperationReport> for Write {
    fn from(report: &OperationReport) -> Self {
        Self {
            knob: report.operation,
            target: report.target.to_string(),
            action: "operate",
            outcome: report.outcome.name(),
            detail: report.outcome.detail().map(str::to_owned),
            from: report.before.clone(),
            to: None,
            read_back: report.after.clone(),
            reason: report.reason.to_owned(),
        }
    }
}

impl From<&EndingReport> for Write {
    fn from(report: &EndingReport) -> Self {
        Self {
            knob: "ending",
            target: report.job.to_string(),
            action: "end",
            outcome: report.event.name(),
            detail: report.event.detail(),
            from: None,
            to: None,
            read_back: None,
            reason: report.reason.clone(),
        }
    }
}

impl From<&Report> for Write {
    fn from(report: &Report) -> Self {
        let detail = match &report.outcome {
            Outcome::Done | Outcome::Gone | Outcome::Skipped => None,
            Outcome::Foreign { found } => Some(format!("somebody else set it to {found}; left alone")),
            Outcome::Protected { why } => Some(why.clone()),
            Outcome::Failed { error } => Some(error.clone()),
        };
        Self {
            knob: report.knob.name(),
            target: report.target.to_string(),
            action: report.action.name(),
            outcome: report.outcome.name(),
            detail,
            from: report.from.clone(),
            to: report.to.clone(),
            read_back: report.read_back.clone(),
            reason: report.reason.clone(),
        }
    }
}
