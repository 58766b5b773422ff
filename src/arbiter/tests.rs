use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::claim::{Class, IoPriority, SchedClass};
use crate::plotter::JobId;

const NOW: Moment = Moment { boot: Duration::from_secs(100), wall: SystemTime::UNIX_EPOCH };

fn job() -> Target {
    Target::Job(JobId::from("chiapos-1-2"))
}

fn claim(class: Class, priority: u16, policy: &str, bound: Bound, setting: Setting) -> Claim {
    let claimant = Claimant { class, priority, policy: policy.to_owned() };
    Claim { claimant, target: job(), setting, bound, until: Duration::from_secs(110), reason: "test", dry_run: false }
}

fn nice(bound: Bound, value: i8, class: Class) -> Claim {
    claim(class, 500, &format!("{}-{bound:?}-{value}", class.name()), bound, Setting::Nice(value))
}

fn cpus(numbers: &[u32]) -> Setting {
    Setting::Affinity(numbers.iter().copied().collect())
}

/// The value that the claims on the one knob join to.
fn joined(claims: &[Claim]) -> Option<Setting> {
    let wanted = join(claims, NOW);
    assert!(wanted.settings.len() <= 1);
    wanted.settings.into_values().next().map(|want| want.setting)
}

#[test]
fn joins_by_bound() {
    use Bound::{AtLeast, AtMost, Exactly};
    use Class::{Safety, Slo, Throughput};
    for (claims, expected) in [
        (vec![nice(AtLeast, 5, Slo), nice(AtLeast, 10, Throughput)], 10),
        (vec![nice(AtMost, 5, Slo), nice(AtMost, 10, Throughput)], 5),
        (vec![nice(AtLeast, 5, Slo), nice(AtMost, 10, Throughput)], 5),
        (vec![nice(AtLeast, 10, Throughput), nice(AtMost, 5, Safety)], 5),
        (vec![nice(AtLeast, 10, Safety), nice(AtMost, 5, Throughput)], 10),
        (vec![nice(Exactly, 7, Slo), nice(AtLeast, 10, Throughput)], 7),
        (vec![nice(Exactly, 7, Throughput), nice(AtLeast, 10, Slo)], 10),
        (vec![nice(Exactly, 7, Throughput), nice(AtLeast, 3, Slo)], 7),
    ] {
        assert_eq!(joined(&claims), Some(Setting::Nice(expected)), "{claims:?}");
    }
}

/// Of limits by disk each number is joined by itself; what is not there has no limit.
#[test]
fn limits_of_disks_are_joined_number_by_number() {
    let limits = |numbers: &[(&str, &str, u64)]| {
        let mut keyed = Keyed::new();
        for (disk, key, number) in numbers {
            keyed.entry((*disk).to_owned()).or_default().insert((*key).to_owned(), *number);
        }
        Setting::Keyed(KnobKind::IoMax, keyed)
    };
    let one = limits(&[("sda", "rbps", 100), ("sda", "wbps", 50)]);
    let other = limits(&[("sda", "rbps", 70), ("sdb", "rbps", 10)]);
    let join_two = |bound| {
        joined(&[claim(Class::Slo, 1, "a", bound, one.clone()), claim(Class::Slo, 1, "b", bound, other.clone())])
    };
    let strictest = limits(&[("sda", "rbps", 70), ("sda", "wbps", 50), ("sdb", "rbps", 10)]);
    assert_eq!(join_two(Bound::AtMost), Some(strictest.clone()));
    assert_eq!(join_two(Bound::AtLeast), Some(limits(&[("sda", "rbps", 100)])));
    assert!(satisfies(&strictest, &one, Bound::AtMost) && !satisfies(&one, &strictest, Bound::AtMost));
}

#[test]
fn every_setting_has_its_order_of_restriction() {
    let least = |setting| claim(Class::Slo, 1, "a", Bound::AtLeast, setting);
    let join_two = |a, b| joined(&[least(a), least(b)]);
    let class = |class| Setting::SchedClass(class);
    assert_eq!(join_two(class(SchedClass::Batch), class(SchedClass::Idle)), Some(class(SchedClass::Idle)));
    assert_eq!(join_two(class(SchedClass::Batch), class(SchedClass::Other)), Some(class(SchedClass::Batch)));
    let io = |priority| Setting::IoPriority(priority);
    assert_eq!(join_two(io(IoPriority::BestEffort(7)), io(IoPriority::Idle)), Some(io(IoPriority::Idle)));
    assert_eq!(
        join_two(io(IoPriority::BestEffort(0)), io(IoPriority::BestEffort(7))),
        Some(io(IoPriority::BestEffort(7)))
    );
    assert_eq!(join_two(Setting::Paused, Setting::Paused), Some(Setting::Paused));
}

#[test]
fn cpus_are_shared_by_intersection_and_never_run_out() {
    let most = |policy: &str, numbers| claim(Class::Slo, 1, policy, Bound::AtMost, cpus(numbers));
    let least = |policy: &str, numbers| claim(Class::Slo, 1, policy, Bound::AtLeast, cpus(numbers));
    assert_eq!(joined(&[most("a", &[0, 1, 2]), most("b", &[1, 2, 3])]), Some(cpus(&[1, 2])));
    assert_eq!(joined(&[least("a", &[0]), least("b", &[1])]), Some(cpus(&[0, 1])));
    assert_eq!(joined(&[most("a", &[0, 1, 2]), least("b", &[1])]), Some(cpus(&[0, 1, 2])));

    let wanted = join(&[most("a", &[0, 1]), most("b", &[2, 3])], NOW);
    assert_eq!(wanted.setting(&job(), KnobKind::Affinity), Some(&cpus(&[0, 1])));
    assert_eq!((wanted.denied.len(), wanted.denied[0].by.as_str()), (1, "a"));
    assert!(wanted.denied[0].reason.contains("shares nothing"), "{}", wanted.denied[0].reason);

    let wanted = join(&[most("a", &[])], NOW);
    assert!(wanted.settings.is_empty() && wanted.denied[0].reason.contains("without a CPU"));
}

#[test]
fn rank_is_class_then_priority_then_name() {
    let exactly =
        |class, priority, policy: &str, value| claim(class, priority, policy, Bound::Exactly, Setting::Nice(value));
    let winner = |a: Claim, b: Claim| joined(&[a, b]);
    assert_eq!(
        winner(exactly(Class::Throughput, 1000, "a", 1), exactly(Class::Safety, 0, "b", 2)),
        Some(Setting::Nice(2))
    );
    assert_eq!(winner(exactly(Class::Slo, 10, "b", 1), exactly(Class::Slo, 9, "a", 2)), Some(Setting::Nice(1)));
    assert_eq!(winner(exactly(Class::Slo, 10, "b", 1), exactly(Class::Slo, 10, "a", 2)), Some(Setting::Nice(2)));
    let wanted = join(&[exactly(Class::Slo, 10, "b", 1), exactly(Class::Slo, 10, "a", 2)], NOW);
    let denied = &wanted.denied[0];
    assert_eq!((denied.by.as_str(), denied.claim.claimant.policy.as_str()), ("a", "b"));
    assert_eq!(denied.reason, "a of class slo and priority 10 wants exactly 2; this asked for 1");
}

#[test]
fn what_is_restricted_more_already_needs_no_write() {
    let wanted = join(&[nice(Bound::AtLeast, 5, Class::Slo)], NOW);
    let want = &wanted.settings[&(job(), KnobKind::Nice)];
    assert!(want.satisfied_by(&Setting::Nice(19)) && want.satisfied_by(&Setting::Nice(5)));
    assert!(!want.satisfied_by(&Setting::Nice(0)));
    let wanted = join(&[nice(Bound::Exactly, 5, Class::Slo)], NOW);
    assert!(!wanted.settings[&(job(), KnobKind::Nice)].satisfied_by(&Setting::Nice(19)));
}

#[test]
fn a_claim_lapses_when_it_is_not_renewed() {
    let lapsed = Claim { until: NOW.boot, ..nice(Bound::AtLeast, 5, Class::Slo) };
    assert_eq!(join(&[lapsed], NOW), Wanted::default());
}

#[test]
fn a_rehearsal_changes_nothing_and_says_what_it_would_change() {
    let real = nice(Bound::AtLeast, 5, Class::Slo);
    let rehearsed = |value| Claim { dry_run: true, ..nice(Bound::AtLeast, value, Class::Throughput) };
    let key = (job(), KnobKind::Nice);
    let wanted = join(&[real.clone(), rehearsed(10)], NOW);
    assert_eq!(wanted.settings[&key].setting, Setting::Nice(5));
    assert_eq!(wanted.settings[&key].holders, std::slice::from_ref(&real.claimant));
    assert_eq!(wanted.rehearsed[&key].setting, Setting::Nice(10));
    let wanted = join(&[real, rehearsed(3)], NOW);
    assert!(wanted.rehearsed.is_empty(), "it would have added nothing");
}

fn any_setting() -> impl Strategy<Value = Setting> {
    prop_oneof![
        (-20i8..20).prop_map(Setting::Nice),
        prop::sample::select(vec![SchedClass::Other, SchedClass::Batch, SchedClass::Idle])
            .prop_map(Setting::SchedClass),
        (0u8..8).prop_map(|level| Setting::IoPriority(IoPriority::BestEffort(level))),
        prop::collection::btree_set(0u32..4, 0..4).prop_map(|cpus: BTreeSet<u32>| Setting::Affinity(cpus)),
        Just(Setting::Paused),
        Just(Setting::Group),
    ]
}

prop_compose! {
    fn any_claim()(
        class in prop::sample::select(vec![Class::Safety, Class::Slo, Class::Throughput]),
        priority in 0u16..3,
        policy in "[a-d]",
        job in 1u8..3,
        setting in any_setting(),
        bound in prop::sample::select(vec![Bound::AtMost, Bound::AtLeast, Bound::Exactly]),
        until in 95u64..120,
        dry_run in prop::bool::weighted(0.2),
    ) -> Claim {
        let claimant = Claimant { class, priority, policy };
        let target = Target::Job(JobId::from(format!("job-{job}").as_str()));
        Claim { claimant, target, setting, bound, until: Duration::from_secs(until), reason: "test", dry_run }
    }
}

proptest! {
    #[test]
    fn the_order_of_claims_does_not_matter(
        (claims, shuffled) in prop::collection::vec(any_claim(), 0..12)
            .prop_flat_map(|claims| (Just(claims.clone()), Just(claims).prop_shuffle()))
    ) {
        prop_assert_eq!(join(&claims, NOW), join(&shuffled, NOW));
    }

    #[test]
    fn a_knob_is_free_only_when_its_last_holder_leaves(claims in prop::collection::vec(any_claim(), 0..12)) {
        let mut left = claims;
        loop {
            let wanted = join(&left, NOW);
            let held: BTreeSet<_> = left
                .iter()
                .filter(|claim| claim.until > NOW.boot && !claim.dry_run)
                .filter(|claim| !matches!(&claim.setting, Setting::Affinity(cpus) if cpus.is_empty()))
                .map(|claim| (claim.target.clone(), claim.setting.kind()))
                .collect();
            let set: BTreeSet<_> = wanted.settings.keys().cloned().collect();
            prop_assert_eq!(held, set);
            prop_assert!(wanted.settings.values().all(|want| !want.holders.is_empty()));
            if left.pop().is_none() {
                break;
            }
        }
    }

    #[test]
    fn every_living_claim_is_met_or_denied(claims in prop::collection::vec(any_claim(), 0..12)) {
        let wanted = join(&claims, NOW);
        for claim in claims.iter().filter(|claim| claim.until > NOW.boot && !claim.dry_run) {
            let met = wanted.setting(&claim.target, claim.setting.kind()).is_some_and(|setting| satisfies(setting, &claim.setting, claim.bound));
            prop_assert!(met || wanted.denied.iter().any(|denied| denied.claim == *claim), "{claim:?} in {wanted:?}");
        }
    }
}

#[test]
fn words_have_no_order() {
    let word = |word: &str| Setting::Word(KnobKind::CpuGovernor, word.to_owned());
    let least = claim(Class::Slo, 500, "least", Bound::AtLeast, word("powersave"));
    let wanted = join(std::slice::from_ref(&least), NOW);
    assert!(wanted.settings.is_empty() && wanted.denied[0].reason.contains("exactly only"), "{wanted:?}");
    let exactly = claim(Class::Slo, 500, "exactly", Bound::Exactly, word("powersave"));
    assert_eq!(joined(&[exactly, least]), Some(word("powersave")));
}

/// A floor of 10 W beside a cap of 100 W must not cap at 10 W.
#[test]
fn of_amounts_all_that_is_allowed_is_wanted() {
    let watts = |bound, watts| claim(Class::Budget, 500, "w", bound, Setting::Number(KnobKind::PowerLimit, watts));
    let claims = [watts(Bound::AtLeast, 10), watts(Bound::AtMost, 100), watts(Bound::AtMost, 120)];
    assert_eq!(joined(&claims), Some(Setting::Number(KnobKind::PowerLimit, 100)));
}
