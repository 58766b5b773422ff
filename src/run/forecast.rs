//! Which series are worth keeping for weeks: those of the machine whose past says what comes.
//!
//! Series of a job are not among them: they end with it, and each plot would leave some behind for four weeks. What jobs
//! do to the machine shows in the machine's own.

use crate::promql::{Engine, Matcher};

/// What is kept unless the operator says otherwise, as selectors.
const FORECAST: &[&str] = &[
    // What runs out: space, memory, swap.
    r#"{__name__=~"plotwarden_(filesystem|memory|swap)_(available|free)_bytes"}"#,
    // What is drawn and what becomes hot.
    r#"{__name__=~"plotwarden_.+_(celsius|watts|joules_total)"}"#,
    // What plotting does to the machine, and how much of it there is.
    r#"{__name__=~"plotwarden_(jobs|load5|pressure_waiting_seconds_total)"}"#,
    r#"{__name__=~"plotwarden_disk_((read|written)_bytes_total|io_time_seconds_total)"}"#,
    r#"{__name__=~"plotwarden_network_(receive|transmit)_bytes_total", device!="lo"}"#,
];

/// The conditions of one selector.
///
/// # Errors
/// In plain words: it is no selector.
pub fn selector(text: &str) -> Result<Vec<Matcher>, String> {
    let query = Engine::default().parse(text).map_err(|error| format!("{}\n", error.show(text)))?;
    let matchers = query.selector().ok_or("it is no selector of series, such as plotwarden_load5")?;
    Ok(matchers.to_vec())
}

/// The conditions of [`FORECAST`].
pub fn standard() -> Vec<Vec<Matcher>> {
    // A test holds that all of them are selectors.
    FORECAST.iter().filter_map(|text| selector(text).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{History, HistoryConfig, Resolution, Target};
    use crate::metrics::{Recorder, fixture};
    use crate::units::Bytes;

    #[test]
    fn what_is_kept_is_of_the_machine_and_not_of_jobs() {
        assert_eq!(standard().len(), FORECAST.len());
        let picked = |name: &str| {
            let of_metric =
                |matchers: &Vec<Matcher>| matchers.iter().all(|one| &*one.name != "__name__" || one.matches(name));
            standard().iter().any(of_metric)
        };
        let names: Vec<&str> = crate::metrics::names().into_iter().filter(|name| picked(name)).collect();
        assert!(names.iter().all(|name| !name.starts_with("plotwarden_job_")), "{names:?}");
        for name in ["plotwarden_memory_available_bytes", "plotwarden_disk_io_time_seconds_total", "plotwarden_jobs"] {
            assert!(names.contains(&name), "{name}");
        }
    }

    #[test]
    fn what_is_no_selector_is_shown() {
        assert!(selector("rate(x[5m])").unwrap_err().contains("no selector"));
        assert!(selector("x{").unwrap_err().contains('^'));
    }

    #[test]
    fn days_of_a_machine_take_little() {
        let target = Target { job: "plotwarden".into(), instance: "plot-01:9037".into() };
        let limit = Bytes(96 << 20);
        let mut history = History::new(HistoryConfig { target, memory_limit: limit, forecast: standard() });
        let mut recorder = Recorder::default();
        let tick = fixture::snapshot(2);
        for bucket in 0..(2 * 24 * 12) {
            recorder.record(1_790_000_100_000 + bucket * 300_000, &tick, &mut history).unwrap();
        }
        let stats = history.stats();
        let weeks = stats.tiers.iter().find(|tier| tier.resolution == Resolution::FiveMinutes).unwrap();
        assert!(weeks.sealed_samples > 1000 && weeks.bytes < 1 << 20, "{weeks:?}");
    }
}
