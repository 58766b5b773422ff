//! Actions that a guardrail denies whatever happens: the policy would decide, and nothing would follow.

use super::meet::parts_meet;
use super::sites::{Site, Sites};
use crate::policy::error::PolicyError;
use crate::policy::knobs::PolicyKnob;
use crate::policy::rule::Rule;
use crate::policy::rules::{Guardrail, KnobAction, KnobBound, Policy, Rules};

pub fn doubts(policies: &[Policy], sites: &[Sites]) -> Vec<PolicyError> {
    let guardrails = policies.iter().filter_map(|policy| match &policy.rules {
        Rules::Guardrail(guardrail) => Some((policy.name.as_str(), guardrail)),
        _ => None,
    });
    let guardrails: Vec<(&str, &Guardrail)> = guardrails.collect();
    let mut doubts = Vec::new();
    for sites in sites {
        let of_site = |site: &Site| guardrails.iter().find_map(|(name, guardrail)| denied(site, name, guardrail));
        doubts.extend(sites.actions.iter().filter_map(of_site));
        doubts.extend(guardrails.iter().find_map(|(name, guardrail)| of_others(sites, name, guardrail)));
    }
    doubts.into_iter().map(|doubt| doubt.under(Rule::DeniedByGuardrail)).collect()
}

fn denied(site: &Site, name: &str, guardrail: &Guardrail) -> Option<PolicyError> {
    if !site.knobs.is_empty() && site.knobs.iter().all(|knob| guardrail.never.contains(knob)) {
        let problem = format!("`{}` is always denied: the guardrail `{name}` says `never`", site.name);
        return Some(site.spot.saying(problem, "remove it here, or allow it there"));
    }
    let wish = site.wish.as_ref()?;
    let bound = guardrail
        .knobs
        .iter()
        .find(|bound| bound.kind == wish.kind && is_about_all(bound, wish) && !bound.permits(&wish.setting))?;
    let begins_well = wish.from.as_ref().is_some_and(|from| bound.permits(from));
    let when = if begins_well { "is denied before it gets there" } else { "is always denied" };
    let limit = PolicyKnob::of(bound.kind).map(|knob| knob.show(&bound.setting)).unwrap_or_default();
    let which = bound.bound.name();
    let problem = format!("`{}` {when}: the guardrail `{name}` says `{which}: {limit}`", site.name);
    Some(site.spot.saying(problem, "stay within the guardrail, or widen it"))
}

/// Whether the bound is about everything that the action is about, as far as names tell.
fn is_about_all(bound: &KnobBound, wish: &KnobAction) -> bool {
    let is_within = || wish.of.iter().all(|pattern| parts_meet(&bound.of, std::slice::from_ref(pattern)));
    bound.of.is_empty() || !wish.of.is_empty() && is_within()
}

/// A policy about the jobs of users whom a guardrail leaves alone.
fn of_others(sites: &Sites, name: &str, guardrail: &Guardrail) -> Option<PolicyError> {
    let is_number = |user: &str| user.bytes().all(|byte| byte.is_ascii_digit());
    // A name and a number may be one user.
    let may_be =
        |owner: &str| guardrail.users_allowed.iter().any(|user| user == owner || is_number(user) != is_number(owner));
    let owners = &sites.words.owners;
    let first = owners.first().filter(|_| !guardrail.users_allowed.is_empty())?;
    owners.iter().all(|owner| !may_be(&owner.text)).then(|| {
        let problem =
            format!("the guardrail `{name}` leaves all jobs of these users alone, so nothing is done to them");
        first.spot.saying(problem, "add them to `usersAllowed` there")
    })
}
