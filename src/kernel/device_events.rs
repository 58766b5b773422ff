//! Device events: the kernel tells when a disk, an interface, a CPU, a sensor or a battery comes, goes or changes, so that
//! nobody has to look for it.
//!
//! Source: `lib/kobject_uevent.c`: a datagram begins with `ACTION@/devices/...`, then `KEY=value`, each ended by NUL.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, socket};

use super::KernelError;

/// Who else listens gets the same; the second group is udev's own.
const FROM_THE_KERNEL: u32 = 1;
/// The kernel's own limit of one event.
const LARGEST: usize = 8 << 10;
/// One look ends after so many, even in a storm.
const PER_LOOK: usize = 10_000;
/// What an inventory tells of; `bdi`, `queues`, `module` and the like come along with these.
const SUBSYSTEMS: [&str; 9] = ["block", "net", "cpu", "hwmon", "power_supply", "drm", "nvme", "edac", "node"];

/// A socket on which the kernel tells of devices.
#[derive(Debug)]
pub struct DeviceEvents(OwnedFd);

impl DeviceEvents {
    /// # Errors
    /// [`KernelError::Unsupported`] where sockets of this kind are not to be had, as in some containers.
    pub fn open() -> Result<Self, KernelError> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let opened = socket(AddressFamily::Netlink, SockType::Datagram, flags, SockProtocol::NetlinkKObjectUEvent);
        let bound = opened.and_then(|socket| {
            bind(socket.as_raw_fd(), &NetlinkAddr::new(0, FROM_THE_KERNEL))?;
            Ok(socket)
        });
        bound.map(Self).map_err(|errno| KernelError::Unsupported {
            what: "device events",
            reason: io::Error::from(errno).to_string(),
        })
    }

    /// Whether a device that matters has come, gone or changed since the last call. Lost events may have been about one.
    pub fn any(&self) -> bool {
        let mut any = false;
        let mut buffer = [0; LARGEST];
        for _ in 0..PER_LOOK {
            match recvfrom::<NetlinkAddr>(self.0.as_raw_fd(), &mut buffer) {
                Ok((length, sender)) => {
                    any |= sender.is_none_or(|sender| sender.pid() == 0) && matters(&buffer[..length]);
                }
                Err(Errno::ENOBUFS) => any = true,
                Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        any
    }
}

fn matters(event: &[u8]) -> bool {
    let mut fields = event.split(|byte| *byte == 0);
    let subsystem = fields.find_map(|field| field.strip_prefix(b"SUBSYSTEM="));
    subsystem.is_some_and(|subsystem| SUBSYSTEMS.iter().any(|known| known.as_bytes() == subsystem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_and_interfaces_matter_and_modules_do_not() {
        assert!(matters(b"add@/devices/virtual/block/loop3\0ACTION=add\0SUBSYSTEM=block\0SEQNUM=7\0"));
        assert!(matters(b"remove@/devices/virtual/net/eth1\0SUBSYSTEM=net\0"));
        for other in
            [&b"add@/module/nfs\0SUBSYSTEM=module\0"[..], b"SUBSYSTEM=blocks\0", b"", b"\0\0\xff", b"SUBSYSTEM="]
        {
            assert!(!matters(other), "{other:?}");
        }
    }
}
