//! Compressed RAM disks, which most often are swap: `/sys/block/zramN/mm_stat`.

use std::path::Path;

use crate::clock::Moment;
use crate::kernel::file::KeptFile;
use crate::kernel::{KernelError, Roots, attribute, text};
use crate::sample::listed::Listed;
use crate::units::Bytes;

/// One device that has been set up (`Documentation/admin-guide/blockdev/zram.rst`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZramUse {
    pub device: String,
    /// What is stored, as long as it was.
    pub original: Bytes,
    pub compressed: Bytes,
    /// Memory that it takes, with what is lost between.
    pub used: Bytes,
}

#[derive(Debug)]
pub(super) struct ZramDevices(Listed<Device>);

#[derive(Debug)]
struct Device {
    name: String,
    mm_stat: KeptFile,
}

impl ZramDevices {
    pub fn new(roots: &Roots) -> Self {
        Self(Listed::new(roots.sys("block")))
    }

    pub fn read(&mut self, now: Moment) -> Result<Vec<ZramUse>, KernelError> {
        self.0.get(now, Device::open)?.iter_mut().map(Device::read).collect()
    }
}

impl Device {
    /// A device without a size has not been set up.
    fn open(directory: &Path, name: &str) -> Result<Option<Self>, KernelError> {
        if !name.starts_with("zram") || attribute::decimal(&directory.join("disksize"))? == 0 {
            return Ok(None);
        }
        Ok(Some(Self { name: name.to_owned(), mm_stat: KeptFile::new(directory.join("mm_stat")) }))
    }

    fn read(&mut self) -> Result<ZramUse, KernelError> {
        let name = &self.name;
        self.mm_stat.read(|bytes| parse(name, bytes).ok_or_else(|| "is not as documented".to_owned()))
    }
}

/// Original, compressed and used bytes, and more.
fn parse(name: &str, bytes: &[u8]) -> Option<ZramUse> {
    let mut fields = text::fields(bytes);
    let mut bytes = || fields.next().and_then(text::decimal).map(Bytes);
    Some(ZramUse { device: name.to_owned(), original: bytes()?, compressed: bytes()?, used: bytes()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_numbers_count() {
        let use_ = parse("zram0", b"  4096   1024  2048 0 2048 0 0 0 0\n").unwrap();
        assert_eq!((use_.original, use_.compressed, use_.used), (Bytes(4096), Bytes(1024), Bytes(2048)));
        for bad in [&b""[..], b"1 2", b"1 2 x", b"\xff"] {
            assert_eq!(parse("zram0", bad), None, "{bad:?}");
        }
    }
}
