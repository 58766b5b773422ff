//! Delay accounting: how long the threads of a process waited for a CPU, for a disk and for memory, summed up by the kernel.
//!
//! Source: `Documentation/accounting/taskstats.rst`, `Documentation/accounting/delay-accounting.rst`,
//! `include/uapi/linux/taskstats.h`, `include/uapi/linux/genetlink.h`. The kernel answers in the call itself; it needs
//! `CAP_NET_ADMIN` in the first user namespace.

mod message;

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};

use super::file::KeptFile;
use super::{KernelError, Roots};
use message::{Answer, Question};

const WHAT: &str = "delay accounting";
/// Structure, attributes and headers are 600 bytes in Linux 6.18.
const LARGEST: usize = 8192;
/// Answers to other questions than ours are not more than what was left of earlier calls.
const MOST_STALE: usize = 16;

/// What all threads of a process waited for, ended threads included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delays {
    /// For a CPU, while it could have run.
    pub cpu: Duration,
    /// The rest; `None` while the kernel does not count it.
    pub blocked: Option<Blocked>,
}

/// What the kernel counts only while `kernel.task_delayacct` is 1, and only of threads that were started since. A kind that is
/// younger than the kernel is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Blocked {
    /// How many waits were counted. Zero may mean that the process is older than the counting.
    pub count: u64,
    /// For a block device.
    pub io: Duration,
    /// For pages to come back from swap.
    pub swapin: Duration,
    /// For memory to be freed.
    pub reclaim: Duration,
    /// For pages of files that had just been dropped.
    pub thrashing: Option<Duration>,
    /// For memory to be put together into larger pieces.
    pub compaction: Option<Duration>,
}

/// Whether the kernel counts more than waits for a CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accounting {
    On,
    /// `kernel.task_delayacct` is 0.
    Off,
}

/// A socket on which the kernel tells delays.
#[derive(Debug)]
pub struct TaskStats {
    socket: OwnedFd,
    family: u16,
    sequence: u32,
    /// Since Linux 5.14; before, the kernel counts unless it was booted with `nodelayacct`.
    switch: KeptFile,
}

impl TaskStats {
    /// # Errors
    /// [`KernelError::Unsupported`], with the reason: the kernel has no such interface, procfs does not show our own pids, or we
    /// may not use it.
    pub fn open(roots: &Roots) -> Result<Self, KernelError> {
        if !super::process_watch::is_our_procfs(roots) {
            return Err(unsupported(format!("{} does not show our own pid namespace", roots.procfs.display())));
        }
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Datagram, flags, SockProtocol::NetlinkGeneric)
            .map_err(|errno| unsupported(format!("no such socket: {}", errno.desc())))?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))
            .map_err(|errno| unsupported(format!("no such socket: {}", errno.desc())))?;
        let switch = KeptFile::new(roots.proc("sys/kernel/task_delayacct"));
        let mut stats = Self { socket, family: 0, sequence: 0, switch };
        stats.family = stats.ask(Question::Family, |answer| match answer {
            Answer::Family(family) => Some(family),
            _ => None,
        })?;
        // May fail for want of rights only when it is asked.
        stats.read(std::process::id().cast_signed())?;
        Ok(stats)
    }

    pub fn accounting(&mut self) -> Accounting {
        match self.switch.read(|bytes| Ok(bytes.trim_ascii() == b"0")) {
            Ok(true) => Accounting::Off,
            Ok(false) | Err(_) => Accounting::On,
        }
    }

    /// The delays of one process.
    ///
    /// # Errors
    /// [`KernelError::is_gone`] if there is no such process.
    pub fn read(&mut self, pid: i32) -> Result<Delays, KernelError> {
        let accounting = self.accounting();
        let told = self.ask(Question::Delays { family: self.family, pid }, |answer| match answer {
            Answer::Delays(delays) => Some(delays),
            _ => None,
        })?;
        let delays = told.map_err(unsupported)?;
        Ok(Delays { blocked: delays.blocked.filter(|_| accounting == Accounting::On), ..delays })
    }

    fn ask<T>(&mut self, question: Question, pick: impl Fn(Answer) -> Option<T>) -> Result<T, KernelError> {
        self.sequence = self.sequence.wrapping_add(1);
        let failed = |errno: Errno| KernelError::io("ask netlink for", WHAT, errno.into());
        send(self.socket.as_raw_fd(), &question.message(self.sequence), MsgFlags::empty()).map_err(failed)?;
        let mut buffer = [0; LARGEST];
        for _ in 0..MOST_STALE {
            let length = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).map_err(failed)?;
            match Answer::parse(&buffer[..length], self.sequence) {
                Some(Answer::Refused(errno)) if matches!(question, Question::Family) => {
                    return Err(unsupported(format!("the kernel lacks CONFIG_TASKSTATS ({})", errno.desc())));
                }
                Some(Answer::Refused(Errno::EPERM)) => return Err(unsupported("it needs CAP_NET_ADMIN".to_owned())),
                Some(Answer::Refused(errno)) => return Err(failed(errno)),
                Some(answer) => return pick(answer).ok_or_else(|| unsupported("an unknown answer".to_owned())),
                None => {}
            }
        }
        Err(unsupported("no answer to our question".to_owned()))
    }
}

fn unsupported(reason: String) -> KernelError {
    KernelError::Unsupported { what: WHAT, reason }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::*;

    #[test]
    fn our_own_delays_are_told_or_the_reason_why_not() {
        let roots = Roots::standard();
        match TaskStats::open(&roots) {
            Ok(mut stats) => {
                let ours = std::process::id().cast_signed();
                let delays = stats.read(ours).unwrap();
                assert!(delays.cpu > Duration::ZERO);
                assert_eq!(delays.blocked.is_some(), stats.accounting() == Accounting::On);
                assert!(stats.read(i32::MAX).unwrap_err().is_gone());
                assert!(stats.read(ours).unwrap().cpu >= delays.cpu, "an error leaves nothing behind");
            }
            Err(error) => assert!(matches!(error, KernelError::Unsupported { .. }), "{error}"),
        }
    }

    #[test]
    fn another_procfs_is_not_asked_about() {
        let error = TaskStats::open(&Fixture::new().roots).unwrap_err().to_string();
        assert!(error.contains("does not show our own pid namespace"), "{error}");
    }
}
