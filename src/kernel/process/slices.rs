//! `/proc/PID/schedstat`: how often the first thread of a process was given a CPU. It costs a fifth of `/proc/PID/stat`, and
//! where there is no second thread, a process whose count stands still has done nothing at all.
//!
//! Source: `Documentation/scheduler/sched-stats.rst`.

use super::super::text;

/// The time on CPUs and the number of times that the first thread was given one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slices {
    /// In nanoseconds.
    pub on_cpu: u64,
    pub count: u64,
}

impl Slices {
    /// `None` where the kernel does not count: a process that lives was given a CPU at least once, but a kernel without
    /// `CONFIG_SCHED_INFO` says three zeros.
    ///
    /// # Errors
    /// In words, if these are not three numbers on one line.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, String> {
        let line = bytes.strip_suffix(b"\n").ok_or("cut off: the line does not end")?;
        let mut fields = text::fields(line).map(text::decimal);
        let (Some(Some(on_cpu)), Some(Some(_)), Some(Some(count)), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err("not three numbers".to_owned());
        };
        Ok((count > 0).then_some(Self { on_cpu, count }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_or_an_error() {
        assert_eq!(Slices::parse(b"93068 1525942 2\n"), Ok(Some(Slices { on_cpu: 93068, count: 2 })));
        assert_eq!(Slices::parse(b"0 0 0\n"), Ok(None), "a kernel that does not count");
        for bad in
            [&b""[..], b"1 2 3", b"1 2\n", b"1 2 3 4\n", b"a b c\n", b"\xff 1 1\n", b"99999999999999999999 1 1\n"]
        {
            assert!(Slices::parse(bad).is_err(), "{bad:?}");
        }
    }
}
