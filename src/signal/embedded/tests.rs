use std::time::SystemTime;

use super::*;
use crate::history::{HistoryConfig, Target};
use crate::units::Bytes;

const BEGIN: u64 = 1_700_000_000;

fn moment(second: u64) -> Moment {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(BEGIN + second);
    Moment { boot: Duration::from_secs(1_000 + second), wall }
}

/// A minute of two series, one sample a second.
fn embedded() -> Embedded {
    let target = Target { job: "plotwarden".into(), instance: "farm1:9037".into() };
    let mut history = History::new(HistoryConfig { target, memory_limit: Bytes(8 << 20), forecast: Vec::new() });
    let ids = ["a", "b"].map(|device| history.series("busy", &[("device", device)]).unwrap());
    for second in 0..=60 {
        let at = moment(second).stamp();
        let value = f64::from(u32::try_from(second).unwrap());
        history.append(at, [(ids[0], value), (ids[1], 2.0 * value)]).unwrap();
    }
    Embedded::new(Arc::new(RwLock::new(history)), Arc::new(|| moment(60)))
}

fn ask(text: &str, second: u64) -> Result<Told, Failure> {
    let inquiry = Inquiry { answerer: Answerer::Embedded, text: text.to_owned(), min_history: 80 };
    embedded().ask(&inquiry, moment(second))
}

#[test]
fn the_history_answers_with_the_age_of_its_samples() {
    assert!((ask("sum(rate(busy[30s]))", 60).unwrap().value - 3.0).abs() < 1e-9);
    let told = ask("sum(busy)", 62).unwrap();
    assert!((told.value - 180.0).abs() < 1e-9, "{told:?}");
    assert_eq!(told.age, Duration::from_secs(2));
    assert!((ask(r#"busy{device="a",instance="farm1:9037"}"#, 60).unwrap().value - 60.0).abs() < 1e-9);
    assert_eq!(ask("1 + 1", 60).unwrap(), Told { value: 2.0, age: Duration::ZERO });
    let earlier = ask("max(busy offset 20s)", 62).unwrap();
    assert!(earlier.age <= Duration::from_secs(1), "against the moment that the selector is about: {earlier:?}");
}

#[test]
fn what_is_no_single_number_from_enough_data_is_missing() {
    for (text, outcome, reason) in [
        ("busy", Outcome::ManySeries, "2 series, one is needed"),
        ("idle", Outcome::NoSeries, "`idle` finds no series"),
        ("max(idle) or vector(0)", Outcome::NoSeries, "`idle` finds no series"),
        ("max(busy) > 1e9", Outcome::NoSeries, "gives no series"),
        ("max(busy) / 0", Outcome::NotANumber, "the value is +Inf"),
        ("max(busy) * NaN", Outcome::NotANumber, "the value is NaN"),
        ("max(rate(busy[5m]))", Outcome::TooLittleHistory, "`busy[5m]` covers 20% of 5m, 80% needed"),
        ("max_over_time(max(busy)[5m:5s])", Outcome::TooLittleHistory, "80% needed"),
        ("sum(", Outcome::Refused, ""),
        (r#"busy * on(job) busy{device="a"}"#, Outcome::Refused, ""),
    ] {
        let failure = ask(text, 60).unwrap_err();
        assert_eq!(failure.outcome, outcome, "{text}: {failure:?}");
        assert!(failure.reason.contains(reason), "{text}: {failure:?}");
    }
}

#[test]
fn a_question_that_takes_too_long_is_given_up() {
    let mut slow = embedded();
    slow.clock = Arc::new(|| moment(3600));
    let inquiry = Inquiry {
        answerer: Answerer::Embedded,
        text: "max_over_time(max(busy)[10000s:1s])".to_owned(),
        min_history: 0,
    };
    let failure = slow.ask(&inquiry, moment(60)).unwrap_err();
    assert_eq!(failure.outcome, Outcome::TooLarge, "{failure:?}");
}
