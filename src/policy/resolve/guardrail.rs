//! Checks kind `Guardrail`.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::{action, behavior};
use crate::claim::KnobKind;
use crate::policy::glob::NamePattern;
use crate::policy::knobs;
use crate::policy::nearest::suggest;
use crate::policy::number::Number;
use crate::policy::quantity::Percent;
use crate::policy::rules::{Changes, Guardrail, Kind, KnobBound, LargestStep};
use crate::policy::schema::{self, Action, GuardrailSpec, forbidden};
use crate::policy::spanned::Spanned;

/// Changes of all knobs together at once, as many as there are without a guardrail.
const MOST_AT_ONCE: u32 = 2000;

pub fn guardrail(spec: &GuardrailSpec, findings: &mut Findings<'_>) -> Guardrail {
    let limits = &spec.limits;
    Guardrail {
        protected: spec.protected.exe.iter().map(|pattern| NamePattern::new(&pattern.value)).collect(),
        users_allowed: spec.protected.users_allowed.iter().map(|user| user.value.clone()).collect(),
        max_paused: limits.max_paused.as_ref().map(|share| behavior::share(Some(share), 1.0, findings)),
        keep_running: limits.keep_running.as_ref().map(|keep| behavior::keep_running(keep, findings)),
        max_pause: limits.max_pause.as_ref().map(|longest| findings.period(longest)),
        min_run: limits.min_run.as_ref().map(|least| findings.period(least)),
        changes: changes(&spec.changes, findings),
        knobs: bounds(spec, findings),
        never: never(spec, findings),
        allow_kill: spec.allow_kill,
    }
}

/// Only what is stricter than the actuator is by itself.
fn changes(written: &schema::Changes, findings: &mut Findings<'_>) -> Changes {
    let burst = |most: &Spanned<Number<u32>>, findings: &mut Findings<'_>| {
        let Number(count) = most.value;
        if !(1..=MOST_AT_ONCE).contains(&count) {
            findings.error(most, format!("{count} is out of range"), format!("write 1 to {MOST_AT_ONCE}"));
        }
        count
    };
    let mut changes = Changes {
        cooldown: written.cooldown.as_ref().map(|least| findings.period(least)),
        burst: written.burst.as_ref().map(|most| burst(most, findings)),
        every: written.every.as_ref().map(|every| findings.period(every)),
        largest: BTreeMap::new(),
    };
    for step in &written.largest_steps {
        let Some((kind, step)) = largest_step(step, findings) else { continue };
        changes.largest.entry(kind).and_modify(|before| *before = before.stricter(step)).or_insert(step);
    }
    changes
}

fn largest_step(written: &schema::LargestStep, findings: &mut Findings<'_>) -> Option<(KnobKind, LargestStep)> {
    let name = written.knob.value.as_str();
    let Some(kind) = knobs::named(name).filter(|_| schema::stepped().contains(&name)) else {
        let hint = suggest(name, &schema::stepped());
        findings.error(&written.knob, format!("`{name}` is no knob whose value goes by steps"), hint);
        return None;
    };
    if written.decrease.is_none() && written.increase.is_none() {
        findings.error(&written.knob, format!("`{name}` has no largest step"), "write `decrease`, `increase` or both");
        return None;
    }
    let mut share = |way: Option<&Spanned<Percent>>| way.map(|way| behavior::share(Some(way), 1.0, findings));
    let (decrease, increase) = (share(written.decrease.as_ref()), share(written.increase.as_ref()));
    Some((kind, LargestStep { decrease, increase }))
}

fn bounds(spec: &GuardrailSpec, findings: &mut Findings<'_>) -> Vec<KnobBound> {
    let mut bounds = Vec::new();
    for written in &spec.knobs {
        let Action::Knob(kind, setting) = &written.value else {
            let problem = format!("`{}` is no knob", written.value.name());
            findings.error(written, problem, "write it under `never`, or a knob such as `{cpu-quota: {atLeast: 20%}}`");
            continue;
        };
        if let Some(from) = &setting.value.from {
            findings.error(from, "a bound does not go by steps", "remove `from`");
        }
        if let Some(toward) = &setting.value.toward {
            findings.error(&toward.signal, "a bound does not go by steps", "remove `toward`");
        }
        if let Some(found) = action::knob_action(written, *kind, setting, Kind::Guardrail, findings) {
            let (kind, bound, setting, of) = (found.kind, found.bound, found.setting, found.of);
            bounds.push(KnobBound { kind, bound, setting, of });
        }
    }
    bounds
}

/// Measures are knobs in the end: a pause is the knob `pause`.
fn never(spec: &GuardrailSpec, findings: &mut Findings<'_>) -> Vec<KnobKind> {
    let mut never = Vec::new();
    for written in &spec.never {
        match written.value.as_str() {
            "pause" => never.push(KnobKind::Pause),
            "shape" => never.extend([KnobKind::Shaping, KnobKind::ArrivalShaping]),
            "place" => never.extend([KnobKind::CpuSet, KnobKind::NodeSet, KnobKind::Affinity]),
            name => {
                let found = knobs::named(name);
                never.extend(found);
                if found.is_none() {
                    let hint = suggest(name, &forbidden());
                    findings.error(written, format!("there is no measure and no knob `{name}`"), hint);
                }
            }
        }
    }
    never
}
