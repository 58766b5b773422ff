//! Memory of the machine, from `/proc/meminfo`.

use crate::kernel::text;
use crate::units::Bytes;

/// `/proc/meminfo`, the fields that plotting depends on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemorySample {
    pub total: Option<Bytes>,
    pub free: Option<Bytes>,
    pub available: Option<Bytes>,
    pub buffers: Option<Bytes>,
    pub cached: Option<Bytes>,
    pub shmem: Option<Bytes>,
    pub dirty: Option<Bytes>,
    pub writeback: Option<Bytes>,
    pub swap_total: Option<Bytes>,
    pub swap_free: Option<Bytes>,
}

impl MemorySample {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut sample = Self::default();
        for line in text::lines(bytes) {
            let mut fields = text::fields(line);
            let (Some(key), Some(value)) = (fields.next(), fields.next().and_then(text::decimal)) else { continue };
            let field = match key {
                b"MemTotal:" => &mut sample.total,
                b"MemFree:" => &mut sample.free,
                b"MemAvailable:" => &mut sample.available,
                b"Buffers:" => &mut sample.buffers,
                b"Cached:" => &mut sample.cached,
                b"Shmem:" => &mut sample.shmem,
                b"Dirty:" => &mut sample.dirty,
                b"Writeback:" => &mut sample.writeback,
                b"SwapTotal:" => &mut sample.swap_total,
                b"SwapFree:" => &mut sample.swap_free,
                _ => continue,
            };
            // A line that is cut behind the number may have lost digits.
            *field = (fields.next() == Some(b"kB")).then(|| value.checked_mul(1024)).flatten().map(Bytes);
        }
        if sample == Self::default() { Err("none of the documented lines".to_owned()) } else { Ok(sample) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kibibytes_become_bytes_and_missing_lines_none() {
        let text = b"MemTotal:  2 kB\nSwapFree:  0 kB\nHugePages_Total:       0\nCachedX: 7 kB\n";
        let sample = MemorySample::parse(text).unwrap();
        assert_eq!((sample.total, sample.swap_free), (Some(Bytes(2048)), Some(Bytes(0))));
        assert_eq!((sample.cached, sample.available), (None, None));
    }

    #[test]
    fn cut_and_hostile_values_are_none_not_smaller() {
        let sample = MemorySample::parse(b"MemFree: 5 kB\nMemTotal: 18446744073709551615 kB\nDirty: 12").unwrap();
        assert_eq!((sample.total, sample.dirty), (None, None));
        assert!(MemorySample::parse(b"").is_err() && MemorySample::parse(b"\xff\xfe\n").is_err());
    }
}
