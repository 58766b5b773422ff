//! Two wishes for one value of one knob, and nothing that says whose counts.

use std::collections::BTreeMap;

use super::meet::meet;
use super::sites::{Site, Sites};
use crate::claim::{Bound, Class, KnobKind, Setting};
use crate::mode::Mode;
use crate::policy::error::PolicyError;
use crate::policy::knobs::PolicyKnob;
use crate::policy::rule::Rule;
use crate::policy::rules::{KnobAction, Policy};

/// One action that wants one value exactly.
struct Exact<'a> {
    policy: &'a Policy,
    wish: &'a KnobAction,
    site: &'a Site,
}

/// Each action is compared with those before it until one is in its way: more would say the same.
pub fn doubts(policies: &[Policy], sites: &[Sites]) -> Vec<PolicyError> {
    let mut ranks: BTreeMap<(Class, u16, KnobKind), Vec<Exact<'_>>> = BTreeMap::new();
    let mut doubts = Vec::new();
    for (policy, sites) in policies.iter().zip(sites).filter(|(policy, _)| policy.control.mode != Mode::Off) {
        for site in &sites.actions {
            let Some(wish) = site.wish.as_ref().filter(|wish| wish.bound == Bound::Exactly) else { continue };
            let of_rank = ranks.entry((policy.control.class, policy.control.priority, wish.kind)).or_default();
            let exact = Exact { policy, wish, site };
            doubts.extend(of_rank.iter().find(|other| other.rivals(&exact)).map(|other| doubt(other, &exact)));
            of_rank.push(exact);
        }
    }
    doubts
}

impl Exact<'_> {
    fn rivals(&self, other: &Self) -> bool {
        let (mine, others) = ((&self.policy.selector, self.wish), (&other.policy.selector, other.wish));
        self.wish.setting != other.wish.setting && meet(mine, others)
    }

    fn shown(&self) -> String {
        PolicyKnob::of(self.wish.kind)
            .map_or_else(|| "this".to_owned(), |knob| format!("`{}`", knob.show(&self.wish.setting)))
    }
}

fn doubt(first: &Exact<'_>, second: &Exact<'_>) -> PolicyError {
    let knob = second.wish.kind.name();
    let (problem, hint) = if first.policy.name == second.policy.name {
        let lower = |a: &Setting, b: &Setting| a < b;
        let wins = if lower(&first.wish.setting, &second.wish.setting) { first } else { second };
        let line = first.site.spot.place.map_or(0, |place| place.line);
        let problem =
            format!("line {line} wants another value of `{knob}` exactly; while both hold, {} wins", wins.shown());
        (problem, "write `atMost` or `atLeast`, of which the stricter counts".to_owned())
    } else {
        let wins = first.policy.name.as_str().min(&second.policy.name);
        let (name, path, line) = (&first.policy.name, first.policy.origin.path.display(), first.policy.origin.line);
        let problem = format!(
            "`{name}` ({path}:{line}) wants another value of `{knob}` exactly, with the same class and priority; `{wins}` wins by its name"
        );
        (problem, "give one of them another `priority`, or narrow `selector` or `of`".to_owned())
    };
    second.site.spot.saying(problem, hint).under(Rule::EqualRank)
}
