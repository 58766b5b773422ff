//! The arbiter joins the claims of all policies on one knob to one wanted value, or none; losers are kept with the reason.
//!
//! On one knob, the `at least` claims join to the most restrictive of them and the `at most` claims to the least restrictive;
//! where these two cross, and among `exactly` claims, the better rank wins: class, then priority, then name. A knob is free only
//! when nobody claims it any more.

mod guardrail;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::claim::{Bound, Claim, Claimant, Keyed, KnobKind, Setting, Target, within};
use crate::clock::Moment;

pub use guardrail::Guardrails;

/// What the machine should look like, as far as anybody wants anything of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub settings: BTreeMap<(Target, KnobKind), Want>,
    /// What policies in dry run would have added; never written.
    pub rehearsed: BTreeMap<(Target, KnobKind), Want>,
    pub denied: Vec<Denied>,
}

/// The joined value of one knob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    pub setting: Setting,
    /// `AtLeast`: a knob that is more restrictive already is left as it is, and `AtMost` likewise. So a plot that was started at
    /// nice 19 is not made faster by a policy that wants at least nice 5.
    pub bound: Bound,
    /// Everybody whose claim holds the knob; it is free only when the last one leaves.
    pub holders: Vec<Claimant>,
    /// Of the claim that decided the value.
    pub reason: &'static str,
}

/// A claim that did not get its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    pub claim: Claim,
    /// The policy or the law that won.
    pub by: String,
    pub reason: String,
}

impl Want {
    /// Whether a knob that is at `found` needs no write.
    pub fn satisfied_by(&self, found: &Setting) -> bool {
        satisfies(found, &self.setting, self.bound)
    }
}

impl Wanted {
    /// The same, with claims that were denied before they could be joined.
    #[must_use]
    pub fn with_denied(mut self, denied: Vec<Denied>) -> Self {
        self.denied.extend(denied);
        self
    }

    /// What `plotwarden` wants of one knob, if anything.
    pub fn setting(&self, target: &Target, knob: KnobKind) -> Option<&Setting> {
        self.settings.get(&(target.clone(), knob)).map(|want| &want.setting)
    }
}

/// Joins all claims that have not lapsed at `now`. The order of `claims` does not matter.
pub fn join(claims: &[Claim], now: Moment) -> Wanted {
    let mut knobs: BTreeMap<(Target, KnobKind), Vec<&Claim>> = BTreeMap::new();
    for claim in claims.iter().filter(|claim| claim.until > now.boot) {
        knobs.entry((claim.target.clone(), claim.setting.kind())).or_default().push(claim);
    }
    let mut wanted = Wanted::default();
    for (knob, mut claims) in knobs {
        claims.sort_by(|a, b| order(a).cmp(&order(b)));
        let enforced: Vec<&Claim> = claims.iter().copied().filter(|claim| !claim.dry_run).collect();
        let real = join_knob(&enforced, &mut wanted.denied);
        if enforced.len() < claims.len() {
            let mut losers = Vec::new();
            let rehearsed = join_knob(&claims, &mut losers);
            wanted.denied.extend(losers.into_iter().filter(|loser| loser.claim.dry_run));
            let differs = |want: &Want| real.as_ref().is_none_or(|real| real.setting != want.setting);
            if let Some(want) = rehearsed.filter(differs) {
                wanted.rehearsed.insert(knob.clone(), want);
            }
        }
        if let Some(want) = real {
            wanted.settings.insert(knob, want);
        }
    }
    wanted
}

/// Best rank first, and total, so that the order in which policies were asked changes nothing.
fn order(claim: &Claim) -> impl Ord + '_ {
    let claimant = &claim.claimant;
    let rank = (claimant.class, Reverse(claimant.priority), &claimant.policy);
    (rank, claim.bound, &claim.setting, claim.reason, claim.until, claim.dry_run)
}

/// Joins the claims on one knob, best rank first.
fn join_knob(claims: &[&Claim], denied: &mut Vec<Denied>) -> Option<Want> {
    let mut joined = Joined::default();
    let mut holders: Vec<Claimant> = Vec::new();
    for claim in claims {
        match joined.admit(claim) {
            Ok(()) if holders.contains(&claim.claimant) => {}
            Ok(()) => holders.push(claim.claimant.clone()),
            Err((by, reason)) => denied.push(Denied { claim: (*claim).clone(), by, reason }),
        }
    }
    let limit = joined.result()?;
    Some(Want { setting: limit.setting, bound: limit.by.bound, holders, reason: limit.by.reason })
}

/// A joined limit, with the claim that set it.
struct Limit<'a> {
    setting: Setting,
    by: &'a Claim,
}

/// What the claims so far, which all rank better, leave open.
#[derive(Default)]
struct Joined<'a> {
    exactly: Option<Limit<'a>>,
    least: Option<Limit<'a>>,
    most: Option<Limit<'a>>,
}

impl<'a> Joined<'a> {
    /// Takes a claim of lower rank, or says who denies it and why. A claim that is met anyway is not denied.
    fn admit(&mut self, claim: &'a Claim) -> Result<(), (String, String)> {
        match &claim.setting {
            Setting::Affinity(numbers) | Setting::Set(_, numbers) if numbers.is_empty() => {
                return Err(("plotwarden".to_owned(), "a job without a CPU or without memory cannot run".to_owned()));
            }
            setting if !setting.has_order() && claim.bound != Bound::Exactly => {
                return Err((
                    "plotwarden".to_owned(),
                    format!("of {setting} nothing is more than another: it can be claimed exactly only"),
                ));
            }
            _ => {}
        }
        if let Some(exact) = &self.exactly {
            return if satisfies(&exact.setting, &claim.setting, claim.bound) {
                Ok(())
            } else {
                Err(denial(exact, claim, "wants exactly"))
            };
        }
        match claim.bound {
            Bound::Exactly => self.admit_exactly(claim),
            Bound::AtLeast => self.admit_at_least(claim),
            Bound::AtMost => self.admit_at_most(claim),
        }
    }

    fn admit_exactly(&mut self, claim: &'a Claim) -> Result<(), (String, String)> {
        if let Some(most) = self.most.as_ref().filter(|most| !within(&claim.setting, &most.setting)) {
            return Err(denial(most, claim, "allows at most"));
        }
        if let Some(least) = self.least.as_ref().filter(|least| !within(&least.setting, &claim.setting)) {
            return Err(denial(least, claim, "wants at least"));
        }
        self.exactly = Some(Limit { setting: claim.setting.clone(), by: claim });
        Ok(())
    }

    fn admit_at_least(&mut self, claim: &'a Claim) -> Result<(), (String, String)> {
        let setting = match &self.least {
            Some(least) => most_of(&least.setting, &claim.setting),
            None => claim.setting.clone(),
        };
        if let Some(most) = self.most.as_ref().filter(|most| !within(&setting, &most.setting)) {
            return Err(denial(most, claim, "allows at most"));
        }
        replace(&mut self.least, setting, claim);
        Ok(())
    }

    fn admit_at_most(&mut self, claim: &'a Claim) -> Result<(), (String, String)> {
        let setting = match &self.most {
            Some(most) => least_of(&most.setting, &claim.setting)
                .ok_or_else(|| denial(most, claim, "shares nothing with this and allows"))?,
            None => claim.setting.clone(),
        };
        if let Some(least) = self.least.as_ref().filter(|least| !within(&least.setting, &setting)) {
            return Err(denial(least, claim, "wants at least"));
        }
        replace(&mut self.most, setting, claim);
        Ok(())
    }

    /// The value that restricts no more than is wanted: the lower limit, but of CPUs and of amounts all that is allowed.
    fn result(self) -> Option<Limit<'a>> {
        let limits = match &self.most {
            Some(Limit {
                setting: Setting::Affinity(_) | Setting::Set(..) | Setting::Number(..) | Setting::Keyed(..),
                ..
            }) => [self.exactly, self.most, self.least],
            _ => [self.exactly, self.least, self.most],
        };
        limits.into_iter().flatten().next()
    }
}

/// Keeps the claim of better rank as the one that decided, unless the new one changes the value.
fn replace<'a>(limit: &mut Option<Limit<'a>>, setting: Setting, claim: &'a Claim) {
    match limit {
        Some(limit) if limit.setting == setting => {}
        _ => *limit = Some(Limit { setting, by: claim }),
    }
}

fn denial(winner: &Limit<'_>, claim: &Claim, verb: &str) -> (String, String) {
    let by = winner.by.claimant.policy.clone();
    let reason = format!(
        "{} of class {} and priority {} {verb} {}; this asked for {}",
        by,
        winner.by.claimant.class.name(),
        winner.by.claimant.priority,
        winner.setting,
        claim.setting
    );
    (by, reason)
}

fn satisfies(setting: &Setting, wanted: &Setting, bound: Bound) -> bool {
    match bound {
        Bound::Exactly => setting == wanted,
        Bound::AtLeast => within(wanted, setting),
        Bound::AtMost => within(setting, wanted),
    }
}

fn most_of(a: &Setting, b: &Setting) -> Setting {
    match (a, b) {
        (Setting::Affinity(a), Setting::Affinity(b)) => Setting::Affinity(a | b),
        (Setting::Set(kind, a), Setting::Set(_, b)) => Setting::Set(*kind, a | b),
        (Setting::Keyed(kind, a), Setting::Keyed(_, b)) => {
            let mut most = Keyed::new();
            for (of, key, number) in numbers(a) {
                if let Some(other) = b.get(of).and_then(|of| of.get(key)) {
                    most.entry(of.clone()).or_default().insert(key.clone(), number.max(*other));
                }
            }
            Setting::Keyed(*kind, most)
        }
        _ => a.max(b).clone(),
    }
}

/// `None` if nothing is left: a job without a CPU cannot run.
fn least_of(a: &Setting, b: &Setting) -> Option<Setting> {
    match (a, b) {
        (Setting::Affinity(a), Setting::Affinity(b)) => {
            let shared = a & b;
            (!shared.is_empty()).then_some(Setting::Affinity(shared))
        }
        (Setting::Set(kind, a), Setting::Set(_, b)) => {
            let shared = a & b;
            (!shared.is_empty()).then_some(Setting::Set(*kind, shared))
        }
        (Setting::Keyed(kind, a), Setting::Keyed(_, b)) => {
            let mut least = a.clone();
            for (of, key, number) in numbers(b) {
                let limit = least.entry(of.clone()).or_default().entry(key.clone()).or_insert(number);
                *limit = number.min(*limit);
            }
            Some(Setting::Keyed(*kind, least))
        }
        _ => Some(a.min(b).clone()),
    }
}

/// Each number with what it belongs to and what it is.
fn numbers(keyed: &Keyed) -> impl Iterator<Item = (&String, &String, u64)> {
    keyed.iter().flat_map(|(of, numbers)| numbers.iter().map(move |(key, &number)| (of, key, number)))
}

#[cfg(test)]
mod tests;
