//! The two NaN payloads that are words rather than numbers: "the series has ended" and "there was no sample at this
//! tick".

/// Prometheus's stale marker (`model/value/value.go`, `StaleNaN`): the series ended at this tick.
pub const STALE: f64 = f64::from_bits(STALE_BITS);
/// Prometheus's ordinary NaN (`NormalNaN`), which stands for a measured NaN.
pub const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);
/// Fills the ticks at which a series has no sample. Never leaves the history: readers do not see such ticks.
pub(super) const ABSENT: f64 = f64::from_bits(ABSENT_BITS);

const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;
const ABSENT_BITS: u64 = 0x7ff8_0000_0000_ab5e;

/// Whether the value is the stale marker. Any other NaN is a measured NaN.
pub const fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}

pub(super) const fn is_absent(value: f64) -> bool {
    value.to_bits() == ABSENT_BITS
}

/// A sample that a number was measured for, NaN included.
pub(super) const fn is_live(value: f64) -> bool {
    !is_absent(value) && !is_stale(value)
}

/// What is stored for a sample: the same bits, except for the one payload that we keep for ourselves.
pub(super) const fn stored(value: f64) -> f64 {
    if is_absent(value) { NORMAL_NAN } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_numbers() {
        for number in [0.0, -0.0, 1.5, f64::INFINITY, f64::NAN, NORMAL_NAN] {
            assert!(is_live(number), "{number}");
        }
        assert!(is_stale(STALE) && !is_live(STALE) && !is_absent(STALE));
        assert!(is_absent(ABSENT) && !is_live(ABSENT));
    }

    #[test]
    fn a_sample_cannot_be_mistaken_for_a_missing_one() {
        assert_eq!(stored(ABSENT).to_bits(), NORMAL_NAN.to_bits());
        assert_eq!(stored(STALE).to_bits(), STALE.to_bits());
        assert_eq!(stored(-0.0).to_bits(), (-0.0_f64).to_bits());
    }
}
