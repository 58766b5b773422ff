//! Checks `behavior` and `guardrails`: how fast a policy may act, and what it must not do.

use std::time::Duration;

use super::findings::Findings;
use super::{MINUTE, SECOND};
use crate::policy::number::Number;
use crate::policy::quantity::Percent;
use crate::policy::rules::{Behavior, Guardrails, Measure, Reversals, Steps};
use crate::policy::schema;
use crate::policy::spanned::Spanned;

pub fn behavior(written: &schema::Behavior, findings: &mut Findings<'_>) -> Behavior {
    let settle = written.settle.as_ref().map_or(5 * SECOND, |settle| findings.period(settle));
    let cooldown = written.cooldown.as_ref().map_or(10 * SECOND, |cooldown| findings.period(cooldown));
    let tick = written.tick.as_ref().map_or(SECOND, |tick| findings.period(tick));
    Behavior {
        tick,
        steps: steps(written.steps.as_ref(), findings),
        settle,
        cooldown,
        pause_at_once: share(written.pause_at_once.as_ref(), 0.5, findings),
        max_actions_per_hour: written.max_actions_per_hour.as_ref().map_or(60, |most| {
            if most.value.0 == 0 {
                findings.error(most, "no action at all is allowed", "write `mode: dryRun` to only rehearse");
            }
            most.value.0
        }),
        reversals: reversals(written.reversals.as_ref(), findings),
    }
}

fn steps(written: Option<&schema::Steps>, findings: &mut Findings<'_>) -> Steps {
    let Some(written) = written else { return Steps { tighten: 0.25, relax: 0.05 } };
    let steps = Steps {
        tighten: share(Some(&written.tighten), 0.25, findings),
        relax: share(Some(&written.relax), 0.05, findings),
    };
    if steps.relax > steps.tighten {
        let hint = "tighten fast and relax slowly, such as `{tighten: 25%, relax: 5%}`";
        findings.error(&written.relax, "`relax` is larger than `tighten`", hint);
    }
    steps
}

fn reversals(written: Option<&schema::Reversals>, findings: &mut Findings<'_>) -> Reversals {
    let default = Reversals { max: 3, per: 15 * MINUTE, hold: 15 * MINUTE };
    written.map_or(default, |written| {
        if written.max.value.0 == 0 {
            findings.error(&written.max, "`max: 0` would hold everything after the first resume", "write 1 or more");
        }
        Reversals { max: written.max.value.0, per: findings.period(&written.per), hold: findings.period(&written.hold) }
    })
}

/// A share above zero and at most all; `default` if it is not given.
pub fn share(written: Option<&Spanned<Percent>>, default: f64, findings: &mut Findings<'_>) -> f64 {
    let Some(written) = written else { return default };
    let share = written.value.0.0;
    if !(share > 0.0 && share <= 1.0) {
        findings.error(
            written,
            format!("{:.0}% is out of range", share * 100.0),
            "write more than 0% and at most 100%",
        );
    }
    share
}

/// How many jobs go on whatever happens: never none.
pub fn keep_running(written: &Spanned<Number<u32>>, findings: &mut Findings<'_>) -> usize {
    if written.value.0 == 0 {
        findings.error(written, "`keepRunning: 0` would let all jobs stand still", "write 1 or more");
    }
    usize::try_from(written.value.0).unwrap_or(usize::MAX)
}

pub fn guardrails(written: &schema::Guardrails, findings: &mut Findings<'_>) -> Guardrails {
    let keep_running = written.keep_running.as_ref().map_or(1, |keep| keep_running(keep, findings));
    Guardrails {
        keep_running,
        max_paused: share(written.max_paused.as_ref(), 1.0, findings),
        min_run: written.min_run.as_ref().map_or(Duration::ZERO, |period| findings.period(period)),
        never: written.never.iter().map(|measure: &Spanned<Measure>| measure.value).collect(),
        never_pause: written.never_pause.clone(),
    }
}
