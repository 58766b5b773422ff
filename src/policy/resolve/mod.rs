//! Turns a document into a policy: fills in defaults, and holds what one field demands of another.

mod action;
mod behavior;
mod contention;
mod findings;
mod fleet_budget;
mod forecast;
mod guardrail;
mod levels;
mod schedule;
mod sections;
mod selector;
mod signals;
mod staged;
mod stages;
mod trend;
mod trigger;

use std::time::Duration;

use super::document::WrittenPolicy;
use super::rules::{Canary, Control, Origin, Policy, Rules, Selector};
use super::schema::{self, Metadata};
use crate::claim::Class;
use crate::mode::Mode;
use crate::policy::spanned::Spanned;

pub(super) use findings::Findings;

pub(super) const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);

/// The policy of one document; what is wrong or doubtful goes to `findings`.
pub(super) fn policy(document: &WrittenPolicy, findings: &mut Findings<'_>, hash: u64) -> Policy {
    let metadata = document.metadata();
    check_name(&metadata.name, findings);
    let all = Selector::default();
    let (rules, control, selector) = match document {
        WrittenPolicy::Contention(document) => {
            let spec = &document.spec;
            let rules = Rules::Contention(contention::contention(spec, findings));
            let control = control(&spec.control, metadata, findings);
            signals::check_server(&spec.signals, control.mode, findings);
            (rules, control, selector::selector(&spec.selector.jobs, findings))
        }
        WrittenPolicy::Staged(kind, document) => {
            let spec = &document.spec;
            let rules = Rules::Staged(*kind, Box::new(staged::staged(*kind, spec, findings)));
            let selector = spec.selector.as_ref().map_or(all, |written| selector::selector(&written.jobs, findings));
            let control = control(&spec.control, metadata, findings);
            signals::check_server(&spec.signals, control.mode, findings);
            (rules, control, selector)
        }
        WrittenPolicy::Guardrail(document) => {
            (Rules::Guardrail(guardrail::guardrail(&document.spec, findings)), Control::IN_FORCE, all)
        }
        WrittenPolicy::Forecast(document) => {
            let rules = Rules::Forecast(forecast::forecast(&document.spec, findings));
            (rules, control(&document.spec.control, metadata, findings), all)
        }
        WrittenPolicy::FleetBudget(document) => {
            let rules = Rules::FleetBudget(fleet_budget::fleet_budget(&document.spec, findings));
            (rules, control(&document.spec.control, metadata, findings), all)
        }
    };
    Policy {
        name: metadata.name.value.clone(),
        labels: metadata.labels.clone(),
        control,
        selector,
        rules,
        origin: Origin { path: findings.document.path.to_owned(), line: findings.document.line() },
        hash,
    }
}

impl Control {
    /// Of a guardrail, which is no wish that could be rehearsed.
    const IN_FORCE: Self = Self {
        mode: Mode::Enforce,
        class: Class::Safety,
        priority: 1000,
        on_exit: super::rules::OnExit::Restore,
        canary: None,
    };
}

/// Names become labels of metrics and words of log lines.
pub(super) fn check_name(name: &Spanned<String>, findings: &mut Findings<'_>) {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let text = &name.value;
    if text.is_empty() || text.len() > 63 || !text.chars().all(fine) || text.starts_with('-') || text.ends_with('-') {
        let hint = "use 1 to 63 lower-case letters, digits and inner hyphens, such as `stagger-by-pressure`";
        findings.error(name, format!("`{text}` is no name for a policy"), hint);
    }
}

fn control(written: &schema::Control, metadata: &Metadata, findings: &mut Findings<'_>) -> Control {
    let priority = written.priority.as_ref().map_or(500, |priority| {
        if priority.value.0 > 1000 {
            findings.error(priority, format!("priority {} is out of range", priority.value.0), "write 0 to 1000");
        }
        priority.value.0
    });
    if written.mode.is_none() {
        let problem = "`control.mode` is not given, so this policy only rehearses (dryRun)";
        findings.warn(&metadata.name, problem, "write `mode: enforce` once you trust it, or `mode: dryRun`");
    }
    Control {
        mode: written.mode.as_ref().map_or(Mode::DryRun, |mode| mode.value),
        class: written.class.unwrap_or(Class::Throughput),
        priority,
        on_exit: written.on_exit,
        canary: written.canary.as_ref().map(|canary| self::canary(canary, findings)),
    }
}

fn canary(written: &Spanned<super::quantity::Canary>, findings: &mut Findings<'_>) -> Canary {
    let super::quantity::Canary { share, of } = written.value;
    if !(share.0 > 0.0 && share.0 <= 1.0) {
        findings.error(
            written,
            "nobody, or more than everybody, would be the canary",
            "write more than 0% and at most 100%",
        );
    }
    Canary { of, share: share.0 }
}
