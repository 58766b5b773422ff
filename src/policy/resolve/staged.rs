//! Checks the kinds that act by stages.

use super::findings::Findings;
use super::trigger::Signals;
use super::{action, behavior, schedule, sections, signals, trigger};
use crate::policy::rule::Rule;
use crate::policy::rules::{Action, Kind, Measure, OnMissing, Staged, StagedStage, Trigger, When};
use crate::policy::schema::{self, At, StagedSpec};
use crate::policy::spanned::Spanned;

pub fn staged(kind: Kind, spec: &StagedSpec, findings: &mut Findings<'_>) -> Staged {
    refuse_sections_of_others(kind, spec, findings);
    let questions = signals::signals(&spec.signals, findings);
    let mut known = Signals::new(&spec.signals);
    let schedule = spec.schedule.as_ref().and_then(|written| schedule::schedule(written, findings));
    let fired = spec.trigger.as_ref().map(|written| trigger::trigger(&written.value, written, &mut known, findings));
    let mut stages = Vec::new();
    for (place, written) in spec.stages.iter().enumerate() {
        stages.push(stage(kind, place, written, fired.as_ref(), spec, &mut known, findings));
    }
    let safe = actions(&spec.safe, kind, &mut known, findings);
    let guardrails = behavior::guardrails(&spec.guardrails, findings);
    warn_of_what_is_not_used(spec, &known, fired.is_some(), findings);
    check_sections(kind, spec, findings);
    Staged {
        signals: questions,
        schedule,
        stages,
        safe,
        behavior: behavior::behavior(&spec.behavior, findings),
        guardrails,
        placement: spec.place.as_ref().map(|written| sections::placement(&written.value)),
        shape: spec.shape.as_ref().map(|written| sections::shape(written, findings)),
        limits: spec.limits.as_ref().map(|written| sections::limits(written, findings)),
        gates: spec.gates.iter().flat_map(|gates| &gates.value).map(|gate| sections::gate(gate, findings)).collect(),
        moves: spec.moves.as_ref().map(|written| sections::moves(&written.value, findings)),
        units: known.units,
    }
}

fn stage(
    kind: Kind,
    place: usize,
    written: &Spanned<schema::Stage>,
    fired: Option<&Trigger>,
    spec: &StagedSpec,
    known: &mut Signals<'_>,
    findings: &mut Findings<'_>,
) -> StagedStage {
    let at = &written.value.at;
    let when = match &at.value {
        At::Always => When::Always,
        At::Window => {
            if spec.schedule.is_none() {
                findings.error(
                    at,
                    "there is no window, because the policy has no `schedule`",
                    "add `schedule:`, or write `at: always`",
                );
            }
            When::Window
        }
        At::Fired => fired.cloned().map_or_else(
            || {
                findings.error(
                    at,
                    "nothing fires, because the policy has no `trigger`",
                    "add `trigger:`, or write the condition here",
                );
                When::Always
            },
            When::Triggered,
        ),
        At::Trigger(own) => When::Triggered(trigger::trigger(own, at, known, findings)),
    };
    if written.value.actions.is_empty() {
        findings.error(written, "the stage does nothing", "write what it does under `do`");
    }
    for action in &written.value.actions {
        check_never(action, spec, findings);
    }
    let name = written.value.name.as_ref().map_or_else(|| format!("stage-{}", place + 1), |name| name.value.clone());
    StagedStage { name, when, actions: actions(&written.value.actions, kind, known, findings) }
}

fn actions(
    written: &[Spanned<schema::Action>],
    kind: Kind,
    known: &mut Signals<'_>,
    findings: &mut Findings<'_>,
) -> Vec<Action> {
    written.iter().filter_map(|action| action::action(action, kind, known, findings)).collect()
}

fn check_never(action: &Spanned<schema::Action>, spec: &StagedSpec, findings: &mut Findings<'_>) {
    let measure = match action.value {
        schema::Action::CloseAdmission => Measure::CloseAdmission,
        schema::Action::Pause => Measure::Pause,
        _ => return,
    };
    if spec.guardrails.never.iter().any(|never| never.value == measure) {
        let problem = format!("`{}` is forbidden by `guardrails.never`", measure.name());
        findings.warn_under(Rule::DeniedByGuardrail, action, problem, "remove one of the two");
    }
}

fn refuse_sections_of_others(kind: Kind, spec: &StagedSpec, findings: &mut Findings<'_>) {
    section(kind, Kind::Cpu, "place", spec.place.as_ref(), findings);
    section(kind, Kind::Network, "shape", spec.shape.as_ref(), findings);
    section(kind, Kind::Allocation, "limits", spec.limits.as_ref(), findings);
    section(kind, Kind::Allocation, "gates", spec.gates.as_ref(), findings);
    section(kind, Kind::Rebalance, "moves", spec.moves.as_ref(), findings);
}

fn section<T>(kind: Kind, owner: Kind, name: &str, written: Option<&Spanned<T>>, findings: &mut Findings<'_>) {
    if let Some(written) = written.filter(|_| owner != kind) {
        let problem = format!("`{name}` belongs to policies of kind {owner}");
        findings.error(written, problem, format!("remove it, or write `kind: {owner}`"));
    }
}

/// Where something stands, whatever it is.
fn spot<T>(written: &Spanned<T>) -> Spanned<()> {
    Spanned::new((), written.referenced, written.defined)
}

/// A section says what, a stage says when: one without the other does nothing.
fn check_sections(kind: Kind, spec: &StagedSpec, findings: &mut Findings<'_>) {
    let uses = |wanted: &str, actions: &[Spanned<schema::Action>]| {
        let found = actions.iter().find(|action| action.value.name() == wanted);
        found.map(spot)
    };
    let place_of = |wanted: &str| {
        spec.stages.iter().find_map(|stage| uses(wanted, &stage.value.actions)).or_else(|| uses(wanted, &spec.safe))
    };
    let place = (Kind::Cpu, "place", spec.place.as_ref().map(spot));
    let shape = (Kind::Network, "shape", spec.shape.as_ref().map(spot));
    for (_, name, section) in [place, shape].into_iter().filter(|(owner, ..)| *owner == kind) {
        match (section, place_of(name)) {
            (Some(section), None) => {
                findings.warn_under(
                    Rule::Unused,
                    &section,
                    format!("no stage does `{name}`, so this section does nothing"),
                    format!("add `- {{at: always, do: [{name}]}}` to `stages`"),
                );
            }
            (None, Some(at)) => {
                findings.error(&at, format!("there is no section `{name}` that says how"), format!("add `{name}:`"));
            }
            _ => {}
        }
    }
    for (name, section) in [
        ("limits", spec.limits.as_ref().map(spot)),
        ("gates", spec.gates.as_ref().map(spot)),
        ("moves", spec.moves.as_ref().map(spot)),
    ] {
        if let Some(section) = section {
            let problem = format!("`{name}` is checked and explained, but nothing decides by it in this version");
            findings.warn_under(
                Rule::NotDecided,
                &section,
                problem,
                "keep it for later, and rely on stages until then",
            );
        }
    }
}

fn warn_of_what_is_not_used(spec: &StagedSpec, known: &Signals<'_>, fires: bool, findings: &mut Findings<'_>) {
    for (name, signal) in &spec.signals {
        if !known.used.contains(name) {
            let problem = format!("the signal `{name}` is not used");
            findings.warn_under(Rule::Unused, signal, problem, "name it in a trigger, or remove it");
        }
        if signal.value.on_missing == OnMissing::Safe && spec.safe.is_empty() {
            let hint = "add `safe:` with the actions for that case, or write `onMissing: hold`";
            findings.error(
                signal,
                format!("`{name}` is to be safe when it is missing, but nothing says what that is"),
                hint,
            );
        }
    }
    let uses_trigger = spec.stages.iter().any(|stage| matches!(stage.value.at.value, At::Fired));
    if let Some(trigger) = spec.trigger.as_ref().filter(|_| fires && !uses_trigger) {
        findings.warn_under(
            Rule::Unused,
            trigger,
            "no stage is at `fired`, so this trigger does nothing",
            "write `at: fired` in a stage",
        );
    }
    if let (Some(first), true) = (spec.control.mode.as_ref(), spec.stages.is_empty()) {
        findings.warn(first, "there are no stages, so this policy only watches", "add `stages:`");
    }
}
