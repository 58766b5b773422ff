//! Compares what a test expects with what was seen.

use std::collections::BTreeSet;

use super::seen::{Seen, is_plumbing};
use crate::claim::{Bound, Claim, Setting};
use crate::policy::PolicyError;
use crate::policy::cases::{Admission, Case, Expectation, ExpectedClaim, ExpectedDenial};
use crate::units::Bytes;

/// One thing that is not as it was expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Where it was expected.
    pub spot: PolicyError,
    /// Which step shows it, as an index.
    pub step: usize,
    /// Such as `stage`.
    pub what: String,
    pub expected: String,
    pub actual: String,
}

/// Everything that is not as expected; `seen` holds every step, the first at zero.
pub fn judge(case: &Case, seen: &[Seen]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for expectation in &case.expect {
        let step = seen.partition_point(|one| one.at <= expectation.at).saturating_sub(1);
        let Some(now) = seen.get(step) else { continue };
        let mut judged = Judged { expectation, now, step, faults: &mut faults };
        judged.state();
        judged.claims();
        judged.counts();
        judged.words();
        judged.never(seen);
    }
    faults
}

struct Judged<'a> {
    expectation: &'a Expectation,
    now: &'a Seen,
    step: usize,
    faults: &'a mut Vec<Fault>,
}

impl Judged<'_> {
    fn fault(&mut self, what: &str, expected: impl Into<String>, actual: impl Into<String>) {
        self.faults.push(Fault {
            spot: self.expectation.spot.clone(),
            step: self.step,
            what: what.to_owned(),
            expected: expected.into(),
            actual: actual.into(),
        });
    }

    fn policy(&self) -> Option<&str> {
        self.expectation.policy.as_deref()
    }

    /// Stage, admission, pauses, missing signals.
    fn state(&mut self) {
        let wanted = self.expectation;
        if let Some(stage) = &wanted.stage {
            let of = |policy: &super::seen::SeenPolicy| policy.stages.last().map_or("none", String::as_str).to_owned();
            let highest: BTreeSet<String> = self.now.of_policy(self.policy()).map(of).collect();
            let fits = if stage == "none" { highest.iter().all(|one| one == "none") } else { highest.contains(stage) };
            if !fits {
                self.fault("stage", stage, list(&highest));
            }
        }
        if let Some(admission) = wanted.admission {
            let closed = self.now.of_policy(self.policy()).any(|policy| policy.admission_closed);
            let actual = if closed { Admission::Closed } else { Admission::Open };
            if actual != admission {
                self.fault("admission", admission.name(), actual.name());
            }
        }
        if let Some(paused) = wanted.paused.as_ref().filter(|paused| **paused != self.now.paused) {
            self.fault("paused", list(paused), list(&self.now.paused));
        }
        if let Some(running) = wanted.running.as_ref().filter(|running| **running != self.now.running) {
            self.fault("running", list(running), list(&self.now.running));
        }
        let missing = |seen: &Seen| -> BTreeSet<String> {
            let inputs = seen.of_policy(wanted.policy.as_deref()).flat_map(|policy| &policy.inputs);
            inputs.filter(|input| input.missing.is_some()).map(|input| input.signal.clone()).collect()
        };
        let actual = missing(self.now);
        if let Some(expected) = wanted.missing.as_ref().filter(|expected| **expected != actual) {
            self.fault("missing", list(expected), list(&actual));
        }
        if let Some(reason) = &wanted.reason {
            let of_claims =
                self.now.notable_claims().filter(|claim| self.concerns(claim)).map(|claim| claim.reason.to_owned());
            let of_signals = (!actual.is_empty()).then(|| "signal-missing".to_owned());
            let reasons: BTreeSet<String> = of_claims.chain(of_signals).collect();
            if !reasons.contains(reason) {
                self.fault("reason", reason, list(&reasons));
            }
        }
    }

    fn words(&mut self) {
        let Some(part) = &self.expectation.says else { return };
        let said: BTreeSet<String> =
            self.now.of_policy(self.policy()).flat_map(|policy| policy.changes.clone()).collect();
        if !said.iter().any(|line| line.contains(part)) {
            self.fault("says", part, list(&said));
        }
    }

    fn concerns(&self, claim: &Claim) -> bool {
        self.policy().is_none_or(|policy| claim.claimant.policy == policy)
    }

    fn claims(&mut self) {
        let wanted = self.expectation;
        let now = self.now;
        let concerned: Vec<&Claim> = now.claims.iter().filter(|claim| self.concerns(claim)).collect();
        let shown = |knob: Option<&ExpectedClaim>| {
            let of_interest = |claim: &&&Claim| match knob {
                Some(expected) => claim.setting.kind() == expected.knob,
                None => !is_plumbing(claim.setting.kind()),
            };
            let texts: BTreeSet<String> = concerned.iter().filter(of_interest).map(|claim| describe(claim)).collect();
            list(&texts)
        };
        match wanted.claims.as_deref() {
            None => {}
            Some([]) if concerned.iter().all(|claim| is_plumbing(claim.setting.kind())) => {}
            Some([]) => self.fault("claims", "none", shown(None)),
            Some(expected) => {
                for one in expected.iter().filter(|one| !concerned.iter().any(|claim| fits(one, claim))) {
                    self.fault("claims", describe_expected(one), shown(Some(one)));
                }
            }
        }
        for one in wanted.denied.iter().filter(|one| !now.denied.iter().any(|denied| is_denied(one, denied))) {
            let denied: BTreeSet<String> =
                now.denied.iter().map(|denied| format!("{} by {}", describe(&denied.claim), denied.by)).collect();
            let by = one.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            self.fault("denied", format!("{}{by}", one.knob.name()), list(&denied));
        }
    }

    fn counts(&mut self) {
        let wanted = self.expectation;
        let now = self.now;
        if let Some(starts) = wanted.starts.filter(|starts| *starts != now.starts) {
            self.fault("starts", starts.to_string(), now.starts.to_string());
        }
        if let Some(reversals) = wanted.reversals.filter(|reversals| *reversals != now.reversals) {
            self.fault("reversals", reversals.to_string(), now.reversals.to_string());
        }
        match wanted.restored {
            Some(true) if !now.changed.is_empty() => {
                self.fault("restored", "everything as before", format!("changed: {}", now.changed.join(", ")));
            }
            Some(false) if now.changed.is_empty() => {
                self.fault("restored", "something changed", "everything as before");
            }
            _ => {}
        }
        for alert in wanted.alerts.iter().flatten().filter(|alert| !now.alerts.contains(*alert)) {
            self.fault("alerts", alert, list(&now.alerts));
        }
        if wanted.alerts.as_ref().is_some_and(Vec::is_empty) && !now.alerts.is_empty() {
            self.fault("alerts", "none", list(&now.alerts));
        }
    }

    /// What must not have been claimed, from the beginning up to now.
    fn never(&mut self, seen: &[Seen]) {
        let wanted = self.expectation;
        for &knob in &wanted.never {
            let of_policy = |claim: &&Claim| claim.setting.kind() == knob && self.concerns(claim);
            let first =
                seen.iter().take(self.step + 1).find_map(|one| Some((one.at, one.claims.iter().find(of_policy)?)));
            if let Some((at, claim)) = first {
                let actual = format!("{} at {}", describe(claim), humantime::format_duration(at));
                self.fault("never", knob.name(), actual);
            }
        }
    }
}

/// `nice of p1 at least 5 (cpu-pressure)`.
pub fn describe(claim: &Claim) -> String {
    let bound = match claim.bound {
        Bound::AtMost => "at most ",
        Bound::AtLeast if claim.setting.has_order() && claim.setting != Setting::Paused => "at least ",
        Bound::AtLeast | Bound::Exactly => "",
    };
    format!("{} of {} {bound}{} ({})", claim.setting.kind().name(), claim.target, claim.setting, claim.reason)
}

fn describe_expected(expected: &ExpectedClaim) -> String {
    let target = expected.target.as_ref().map(|target| format!(" of {target}")).unwrap_or_default();
    let bound = match expected.bound {
        Some(Bound::AtMost) => " at most",
        Some(Bound::AtLeast) => " at least",
        Some(Bound::Exactly) => " exactly",
        None => "",
    };
    let value = expected.value.as_ref().map(|value| format!(" {value}")).unwrap_or_default();
    let policy = expected.policy.as_ref().map(|policy| format!(" by {policy}")).unwrap_or_default();
    format!("{}{target}{bound}{value}{policy}", expected.knob.name())
}

fn fits(expected: &ExpectedClaim, claim: &Claim) -> bool {
    claim.setting.kind() == expected.knob
        && expected.target.as_ref().is_none_or(|target| *target == claim.target.to_string())
        && expected.value.as_ref().is_none_or(|value| is_value(value, &claim.setting))
        && expected.bound.is_none_or(|bound| bound == claim.bound)
        && expected.policy.as_ref().is_none_or(|policy| *policy == claim.claimant.policy)
}

fn is_denied(expected: &ExpectedDenial, denied: &crate::arbiter::Denied) -> bool {
    denied.claim.setting.kind() == expected.knob
        && expected.target.as_ref().is_none_or(|target| *target == denied.claim.target.to_string())
        && expected.by.as_ref().is_none_or(|by| *by == denied.by)
}

/// Whether a value is meant by the text: as it is shown, as an amount of data, or as ranges of numbers.
fn is_value(text: &str, setting: &Setting) -> bool {
    if *text == setting.to_string() {
        return true;
    }
    match setting {
        Setting::Number(_, number) => text.parse::<Bytes>().is_ok_and(|bytes| bytes.0 == *number),
        Setting::Affinity(numbers) | Setting::Set(_, numbers) => ranges(text).as_ref() == Some(numbers),
        _ => false,
    }
}

/// `0-3,8`.
fn ranges(text: &str) -> Option<BTreeSet<u32>> {
    let mut numbers = BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        numbers.extend(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?);
    }
    Some(numbers)
}

fn list(texts: &BTreeSet<String>) -> String {
    if texts.is_empty() { "none".to_owned() } else { texts.iter().cloned().collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::KnobKind;

    #[test]
    fn a_value_may_be_written_as_people_write_it() {
        let memory = Setting::Number(KnobKind::MemoryHigh, 500 << 20);
        assert!(is_value("500MiB", &memory) && is_value("524288000", &memory) && !is_value("500MB", &memory));
        let cpus = Setting::Affinity([0, 1, 2, 3, 8].into());
        assert!(is_value("0-3,8", &cpus) && is_value("0,1,2,3,8", &cpus) && !is_value("0-8", &cpus));
        assert!(is_value("max", &Setting::Number(KnobKind::MemoryHigh, Setting::NO_LIMIT)));
        assert!(is_value("paused", &Setting::Paused) && is_value("15", &Setting::Nice(15)));
    }
}
