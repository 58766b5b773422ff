//! Holds that the levels of a signal are written in the unit that the signal has.

use super::findings::Findings;
use super::signals::declared_unit;
use crate::policy::quantity::Level;
use crate::policy::rules::Unit;
use crate::policy::schema::Signal;
use crate::policy::spanned::Spanned;

/// The one unit of `levels`: that which the signal says it has, else that of its other levels, `known`, else that of the first.
pub fn unit(
    signal: &Signal,
    levels: &[&Spanned<Level>],
    known: Option<Unit>,
    findings: &mut Findings<'_>,
) -> Option<Unit> {
    let declared = declared_unit(signal);
    // Of two levels one of which has a unit, the other is the slip.
    let with_unit = || levels.iter().map(|level| level.value.unit).find(|unit| *unit != Unit::Plain);
    let unit = declared.or(known).or_else(with_unit).unwrap_or(Unit::Plain);
    let mut fits = true;
    for level in levels {
        let Level { value, unit: found } = level.value;
        let problem = match found {
            _ if !value.is_finite() => Some("no signal is ever there".to_owned()),
            Unit::Share if unit == Unit::Share && signal.local.is_some() && !(0.0..=1.0).contains(&value) => {
                findings.error(level, "no signal is ever there", "write a share from 0% to 100%");
                fits = false;
                None
            }
            found if found == unit => None,
            Unit::Plain if declared.is_some() => Some(format!("`{value}` has no unit")),
            Unit::Plain => Some(format!("`{value}` has no unit, and the other level of the signal has one")),
            found => Some(format!("`{}` is {}, but the signal gives {}", found.show(value), found.noun(), unit.noun())),
        };
        if let Some(problem) = problem {
            findings.error(level, problem, format!("write {}, such as {}", unit.noun(), unit.example()));
            fits = false;
        }
    }
    fits.then_some(unit)
}
