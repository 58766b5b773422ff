//! Load averages of the machine, from `/proc/loadavg`.

use crate::kernel::text;

/// `/proc/loadavg`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LoadSample {
    pub one: f64,
    pub five: f64,
    pub fifteen: f64,
}

impl LoadSample {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut fields = text::fields(bytes);
        let mut next = || fields.next().and_then(text::fraction).ok_or_else(|| "not three averages".to_owned());
        let sample = Self { one: next()?, five: next()?, fifteen: next()? };
        // Running and existing tasks and the last pid follow: without them the third average may be cut.
        fields.next().map(|_| sample).ok_or_else(|| "cut off".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_averages_or_an_error() {
        let sample = LoadSample::parse(b"2.79 2.22 10.05 3/250 4711\n").unwrap();
        assert_eq!(sample, LoadSample { one: 2.79, five: 2.22, fifteen: 10.05 });
        for bad in ["", "2.79 2.22", "2.79 2.22 10.0", "nan 1 1 1/1 1", "1 -1 1 1/1 1"] {
            assert!(LoadSample::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
