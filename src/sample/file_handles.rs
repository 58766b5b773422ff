//! Open files of the whole machine, from `/proc/sys/fs/file-nr`.
//!
//! Source: `Documentation/admin-guide/sysctl/fs.rst`.

use crate::kernel::text;

/// `/proc/sys/fs/file-nr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileHandles {
    pub allocated: u64,
    /// More than this the kernel does not open.
    pub maximum: u64,
}

impl FileHandles {
    /// Allocated, unused (always 0), maximum.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let numbers: Option<Vec<u64>> = text::fields(bytes).map(text::decimal).collect();
        match numbers.as_deref() {
            Some(&[allocated, _, maximum]) if bytes.ends_with(b"\n") => Ok(Self { allocated, maximum }),
            _ => Err("not three numbers".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_or_an_error() {
        let handles = FileHandles::parse(b"994\t0\t9223372036854775807\n").unwrap();
        assert_eq!(handles, FileHandles { allocated: 994, maximum: 9_223_372_036_854_775_807 });
        for bad in ["", "994\t0\t24661", "994 0\n", "994 0 -1\n", "1 2 3 4\n", "\u{fffd} 0 1\n"] {
            assert!(FileHandles::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
