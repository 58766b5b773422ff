//! Checks actions: what a stage does must belong to the kind of the policy, have a value, and exist.

use super::findings::Findings;
use super::trigger::{self, Signals};
use crate::claim::{Bound, KnobKind, Setting};
use crate::policy::glob::NamePattern;
use crate::policy::knobs::{self, Form, PolicyKnob};
use crate::policy::rules::{Action, Kind, KnobAction, Toward};
use crate::policy::schema::{self, KnobSetting};
use crate::policy::spanned::Spanned;

/// An action of a policy of `kind`; `None` if it is wrong.
pub fn action(
    written: &Spanned<schema::Action>,
    kind: Kind,
    signals: &mut Signals<'_>,
    findings: &mut Findings<'_>,
) -> Option<Action> {
    match &written.value {
        schema::Action::CloseAdmission => Some(Action::CloseAdmission),
        schema::Action::Pause => Some(Action::Pause),
        schema::Action::Place => of_kind(written, "place", Kind::Cpu, kind, findings).then_some(Action::Place),
        schema::Action::Shape => of_kind(written, "shape", Kind::Network, kind, findings).then_some(Action::Shape),
        schema::Action::Knob(name, setting) => {
            let found = knob_action(written, *name, setting, kind, findings)?;
            let toward = match &setting.value.toward {
                Some(toward) => Some(self::toward(toward, &found, signals, findings)?),
                None => None,
            };
            Some(Action::Knob(KnobAction { toward, ..found }))
        }
    }
}

fn of_kind<T>(written: &Spanned<T>, name: &str, owner: Kind, kind: Kind, findings: &mut Findings<'_>) -> bool {
    if owner != kind {
        findings.error(
            written,
            format!("`{name}` belongs to policies of kind {owner}"),
            format!("write it in one with `kind: {owner}`"),
        );
    }
    owner == kind
}

/// A knob with its value, without what belongs to signals.
pub fn knob_action<T>(
    at: &Spanned<T>,
    name: KnobKind,
    written: &Spanned<KnobSetting>,
    kind: Kind,
    findings: &mut Findings<'_>,
) -> Option<KnobAction> {
    let knob = PolicyKnob::of(name)?;
    if !knob.may_be_set_by(kind) {
        let kinds: Vec<&str> = knob.kinds().unwrap_or_default().iter().map(|kind| kind.name()).collect();
        let problem = format!("`{}` is not for policies of kind {kind}", name.name());
        findings.error(at, problem, format!("write it in one of kind {}", kinds.join(" or ")));
        return None;
    }
    let KnobSetting { at_most, at_least, exactly, from, of, .. } = &written.value;
    let given: Vec<_> = [(Bound::AtMost, at_most), (Bound::AtLeast, at_least), (Bound::Exactly, exactly)]
        .into_iter()
        .filter_map(|(bound, value)| Some((bound, value.as_ref()?)))
        .collect();
    let [(bound, value)] = given.as_slice() else {
        let problem = if given.is_empty() { "has no value" } else { "has two values" };
        let hint = format!("write one of `atMost`, `atLeast` and `exactly`, with {}", knob.example());
        findings.error(written, format!("`{}` {problem}", name.name()), hint);
        return None;
    };
    let setting = refused(knob.setting(&value.value), value, findings)?;
    if *bound != Bound::Exactly && !setting.has_order() {
        let problem = format!("of `{}` nothing is more than another", name.name());
        findings.error(value, problem, "write `exactly`");
        return None;
    }
    let from = match from {
        Some(from) => Some(begin(knob, from, &setting, findings)?),
        None => None,
    };
    if knob.of.is_none()
        && knob.form != Form::Rates
        && let Some(pattern) = of.first()
    {
        findings.error(pattern, format!("`{}` belongs to jobs, which `selector` chooses", name.name()), "remove `of`");
    }
    let of = of.iter().map(|pattern| NamePattern::new(&pattern.value)).collect();
    Some(KnobAction { kind: name, bound: *bound, setting, from, toward: None, of })
}

fn refused<T, U>(result: Result<T, knobs::Refusal>, at: &Spanned<U>, findings: &mut Findings<'_>) -> Option<T> {
    result.map_err(|(problem, hint)| findings.error(at, problem, hint)).ok()
}

/// Where a value begins: only numbers can go by steps.
fn begin(
    knob: &PolicyKnob,
    from: &Spanned<schema::KnobValue>,
    to: &Setting,
    findings: &mut Findings<'_>,
) -> Option<Setting> {
    let setting = refused(knob.setting(&from.value), from, findings)?;
    let steps = match (&setting, to) {
        (Setting::Number(_, from), Setting::Number(_, to)) => {
            ![*from, *to].contains(&Setting::NO_LIMIT) && !matches!(knob.form, Form::Switch)
        }
        (Setting::Keyed(_, from), Setting::Keyed(_, to)) => {
            let keys = |keyed: &crate::claim::Keyed| {
                keyed.values().flat_map(|rates| rates.keys().cloned()).collect::<Vec<_>>()
            };
            keys(from) == keys(to)
        }
        _ => false,
    };
    if !steps {
        let hint = "write both as numbers with the same fields, or leave `from` out";
        findings.error(from, format!("`{}` cannot go by steps from this", knob.kind.name()), hint);
        return None;
    }
    if setting == *to {
        findings.error(from, "`from` equals the value that it is to reach", "leave `from` out");
        return None;
    }
    Some(setting)
}

fn toward(
    written: &schema::Toward,
    action: &KnobAction,
    signals: &mut Signals<'_>,
    findings: &mut Findings<'_>,
) -> Option<Toward> {
    if action.from.is_none() {
        let hint = "write `from:`, the value to begin at";
        findings.error(&written.signal, "without `from` there are no steps that could go toward anything", hint);
    }
    let levels = (written.above.as_ref(), written.below.as_ref());
    let (level, above) = trigger::side(&written.signal, "goal", "`{signal: NAME, above: 68C}`", levels, findings)?;
    let unit = signals.unit(&written.signal, &[level], findings)?;
    Some(Toward { signal: written.signal.value.clone(), level: level.value.value, above, unit })
}
