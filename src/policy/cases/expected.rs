//! What a test expects, as plain values; whatever it names must be there.

use std::collections::BTreeSet;

use super::schema::{Scalar, WrittenBound, WrittenClaim, WrittenDenial, WrittenExpectation};
use super::{Expectation, ExpectedClaim, ExpectedDenial, GivenJob};
use crate::claim::Bound;
use crate::policy::nearest::suggest;
use crate::policy::resolve::Findings;
use crate::policy::spanned::Spanned;

pub(super) fn known_policy(policy: &Spanned<String>, policies: &[String], findings: &mut Findings<'_>) -> String {
    if !policies.contains(&policy.value) {
        let known: Vec<&str> = policies.iter().map(String::as_str).collect();
        findings.error(policy, format!("`{}` is not tested here", policy.value), suggest(&policy.value, &known));
    }
    policy.value.clone()
}

pub(super) fn expectation(
    line: &Spanned<WrittenExpectation>,
    jobs: &[GivenJob],
    policies: &[String],
    findings: &mut Findings<'_>,
) -> Expectation {
    let written = &line.value;
    let mut plots = |ids: &Option<Vec<Spanned<String>>>| {
        let ids = ids.as_ref();
        ids.map(|ids| ids.iter().map(|id| known_job(id, jobs, findings)).collect::<BTreeSet<String>>())
    };
    let (paused, running) = (plots(&written.paused), plots(&written.running));
    let missing = written.missing.as_ref().map(|names| names.iter().map(|name| name.value.clone()).collect());
    Expectation {
        at: findings.period(&written.at),
        spot: findings.document.error_at(line, "", ""),
        policy: written.policy.as_ref().map(|policy| known_policy(policy, policies, findings)),
        stage: written.stage.clone(),
        claims: written
            .claims
            .as_ref()
            .map(|claims| claims.iter().map(|claim| expected_claim(claim, jobs, policies, findings)).collect()),
        never: written.never.clone(),
        denied: written.denied.iter().map(|denial| expected_denial(denial, jobs, findings)).collect(),
        paused,
        running,
        admission: written.admission,
        starts: written.starts.map(|starts| usize::try_from(starts.0).unwrap_or(usize::MAX)),
        alerts: written.alerts.clone(),
        reversals: written.reversals.map(|reversals| reversals.0.into()),
        restored: written.restored,
        missing,
        // Words of metrics have hyphens; whoever writes an underscore means the same.
        reason: written.reason.as_ref().map(|reason| reason.replace('_', "-")),
        says: written.says.clone(),
    }
}

fn expected_claim(
    written: &WrittenClaim,
    jobs: &[GivenJob],
    policies: &[String],
    findings: &mut Findings<'_>,
) -> ExpectedClaim {
    ExpectedClaim {
        knob: written.knob,
        target: written.target.as_ref().map(|target| known_target(target, jobs, findings)),
        value: written.value.as_ref().map(|value| match value {
            Scalar::Number(number) => number.to_string(),
            Scalar::Text(text) => text.clone(),
        }),
        bound: written.bound.map(|bound| match bound {
            WrittenBound::AtMost => Bound::AtMost,
            WrittenBound::AtLeast => Bound::AtLeast,
            WrittenBound::Exactly => Bound::Exactly,
        }),
        policy: written.policy.as_ref().map(|policy| known_policy(policy, policies, findings)),
    }
}

fn expected_denial(written: &WrittenDenial, jobs: &[GivenJob], findings: &mut Findings<'_>) -> ExpectedDenial {
    let target = written.target.as_ref().map(|target| known_target(target, jobs, findings));
    ExpectedDenial { knob: written.knob, target, by: written.by.clone() }
}

/// A job of the test, or a part of the machine such as `machine` or `disk/sda`.
fn known_target(target: &Spanned<String>, jobs: &[GivenJob], findings: &mut Findings<'_>) -> String {
    if target.value == "machine" || target.value.contains('/') {
        target.value.clone()
    } else {
        known_job(target, jobs, findings)
    }
}

fn known_job(id: &Spanned<String>, jobs: &[GivenJob], findings: &mut Findings<'_>) -> String {
    if !jobs.iter().any(|job| job.is_named(&id.value)) {
        let known: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
        findings.error(id, format!("no plot of this test has the id `{}`", id.value), suggest(&id.value, &known));
    }
    id.value.clone()
}
