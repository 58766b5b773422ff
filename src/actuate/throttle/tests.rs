use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::claim::Part;

fn seconds(value: u64) -> Duration {
    Duration::from_secs(value)
}

fn key(number: usize) -> Key {
    let kind = [KnobKind::CpuQuota, KnobKind::Nice, KnobKind::PowerLimit][number % 3];
    (if number < 3 { Target::Job("job".into()) } else { Target::Part(Part::machine()) }, kind)
}

fn setting(key: &Key, value: u8) -> Setting {
    match key.1 {
        KnobKind::Nice => Setting::Nice((value % 20).cast_signed()),
        kind => Setting::Number(kind, u64::from(value) * 10),
    }
}

fn number(setting: &Setting) -> i64 {
    match setting {
        Setting::Nice(nice) => (*nice).into(),
        Setting::Number(_, number) => i64::try_from(*number).unwrap(),
        other => panic!("{other}"),
    }
}

fn largest() -> LargestStep {
    LargestStep { decrease: Some(0.25), increase: Some(0.5) }
}

fn rates(cooldown: u64, burst: u32, every: u64) -> Rates {
    let kinds = [KnobKind::CpuQuota, KnobKind::Nice, KnobKind::PowerLimit];
    let largest = kinds.into_iter().map(|kind| (kind, largest())).collect();
    Rates { cooldown: seconds(cooldown), burst, every: seconds(every), largest }
}

/// What each knob of a trace is like, and when it was changed.
#[derive(Default)]
struct Trace {
    throttle: Throttle,
    /// As applied.
    now: BTreeMap<Key, Setting>,
    changes: Vec<(Duration, Key, Option<i64>, i64)>,
}

impl Trace {
    /// One tick with these wants; what is not among them goes back at once.
    fn tick(&mut self, rates: &Rates, now: Duration, wanted: &BTreeMap<Key, Setting>) {
        self.throttle.let_go(rates, now, |key| wanted.contains_key(key));
        self.now.retain(|key, _| wanted.contains_key(key));
        for (key, wanted) in wanted {
            let before = self.now.get(key).cloned();
            match self.throttle.pass(rates, now, key, wanted, None) {
                Pass::Take(setting) => {
                    if before.as_ref() != Some(&setting) {
                        self.changes.push((now, key.clone(), before.as_ref().map(number), number(&setting)));
                    }
                    self.now.insert(key.clone(), setting);
                }
                Pass::Keep(setting) => assert_eq!(Some(setting), before),
                Pass::Wait(_) => assert_eq!(before, None),
            }
        }
    }
}

type Wants = BTreeMap<Key, Setting>;

/// Seconds that pass, and what is wanted then.
fn any_trace() -> impl Strategy<Value = Vec<(u64, Wants)>> {
    let wants = prop::collection::btree_map(0_usize..6, any::<u8>(), 0..6).prop_map(|wants| {
        wants.into_iter().map(|(number, value)| (key(number), setting(&key(number), value))).collect::<Wants>()
    });
    prop::collection::vec((0_u64..4, wants), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_knob_changes_too_soon_too_far_or_with_too_many_others(
        trace in any_trace(), cooldown in 0_u64..6, burst in 1_u32..8, every in 1_u64..5,
    ) {
        let rates = rates(cooldown, burst, every);
        let mut all = Trace::default();
        let mut now = seconds(100);
        for (pause, wanted) in &trace {
            now += seconds(*pause);
            all.tick(&rates, now, wanted);
        }
        let mut window: VecDeque<Duration> = VecDeque::new();
        for (index, (at, key, before, after)) in all.changes.iter().enumerate() {
            let last = all.changes[..index].iter().rev().find(|(_, other, ..)| other == key);
            prop_assert!(last.is_none_or(|last| at.saturating_sub(last.0) >= rates.cooldown), "{key:?} at {at:?}");
            if let Some(before) = before {
                let allowed = (if after < before { before / 4 } else { before / 2 }).max(1);
                prop_assert!((after - before).abs() <= allowed, "{key:?}: {before} to {after}");
            }
            window.push_back(*at);
            // In any stretch of time: the burst, and what has been refilled within it.
            for (from, begin) in window.iter().enumerate() {
                let refilled = at.saturating_sub(*begin).as_secs() / every;
                prop_assert!((window.len() - from) as u64 <= u64::from(burst) + refilled);
            }
        }
    }

    /// Whatever came before, what is wanted for long enough is had in the end.
    #[test]
    fn what_stays_wanted_is_had_in_the_end(trace in any_trace(), last in any_trace()) {
        let rates = rates(3, 2, 2);
        let mut all = Trace::default();
        let mut now = seconds(100);
        for (pause, wanted) in &trace {
            now += seconds(*pause);
            all.tick(&rates, now, wanted);
        }
        let wanted = &last[0].1;
        for _ in 0..6 * 400 * 3 {
            now += seconds(1);
            all.tick(&rates, now, wanted);
        }
        prop_assert_eq!(&all.now, wanted);
    }
}

#[test]
fn a_knob_that_went_back_is_not_changed_again_at_once() {
    let (mut throttle, rates, key) = (Throttle::default(), rates(5, 10, 1), key(0));
    let wanted = setting(&key, 9);
    assert_eq!(throttle.pass(&rates, seconds(10), &key, &wanted, None), Pass::Take(wanted.clone()));
    throttle.let_go(&rates, seconds(20), |_| false);
    assert_eq!(throttle.pass(&rates, seconds(24), &key, &wanted, None), Pass::Wait(TOO_SOON));
    assert_eq!(throttle.pass(&rates, seconds(25), &key, &wanted, None), Pass::Take(wanted));
}

#[test]
fn what_an_earlier_run_left_is_no_change() {
    let (mut throttle, rates, key) = (Throttle::default(), rates(0, 0, 1), key(0));
    let (ours, wanted) = (setting(&key, 9), setting(&key, 8));
    assert_eq!(throttle.pass(&rates, seconds(1), &key, &ours, Some(ours.clone())), Pass::Take(ours.clone()));
    assert_eq!(throttle.pass(&rates, seconds(1), &key, &wanted, Some(ours.clone())), Pass::Keep(ours));
    assert_eq!(throttle.pass(&rates, seconds(1), &key, &wanted, None), Pass::Wait(TOO_MANY));
}

#[test]
fn steps_have_a_size_for_numbers_only() {
    let step = largest();
    let max = Setting::Number(KnobKind::CpuQuota, Setting::NO_LIMIT);
    let number = |number| Setting::Number(KnobKind::CpuQuota, number);
    assert_eq!(step.towards(&number(100), &number(10)), number(75));
    assert_eq!(step.towards(&number(100), &number(200)), number(150));
    assert_eq!(step.towards(&number(0), &number(9)), number(1));
    assert_eq!(step.towards(&number(1), &number(0)), number(0));
    assert_eq!(step.towards(&max, &number(10)), number(10), "a share of no limit is none");
    assert_eq!(step.towards(&number(10), &max), max);
    assert_eq!(step.towards(&Setting::Nice(-8), &Setting::Nice(19)), Setting::Nice(-4));
    assert_eq!(step.towards(&Setting::OomScore(0), &Setting::OomScore(-900)), Setting::OomScore(-1));
    let disk = |rate: u64| [("sda".to_owned(), [("rbps".to_owned(), rate)].into())].into();
    let io = |rate| Setting::Keyed(KnobKind::IoMax, disk(rate));
    assert_eq!(step.towards(&io(100), &io(1)), io(75));
    assert_eq!(step.towards(&Setting::Paused, &Setting::Paused), Setting::Paused);
    assert_eq!(LargestStep::default().towards(&number(100), &number(1)), number(1));
}
