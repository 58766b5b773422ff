//! The pages of a job's processes: advice under the pidfd, and moves from node to node.
//!
//! Source: `process_madvise(2)`, `migrate_pages(2)`, `Documentation/filesystems/proc.rst` (maps).

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::Operations;
use crate::knob::task::Held;
use crate::knob::{KnobError, Scope};

/// As many ranges as one call takes (`UIO_MAXIOV`).
const RANGES: usize = 1024;

/// A range of addresses in another process.
struct Range {
    start: usize,
    length: usize,
}

/// Advises the anonymous memory of all processes, each under its pidfd: what was mapped when the process was held.
pub fn advise(machine: &Operations, scope: &Scope, advice: i32) -> Result<(), KnobError> {
    for &process in &scope.processes {
        let held = match Held::open(&machine.tasks, process) {
            Err(error) if error.is_gone() => continue,
            held => held?,
        };
        let maps = machine.tasks.dir(process.pid).join("maps");
        unless_gone(machine.timely.run(&maps.clone(), "advise the memory", move || {
            let text = std::fs::read_to_string(&maps)?;
            advise_ranges(&held, &anonymous(&text), advice)
        }))?;
    }
    Ok(())
}

fn advise_ranges(held: &Held, ranges: &[Range], advice: i32) -> io::Result<()> {
    for some in ranges.chunks(RANGES) {
        let vectors: Vec<libc::iovec> = some
            .iter()
            .map(|range| libc::iovec { iov_base: std::ptr::without_provenance_mut(range.start), iov_len: range.length })
            .collect();
        if process_madvise(held, &vectors, advice).is_err() {
            // One range that is locked or gone by now stops all behind it: one by one.
            for one in vectors.chunks(1) {
                match process_madvise(held, one, advice) {
                    Err(error) if !matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOMEM | libc::EFAULT)) => {
                        return Err(error);
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// Advises all of it, or fails.
fn process_madvise(held: &Held, vectors: &[libc::iovec], advice: i32) -> io::Result<()> {
    let wanted: usize = vectors.iter().map(|vector| vector.iov_len).sum();
    // SAFETY: the vectors live through the call, which reads them; the addresses in them belong to the other process, and the
    // advice changes where its pages lie and never what is in them.
    let done = unsafe {
        libc::syscall(libc::SYS_process_madvise, held.as_fd().as_raw_fd(), vectors.as_ptr(), vectors.len(), advice, 0)
    };
    match usize::try_from(done) {
        Err(_) => Err(io::Error::last_os_error()),
        Ok(advised) if advised < wanted => Err(io::Error::from_raw_os_error(libc::EINVAL)),
        Ok(_) => Ok(()),
    }
}

/// Private, writable, and backed by no file: the heap, and what was mapped for data.
fn anonymous(maps: &str) -> Vec<Range> {
    let range = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let (permissions, inode, name) = (fields.next()?, fields.nth(2)?, fields.next().unwrap_or_default());
        let is_data = permissions.starts_with("rw") && permissions.ends_with('p') && inode == "0";
        let is_plain = name.is_empty() || name == "[heap]" || name.starts_with("[anon");
        let start = usize::from_str_radix(start, 16).ok()?;
        let length = usize::from_str_radix(end, 16).ok()?.checked_sub(start)?;
        (is_data && is_plain).then_some(Range { start, length })
    };
    maps.lines().filter_map(range).collect()
}

/// Moves what lies on `from` to `to`. The call takes a number: the process is held meanwhile, and asked for afterwards.
pub fn migrate(machine: &Operations, scope: &Scope, from: &BTreeSet<u32>, to: &BTreeSet<u32>) -> Result<(), KnobError> {
    let length = from.union(to).max().map_or(1, |most| most / 64 + 1);
    for &process in &scope.processes {
        let held = match Held::open(&machine.tasks, process) {
            Err(error) if error.is_gone() => continue,
            held => held?,
        };
        let (from, to) = (mask(from, length), mask(to, length));
        let of = machine.tasks.dir(process.pid).join("numa_maps");
        unless_gone(machine.timely.run(&of, "move the pages", move || {
            // The kernel reads one bit less than it is told.
            let bits = u64::from(length) * 64 + 1;
            // SAFETY: both masks have as many bits as is said, and outlive the call, which reads them.
            let left = unsafe { libc::syscall(libc::SYS_migrate_pages, process.pid, bits, from.as_ptr(), to.as_ptr()) };
            if held.has_ended() || left >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
        }))?;
    }
    Ok(())
}

fn unless_gone(done: Result<(), KnobError>) -> Result<(), KnobError> {
    match done {
        Err(error) if error.is_gone() => Ok(()),
        done => done,
    }
}

fn mask(nodes: &BTreeSet<u32>, length: u32) -> Vec<u64> {
    let word = |at: u32| (0..64).filter(|bit| nodes.contains(&(at * 64 + bit))).fold(0, |word, bit| word | 1 << bit);
    (0..length).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_data_is_advised() {
        let maps = "\
55d0c0000000-55d0c0021000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000002000 rw-p 00000000 00:00 0 
7f0000002000-7f0000003000 r--p 00000000 00:00 0 
7f0000003000-7f0000004000 rw-p 00000000 08:01 77                         /usr/lib/libc.so.6
7f0000004000-7f0000005000 rw-s 00000000 00:01 9                          /dev/zero (deleted)
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
nonsense
";
        let ranges: Vec<(usize, usize)> = anonymous(maps).iter().map(|range| (range.start, range.length)).collect();
        assert_eq!(ranges, [(0x55d0_c000_0000, 0x21000), (0x7f00_0000_0000, 0x2000)]);
    }

    #[test]
    fn nodes_become_bits() {
        assert_eq!(mask(&[0, 3].into(), 1), [0b1001]);
        assert_eq!(mask(&[65].into(), 2), [0, 2]);
    }
}
