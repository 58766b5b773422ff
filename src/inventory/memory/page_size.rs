//! The size of a page, as the kernel tells each program at its start: `/proc/self/auxv` (getauxval(3)).

use crate::kernel::{KernelError, Roots, file};
use crate::units::Bytes;

const WORD: usize = size_of::<usize>();
/// `AT_PAGESZ`.
const PAGE_SIZE: usize = 6;

pub(super) fn read(roots: &Roots) -> Result<Bytes, KernelError> {
    file::read(&roots.proc("self/auxv"), |bytes| parse(bytes).ok_or_else(|| "has no page size".to_owned()))
}

/// Pairs of a key and a value, each a machine word.
fn parse(bytes: &[u8]) -> Option<Bytes> {
    let words: Vec<usize> =
        bytes.chunks_exact(WORD).filter_map(|word| word.try_into().ok().map(usize::from_ne_bytes)).collect();
    let (_, size) = words.chunks_exact(2).map(|pair| (pair[0], pair[1])).find(|(key, _)| *key == PAGE_SIZE)?;
    size.is_power_of_two().then(|| u64::try_from(size).ok().map(Bytes)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(words: &[usize]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    #[test]
    fn the_page_size_is_found_by_its_key() {
        assert_eq!(parse(&vector(&[33, 6, 6, 16384, 0, 0])), Some(Bytes(16384)));
        for bad in [&[33, 6, 0, 0][..], &[6], &[6, 0], &[6, 4095], &[]] {
            assert_eq!(parse(&vector(bad)), None, "{bad:?}");
        }
        assert_eq!(parse(&vector(&[6, 4096])[..15]), None);
    }

    #[test]
    fn this_machine_has_the_page_size_that_the_c_library_says() {
        let told = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap();
        assert_eq!(read(&Roots::standard()).unwrap(), Bytes(u64::try_from(told).unwrap()));
    }
}
