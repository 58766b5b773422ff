//! Values that go by steps: in the wrong direction, or by a signal that nobody watches.

use crate::claim::{Bound, within};
use crate::policy::resolve::Findings;
use crate::policy::rule::Rule;
use crate::policy::rules::{Action, KnobAction, Staged, When};
use crate::policy::schema::{self, StagedSpec};

pub fn doubts(spec: &StagedSpec, rules: &Staged, findings: &mut Findings<'_>) {
    for (written, stage) in spec.stages.iter().zip(&rules.stages) {
        let is_triggered = matches!(stage.when, When::Triggered(_));
        for (written, action) in written.value.actions.iter().zip(&stage.actions) {
            let (schema::Action::Knob(_, written), Action::Knob(action)) = (&written.value, action) else { continue };
            if let Some(from) = written.value.from.as_ref().filter(|_| is_backwards(action)) {
                let side = action.bound.name();
                let problem =
                    format!("`from` is stricter than `{side}`, so the value gets looser while the stage is in force");
                findings.warn_under(Rule::WrongWay, from, problem, "write where the value is while all is well");
            }
            if let Some(toward) = written.value.toward.as_ref().filter(|_| is_triggered)
                && !is_watched(rules, &toward.signal.value)
            {
                let problem = format!("no stage begins or ends by `{}`", toward.signal.value);
                let hint = "name it in a condition, so that steps are made while it is bad and end when it is well";
                findings.warn_under(Rule::Unwatched, &toward.signal, problem, hint);
            }
        }
    }
}

fn is_backwards(action: &KnobAction) -> bool {
    action.from.as_ref().is_some_and(|from| match action.bound {
        Bound::AtMost => !within(&action.setting, from),
        Bound::AtLeast => !within(from, &action.setting),
        Bound::Exactly => false,
    })
}

fn is_watched(rules: &Staged, signal: &str) -> bool {
    let mut conditions = rules.stages.iter().flat_map(|stage| match &stage.when {
        When::Triggered(trigger) => trigger.conditions.as_slice(),
        When::Always | When::Window => &[],
    });
    conditions.any(|condition| condition.signal == signal)
}
