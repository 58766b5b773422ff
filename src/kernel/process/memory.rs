//! `/proc/PID/status` and `/proc/PID/limits`: what of a process lies in memory and in swap, and how many files it may open.
//! Each costs more than all that a sweep reads otherwise, so that they are read seldom.

use super::super::text;

/// Memory of a process; kernel threads and processes that have ended have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryUse {
    /// In bytes.
    pub resident: Option<u64>,
    /// In bytes.
    pub swapped: Option<u64>,
    /// Real user.
    pub uid: Option<u32>,
}

impl MemoryUse {
    /// # Errors
    /// In words, if the text is cut off or one of its numbers is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if !bytes.ends_with(b"\n") {
            return Err("cut off: the last line does not end".to_owned());
        }
        let mut memory = Self::default();
        for line in text::lines(bytes) {
            let mut fields = text::fields(line);
            match fields.next() {
                Some(b"Uid:") => {
                    let real = fields.next().and_then(text::decimal).and_then(|uid| u32::try_from(uid).ok());
                    memory.uid = Some(real.ok_or("`Uid` does not begin with a number")?);
                }
                Some(b"VmRSS:") => memory.resident = Some(kibibytes(fields)?),
                Some(b"VmSwap:") => memory.swapped = Some(kibibytes(fields)?),
                _ => {}
            }
        }
        Ok(memory)
    }
}

fn kibibytes<'a>(mut fields: impl Iterator<Item = &'a [u8]>) -> Result<u64, String> {
    let value = fields.next().and_then(text::decimal).and_then(|value| value.checked_mul(1024));
    value.filter(|_| fields.next() == Some(b"kB")).ok_or_else(|| "not a number of kB".to_owned())
}

/// The soft limit of open files; `None` for no limit.
///
/// # Errors
/// In words, if there is no such line.
pub(super) fn parse_open_files_limit(bytes: &[u8]) -> Result<Option<u64>, String> {
    let line = text::lines(bytes).find_map(|line| line.strip_prefix(b"Max open files"));
    let soft = line.and_then(|line| text::fields(line).next()).ok_or("no line `Max open files`")?;
    if soft == b"unlimited" {
        return Ok(None);
    }
    text::decimal(soft).map(Some).ok_or_else(|| "`Max open files` is not a number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_in_bytes_and_missing_lines_are_none() {
        let status = b"Name:\tx\nUid:\t1000\t0\t0\t0\nVmRSS:\t     904 kB\nVmSwap:\t       8 kB\n";
        let memory = MemoryUse { resident: Some(904 << 10), swapped: Some(8 << 10), uid: Some(1000) };
        assert_eq!(MemoryUse::parse(status), Ok(memory));
        assert_eq!(MemoryUse::parse(b"Name:\tkthreadd\n"), Ok(MemoryUse::default()));
    }

    #[test]
    fn what_is_cut_or_hostile_is_an_error() {
        for bad in [
            &b"VmRSS: 12"[..],
            b"",
            b"VmRSS: 12\n",
            b"VmSwap: \xff kB\n",
            b"VmRSS: 18446744073709551615 kB\n",
            b"Uid: root\n",
            b"Uid: 99999999999\n",
        ] {
            assert!(MemoryUse::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_limit_may_be_none() {
        let limit = |soft: &str| {
            let text = format!("Limit  Soft Limit  Hard Limit  Units\nMax open files   {soft}   4096   files\n");
            parse_open_files_limit(text.as_bytes())
        };
        assert_eq!(limit("1024"), Ok(Some(1024)));
        assert_eq!(limit("unlimited"), Ok(None));
        assert!(limit("many").is_err() && parse_open_files_limit(b"").is_err());
    }
}
