//! Checks triggers: each condition has a signal, one side, and a gap between where it begins and where it ends.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::levels;
use crate::policy::nearest::suggest;
use crate::policy::quantity::Level;
use crate::policy::rule::Rule;
use crate::policy::rules::{Condition, Relation, Trigger, Unit};
use crate::policy::schema;
use crate::policy::spanned::Spanned;

const CONDITION: &str = "`{signal: free, below: 10GiB, clear: 20GiB, for: 10s}`";

/// The signals of a policy as they are written, and the units that their levels have so far.
pub struct Signals<'a> {
    pub written: &'a BTreeMap<String, Spanned<schema::Signal>>,
    pub units: BTreeMap<String, Unit>,
    pub used: Vec<String>,
}

impl<'a> Signals<'a> {
    pub fn new(written: &'a BTreeMap<String, Spanned<schema::Signal>>) -> Self {
        Self { written, units: BTreeMap::new(), used: Vec::new() }
    }

    /// The unit of these levels of a signal; `None` if something is wrong with them or there is no such signal.
    pub fn unit(
        &mut self,
        name: &Spanned<String>,
        levels: &[&Spanned<Level>],
        findings: &mut Findings<'_>,
    ) -> Option<Unit> {
        let Some(signal) = self.written.get(&name.value) else {
            let names: Vec<&str> = self.written.keys().map(String::as_str).collect();
            findings.error(name, format!("no signal is named `{}`", name.value), suggest(&name.value, &names));
            return None;
        };
        self.used.push(name.value.clone());
        let unit = levels::unit(&signal.value, levels, self.units.get(&name.value).copied(), findings)?;
        self.units.insert(name.value.clone(), unit);
        Some(unit)
    }
}

/// A trigger; conditions that are wrong are left out of it.
pub fn trigger<T>(
    written: &schema::Trigger,
    at: &Spanned<T>,
    signals: &mut Signals<'_>,
    findings: &mut Findings<'_>,
) -> Trigger {
    let (relation, conditions) = match (&written.signal, &written.any, &written.all) {
        (Some(signal), None, None) => (Relation::Any, own_condition(written, signal, at, signals, findings)),
        (None, Some(any), None) => (Relation::Any, conditions(any, signals, findings)),
        (None, None, Some(all)) => (Relation::All, conditions(all, signals, findings)),
        (signal, any, all) => {
            let given = usize::from(signal.is_some()) + usize::from(any.is_some()) + usize::from(all.is_some());
            let problem = if given == 0 { "the trigger has no condition" } else { "the trigger is given in two ways" };
            findings.error(
                at,
                problem,
                format!("write one condition such as {CONDITION}, or several under `any` or `all`"),
            );
            (Relation::Any, Vec::new())
        }
    };
    if written.signal.is_none() {
        let strays = [("above", &written.above), ("below", &written.below), ("clear", &written.clear)];
        for (name, level) in strays.into_iter().filter_map(|(name, level)| Some((name, level.as_ref()?))) {
            findings.error(
                level,
                format!("`{name}` here belongs to no signal"),
                "write it beside the `signal` that it is about",
            );
        }
    }
    let hold = findings.period(&written.hold);
    let clear_hold = written.clear_for.as_ref().map_or(hold, |clear| findings.period(clear));
    Trigger { relation, conditions, hold, clear_hold }
}

fn conditions(
    written: &[Spanned<schema::Condition>],
    signals: &mut Signals<'_>,
    findings: &mut Findings<'_>,
) -> Vec<Condition> {
    let resolve = |condition: &Spanned<schema::Condition>| {
        let schema::Condition { signal, above, below, clear } = &condition.value;
        self::condition(condition, signal, above.as_ref(), below.as_ref(), Some(clear), signals, findings)
    };
    written.iter().filter_map(resolve).collect()
}

fn own_condition<T>(
    written: &schema::Trigger,
    signal: &Spanned<String>,
    at: &Spanned<T>,
    signals: &mut Signals<'_>,
    findings: &mut Findings<'_>,
) -> Vec<Condition> {
    let (above, below) = (written.above.as_ref(), written.below.as_ref());
    condition(at, signal, above, below, written.clear.as_ref(), signals, findings).into_iter().collect()
}

fn condition<T>(
    at: &Spanned<T>,
    signal: &Spanned<String>,
    above: Option<&Spanned<Level>>,
    below: Option<&Spanned<Level>>,
    clear: Option<&Spanned<Level>>,
    signals: &mut Signals<'_>,
    findings: &mut Findings<'_>,
) -> Option<Condition> {
    let (level, is_above) = match (above, below) {
        (Some(_), Some(below)) => {
            let hint = "write two conditions under `any` or `all`";
            findings.error(below, "a condition is either `above` or `below`", hint);
            return None;
        }
        _ => side(at, "condition", CONDITION, (above, below), findings)?,
    };
    let Some(clear) = clear else {
        let hint = "write the level at which it ends, on the other side of a gap";
        findings.error(at, "the field `clear` is missing", hint);
        return None;
    };
    let unit = signals.unit(signal, &[level, clear], findings)?;
    check_gap(level, clear, is_above, unit, findings);
    let (level, clear) = (level.value.value, clear.value.value);
    Some(Condition { signal: signal.value.clone(), above: is_above, level, clear, unit })
}

/// The level of something that is `above` or `below`, and whether it is above.
pub fn side<'a, T>(
    at: &Spanned<T>,
    what: &str,
    example: &str,
    levels: (Option<&'a Spanned<Level>>, Option<&'a Spanned<Level>>),
    findings: &mut Findings<'_>,
) -> Option<(&'a Spanned<Level>, bool)> {
    match levels {
        (Some(level), None) => return Some((level, true)),
        (None, Some(level)) => return Some((level, false)),
        (None, None) => {
            findings.error(at, format!("the {what} has neither `above` nor `below`"), format!("write {example}"));
        }
        (Some(_), Some(below)) => {
            findings.error(below, format!("a {what} is either `above` or `below`"), format!("write {example}"));
        }
    }
    None
}

/// Law: a trigger has a different clear. Without a gap, noise around one value would act and relax for ever.
fn check_gap(level: &Spanned<Level>, clear: &Spanned<Level>, is_above: bool, unit: Unit, findings: &mut Findings<'_>) {
    let (begins, ends) = (level.value.value, clear.value.value);
    let has_gap = if is_above { ends < begins } else { ends > begins };
    if has_gap {
        return;
    }
    let (side, begins, ends) = (if is_above { "below" } else { "above" }, unit.show(begins), unit.show(ends));
    let problem = if begins == ends {
        format!("`clear` equals the trigger: both are {begins}")
    } else {
        format!("`clear` at {ends} lies on the wrong side of the trigger at {begins}")
    };
    findings.error_under(
        Rule::NoGap,
        clear,
        problem,
        format!("clear well {side} {begins}, so that noise does not flap"),
    );
}
