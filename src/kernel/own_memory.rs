//! Gives memory back that only the start needed: freed heap, and the code of what runs once, such as the parsers of the command
//! line, of policies and of profiles. Half of the program is never run again, and a program for machines whose memory is for
//! plots should not be seen to hold it.
//!
//! Source: `madvise(2)`, `malloc_trim(3)`, `proc_pid_maps(5)`.

use std::path::Path;

use nix::sys::mman::{MmapAdvise, madvise};

use super::{Roots, file, text};

/// A mapping of our own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Code {
    start: usize,
    length: usize,
}

/// Gives back what can be had again at any time. What is still needed comes back page by page from the page cache.
pub fn give_back(roots: &Roots) {
    let Ok(program) = std::env::current_exe() else { return };
    let code = file::read(&roots.proc("self/maps"), |bytes| Ok(code_of(bytes, &program)));
    for Code { start, length } in code.unwrap_or_default() {
        let Some(start) = std::ptr::NonNull::new(std::ptr::without_provenance_mut(start)) else { continue };
        // SAFETY: the range is one whole mapping of our own program file that is executable and not writable. Such pages are
        // never changed in memory, so dropping them loses nothing: the next access reads the same bytes from the file.
        let _ = unsafe { madvise(start, length, MmapAdvise::MADV_DONTNEED) };
    }
    // SAFETY: takes a number, and works on the allocator's own free memory under its own locks.
    unsafe { libc::malloc_trim(0) };
}

/// The executable mappings of `program`. Those that are only read hold relocated addresses, which the file does not have.
fn code_of(maps: &[u8], program: &Path) -> Vec<Code> {
    let mapping = |line| {
        let mut fields = text::fields(line);
        let (range, permissions) = (fields.next()?, fields.next()?);
        let is_ours = fields.nth(3).is_some_and(|path| path == program.as_os_str().as_encoded_bytes());
        (permissions == b"r-xp" && is_ours).then_some(())?;
        let (start, end) = range.split_at(range.iter().position(|byte| *byte == b'-')?);
        let address = |hex| usize::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok();
        let start = address(start)?;
        Some(Code { start, length: address(&end[1..])?.checked_sub(start)? })
    };
    text::lines(maps).filter_map(mapping).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_code_is_given_back() {
        let maps = b"1000-3000 r--p 00000000 fe:00 7 /usr/bin/plotwarden\n3000-9000 r-xp 00003000 fe:00 7 /usr/bin/plotwarden\n\
            9000-a000 r--p 00009000 fe:00 7 /usr/bin/plotwarden\na000-b000 rw-p 0000a000 fe:00 7 /usr/bin/plotwarden\n\
            c000-d000 r-xp 00000000 fe:00 9 /usr/lib/libc.so.6\nd000-e000 r-xp 0 0:0 0\nbad\n9-z r-xp 0 0 0 /usr/bin/plotwarden\n";
        assert_eq!(code_of(maps, Path::new("/usr/bin/plotwarden")), [Code { start: 0x3000, length: 0x6000 }]);
    }

    #[test]
    fn the_program_finds_its_code_and_goes_on_without_it() {
        let program = std::env::current_exe().unwrap();
        let maps = std::fs::read("/proc/self/maps").unwrap();
        let inside = code_of as *const () as usize;
        let holds = |code: &Code| (code.start..code.start + code.length).contains(&inside);
        assert!(code_of(&maps, &program).iter().any(holds));
        give_back(&Roots::standard());
        assert_eq!((1..=100).map(|number| format!("{number}").len()).sum::<usize>(), 192);
    }
}
