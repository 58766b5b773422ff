//! `/proc/PID/stat`: who a process is, what it is doing, and its counters.

use super::super::{KernelError, Roots, text};
use super::ProcessDir;

/// `PF_KTHREAD` of the flags.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// What makes a process this process and no later one with the same number: pid and start time, within one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    pub pid: i32,
    /// Start time in clock ticks since boot, field 22 of `/proc/PID/stat`.
    pub start_ticks: u64,
}

/// The state letter of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    Running,
    Sleeping,
    /// Waiting for a disk, or frozen by a version 1 freezer.
    Uninterruptible,
    Stopped,
    Traced,
    Zombie,
    Dead,
    Idle,
}

/// `/proc/PID/stat`, the fields that are used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    pub identity: Identity,
    /// At most 15 bytes; may hold spaces and brackets.
    pub comm: String,
    pub state: RunState,
    pub parent: i32,
    /// A thread of the kernel's own, without a program.
    pub kernel_thread: bool,
    pub minor_faults: u64,
    pub major_faults: u64,
    /// In clock ticks.
    pub user_ticks: u64,
    /// In clock ticks.
    pub system_ticks: u64,
    pub threads: u64,
    /// In pages.
    pub resident_pages: u64,
}

/// The same line without a copy of the name, for sweeps over thousands of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatLine<'a> {
    pub identity: Identity,
    pub comm: &'a [u8],
    pub state: RunState,
    pub parent: i32,
    pub kernel_thread: bool,
    pub minor_faults: u64,
    pub major_faults: u64,
    /// In clock ticks.
    pub user_ticks: u64,
    /// In clock ticks.
    pub system_ticks: u64,
    pub threads: u64,
    pub virtual_bytes: u64,
    /// In pages.
    pub resident_pages: u64,
}

/// Reads `/proc/PID/stat`.
///
/// # Errors
/// [`KernelError::is_gone`] if there is no such process.
pub fn read_stat(roots: &Roots, pid: i32) -> Result<Stat, KernelError> {
    ProcessDir::open(roots, pid)?.stat()
}

impl ProcessDir {
    pub fn stat(&self) -> Result<Stat, KernelError> {
        self.read(c"stat", Stat::parse)
    }
}

impl Stat {
    /// # Errors
    /// As [`StatLine::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let line = StatLine::parse(bytes)?;
        Ok(Self {
            identity: line.identity,
            comm: text::lossy(line.comm),
            state: line.state,
            parent: line.parent,
            kernel_thread: line.kernel_thread,
            minor_faults: line.minor_faults,
            major_faults: line.major_faults,
            user_ticks: line.user_ticks,
            system_ticks: line.system_ticks,
            threads: line.threads,
            resident_pages: line.resident_pages,
        })
    }
}

impl<'a> StatLine<'a> {
    /// `17 (comm) S 1 ...`: the comm may hold anything, so the fields are counted from its last bracket on.
    ///
    /// # Errors
    /// In words: which field is missing or not what it should be.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let open = position(bytes, b'(').ok_or("no `(` before the name")?;
        let close = bytes.iter().rposition(|byte| *byte == b')').filter(|close| *close > open);
        let close = close.ok_or("no `)` behind the name")?;
        let pid = text::small_decimal(bytes[..open].trim_ascii()).ok_or("the pid is not a number")?;
        let rest = &bytes[close + 1..];
        if !rest.last().is_some_and(u8::is_ascii_whitespace) {
            return Err("cut off: the line does not end".to_owned());
        }
        let mut fields = Fields { fields: text::fields(rest), number: 3 };
        let state = RunState::from_letter(fields.next()?).ok_or("unknown state letter")?;
        Ok(Self {
            comm: &bytes[open + 1..close],
            state,
            parent: i32::try_from(fields.number(4)?).map_err(|_| "the parent is not a pid")?,
            kernel_thread: fields.number(9)? & KERNEL_THREAD != 0,
            minor_faults: fields.number(10)?,
            major_faults: fields.number(12)?,
            user_ticks: fields.number(14)?,
            system_ticks: fields.number(15)?,
            threads: fields.number(20)?,
            identity: Identity { pid, start_ticks: fields.number(22)? },
            virtual_bytes: fields.number(23)?,
            resident_pages: fields.number(24)?,
        })
    }
}

impl Stat {
    /// Nothing runs in the process any more, though it may not be reaped yet: a main thread may end before its process does.
    pub fn has_ended(&self) -> bool {
        self.state.has_ended() && self.threads <= 1
    }
}

impl RunState {
    fn from_letter(letter: &[u8]) -> Option<Self> {
        Some(match letter {
            b"R" | b"W" => Self::Running,
            b"S" => Self::Sleeping,
            b"D" | b"K" => Self::Uninterruptible,
            b"T" => Self::Stopped,
            b"t" => Self::Traced,
            b"Z" => Self::Zombie,
            b"X" | b"x" => Self::Dead,
            b"I" | b"P" => Self::Idle,
            _ => return None,
        })
    }

    /// It has ended, and waits at most for its parent to notice.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Zombie | Self::Dead)
    }
}

/// The fields of the line by their numbers in `proc_pid_stat(5)`, to be asked for in ascending order.
struct Fields<I> {
    fields: I,
    number: usize,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Fields<I> {
    fn next(&mut self) -> Result<&'a [u8], String> {
        self.number += 1;
        self.fields.next().ok_or_else(|| format!("field {} is missing", self.number - 1))
    }

    fn number(&mut self, number: usize) -> Result<u64, String> {
        while self.number < number {
            self.next()?;
        }
        text::decimal(self.next()?).ok_or_else(|| format!("field {number} is not a number"))
    }
}

fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REAL: &str = "4711 (phase1/F1) S 17 4711 4711 0 -1 4194304 1024 0 7 0 250 40 0 0 20 0 4 0 98765 12345678 2048 \
                        18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    fn line(comm: &[u8]) -> Vec<u8> {
        let (head, tail) = REAL.split_once("phase1/F1").unwrap();
        [head.as_bytes(), comm, tail.as_bytes()].concat()
    }

    #[test]
    fn takes_each_field_from_its_place() {
        let stat = Stat::parse(REAL.as_bytes()).unwrap();
        let expected = Stat {
            kernel_thread: false,
            identity: Identity { pid: 4711, start_ticks: 98765 },
            comm: "phase1/F1".to_owned(),
            state: RunState::Sleeping,
            parent: 17,
            minor_faults: 1024,
            major_faults: 7,
            user_ticks: 250,
            system_ticks: 40,
            threads: 4,
            resident_pages: 2048,
        };
        assert_eq!(stat, expected);
    }

    #[test]
    fn says_what_is_malformed() {
        let table = [
            ("", "no `(`"),
            ("4711 chia_plot S 1", "no `(`"),
            ("4711 )chia_plot( S 1", "no `)`"),
            ("pid (a) S 1 \n", "the pid"),
            ("1 (a) Q 1 \n", "state letter"),
            ("1 (a) S 1 2 3\n", "field 7 is missing"),
            ("1 (a) S 99999999999 2 3\n", "parent"),
            ("1 (a) S one\n", "field 4 is not a number"),
        ];
        for (text, expected) in table {
            let problem = Stat::parse(text.as_bytes()).unwrap_err();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn no_name_can_forge_a_field(comm in proptest::collection::vec(1_u8.., 0..16)) {
            let stat = Stat::parse(&line(&comm)).unwrap();
            prop_assert_eq!(stat.comm, String::from_utf8_lossy(&comm));
            prop_assert_eq!(stat.identity, Identity { pid: 4711, start_ticks: 98765 });
        }

        #[test]
        fn a_cut_line_is_refused_or_the_same(length in 0..REAL.len()) {
            if let Ok(stat) = Stat::parse(&REAL.as_bytes()[..length]) {
                prop_assert_eq!(stat, Stat::parse(REAL.as_bytes()).unwrap());
            }
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Stat::parse(&bytes);
        }
    }
}
