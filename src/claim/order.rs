//! Which of two settings of one knob goes further.

use super::Setting;

/// `true` if `low` goes no further than `high`: restricts no more, or, for affinity, has no CPU beyond.
///
/// The derived order of the other settings is the order of restriction: nice number, other < batch < idle,
/// best-effort 0 < .. < 7 < idle.
pub fn within(low: &Setting, high: &Setting) -> bool {
    match (low, high) {
        (Setting::Affinity(low), Setting::Affinity(high)) | (Setting::Set(_, low), Setting::Set(_, high)) => {
            low.is_subset(high)
        }
        (Setting::Keyed(_, low), Setting::Keyed(_, high)) => {
            let mut limits =
                high.iter().flat_map(|(of, numbers)| numbers.iter().map(move |(key, high)| (of, key, high)));
            limits.all(|(of, key, high)| low.get(of).and_then(|of| of.get(key)).is_some_and(|low| low <= high))
        }
        _ => low <= high,
    }
}
