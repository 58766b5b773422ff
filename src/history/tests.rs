//! What a reader of the history relies on, against a model that keeps every sample in the plainest way.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::value::{NORMAL_NAN, STALE, is_stale};
use super::*;
use crate::promql::{MatchOp, Semantics, Summary};

/// A Tuesday, on a boundary of five minutes.
pub(super) const START: i64 = 1_790_000_100_000;
const HOUR: i64 = 3_600_000;

pub(super) fn config() -> HistoryConfig {
    HistoryConfig {
        target: Target { job: "plotwarden".into(), instance: "farm1".into() },
        memory_limit: Bytes(1 << 30),
        forecast: vec![vec![Matcher::metric("load")]],
    }
}

/// What the history holds of a metric, by device: (stamp, bits of the value).
pub(super) fn samples(history: &History, metric: &str, start: i64, end: i64) -> BTreeMap<String, Vec<(i64, u64)>> {
    let selection = select(history, metric, start, end);
    assert_eq!(selection.damaged_blocks, 0);
    let series = selection.series.into_iter();
    let device = |labels: &Labels| labels.get("device").unwrap_or_default().to_owned();
    let pairs = |one: &SelectedSeries| one.stamps.iter().copied().zip(one.values.iter().map(|v| v.to_bits())).collect();
    series.map(|one| (device(&one.labels), pairs(&one))).collect()
}

fn select(history: &History, metric: &str, start: i64, end: i64) -> Selection {
    let matchers = [Matcher::metric(metric)];
    history.select(&everything(&matchers, start, end)).unwrap()
}

pub(super) fn everything(matchers: &[Matcher], start: i64, end: i64) -> Query<'_> {
    let (window, summary) = (None, Summary::Mean);
    Query { matchers, start, end, window, summary, most_series: usize::MAX, most_samples: usize::MAX }
}

/// The mean, least and greatest value of five minutes each of the metric `load`, by seconds after the start.
pub(super) fn buckets(history: &History) -> Vec<(i64, [f64; 3])> {
    let slot = history.index.select(&[Matcher::metric("load")])[0].0;
    let tier = &history.coarse.tier;
    let columns = [Summary::Mean, Summary::Least, Summary::Most].map(|summary| {
        let mut found = Vec::new();
        let column = history.coarse.column(slot, summary).unwrap();
        let ticks = tier.ticks(i64::MIN, i64::MAX);
        tier.read(column, &ticks, &mut block::Decoder::default(), |at, value| found.push((at, value)));
        found
    });
    let row = |place: usize| ((columns[0][place].0 - START) / 1000, [0, 1, 2].map(|one: usize| columns[one][place].1));
    (0..columns[0].len()).map(row).collect()
}

/// Appends ticks from `first` to `last` at this distance, each with the metrics `load` and `x` at the number of the
/// tick.
pub(super) fn fill(history: &mut History, first: i64, last: i64, step: usize) {
    for at in (first..=last).step_by(step) {
        let (load, x) = (history.series("load", &[]).unwrap(), history.series("x", &[]).unwrap());
        let value = number((at - START) / 1000);
        history.append(at, [(load, value), (x, value)]).unwrap();
    }
}

fn number(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap())
}

/// Per tick: how many milliseconds after the one before, and the value of each device, `None` where it is not there.
fn any_ticks() -> impl Strategy<Value = Vec<(i64, Vec<Option<f64>>)>> {
    let step = prop_oneof![20 => 900..1100_i64, 1 => 1..40_000_i64];
    let value = prop_oneof![
        3 => Just(None),
        30 => (0..1000_i32).prop_map(|value| Some(f64::from(value) / 100.0)),
        1 => Just(Some(NORMAL_NAN)),
        1 => Just(Some(STALE)),
    ];
    prop::collection::vec((step, prop::collection::vec(value, 12)), 1..700)
}

/// Every sample and stale marker of the ticks, as a server that scraped them would hold them.
fn model(ticks: &[(i64, Vec<Option<f64>>)]) -> BTreeMap<String, Vec<(i64, u64)>> {
    let mut held: BTreeMap<String, Vec<(i64, u64)>> = BTreeMap::new();
    let mut at = START;
    for (step, values) in ticks {
        at += step;
        for (device, value) in values.iter().enumerate() {
            let list = held.entry(device.to_string()).or_default();
            let was_live = list.last().is_some_and(|(_, bits)| *bits != STALE.to_bits());
            match value {
                Some(value) => list.push((at, value.to_bits())),
                None if was_live => list.push((at, STALE.to_bits())),
                None => {}
            }
        }
    }
    held
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_tick_of_the_last_hour_is_given_back(ticks in any_ticks(), from in 0..1000_i64, to in 0..1000_i64) {
        let mut history = History::new(config());
        let mut at = START;
        for (step, values) in &ticks {
            at += step;
            let ids: Vec<_> = (0..values.len())
                .map(|device| history.series("x", &[("device", &device.to_string())]).unwrap()).collect();
            let given = ids.into_iter().zip(values).filter_map(|(id, value)| Some((id, (*value)?)));
            history.append(at, given.collect::<Vec<_>>()).unwrap();
        }
        let (start, end) = (START + from * (at - START) / 999, START + to * (at - START) / 999);
        prop_assume!(at - start < HOUR);
        let mut expected = model(&ticks);
        for list in expected.values_mut() {
            list.retain(|(at, _)| (start..=end).contains(at));
        }
        expected.retain(|_, list| !list.is_empty());
        prop_assert_eq!(samples(&history, "x", start, end), expected);
    }
}

#[test]
fn a_series_that_leaves_is_stale_in_every_tier() {
    let mut history = History::new(config());
    fill(&mut history, START, START + 60_000, 1000);
    let y = history.series("y", &[]).unwrap();
    for second in 61..=90 {
        history.append(START + second * 1000, [(y, 1.0)]).unwrap();
    }
    let values = |resolution: Resolution| {
        let mut found = Vec::new();
        let ticks = history.tier(resolution).ticks(START + 45_000, START + 90_000);
        let slot = history.index.select(&[Matcher::metric("x")])[0].0;
        let mut decoder = block::Decoder::default();
        history.tier(resolution).read(slot as usize, &ticks, &mut decoder, |at, value| found.push((at - START, value)));
        found
    };
    let (at, last) = *values(Resolution::EveryTick).last().unwrap();
    assert!(at == 61_000 && is_stale(last), "at the next tick: {at} {last}");
    let coarse = values(Resolution::FifteenSeconds);
    assert_eq!(coarse.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [45_000, 60_000, 75_000]);
    assert!(is_stale(coarse[2].1), "at the next sample of the tier");
}

#[test]
fn the_second_tier_takes_every_fifteenth_second_of_late_and_early_ticks() {
    let mut history = History::new(config());
    let x = history.series("x", &[]).unwrap();
    for second in 0..=600_i64 {
        let jitter = [0, 40, -40, 17, -3][usize::try_from(second % 5).unwrap()];
        history.append(START + second * 1000 + jitter, [(x, number(second))]).unwrap();
    }
    let ticks = history.medium.ticks(i64::MIN, i64::MAX);
    let mut found = Vec::new();
    history.medium.read(0, &ticks, &mut block::Decoder::default(), |_, value| found.push(value));
    assert_eq!(found, (0..=40).map(|step| number(step * 15)).collect::<Vec<_>>());
}

#[test]
fn the_finest_tier_that_reaches_back_far_enough_answers() {
    let mut history = History::new(config());
    let end = START + 30 * HOUR;
    fill(&mut history, START, start_of_last_hours(end), 15_000);
    fill(&mut history, start_of_last_hours(end) + 1000, end, 1000);
    for (metric, hours, expected) in [
        ("x", 0, Resolution::EveryTick),
        ("x", 1, Resolution::EveryTick),
        ("x", 2, Resolution::FifteenSeconds),
        ("x", 24, Resolution::FifteenSeconds),
        ("x", 29, Resolution::FifteenSeconds),
        ("load", 1, Resolution::EveryTick),
        ("load", 24, Resolution::FifteenSeconds),
        ("load", 29, Resolution::FiveMinutes),
        ("load", 900, Resolution::FiveMinutes),
    ] {
        let selection = select(&history, metric, end - hours * HOUR, end);
        assert_eq!(selection.resolution, expected, "{metric} over {hours} h");
        let first = selection.series[0].stamps[0];
        let complete_from = selection.complete_from.unwrap_or(i64::MIN);
        assert!(first >= complete_from, "nothing is given of what is not given of all series");
        if hours < 29 {
            assert!(complete_from <= end - hours * HOUR && first <= end - hours * HOUR + 15_000, "{metric} {hours} h");
        }
    }
    let both = [Matcher::new(NAME, MatchOp::Regex, "x|load", Semantics::V2).unwrap()];
    let selection = history.select(&everything(&both, end - 29 * HOUR, end)).unwrap();
    assert_eq!(selection.resolution, Resolution::FifteenSeconds, "no series is left out for being without means");
    assert_eq!(selection.series.len(), 2);
}

fn start_of_last_hours(end: i64) -> i64 {
    end - 2 * HOUR
}

#[test]
fn young_history_is_read_at_its_finest() {
    let mut history = History::new(config());
    fill(&mut history, START, START + 60_000, 1000);
    let selection = select(&history, "x", START - 24 * HOUR, START + 60_000);
    assert_eq!((selection.resolution, selection.complete_from), (Resolution::EveryTick, None));
    assert_eq!(selection.series[0].values.len(), 61);
}

#[test]
fn up_is_one_and_zero_when_nothing_could_be_sampled() {
    let mut history = History::new(config());
    fill(&mut history, START, START, 1000);
    history.append_down(START + 1000).unwrap();
    let expected = vec![(START, 1.0_f64.to_bits()), (START + 1000, 0.0_f64.to_bits())];
    assert_eq!(samples(&history, "up", START, START + 1000)[""], expected);
    assert_eq!(samples(&history, "x", START, START + 1000)[""][1], (START + 1000, STALE.to_bits()));
    let up = select(&history, "up", START, START + 1000).series.remove(0).labels;
    assert_eq!(up.iter().collect::<Vec<_>>(), [(NAME, "up"), ("instance", "farm1"), ("job", "plotwarden")]);
}

#[test]
fn a_clock_that_goes_back_a_little_is_waited_for() {
    let mut history = History::new(config());
    fill(&mut history, START, START + 10_000, 1000);
    for back in [0, 1, 10_000, HOUR] {
        let refused = history.append(START + 10_000 - back, []).unwrap_err();
        assert_eq!(refused, TickRefused { newest: START + 10_000, given: START + 10_000 - back });
    }
    assert_eq!(samples(&history, "x", START, START + 10_000)[""].len(), 11, "what is held stays");
    assert_eq!(history.stats().counters.refused_ticks, 4);
    history.append(START + 10_001, []).unwrap();
}

#[test]
fn a_clock_that_had_been_far_ahead_does_not_blind_the_history() {
    let mut history = History::new(config());
    fill(&mut history, START + 9_000 * HOUR, START + 9_000 * HOUR + 1000, 1000);
    let x = history.series("x", &[]).unwrap();
    fill(&mut history, START, START + 600_000, 1000);
    assert!(history.holds(x), "ids stay good");
    assert_eq!(history.stats().counters.clock_resets, 1);
    assert_eq!(samples(&history, "x", START, START + HOUR)[""].len(), 601);
    assert_eq!(buckets(&history).len(), 2);
}

#[test]
fn a_jump_is_a_gap() {
    let mut history = History::new(config());
    fill(&mut history, START, START + 10_000, 1000);
    fill(&mut history, START + 500_000, START + 510_000, 1000);
    let stamps: Vec<i64> = samples(&history, "x", START, START + HOUR)[""].iter().map(|(at, _)| *at - START).collect();
    assert_eq!(stamps.len(), 22);
    assert_eq!(stamps[10..12], [10_000, 500_000]);
}

#[test]
fn a_series_is_forgotten_a_day_after_its_last_sample() {
    let mut history = History::new(config());
    let gone = history.series("gone", &[]).unwrap();
    history.append(START, [(gone, 1.0)]).unwrap();
    fill(&mut history, START + 15_000, START + 23 * HOUR, 15_000);
    assert!(history.holds(gone));
    fill(&mut history, START + 23 * HOUR + 15_000, START + 26 * HOUR, 15_000);
    assert!(!history.holds(gone));
    let appended = history.append(START + 27 * HOUR, [(gone, 1.0)]).unwrap();
    assert_eq!(appended, Appended { samples: 1, unknown: 1 });
    assert_eq!(history.stats().series, 3, "x, load and up");
}

#[test]
fn forecast_series_are_kept_as_means_of_five_minutes() {
    let mut history = History::new(config());
    fill(&mut history, START, START + HOUR, 1000);
    assert_eq!(history.coarse.members().count(), 1, "only the series that are marked");
    let rows = buckets(&history);
    assert_eq!(rows.len(), 12);
    assert_eq!(rows[0], (300, [149.5, 0.0, 299.0]));
    assert_eq!(rows[11], (3600, [3449.5, 3300.0, 3599.0]));
}

/// Thirty hours, a tick each quarter of a minute.
fn thirty_hours() -> (History, i64) {
    let mut history = History::new(config());
    let end = START + 30 * HOUR + 100_000;
    fill(&mut history, START, end, 15_000);
    (history, end)
}

#[test]
fn what_is_wanted_of_five_minutes_is_told_up_to_the_newest_tick() {
    let (history, end) = thirty_hours();
    let newest = end - (end - START) % 15_000;
    let matchers = [Matcher::metric("load")];
    let told = |summary: Summary| {
        let mut found = history.select(&Query { summary, ..everything(&matchers, START, end) }).unwrap();
        assert_eq!(found.resolution, Resolution::FiveMinutes);
        let one = found.series.remove(0);
        assert!(one.stamps.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((one.stamps[0], *one.stamps.last().unwrap()), (START + 300_000, newest));
        (one.values[0], *one.values.last().unwrap())
    };
    // The bucket that is filling began at thirty hours.
    assert_eq!(told(Summary::Mean), (142.5, 108_045.0));
    assert_eq!(told(Summary::Least), (0.0, 108_000.0));
    assert_eq!(told(Summary::Most), (285.0, 108_090.0), "of a counter, what it had reached");
}

#[test]
fn a_series_that_has_ended_ends_in_the_coarse_tier_too() {
    let (mut history, end) = thirty_hours();
    let x = history.series("x", &[]).unwrap();
    history.append(end + 1000, [(x, 1.0)]).unwrap();
    let matchers = [Matcher::metric("load")];
    let found = history.select(&everything(&matchers, START, end + 2000)).unwrap();
    let one = &found.series[0];
    assert_eq!(found.resolution, Resolution::FiveMinutes);
    assert!(is_stale(*one.values.last().unwrap()) && *one.stamps.last().unwrap() == START + 30 * HOUR + 1);
}

#[test]
fn windows_too_short_for_a_tier_are_answered_by_a_finer_one() {
    let (history, end) = thirty_hours();
    let matchers = [Matcher::metric("load")];
    let resolution = |window: Option<i64>| {
        history.select(&Query { window, ..everything(&matchers, START, end) }).unwrap().resolution
    };
    assert_eq!(resolution(None), Resolution::FiveMinutes);
    assert_eq!(resolution(Some(600_000)), Resolution::FiveMinutes);
    assert_eq!(resolution(Some(599_999)), Resolution::FifteenSeconds, "what is left of it, rather than nothing at all");
    assert_eq!(resolution(Some(29_999)), Resolution::EveryTick);
}

#[test]
fn another_list_of_what_is_forecast_holds_after_a_restart() {
    let (history, end) = thirty_hours();
    let mut bytes = Vec::new();
    codec::write(&history, &mut bytes).unwrap();
    let both = vec![vec![Matcher::new(NAME, MatchOp::Regex, "load|x", Semantics::V2).unwrap()]];
    let mut more = codec::read(&bytes, HistoryConfig { forecast: both, ..config() }).unwrap();
    let resolution = |history: &History, metric: &str, end: i64| select(history, metric, START, end).resolution;
    assert_eq!(resolution(&more, "load", end), Resolution::FiveMinutes);
    assert_eq!(resolution(&more, "x", end), Resolution::FifteenSeconds, "a day of it is more than nothing");
    fill(&mut more, end + 5_000, end + 25 * HOUR, 15_000);
    assert_eq!(resolution(&more, "x", end + 25 * HOUR), Resolution::FiveMinutes, "by then it is more than a day");

    let none = codec::read(&bytes, HistoryConfig { forecast: Vec::new(), ..config() }).unwrap();
    assert_eq!(resolution(&none, "load", end), Resolution::FifteenSeconds);
    assert_eq!(none.stats().tiers[2].sealed_samples, 0, "its memory is given back");
}

#[test]
fn what_is_forecast_takes_no_more_than_its_share() {
    let forecast = vec![vec![Matcher::new(NAME, MatchOp::Regex, ".+", Semantics::V2).unwrap()]];
    let limit = 4 << 20;
    let mut history = History::new(HistoryConfig { memory_limit: Bytes(limit), forecast, ..config() });
    let mut noise = 1_u64;
    for minute in 0..4_000 {
        let tick: Vec<_> = (0..120)
            .map(|device| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let id = history.series("x", &[("device", &device.to_string())]).unwrap();
                (id, f64::from_bits(noise >> 2))
            })
            .collect();
        history.append(START + minute * 60_000, tick).unwrap();
        assert!(history.stats().bytes <= usize::try_from(limit).unwrap(), "after {minute} minutes");
    }
    assert!(history.coarse.members().count() < 100, "the others are kept for a day only");
    let stats = history.stats();
    assert!(stats.counters.dropped_blocks > 100, "{stats:?}");
    let [_, day, _] = stats.tiers;
    let held_from = day.complete_from.unwrap();
    assert!(day.newest.unwrap() - held_from >= 24 * HOUR, "a day of all is not what is dropped: {stats:?}");
}

#[test]
fn listing_series_looks_at_the_time_asked_for() {
    let mut history = History::new(config());
    let early = history.series("early", &[]).unwrap();
    history.append(START, [(early, 1.0)]).unwrap();
    fill(&mut history, START + 1000, START + 900_000, 1000);
    let names = |start: i64, end: i64| {
        let found = history.series_between(&[], start, end);
        let mut names: Vec<String> = found.iter().map(|labels| labels.get(NAME).unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(START, START), ["early", "up"]);
    assert_eq!(names(START, START + 900_000), ["early", "load", "up", "x"]);
    assert_eq!(names(START + 20_000, START + 900_000), ["load", "up", "x"]);
}

#[test]
fn an_answer_that_is_too_large_is_refused() {
    let mut history = History::new(config());
    fill(&mut history, START, START + 9000, 1000);
    let ask = |most_series, most_samples| {
        let query = Query { most_series, most_samples, ..everything(&[], START, START + 9000) };
        history.select(&query).map(|selection| selection.series.len())
    };
    assert_eq!(ask(3, 30), Ok(3));
    assert_eq!(ask(3, 29), Err(TooMuch::Samples(29)));
    assert_eq!(ask(2, 30), Err(TooMuch::Series(2)));
}

#[test]
fn series_of_one_scrape_share_their_stamps() {
    let mut history = History::new(config());
    fill(&mut history, START, START + 9000, 1000);
    let late = history.series("late", &[]).unwrap();
    history.append(START + 10_000, [(late, 1.0)]).unwrap();
    let selection = history.select(&everything(&[], START, START + 10_000)).unwrap();
    let stamps: Vec<_> = selection.series.iter().map(|one| (one.labels.get(NAME).unwrap(), &one.stamps)).collect();
    assert_eq!(stamps.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["late", "load", "up", "x"]);
    assert!(Arc::ptr_eq(stamps[1].1, stamps[3].1), "load and x are at every tick, the last one stale");
    assert_eq!(**stamps[0].1, [START + 10_000]);
}

#[test]
fn the_memory_limit_holds_and_the_oldest_blocks_go_first() {
    let limit = 2 << 20;
    let mut history = History::new(HistoryConfig { memory_limit: Bytes(limit), ..config() });
    let mut noise = 1_u64;
    for second in 0..3_000 {
        let at = START + second * 1000;
        let mut tick = Vec::new();
        for device in 0..200 {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let id = history.series("x", &[("device", &device.to_string())]).unwrap();
            tick.push((id, f64::from_bits(noise >> 2)));
        }
        history.append(at, tick).unwrap();
        assert!(history.stats().bytes <= usize::try_from(limit).unwrap(), "after {second} s");
    }
    let stats = history.stats();
    assert!(stats.counters.dropped_blocks > 500, "{stats:?}");
    assert!(stats.counters.dropped_samples > 100 * stats.counters.dropped_blocks, "{stats:?}");
    let from = stats.tiers[0].complete_from.unwrap();
    let newest = START + 2_999_000;
    let held = samples(&history, "x", from, newest);
    assert_eq!(held.len(), 200);
    assert!(held.values().all(|list| list.len() == usize::try_from((newest - from) / 1000 + 1).unwrap()), "no holes");
}

#[test]
fn more_series_than_fit_are_refused_and_the_others_go_on() {
    let mut history = History::new(HistoryConfig { memory_limit: Bytes(1 << 20), ..config() });
    let mut ids = Vec::new();
    let mut refused = 0;
    for device in 0..1000 {
        match history.series("x", &[("device", &device.to_string())]) {
            Ok(id) => ids.push(id),
            Err(full) => {
                refused += 1;
                assert_eq!(full.limit, 1 << 20);
            }
        }
    }
    assert!(ids.len() > 100 && refused > 500, "{} {refused}", ids.len());
    for second in 0..500 {
        history.append(START + second * 1000, ids.iter().map(|id| (*id, 1.5 * number(second)))).unwrap();
        assert!(history.stats().bytes <= 1 << 20);
    }
    assert_eq!(history.stats().counters.refused_series, refused + 500, "and `up`, at each tick");
}
