//! Process events from the kernel's process connector: a fork, an exec or an exit is told when it happens, so that no
//! sweep over all processes is needed to notice one.
//!
//! Source: `include/uapi/linux/cn_proc.h`, `include/uapi/linux/connector.h`, `drivers/connector/cn_proc.c`. The kernel
//! speaks only to sockets of the first network, user and pid namespaces; before Linux 6.6 only with `CAP_NET_ADMIN`.

mod message;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, NetlinkAddr, SetSockOpt, bind, recvfrom, sendto, setsockopt, sockopt};

use super::KernelError;
use message::{Content, Listening, Message};

/// Enough for some ten thousand events between two reads; what is not used is not taken.
const RECEIVE_BUFFER: usize = 8 << 20;
/// The kernel acknowledges at once, or never where it does not serve this namespace.
const ACKNOWLEDGED_WITHIN_MS: u16 = 250;
/// One reading ends after so many events even in a storm; the next goes on.
const EVENTS_PER_READING: usize = 200_000;
const WHAT: &str = "the process connector";

/// What happened to a process; events of single threads are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessEvent {
    Forked { child: i32 },
    Execed { pid: i32 },
    Exited { pid: i32 },
}

/// Whether the events that were read are all that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Nothing has happened, not even to a single thread.
    Silence,
    Complete,
    /// The kernel dropped some: a resync is needed.
    EventsLost,
}

/// A socket on which the kernel tells of each process.
#[derive(Debug)]
pub struct ProcessEvents {
    socket: OwnedFd,
    sequence: Sequence,
}

/// The next number expected from each CPU: each counts its own messages.
#[derive(Debug, Default)]
struct Sequence {
    next: Vec<Option<u32>>,
}

/// No machine has more; a number beyond is not believed.
const MOST_CPUS: usize = 1 << 16;

impl ProcessEvents {
    /// Subscribes, and waits until the kernel has confirmed it.
    ///
    /// # Errors
    /// [`KernelError::Unsupported`], with the reason, where the kernel does not speak to us.
    pub fn open() -> Result<Self, KernelError> {
        let events = Self { socket: bound_socket()?, sequence: Sequence::default() };
        events.ask(Listening::Start)?;
        events.wait_for_acknowledgement()?;
        Ok(events)
    }

    /// Gives each event that has arrived to `take`, in order, without waiting.
    ///
    /// # Errors
    /// The socket has failed and will not recover.
    pub fn drain(&mut self, mut take: impl FnMut(ProcessEvent)) -> Result<Completeness, KernelError> {
        let mut completeness = Completeness::Silence;
        let mut buffer = [0; message::LARGEST];
        for _ in 0..EVENTS_PER_READING {
            match self.receive(&mut buffer) {
                Ok(length) => {
                    if completeness == Completeness::Silence {
                        completeness = Completeness::Complete;
                    }
                    for Message { cpu, sequence, content } in message::parse(&buffer[..length]) {
                        if content == Content::Overrun || !self.sequence.follows(cpu, sequence) {
                            completeness = Completeness::EventsLost;
                        }
                        if let Content::Event(event) = content {
                            take(event);
                        }
                    }
                }
                Err(Errno::EAGAIN) => break,
                Err(Errno::ENOBUFS) => completeness = Completeness::EventsLost,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(unsupported(format!("reading failed: {}", io::Error::from(errno)))),
            }
        }
        Ok(completeness)
    }

    /// Makes the kernel drop events soon.
    #[cfg(test)]
    pub(super) fn set_receive_buffer(&self, bytes: usize) {
        setsockopt(&self.socket, sockopt::RcvBuf, &bytes).unwrap();
    }

    fn ask(&self, listening: Listening) -> Result<(), KernelError> {
        let request = message::request(listening, own_mark());
        match sendto(self.socket.as_raw_fd(), &request, &NetlinkAddr::new(0, 0), MsgFlags::empty()) {
            Ok(_) => Ok(()),
            Err(errno) => Err(unsupported(format!("subscribing failed: {}", io::Error::from(errno)))),
        }
    }

    fn wait_for_acknowledgement(&self) -> Result<(), KernelError> {
        let mut buffer = [0; message::LARGEST];
        let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        while poll(&mut ready, PollTimeout::from(ACKNOWLEDGED_WITHIN_MS)).is_ok_and(|count| count > 0) {
            let Ok(length) = self.receive(&mut buffer) else { continue };
            let ours = message::parse(&buffer[..length]).find_map(|message| match message.content {
                Content::Acknowledged { mark, error } if mark == own_mark() => Some(error),
                _ => None,
            });
            match ours {
                Some(0) => return Ok(()),
                Some(error) => {
                    let error = io::Error::from_raw_os_error(error);
                    return Err(unsupported(format!("the kernel refused: {error}; it needs CAP_NET_ADMIN")));
                }
                None => {}
            }
        }
        Err(unsupported(
            "the kernel does not answer: it tells of processes only in the first user and pid namespaces, not in a \
             container"
                .to_owned(),
        ))
    }

    /// The length of the next datagram that the kernel itself has sent; those of other senders are dropped.
    fn receive(&self, buffer: &mut [u8]) -> nix::Result<usize> {
        loop {
            let (length, sender) = recvfrom::<NetlinkAddr>(self.socket.as_raw_fd(), buffer)?;
            if sender.is_some_and(|sender| sender.pid() == 0) {
                return Ok(length);
            }
        }
    }
}

impl AsFd for ProcessEvents {
    /// Readable when an event has arrived.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for ProcessEvents {
    /// Before Linux 6.6 the kernel counts listeners by these words only, and would go on to make events for nobody.
    fn drop(&mut self) {
        let _ = self.ask(Listening::Stop);
    }
}

impl Sequence {
    /// `false` if messages of this CPU are missing before this one.
    fn follows(&mut self, cpu: Option<u32>, sequence: u32) -> bool {
        let Some(cpu) = cpu.and_then(|cpu| usize::try_from(cpu).ok()).filter(|cpu| *cpu < MOST_CPUS) else {
            return true;
        };
        if self.next.len() <= cpu {
            self.next.resize(cpu + 1, None);
        }
        let expected = self.next[cpu].replace(sequence.wrapping_add(1));
        expected.is_none_or(|expected| expected == sequence)
    }
}

fn bound_socket() -> Result<OwnedFd, KernelError> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes three numbers and returns a new descriptor or -1. nix has no name for this netlink protocol.
    let descriptor = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_CONNECTOR) };
    let descriptor = Errno::result(descriptor).map_err(|errno| {
        unsupported(format!(
            "no such socket: {}; the kernel lacks CONFIG_PROC_EVENTS, or this is a network namespace of its own",
            io::Error::from(errno)
        ))
    })?;
    // SAFETY: the descriptor is open, new and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, libc::CN_IDX_PROC)).map_err(|errno| {
        unsupported(format!("subscribing failed: {}; it needs CAP_NET_ADMIN", io::Error::from(errno)))
    })?;
    // A smaller buffer than wished loses events sooner, which is noticed and made good.
    if sockopt::RcvBufForce.set(&socket, &RECEIVE_BUFFER).is_err() {
        let _ = setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER);
    }
    Ok(socket)
}

/// Tells our own acknowledgement from those of other listeners, which everybody receives.
fn own_mark() -> u32 {
    std::process::id()
}

fn unsupported(reason: String) -> KernelError {
    KernelError::Unsupported { what: WHAT, reason }
}

#[cfg(test)]
mod tests;
