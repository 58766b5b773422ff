//! Guardrails come before any class: a claim that goes beyond one is denied before claims are joined.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Denied;
use crate::claim::{Bound, Claim, KnobKind, Target};
use crate::clock::Moment;
use crate::plotter::JobId;
use crate::policy::{Guardrail, KnobBound, Policy, Rules};
use crate::world::World;

/// A job that was paused for as long as it may be runs for at least this share of that time.
const SHARE_OF_REST: u32 = 10;

/// What guardrails remember from tick to tick.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Guardrails {
    /// Jobs that were paused for too long, and until when they are not paused again.
    resting: BTreeMap<JobId, Duration>,
}

impl Guardrails {
    /// The claims that all guardrails permit, and those that they deny. Nobody is asked about claims that only rehearse, except that
    /// they are denied in the same way.
    pub fn permit(&mut self, claims: Vec<Claim>, policies: &[Policy], world: &World) -> (Vec<Claim>, Vec<Denied>) {
        let guardrails: Vec<(&str, &Guardrail)> = policies.iter().filter_map(guardrail).collect();
        self.resting.retain(|_, until| *until > world.now.boot);
        for (_, guardrail) in &guardrails {
            self.rest(guardrail, world);
        }
        let (mut permitted, mut denied) = (Vec::with_capacity(claims.len()), Vec::new());
        for claim in claims {
            match guardrails
                .iter()
                .find_map(|(name, guardrail)| Some((name, self.why_not(&claim, guardrail, world.now)?)))
            {
                Some((by, reason)) => denied.push(Denied { claim, by: (*by).to_owned(), reason }),
                None => permitted.push(claim),
            }
        }
        (permitted, denied)
    }

    fn rest(&mut self, guardrail: &Guardrail, world: &World) {
        let Some(longest) = guardrail.max_pause else { return };
        for view in &world.jobs {
            let is_over = view.pause.since.as_ref().is_some_and(|(since, _)| world.now.since(*since) >= longest);
            if is_over {
                let until = world.now.boot + longest / SHARE_OF_REST;
                self.resting.entry(view.job.id.clone()).or_insert(until);
            }
        }
    }

    fn why_not(&self, claim: &Claim, guardrail: &Guardrail, now: Moment) -> Option<String> {
        let kind = claim.setting.kind();
        if guardrail.never.contains(&kind) {
            return Some(format!("nobody may use {}", kind.name()));
        }
        let beyond = guardrail
            .knobs
            .iter()
            .find(|bound| bound.kind == kind && is_about(bound, claim) && !bound.permits(&claim.setting));
        if let Some(bound) = beyond {
            let side = match bound.bound {
                Bound::AtMost => "at most",
                Bound::AtLeast => "at least",
                Bound::Exactly => "exactly",
            };
            return Some(format!("nobody may set it to {}: {side} {}", claim.setting, bound.setting));
        }
        let until = claim.target.job().filter(|_| kind == KnobKind::Pause).and_then(|id| self.resting.get(id))?;
        let rest = humantime::format_duration(Duration::from_secs(until.saturating_sub(now.boot).as_secs()));
        Some(format!("it was paused for as long as any job may be, and runs for at least {rest} more"))
    }
}

/// The guardrail of a policy, with its name.
fn guardrail(policy: &Policy) -> Option<(&str, &Guardrail)> {
    match &policy.rules {
        Rules::Guardrail(guardrail) => Some((&policy.name, guardrail)),
        _ => None,
    }
}

fn is_about(bound: &KnobBound, claim: &Claim) -> bool {
    match &claim.target {
        Target::Part(part) if !bound.of.is_empty() => bound.of.iter().any(|pattern| pattern.matches(&part.name)),
        Target::Job(_) | Target::Part(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;
    use crate::claim::{Claimant, Class, Setting};
    use crate::policy::{Vocabulary, from_text};
    use crate::sample::HostSample;

    const BOUNDS: &str = "
apiVersion: plotwarden/v1
kind: Guardrail
metadata: {name: bounds}
spec:
  limits: {maxPause: 10m}
  knobs:
    - {cpu-quota: {atLeast: 20%}}
    - {io-max: {atLeast: {write: 10MiB/s}}}
    - {power-limit: {atLeast: 35W, of: ['intel-rapl:0*']}}
  never: [memory-max]
";

    fn claim(target: Target, setting: Setting) -> Claim {
        let claimant = Claimant { class: Class::Safety, priority: 1000, policy: "eager".to_owned() };
        let until = Duration::from_secs(2000);
        Claim { claimant, target, setting, bound: Bound::Exactly, until, reason: "stage", dry_run: false }
    }

    fn world(now: u64) -> World {
        let now = Moment { boot: Duration::from_secs(now), wall: SystemTime::UNIX_EPOCH };
        World { now, host: HostSample::default(), jobs: Vec::new(), layout: Arc::default(), processes: None }
    }

    #[test]
    fn what_goes_beyond_is_denied_by_name_whatever_its_class() {
        let policies = from_text(Path::new("b.yaml"), BOUNDS, &Vocabulary::default()).unwrap().policies;
        let job = || Target::Job("a".into());
        let zone = |name: &str| Target::Part(crate::claim::Part::new(crate::claim::PartClass::PowerConstraint, name));
        let rate =
            |rate| Setting::Keyed(KnobKind::IoMax, [("sda".to_owned(), [("wbps".to_owned(), rate)].into())].into());
        let number = Setting::Number;
        for (claim, permitted) in [
            (claim(job(), number(KnobKind::CpuQuota, 20_000)), true),
            (claim(job(), number(KnobKind::CpuQuota, 19_999)), false),
            (claim(job(), number(KnobKind::MemoryMax, 1 << 40)), false),
            (claim(job(), number(KnobKind::MemoryHigh, 1 << 20)), true),
            (claim(job(), rate(10 << 20)), true),
            (claim(job(), rate(9 << 20)), false),
            (claim(zone("intel-rapl:0:0"), number(KnobKind::PowerLimit, 30_000_000)), false),
            (claim(zone("intel-rapl:0:0"), number(KnobKind::PowerLimit, 35_000_000)), true),
            (claim(zone("intel-rapl:1:0"), number(KnobKind::PowerLimit, 30_000_000)), true),
        ] {
            let (kept, denied) = Guardrails::default().permit(vec![claim.clone()], &policies, &world(1000));
            assert_eq!((kept.len(), denied.len()), (usize::from(permitted), usize::from(!permitted)), "{claim:?}");
            assert!(denied.iter().all(|denied| denied.by == "bounds"), "{denied:?}");
        }
    }
}
