//! Questions and orders to the network stack, which it takes by netlink and by nothing else.
//!
//! The kernel does what it is told within the call that sends the message, so that the answer lies ready when it returns:
//! nothing here waits.

pub mod message;

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, sendto, socket,
};

use super::KernelError;
use message::{HEADER, Message, Received, find, messages, number32, text};

/// The kernel fills datagrams of a dump up to 32 KiB.
const LARGEST: usize = 64 << 10;
/// A dump during which something changed is asked for again so often.
const ATTEMPTS: usize = 8;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
pub const NLM_F_REQUEST: u16 = 1;
pub const NLM_F_ACK: u16 = 4;
pub const NLM_F_DUMP: u16 = 0x300;
pub const NLM_F_REPLACE: u16 = 0x100;
pub const NLM_F_EXCL: u16 = 0x200;
pub const NLM_F_CREATE: u16 = 0x400;
pub const NLM_F_APPEND: u16 = 0x800;
const NLM_F_DUMP_INTR: u16 = 0x10;
/// Behind the error stand attributes that say more.
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSGERR_ATTR_MSG: u16 = 1;

/// A netlink socket of one protocol, in the network namespace in which it was opened.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

/// An answer to one message: an errno, or 0, and what the kernel says about it.
struct Acknowledgement {
    errno: i32,
    said: Option<String>,
}

impl Netlink {
    /// # Errors
    /// The kernel does not have the protocol.
    pub fn open(protocol: SockProtocol) -> Result<Self, KernelError> {
        let failed = |errno: Errno| KernelError::io("open", "a netlink socket", errno.into());
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol).map_err(failed)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).map_err(failed)?;
        explain_errors(&socket);
        Ok(Self { socket, sequence: 0 })
    }

    /// Gives one order; `doing` and `what` name it in the error.
    pub fn order(&mut self, doing: &'static str, what: &str, message: &Message) -> Result<(), KernelError> {
        self.orders(doing, what, std::slice::from_ref(message))
    }

    /// Gives several orders in one datagram, which the kernel takes in their order. Each that asks for an acknowledgement,
    /// and there must be one, is waited for; the first refusal is the error.
    pub fn orders(&mut self, doing: &'static str, what: &str, orders: &[Message]) -> Result<(), KernelError> {
        let mut datagram = Vec::new();
        let first = self.sequence.wrapping_add(1);
        let mut awaited = 0;
        for order in orders {
            self.sequence = self.sequence.wrapping_add(1);
            datagram.extend(order.bytes(self.sequence));
            awaited += usize::from(order.wants_acknowledgement());
        }
        let failed = |errno: Errno| KernelError::io(doing, what, errno.into());
        self.send(&datagram).map_err(failed)?;
        let mut buffer = vec![0; LARGEST];
        while awaited > 0 {
            let length = self.receive(&mut buffer).map_err(failed)?;
            for received in messages(&buffer[..length]) {
                let is_ours = received.sequence.wrapping_sub(first) <= self.sequence.wrapping_sub(first);
                let Some(answer) = Acknowledgement::of(&received).filter(|_| is_ours) else { continue };
                if answer.errno != 0 {
                    let what = answer.said.map_or_else(|| what.to_owned(), |said| format!("{what} ({said})"));
                    return Err(KernelError::io(doing, what, std::io::Error::from_raw_os_error(answer.errno)));
                }
                awaited = awaited.saturating_sub(1);
            }
        }
        Ok(())
    }

    /// Asks for all there is of something, and gives the body of each message to `take`.
    ///
    /// # Errors
    /// Also if it changes faster than it can be told.
    pub fn dump<T>(
        &mut self,
        what: &str,
        question: &Message,
        take: impl Fn(&Received<'_>) -> Option<T>,
    ) -> Result<Vec<T>, KernelError> {
        let question = question.clone().with_flags(NLM_F_DUMP);
        for _ in 0..ATTEMPTS {
            if let Some(told) = self.dump_once(what, &question, &take)? {
                return Ok(told);
            }
        }
        Err(KernelError::malformed(what, "changes faster than the kernel can tell it"))
    }

    /// `None` if something changed meanwhile.
    fn dump_once<T>(
        &mut self,
        what: &str,
        question: &Message,
        take: impl Fn(&Received<'_>) -> Option<T>,
    ) -> Result<Option<Vec<T>>, KernelError> {
        let failed = |errno: Errno| KernelError::io("ask netlink for", what, errno.into());
        self.sequence = self.sequence.wrapping_add(1);
        self.send(&question.bytes(self.sequence)).map_err(failed)?;
        let mut buffer = vec![0; LARGEST];
        let (mut told, mut is_whole) = (Vec::new(), true);
        loop {
            let length = self.receive(&mut buffer).map_err(failed)?;
            for received in messages(&buffer[..length]).filter(|received| received.sequence == self.sequence) {
                is_whole &= received.flags & NLM_F_DUMP_INTR == 0;
                match (received.kind, Acknowledgement::of(&received)) {
                    (NLMSG_DONE, _) => return Ok(is_whole.then_some(told)),
                    (_, Some(answer)) => return Err(failed(Errno::from_raw(answer.errno))),
                    (_, None) => told.extend(take(&received)),
                }
            }
        }
    }

    fn send(&self, datagram: &[u8]) -> nix::Result<()> {
        sendto(self.socket.as_raw_fd(), datagram, &NetlinkAddr::new(0, 0), MsgFlags::empty()).map(drop)
    }

    /// The length of the next datagram that the kernel itself has sent.
    fn receive(&self, buffer: &mut [u8]) -> nix::Result<usize> {
        loop {
            let (length, sender) = recvfrom::<NetlinkAddr>(self.socket.as_raw_fd(), buffer)?;
            if sender.is_some_and(|sender| sender.pid() == 0) {
                return Ok(length);
            }
        }
    }
}

impl Acknowledgement {
    fn of(received: &Received<'_>) -> Option<Self> {
        if received.kind != NLMSG_ERROR {
            return None;
        }
        let errno = number32(received.body, 0)?.cast_signed().wrapping_neg();
        let explained = (received.flags & NLM_F_ACK_TLVS != 0).then(|| received.body.get(4 + HEADER..)).flatten();
        let said = explained.and_then(|attributes| find(attributes, NLMSGERR_ATTR_MSG)).map(text);
        Some(Self { errno, said })
    }
}

/// Asks for the reason of a refusal, without the order that was refused. A kernel that cannot do so (before 4.12) refuses
/// without a reason.
fn explain_errors(socket: &OwnedFd) {
    for option in [libc::NETLINK_EXT_ACK, libc::NETLINK_CAP_ACK] {
        let on: libc::c_int = 1;
        let length = libc::socklen_t::try_from(size_of_val(&on)).unwrap_or(0);
        // SAFETY: the descriptor is open, and the value is a number of that length which lives through the call.
        let _ =
            unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_NETLINK, option, (&raw const on).cast(), length) };
    }
}
