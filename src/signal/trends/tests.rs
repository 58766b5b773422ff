use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::*;
use crate::history::Target;
use crate::policy::{Expression, OnMissing};
use crate::sample::{HostSample, TempDevices};
use crate::world::JobView;

fn seconds(value: u64) -> Duration {
    Duration::from_secs(value)
}

fn at(boot: u64) -> Moment {
    Moment { boot: seconds(boot), wall: SystemTime::UNIX_EPOCH }
}

fn trend(text: &str, of_each_job: bool) -> Trend {
    Trend {
        expression: Expression::parse(text).unwrap(),
        answerer: Answerer::Embedded,
        of_each_job,
        min_history: 0.8,
        every: seconds(5),
        range: seconds(60),
    }
}

fn question(trend: &Trend) -> Question {
    Question { asked: Asked::Trend(trend.clone()), max_age: seconds(10), on_missing: OnMissing::Hold }
}

fn heard(text: &str, value: Result<f64, &str>, sampled: Option<u64>, trouble: Option<&str>) -> (Inquiry, Heard) {
    let inquiry = Inquiry { answerer: Answerer::Embedded, text: text.to_owned(), min_history: 80 };
    let (value, sampled) = (value.map_err(str::to_owned), sampled.map(seconds));
    (inquiry, Heard { value, sampled, trouble: trouble.map(str::to_owned) })
}

fn answer(entries: Vec<(Inquiry, Heard)>, trend: &Trend, jobs: &[&JobId], now: u64) -> Answer {
    answer_on(&[], entries, trend, jobs, now)
}

fn answer_on(
    devices: &[(&str, TempDevices)],
    entries: Vec<(Inquiry, Heard)>,
    trend: &Trend,
    jobs: &[&JobId],
    now: u64,
) -> Answer {
    let trends = Trends::new(Names::new("farm1:9", "plotwarden", devices), entries.into_iter().collect());
    trends.answer(&question(trend), trend, Selected { all: jobs, running: jobs }, at(now))
}

fn on(devices: &[&str]) -> TempDevices {
    TempDevices::Known(devices.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn age_counts_from_the_sample_not_from_the_time_of_asking() {
    let up = trend("up", false);
    let fresh = || vec![heard("up", Ok(0.5), Some(100), None)];
    let told = answer(fresh(), &up, &[], 110);
    assert_eq!((told.value, told.age), (Ok(0.5), Some(seconds(10))));
    let stale = answer(fresh(), &up, &[], 111);
    assert_eq!(stale.value, Err("11s old, more than 10s: no newer sample has come".to_owned()));
    let troubled = answer(vec![heard("up", Ok(0.5), Some(100), Some("the server is gone"))], &up, &[], 111);
    assert_eq!(troubled.value, Err("11s old, more than 10s: the server is gone".to_owned()));
}

#[test]
fn nothing_but_a_number_with_an_age_is_an_answer() {
    let up = trend("up", false);
    assert_eq!(answer(vec![], &up, &[], 1).value, Err("not answered yet".to_owned()));
    for (value, sampled) in
        [(Ok(f64::NAN), Some(100)), (Ok(f64::INFINITY), Some(100)), (Ok(1.0), None), (Err("no"), None)]
    {
        assert!(answer(vec![heard("up", value, sampled, None)], &up, &[], 100).value.is_err(), "{value:?}");
    }
    let elsewhere = Trend { answerer: Answerer::Prometheus, ..up };
    let told = answer(vec![heard("up", Ok(1.0), Some(100), None)], &elsewhere, &[], 100);
    assert!(told.value.is_err(), "neither stands in for the other: {told:?}");
}

#[test]
fn each_job_is_asked_about_on_its_own_devices_and_the_machine_on_all() {
    let (a, b, ram) = (JobId::from("a"), JobId::from("b"), JobId::from("ram"));
    let devices = [("a", on(&["sda"])), ("b", on(&["sdb", "sdc"])), ("ram", on(&[]))];
    let entries = || {
        let of = |pattern: &str, value| heard(&format!(r#"x{{device=~"{pattern}"}}"#), Ok(value), Some(100), None);
        vec![of("sda", 1.0), of("(?:sdb|sdc)", 2.0), of("(?:sda|sdb|sdc)", 3.0)]
    };
    let text = r#"x{device=~"$device"}"#;
    let told = |each, jobs: &[&JobId]| answer_on(&devices, entries(), &trend(text, each), jobs, 101).value;
    assert_eq!(told(true, &[&a, &b, &ram]), Ok(2.0));
    assert_eq!(told(true, &[&a]), Ok(1.0));
    assert_eq!(told(false, &[&a, &b, &ram]), Ok(3.0));
    assert!(told(true, &[&ram]).unwrap_err().contains("no block device"), "of nobody nothing is asked");
    assert!(told(false, &[&ram]).unwrap_err().contains("no block device"));
    let unknown = [("a", on(&["sda"])), ("b", TempDevices::Unknown("it hangs".to_owned()))];
    let told = answer_on(&unknown, entries(), &trend(text, true), &[&a, &b], 101);
    assert!(told.value.unwrap_err().contains("it hangs"), "the one that is not known may be the worst");
}

#[test]
fn the_worst_job_counts_and_a_missing_one_may_be_the_worst() {
    let each = trend(r#"x{job_id="$job_id",instance="$node"}"#, true);
    let (a, b) = (JobId::from("a"), JobId::from("b"));
    let of = |job: &str, value| heard(&format!(r#"x{{job_id="{job}",instance="farm1:9"}}"#), value, Some(100), None);
    let told = answer(vec![of("a", Ok(1.0)), of("b", Ok(3.0))], &each, &[&a, &b], 101);
    assert_eq!(told.value, Ok(3.0));
    assert!(told.source.ends_with("by the embedded history (b)"), "{}", told.source);
    let missing = answer(vec![of("a", Ok(1.0)), of("b", Err("gone"))], &each, &[&a, &b], 101);
    assert_eq!(missing.value, Err("gone".to_owned()));
    assert!(answer(vec![of("a", Ok(1.0))], &each, &[], 101).value.is_err(), "nobody is asked about");
}

#[test]
fn what_a_canary_is_asked_is_about_its_own_jobs() {
    let text = include_str!("../../../policies/temp-disk-space.yaml");
    let text = text.replace("class: safety,", "class: safety, canary: 50% of jobs,");
    let vocabulary = crate::policy::Vocabulary { metrics: crate::metrics::names(), ..Default::default() };
    let set = crate::policy::from_text(Path::new("p.yaml"), &text, &vocabulary).unwrap();
    let policy = set.policies.into_iter().find(|policy| policy.name == "temp-disk-space").unwrap();
    let jobs: Vec<JobView> = (0..8)
        .map(|number| {
            let mut view = crate::metrics::fixture::job(number);
            view.sample.temp_devices = on(&[&format!("sd{number}")]);
            view
        })
        .collect();
    let chosen: Vec<&JobId> =
        jobs.iter().map(|view| &view.job).filter(|job| policy.selects(job)).map(|job| &job.id).collect();
    assert!(!chosen.is_empty() && chosen.len() < jobs.len(), "{chosen:?}");
    let world =
        World { now: at(1), host: HostSample::default(), jobs: jobs.clone(), layout: Arc::default(), processes: None };

    let names = Names::of(&Target { job: "plotwarden".to_owned(), instance: "farm1:9".to_owned() }, &world);
    let asked = inquiries(std::slice::from_ref(&policy), &world, &names);
    assert!(!asked.is_empty());
    for question in policy.signals().values() {
        let Asked::Trend(trend) = &question.asked else { continue };
        let wanted = inquiry(trend, &names, Whom::Machine(&chosen)).unwrap();
        assert!(asked.contains_key(&wanted), "nobody asks {}", wanted.text);
    }
}
