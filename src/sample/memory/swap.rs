//! Swap by device: `/proc/swaps`.

use crate::kernel::file::KeptFile;
use crate::kernel::{KernelError, Roots, mounts, text};
use crate::units::Bytes;

/// One line of `/proc/swaps` (`proc_swaps(5)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapDevice {
    /// Path of the device or file.
    pub path: String,
    /// `partition`, which a whole device is too, or `file`.
    pub kind: String,
    pub size: Bytes,
    pub used: Bytes,
    /// The highest is used first.
    pub priority: i32,
}

#[derive(Debug)]
pub(super) struct Swaps(KeptFile);

impl Swaps {
    pub fn new(roots: &Roots) -> Self {
        Self(KeptFile::new(roots.proc("swaps")))
    }

    pub fn read(&mut self) -> Result<Vec<SwapDevice>, KernelError> {
        self.0.read(SwapDevice::parse_all)
    }
}

impl SwapDevice {
    /// All devices, after a line of headings.
    pub(crate) fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, String> {
        let mut lines = text::lines(bytes);
        if !lines.next().is_some_and(|line| line.starts_with(b"Filename")) {
            return Err("has no headings".to_owned());
        }
        lines
            .map(|line| Self::parse(line).ok_or_else(|| format!("`{}` is not as documented", text::lossy(line))))
            .collect()
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = text::fields(line);
        let path = mounts::unescape(fields.next()?).to_string_lossy().into_owned();
        let kind = text::lossy(fields.next()?);
        let mut kibibytes = || fields.next().and_then(text::decimal)?.checked_mul(1024).map(Bytes);
        let (size, used) = (kibibytes()?, kibibytes()?);
        let priority = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        Some(Self { path, kind, size, used, priority })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADINGS: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    #[test]
    fn devices_and_files_are_told_with_their_use() {
        let text = format!(
            "{HEADINGS}/dev/zram0                              partition\t8388604\t\t1024\t\t100\n\
             /swap\\040file                              file\t\t4\t\t0\t\t-2\n"
        );
        let devices = SwapDevice::parse_all(text.as_bytes()).unwrap();
        assert_eq!((devices[0].path.as_str(), devices[0].size), ("/dev/zram0", Bytes(8_388_604 * 1024)));
        assert_eq!((devices[0].used, devices[0].priority), (Bytes(1 << 20), 100));
        assert_eq!(
            (devices[1].path.as_str(), devices[1].kind.as_str(), devices[1].priority),
            ("/swap file", "file", -2)
        );
    }

    #[test]
    fn no_swap_is_no_device_and_a_broken_file_is_an_error() {
        assert_eq!(SwapDevice::parse_all(HEADINGS.as_bytes()), Ok(Vec::new()));
        for bad in ["/dev/sda file", "/dev/sda partition 1 x 2", "/dev/sda file 18446744073709551615 0 1", "a b 1 1"] {
            assert!(SwapDevice::parse_all(format!("{HEADINGS}{bad}\n").as_bytes()).is_err(), "{bad}");
        }
        assert!(SwapDevice::parse_all(b"").is_err() && SwapDevice::parse_all(b"\xff\xff").is_err());
    }
}
