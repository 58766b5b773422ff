//! What users of the evaluator rely on beyond the values: errors that point, limits that hold, doubts that are told.

mod promql_support;
#[path = "promql_support/strange.rs"]
mod strange;

use std::cell::{Cell, RefCell};

use plotwarden::promql::{
    Answer, Engine, EvalError, Limits, Millis, STALE, Selection, Semantics, Severity, Stop, StopReason, Storage,
    StorageError, StoredSeries, Summary, Value,
};
use promql_support::Memory;
use proptest::prelude::*;
use strange::{counting_up, every_10_s, labels, load, nested, rough_samples, word_salad};

const V3: Engine = Engine {
    semantics: Semantics::V3,
    limits: Limits { length: 8192, depth: 200, series: 100, steps: 11_000, points: 1_000_000 },
    lookback: 300_000,
    default_step: 60_000,
};
const NEVER: Stop<'static> = &|| None;

fn ask(engine: &Engine, query: &str, at: Millis, storage: &dyn Storage) -> Result<Answer, String> {
    let query = engine.parse(query).map_err(|error| error.to_string())?;
    engine.instant(&query, at, storage, NEVER).map_err(|error| error.to_string())
}

/// The values of an instant query, with the labels of each.
fn values(answer: &Answer) -> Vec<(String, f64)> {
    match &answer.value {
        Value::Vector(samples) => samples.iter().map(|one| (one.labels.to_string(), one.point.value)).collect(),
        other => vec![(format!("not a vector: {other:?}"), f64::NAN)],
    }
}

#[test]
fn a_wrong_query_is_shown_with_a_caret() {
    for (query, shown) in [
        ("rate(x)", "rate(x)\n     ^ argument 1 of `rate` takes range vector, not instant vector"),
        ("sum(x) by (a", "sum(x) by (a\n            ^ the query ends where `,` or `)` is expected"),
        ("x{a=1}", "x{a=1}\n    ^ `1` stands where a quoted text is expected"),
        ("x[5]", "x[5]\n  ^ `5` has no unit; durations are written like 5m"),
        ("foo(x)", "foo(x)\n^^^ there is no function named `foo`"),
        ("x +\n  (1 == 2)", "  (1 == 2)\n   ^^^^^^ two scalars are compared with `== bool`"),
    ] {
        let error = Engine::default().parse(query).map(|query| query.to_string()).unwrap_err();
        assert_eq!(error.show(query).to_string(), shown);
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (query, name) in [
        ("limitk(2, x)", "limitk"),
        ("limit_ratio by (a) (0.5, x)", "limit_ratio"),
        ("histogram_sum(x)", "histogram_sum"),
        ("mad_over_time(x[5m])", "mad_over_time"),
        ("info(x)", "info"),
        ("sort_by_label(x, 'a')", "sort_by_label"),
        ("start_timestamp(x)", "start_timestamp"),
        ("ts_of_max_over_time(x[5m])", "ts_of_max_over_time"),
        ("a + on(x) fill(0) b", "fill"),
        ("a + on(x) group_left fill_right(1) b", "fill_right"),
        ("time() - start()", "`start()` without `@`"),
        ("rate(x[5m] anchored)", "anchored"),
        ("x smoothed", "smoothed"),
        ("x[5m + 1m]", "a duration that is calculated"),
        ("x[(5m)]", "a duration that is calculated"),
        ("x[5m:step()]", "a duration that is calculated"),
        ("x offset -(5m)", "a duration that is calculated"),
        ("x offset range()", "a duration that is calculated"),
    ] {
        for engine in [Engine::default(), V3] {
            let error = engine.parse(query).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("not supported"), "{query}: {error}");
        }
    }
    // They may still name metrics and labels.
    for query in ["limitk + info", "anchored + fill", "x{smoothed='a'}", "sum by (step, range) (start)", "x @ start()"]
    {
        assert!(Engine::default().parse(query).is_ok(), "{query}");
    }
}

#[test]
fn both_names_of_double_exponential_smoothing_are_known() {
    let storage = counting_up();
    for name in ["holt_winters", "double_exponential_smoothing"] {
        let answer = ask(&Engine::default(), &format!("{name}(x_total[1m], 0.5, 0.5)"), 600_000, &storage).unwrap();
        assert_eq!(values(&answer), [("{a=\"1\"}".to_owned(), 60.0)]);
    }
}

#[test]
fn each_limit_has_its_own_error() {
    let storage = load(&[
        (labels("x", &[("a", "1")]), every_10_s([1.0; 100])),
        (labels("x", &[("a", "2")]), every_10_s([1.0; 100])),
    ]);
    let limited = |change: fn(&mut Limits)| {
        let mut engine = Engine::default();
        change(&mut engine.limits);
        engine
    };
    let error = |engine: Engine, query: &str| match engine.parse(query) {
        Err(error) => error.to_string(),
        Ok(query) => engine.range(&query, (0, 600_000, 1_000), &storage, NEVER).unwrap_err().to_string(),
    };
    assert!(error(limited(|limits| limits.length = 5), "sum(x)").contains("6 bytes long; the limit is 5"));
    assert!(error(limited(|limits| limits.depth = 5), "((((((x))))))").contains("more than 5 deep"));
    assert!(error(limited(|limits| limits.depth = 5), "x+x+x+x+x+x").contains("more than 5 deep"));
    assert!(error(limited(|limits| limits.series = 1), "x").contains("more than 1 series"));
    assert!(error(limited(|limits| limits.steps = 600), "x").contains("601 steps; the limit is 600"));
    assert!(error(limited(|limits| limits.points = 300), "x").contains("more than 300 samples and points"));
    assert!(error(limited(|limits| limits.points = 5_000), "sum_over_time(time()[1y:1s])").contains("subquery takes"));
    let points = error(limited(|limits| limits.points = 5_000), "sum_over_time(vector(1)[1y:1ms])");
    assert!(points.contains("more than 5000 samples and points"), "{points}");
}

#[test]
fn deep_and_long_queries_neither_overflow_nor_take_long() {
    let engine = Engine { limits: Limits { length: 1_000_000, ..Limits::default() }, ..Engine::default() };
    for query in ["(".repeat(500_000), "-".repeat(500_000), "x+".repeat(500_000), "sum(".repeat(200_000)] {
        assert!(engine.parse(&query).unwrap_err().message.contains("deep"));
    }
    let nested = format!("{}x{}", "(".repeat(190), ")".repeat(190));
    assert!(Engine::default().parse(&nested).is_ok());
}

#[test]
fn a_query_can_be_stopped_in_the_midst_of_a_selector() {
    let storage = load(&[(labels("x", &[]), every_10_s([1.0; 2_000]))]);
    let asked = Cell::new(0);
    let stop = || {
        asked.set(asked.get() + 1);
        (asked.get() > 2).then_some(StopReason::TimeLimit)
    };
    let engine = Engine::default();
    let query = engine.parse("quantile_over_time(0.5, x[2h])").unwrap();
    let error = engine.range(&query, (0, 20_000_000, 10_000), &storage, &stop).map(drop).unwrap_err();
    assert_eq!(error, EvalError::Stopped(StopReason::TimeLimit));
}

#[test]
fn evaluation_as_deep_as_allowed_fits_a_thread() {
    let storage = counting_up();
    for (before, after) in [
        ("abs(", ")"),
        ("sum by (a) (", ")"),
        ("-(", ")"),
        ("1 + (", ")"),
        ("max_over_time((", ")[1m:1m])"),
        ("absent(label_replace(", ", 'a', '$1', 'a', '(.*)'))"),
    ] {
        let engine = Engine::default();
        let nested = |levels: usize| format!("{}x_total{}", before.repeat(levels), after.repeat(levels));
        let deepest = (1..200).rev().map(nested).find_map(|query| engine.parse(&query).ok()).unwrap();
        let _ = engine.instant(&deepest, 600_000, &storage, NEVER);
    }
}

#[test]
fn labels_cannot_be_made_to_grow_without_bound() {
    let doubled = (0..40).fold("x_total".to_owned(), |inner, _| format!("label_join({inner}, 'a', '', 'a', 'a')"));
    assert!(ask(&Engine::default(), &doubled, 600_000, &counting_up()).unwrap_err().contains("longer than"));
}

#[test]
fn times_no_clock_shows_are_refused() {
    let engine = Engine::default();
    let query = engine.parse("rate(x_total[5m])").unwrap();
    assert!(engine.instant(&query, Millis::MAX, &counting_up(), NEVER).is_err());
    assert!(engine.range(&query, (Millis::MIN, Millis::MAX, 1 << 60), &counting_up(), NEVER).is_err());
    assert!(engine.parse("x_total @ 1e15").is_err());
    assert!(V3.parse("x_total[1e15]").is_err());
}

/// Remembers what was asked of it.
struct Counting {
    inner: Memory,
    asked: RefCell<Vec<(Millis, Millis)>>,
}

impl Storage for Counting {
    fn select(&self, selection: &Selection<'_>) -> Result<Vec<StoredSeries>, StorageError> {
        self.asked.borrow_mut().push((selection.start, selection.end));
        self.inner.select(selection)
    }
}

#[test]
fn a_range_query_reads_each_selector_once() {
    let storage = Counting { inner: counting_up(), asked: RefCell::default() };
    let engine = Engine::default();
    let query = engine.parse("max_over_time(rate(x_total[1m])[2m:10s]) - x_total offset 30s").unwrap();
    engine.range(&query, (300_000, 600_000, 1_000), &storage, NEVER).unwrap();
    assert_eq!(*storage.asked.borrow(), [(120_000, 600_000), (-30_000, 570_000)]);
}

#[test]
fn storage_that_fails_is_an_error_and_not_an_empty_answer() {
    struct Broken;
    impl Storage for Broken {
        fn select(&self, _: &Selection<'_>) -> Result<Vec<StoredSeries>, StorageError> {
            Err(StorageError::Unreadable("block 7 has a wrong checksum".to_owned()))
        }
    }
    let error = ask(&Engine::default(), "absent(x)", 0, &Broken).unwrap_err();
    assert!(error.contains("block 7"), "{error}");
}

#[test]
fn windows_are_closed_on_the_left_in_2_and_open_in_3() {
    let storage = counting_up();
    let v2 = Engine { limits: V3.limits, ..Engine::default() };
    let value = |engine: &Engine, query: &str| values(&ask(engine, query, 60_000, &storage).unwrap())[0].1;
    for (query, in_v2, in_v3) in [
        ("count_over_time(x_total[1m])", 7.0, 6.0),
        ("sum_over_time(x_total[20s])", 15.0, 11.0),
        ("count_over_time(x_total[30s:10s])", 4.0, 3.0),
        ("increase(x_total[30s])", 3.0, 3.0),
    ] {
        assert!((value(&v2, query) - in_v2).abs() < 1e-9, "{query} in 2.x");
        assert!((value(&V3, query) - in_v3).abs() < 1e-9, "{query} in 3.x");
    }
    // The last sample is as old as the lookback.
    assert_eq!(values(&ask(&v2, "x_total", 900_000, &storage).unwrap()).len(), 1);
    assert_eq!(values(&ask(&V3, "x_total", 900_000, &storage).unwrap()).len(), 0);
}

#[test]
fn the_syntax_of_3_is_known_in_3_only() {
    for (query, canonical) in [
        ("rate(x[300])", "rate(x[5m])"),
        ("x offset 0s", "x offset 0s"),
        ("5m", "300"),
        ("1_000 + x", "1000 + x"),
        ("0x_ff", "255"),
        ("2 * 1h30m", "2 * 5400"),
        ("x[1e2:0x10]", "x[1m40s:16s]"),
        ("x offset -1.5", "x offset -1s500ms"),
        ("{\"disk.free\", a='b'}", "{\"disk.free\",a=\"b\"}"),
        ("{a='b', \"disk.free\",}[5m]", "{\"disk.free\",a=\"b\"}[5m]"),
        ("x{\"a.b\"=~'c'}", "x{\"a.b\"=~\"c\"}"),
        ("{'ä'}", "{\"ä\"}"),
        ("a * on(\"x.y\") group_left(\"z.w\") b", "a * on (\"x.y\") group_left (\"z.w\") b"),
        ("sum by (\"a.b\") (x)", "sum by (\"a.b\") (x)"),
    ] {
        assert_eq!(V3.parse(query).unwrap().to_string(), canonical);
        assert_eq!(V3.parse(canonical).unwrap().to_string(), canonical, "it is read back");
        assert!(Engine::default().parse(query).is_err(), "{query}");
    }
    for wrong in
        ["{\"x\", \"y\"}", "x{\"y\"}", "{\"x\", __name__='y'}", "{\"\"}", "\"x\"{a='b'}", "1_", "0x1p-2", "x[0]"]
    {
        assert!(V3.parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_range_can_be_written_again_with_another_length() {
    let query = V3.parse("max(max_over_time(sum({\"a.b\", c='d'})[1d:1h] offset 5m)) + rate(x[7d] @ end())").unwrap();
    let shorter: Vec<_> = query.intakes().iter().map(|intake| query.with_range(intake.span, 300_000)).collect();
    let expected = ["sum({\"a.b\",c=\"d\"})[5m:1h] offset 5m", "x[5m] @ end()"];
    assert_eq!(shorter, expected.map(|text| Some(text.to_owned())));
    let instant = V3.parse("x").unwrap();
    assert_eq!(instant.with_range(instant.span(), 300_000), None);
}

#[test]
fn storage_is_told_what_a_function_needs() {
    struct Told(RefCell<Vec<(Option<Millis>, Summary)>>);
    impl Storage for Told {
        fn select(&self, selection: &Selection<'_>) -> Result<Vec<StoredSeries>, StorageError> {
            self.0.borrow_mut().push((selection.window, selection.summary));
            Ok(Vec::new())
        }
    }
    for (query, window, summary) in [
        ("x", None, Summary::Mean),
        ("avg_over_time(x[5m])", Some(300_000), Summary::Mean),
        ("max_over_time(x[5m])", Some(300_000), Summary::Most),
        ("min_over_time((x[5m]))", Some(300_000), Summary::Least),
        ("rate(x[5m])", Some(300_000), Summary::Most),
        ("resets(x[5m])", Some(300_000), Summary::Most),
        ("delta(x[5m])", Some(300_000), Summary::Mean),
        ("max_over_time(x[5m:1m])", None, Summary::Mean),
    ] {
        let told = Told(RefCell::default());
        ask(&Engine::default(), query, 0, &told).unwrap();
        assert_eq!(*told.0.borrow(), [(window, summary)], "{query}");
    }
}

#[test]
fn a_series_that_ended_is_gone_at_once() {
    let storage = load(&[(labels("x", &[]), every_10_s([1.0, 2.0, STALE]))]);
    let engine = Engine::default();
    assert_eq!(values(&ask(&engine, "x", 19_999, &storage).unwrap()).len(), 1);
    assert_eq!(values(&ask(&engine, "x", 20_000, &storage).unwrap()).len(), 0);
    assert_eq!(values(&ask(&engine, "count_over_time(x[1m])", 30_000, &storage).unwrap())[0].1.to_string(), "2");
    assert_eq!(values(&ask(&engine, "absent(x)", 30_000, &storage).unwrap()).len(), 1);
}

#[test]
fn an_answer_says_how_much_of_a_range_was_covered_and_how_old_it_is() {
    let storage = load(&[
        (labels("x", &[("a", "1")]), every_10_s([1.0; 361])),
        (labels("x", &[("a", "2")]), every_10_s([1.0; 361]).split_off(271)),
    ]);
    let answer = ask(&Engine::default(), "avg_over_time(x[1h] offset 5s)", 3_610_000, &storage).unwrap();
    let [report] = &answer.selectors[..] else { panic!("{:?}", answer.selectors) };
    let covered = report.covered.unwrap();
    assert!((covered.most - 1.0).abs() < 0.005 && (covered.least - 0.25).abs() < 0.005, "{covered:?}");
    assert_eq!((report.series, report.newest_age, report.oldest_age), (2, Some(5_000), Some(5_000)));
    assert_eq!(&"avg_over_time(x[1h] offset 5s)"[report.span.start..report.span.end], "x[1h] offset 5s");
}

#[test]
fn an_answer_without_data_says_so() {
    let answer = ask(&Engine::default(), "sum(rate(nothing[5m]))", 0, &Memory::default()).unwrap();
    assert!(values(&answer).is_empty());
    assert_eq!((answer.selectors[0].series, answer.selectors[0].covered), (0, None));
    assert_eq!(answer.selectors[0].newest_age, None);
}

#[test]
fn a_subquery_reports_the_steps_that_had_a_value() {
    let answer = ask(&Engine::default(), "max_over_time(rate(x_total[30s])[10m:1m])", 900_000, &counting_up()).unwrap();
    let subquery = answer.selectors.last().unwrap();
    // Data end at 600 s: rates exist at 300 s to 600 s, of eleven steps from 300 s to 900 s.
    assert!((subquery.covered.unwrap().least - 6.0 / 11.0).abs() < 1e-9, "{subquery:?}");
    assert_eq!(subquery.newest_age, Some(300_000));
}

#[test]
fn doubts_are_told_beside_the_values() {
    let storage = load(&[(labels("temperature", &[]), every_10_s([1.0, 2.0, 3.0]))]);
    let notes = |query: &str| ask(&Engine::default(), query, 20_000, &storage).unwrap().annotations;
    let rate = notes("rate(temperature[1m])");
    assert!(rate[0].severity == Severity::Info && rate[0].message.contains("`temperature` may not be a counter"));
    let quantile = notes("quantile(1.5, temperature)");
    assert!(quantile[0].severity == Severity::Warning && quantile[0].message.contains("1.5"));
    assert!(notes("histogram_quantile(0.5, temperature)")[0].message.contains("`le`"));
    assert!(notes("delta(temperature[1m])").is_empty());
}

#[test]
fn elements_that_become_the_same_are_an_error_that_names_them() {
    let storage = load(&[(labels("x", &[("a", "1")]), vec![(0, 1.0)]), (labels("y", &[("a", "1")]), vec![(0, 2.0)])]);
    for (query, part) in [
        ("abs({a='1'})", "more than one element with the labels {a=\"1\"}"),
        ("x + on() {a='1'}", "on the right of `+`, both x{a=\"1\"} and y{a=\"1\"}"),
        ("{a='1'} + on() x", "group_left"),
        ("label_replace(x, 'no-label', '', '', '')", "`no-label` cannot name a label"),
        ("topk(Inf, x)", "inf is not a number of elements"),
    ] {
        let error = ask(&Engine::default(), query, 0, &storage).unwrap_err();
        assert!(error.contains(part), "{query}: {error}");
    }
}

#[test]
fn a_query_tells_what_it_reads() {
    let query = Engine::default().parse("sum(rate(a{b='c'}[5m])) / on() d > scalar({__name__=~'e.*'})").unwrap();
    let readings: Vec<_> = query.readings().into_iter().map(|reading| (reading.metric, reading.range)).collect();
    assert_eq!(readings, [(Some("a"), Some(300_000)), (Some("d"), None), (None, None)]);
}

/// `PROPTEST_CASES` asks for more, to let it run for a while.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![word_salad(), any::<String>(), nested(), nested()], v3: bool) {
        let engine = if v3 { V3 } else { Engine { limits: V3.limits, ..Engine::default() } };
        match engine.parse(&text) {
            Err(error) => {
                prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len());
                prop_assert!(error.show(&text).to_string().contains('^'));
            }
            Ok(query) => {
                let again = engine.parse(&query.to_string()).map(|query| query.to_string());
                prop_assert_eq!(again, Ok(query.to_string()));
                let storage = rough_samples();
                let _ = engine.instant(&query, 300_000, &storage, NEVER);
                let _ = engine.range(&query, (0, 600_000, 7_000), &storage, NEVER);
            }
        }
    }
}
