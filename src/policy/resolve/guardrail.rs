//! Checks kind `Guardrail`.

use std::time::Duration;

use super::findings::Findings;
use super::{HOUR, MINUTE, action, behavior};
use crate::claim::KnobKind;
use crate::policy::glob::NamePattern;
use crate::policy::knobs;
use crate::policy::nearest::suggest;
use crate::policy::rules::{Guardrail, Kind, KnobBound};
use crate::policy::schema::{Action, GuardrailSpec, forbidden};

pub fn guardrail(spec: &GuardrailSpec, findings: &mut Findings<'_>) -> Guardrail {
    let limits = &spec.limits;
    Guardrail {
        protected: spec.protected.exe.iter().map(|pattern| NamePattern::new(&pattern.value)).collect(),
        users_allowed: spec.protected.users_allowed.iter().map(|user| user.value.clone()).collect(),
        max_paused: limits.max_paused.as_ref().map(|share| behavior::share(Some(share), 1.0, findings)),
        keep_running: limits.keep_running.as_ref().map(|keep| behavior::keep_running(keep, findings)),
        max_pause: limits.max_pause.as_ref().map(|longest| findings.period(longest, MINUTE / 6, 24 * HOUR)),
        min_run: limits.min_run.as_ref().map(|least| findings.period(least, Duration::ZERO, 24 * HOUR)),
        knobs: bounds(spec, findings),
        never: never(spec, findings),
        allow_kill: spec.allow_kill,
    }
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
