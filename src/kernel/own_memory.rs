//! Our own memory: gives back what only the start needed, and holds what must not have to wait for a disk.
//!
//! The parsers of the command line, of policies and of profiles run once, and the loader's tables are read once: half of what a
//! start touches is never used again, and a program for machines whose memory is for plots should not be seen to hold it.
//!
//! Source: `dl_iterate_phdr(3)`, `elf(5)`, `madvise(2)`, `mallopt(3)`, `malloc_trim(3)`, `mlock2(2)`.

use std::ffi::c_void;
use std::ptr::NonNull;

use nix::sys::mman::{MlockAllFlags, MmapAdvise, madvise, mlock, mlockall, munlock};
use nix::unistd::{SysconfVar, sysconf};

use super::page_by_page::PageByPage;

/// A part of a program file in memory that is never written: code or constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    start: NonNull<c_void>,
    length: usize,
    is_code: bool,
    is_of_library: bool,
    /// Size of a page.
    page: usize,
}

/// Has all threads share one heap. To be called before there is a second thread.
///
/// Else the allocator gives each thread a heap of its own. What one thread makes and another one drops, as every snapshot is,
/// then keeps two heaps busy: that was 0.3 MB (measured), and CPU time. The threads hardly ever meet there.
pub fn share_one_heap() {
    // SAFETY: sets a number of the allocator; a C library that does not know it says so and changes nothing.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Gives back what can be had again at any time: code and constants of the program and its libraries, and freed heap. What is
/// still needed comes back page by page from the page cache.
/// The watch keeps it from bringing more along; `None` where this kernel does not allow that.
pub fn give_back() -> Option<PageByPage> {
    let sparing = PageByPage::new().inspect_err(|error| tracing::debug!(%error, "code comes by sixteen pages")).ok();
    for Segment { start, length, page, .. } in segments() {
        // A range that is refused comes back as it would anyway.
        let _ = sparing.as_ref().map(|sparing| sparing.watch(start, length.next_multiple_of(page)));
        // SAFETY: the range is a loaded segment that is mapped from its file and was never writable (relocated addresses lie in
        // writable ones; 64-bit linkers make no relocations in code). So dropping its pages loses nothing: the next access
        // reads the same bytes from the file.
        let _ = unsafe { madvise(start, length, MmapAdvise::MADV_DONTNEED) };
    }
    // SAFETY: takes a number, and works on the allocator's own free memory under its own locks.
    unsafe { libc::malloc_trim(0) };
    sparing
}

/// Holds in memory what is there now and whatever is touched from now on, and all code of the program itself; of libraries only
/// what is touched from now on. What is refused, for want of `RLIMIT_MEMLOCK`, is merely not held.
pub fn hold() {
    let segments = segments();
    let on_fault = MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
    let _ = mlockall(MlockAllFlags::MCL_CURRENT | on_fault);
    for Segment { start, length, is_code, is_of_library, .. } in segments {
        // SAFETY: the range is a loaded segment that was never writable: locking changes none of its contents, and dropping its
        // pages loses nothing, as above. What is locked cannot be dropped, hence the order.
        unsafe {
            if is_of_library {
                let _ = munlock(start, length);
                let _ = madvise(start, length, MmapAdvise::MADV_DONTNEED);
                libc::mlock2(start.as_ptr(), length, libc::MLOCK_ONFAULT);
            } else if is_code {
                let _ = mlock(start, length);
            }
        }
    }
}

/// All segments that are never written, those of the program first.
fn segments() -> Vec<Segment> {
    let mut found: Vec<Segment> = Vec::new();
    // SAFETY: the callback takes what this call hands to it, and `found` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(enter), (&raw mut found).cast()) };
    found
}

/// Called once for each loaded object; the program itself has no name.
unsafe extern "C" fn enter(object: *mut libc::dl_phdr_info, _size: usize, found: *mut c_void) -> libc::c_int {
    // SAFETY: `dl_iterate_phdr` passes a valid object, whose header table has `dlpi_phnum` entries, and our own vector.
    let (object, found) = unsafe { (&*object, &mut *found.cast::<Vec<Segment>>()) };
    // SAFETY: as above.
    let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
    // SAFETY: a string that ends, or nothing.
    let is_of_library = !object.dlpi_name.is_null() && unsafe { *object.dlpi_name } != 0;
    let Ok(Some(page)) = sysconf(SysconfVar::PAGE_SIZE) else { return 0 };
    let Ok(page) = usize::try_from(page) else { return 0 };
    for header in headers.iter().filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0) {
        let (Ok(base), Ok(offset), Ok(size)) =
            (usize::try_from(object.dlpi_addr), usize::try_from(header.p_vaddr), usize::try_from(header.p_memsz))
        else {
            continue;
        };
        let address = base.wrapping_add(offset);
        let start = address - address % page;
        if let Some(start) = NonNull::new(std::ptr::without_provenance_mut(start)) {
            let length = size + address % page;
            found.push(Segment { start, length, is_code: header.p_flags & libc::PF_X != 0, is_of_library, page });
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its address is only known once the program is loaded, so it was written then.
    static RELOCATED: [fn() -> Option<PageByPage>; 1] = [give_back];

    fn holding(address: usize) -> Option<Segment> {
        let holds = |segment: &Segment| {
            let start = segment.start.as_ptr().addr();
            (start..start + segment.length).contains(&address)
        };
        segments().into_iter().find(holds)
    }

    #[test]
    fn code_and_constants_are_given_back_and_what_was_written_is_not() {
        let code = holding(give_back as *const () as usize).unwrap();
        assert!(code.is_code && !code.is_of_library);
        let constant = holding("a constant".as_ptr().addr()).unwrap();
        assert!(!constant.is_of_library);
        let library = holding(libc::malloc_trim as *const () as usize);
        assert!(library.is_none_or(|library| library.is_of_library && library.is_code), "{library:?}");
        assert!(segments().iter().any(|segment| segment.is_of_library));
        assert_eq!(holding(RELOCATED.as_ptr().addr()), None);
        assert_eq!(holding((&raw const code).addr()), None, "the stack");
    }

    #[test]
    fn the_program_goes_on_without_what_it_gave_back() {
        let _watch = RELOCATED[0]();
        assert_eq!((1..=100).map(|number| format!("{number}").len()).sum::<usize>(), 192);
    }
}
