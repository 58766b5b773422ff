//! Pools of huge pages, which are taken out of the memory before anybody uses them.

use std::path::Path;

use crate::clock::Moment;
use crate::kernel::file::KeptFile;
use crate::kernel::{KernelError, Roots, text};
use crate::sample::listed::Listed;
use crate::units::Bytes;

/// One pool, `/sys/kernel/mm/hugepages/hugepages-SIZEkB` (`Documentation/admin-guide/mm/hugetlbpage.rst`).
#[derive(Debug, Clone, PartialEq)]
pub struct HugePages {
    /// The size of a page as the kernel names the pool, such as `2048kB`.
    pub size: String,
    /// All pages, those beyond the configured number included.
    pub pool: Bytes,
    pub free: Bytes,
    /// Promised, but not yet used.
    pub reserved: Bytes,
    /// Beyond the configured number; given back when they are free.
    pub surplus: Bytes,
}

#[derive(Debug)]
pub(super) struct HugePagePools(Listed<Pool>);

#[derive(Debug)]
struct Pool {
    size: String,
    page: u64,
    pages: KeptFile,
    free: KeptFile,
    reserved: KeptFile,
    surplus: KeptFile,
}

/// The size of a page in bytes, from `hugepages-2048kB`.
pub(crate) fn page_size(name: &str) -> Option<Bytes> {
    let kilobytes: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
    kilobytes.checked_mul(1024).filter(|size| *size > 0).map(Bytes)
}

impl HugePagePools {
    pub fn new(roots: &Roots) -> Self {
        Self(Listed::new(roots.sys("kernel/mm/hugepages")))
    }

    pub fn read(&mut self, now: Moment) -> Result<Vec<HugePages>, KernelError> {
        self.0.get(now, |directory, name| Ok(Pool::open(directory, name)))?.iter_mut().map(Pool::read).collect()
    }
}

impl Pool {
    fn open(directory: &Path, name: &str) -> Option<Self> {
        let kept = |file: &str| KeptFile::new(directory.join(file));
        let Bytes(page) = page_size(name)?;
        Some(Self {
            size: name.strip_prefix("hugepages-")?.to_owned(),
            page,
            pages: kept("nr_hugepages"),
            free: kept("free_hugepages"),
            reserved: kept("resv_hugepages"),
            surplus: kept("surplus_hugepages"),
        })
    }

    fn read(&mut self) -> Result<HugePages, KernelError> {
        let page = self.page;
        let bytes = |file: &mut KeptFile| file.read(|bytes| pages(bytes, page));
        Ok(HugePages {
            size: self.size.clone(),
            pool: bytes(&mut self.pages)?,
            free: bytes(&mut self.free)?,
            reserved: bytes(&mut self.reserved)?,
            surplus: bytes(&mut self.surplus)?,
        })
    }
}

fn pages(bytes: &[u8], page: u64) -> Result<Bytes, String> {
    let number = text::decimal(bytes.trim_ascii()).and_then(|pages| pages.checked_mul(page));
    number.map(Bytes).ok_or_else(|| format!("`{}` is not a number of pages", text::lossy(bytes.trim_ascii())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_page_is_in_the_name() {
        assert_eq!(page_size("hugepages-2048kB"), Some(Bytes(2 << 20)));
        assert_eq!(page_size("hugepages-16777216kB"), Some(Bytes(16 << 30)));
        for other in ["hugepages-kB", "hugepages-0kB", "hugepages-2M", "x", "hugepages-18446744073709551615kB"] {
            assert_eq!(page_size(other), None, "{other}");
        }
    }

    #[test]
    fn a_number_of_pages_that_cannot_be_is_refused() {
        assert_eq!(pages(b"3\n", 1 << 30), Ok(Bytes(3 << 30)));
        for bad in [&b""[..], b"-1\n", b"18446744073709551615", b"\xff"] {
            assert!(pages(bad, 4096).is_err(), "{bad:?}");
        }
    }
}
