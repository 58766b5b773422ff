//! Checks kind `FleetBudget`: floors within the budget, and a window that is long enough for the proof that it is kept.

use std::collections::BTreeSet;
use std::time::Duration;

use super::findings::Findings;
use super::{behavior, signals};
use crate::policy::quantity::Level;
use crate::policy::rule::Rule;
use crate::policy::rules::{BudgetResource, FleetBudget, Lease, Member, Unit};
use crate::policy::schema::{self, FleetBudgetSpec};
use crate::policy::spanned::Spanned;

pub fn fleet_budget(spec: &FleetBudgetSpec, findings: &mut Findings<'_>) -> FleetBudget {
    let unit = match spec.resource {
        BudgetResource::Power => Unit::Watts,
        BudgetResource::Uplink => Unit::BytesPerSecond,
    };
    let limit = amount(&spec.limit, unit, findings);
    let safety_margin = behavior::share(Some(&spec.safety_margin), 0.1, findings);
    let members: Vec<Member> = spec.members.iter().map(|written| member(&written.value, unit, findings)).collect();
    check_names(spec, findings);
    let floors: f64 = members.iter().map(|member| member.floor).sum();
    let room = limit * (1.0 - safety_margin);
    if floors > room {
        let problem =
            format!("the floors of all members are {}, but {} are given out", unit.show(floors), unit.show(room));
        findings.error_under(Rule::Floors, &spec.limit, problem, "lower the floors, or raise the limit");
    }
    let problem = "`FleetBudget` is checked and explained, but nothing applies its grants in this version";
    findings.warn_under(
        Rule::NotDecided,
        &spec.limit,
        problem,
        "cap each machine by a policy of kind Power until then",
    );
    let (grant, lease) = (signals::question(&spec.grant, findings), lease(&spec.lease, findings));
    FleetBudget { resource: spec.resource, limit, safety_margin, members, grant, lease }
}

fn amount(written: &Spanned<Level>, unit: Unit, findings: &mut Findings<'_>) -> f64 {
    let Level { value, unit: found } = written.value;
    if found != unit {
        let problem = format!("this is {}, but the budget is {}", found.noun(), unit.noun());
        findings.error(written, problem, format!("write {}, such as {}", unit.noun(), unit.example()));
    }
    value
}

fn member(written: &schema::Member, unit: Unit, findings: &mut Findings<'_>) -> Member {
    let (floor, ceiling) = (amount(&written.floor, unit, findings), amount(&written.ceiling, unit, findings));
    if floor > ceiling {
        findings.error(&written.ceiling, "the ceiling lies below the floor", "write more than the floor");
    }
    Member { node: written.node.value.clone(), floor, ceiling }
}

fn check_names(spec: &FleetBudgetSpec, findings: &mut Findings<'_>) {
    let mut seen = BTreeSet::new();
    for member in &spec.members {
        let node = &member.value.node;
        if !seen.insert(&node.value) {
            findings.error(node, format!("`{}` is a member twice", node.value), "keep one");
        }
    }
}

fn lease(written: &Spanned<schema::Lease>, findings: &mut Findings<'_>) -> Lease {
    let schema::Lease { epoch, hold, max_skew, window, then } = &written.value;
    let mut period = |value| findings.period(value);
    let (epoch, hold, max_skew, length) = (period(epoch), period(hold), period(max_skew), period(window));
    let least: Duration = hold + epoch + max_skew;
    if length < least {
        let problem = "with this window all caps together could pass the budget while a message is late";
        let least = humantime::format_duration(least);
        findings.error(window, problem, format!("write `hold` + `epoch` + `maxSkew` or more: {least}"));
    }
    Lease { epoch, hold, max_skew, window: length, then: *then }
}
