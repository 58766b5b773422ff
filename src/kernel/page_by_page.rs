//! Keeps the kernel from mapping more of a program than runs.
//!
//! With each page of a file that is touched the kernel maps the fifteen around it and counts them all as ours, so that a few
//! functions here and there bring back nearly all of the code: 9 MB for 3 MB that run. It leaves that off in ranges which a
//! userfaultfd watches, whatever for. So ours watches pages that are never written for writes.
//!
//! Source: `userfaultfd(2)`, `ioctl_userfaultfd(2)`; `do_fault_around` in `mm/memory.c`. Watching for writes without a listener
//! (`UFFD_FEATURE_WP_ASYNC`) is there since Linux 6.7; before, and where userfaultfd is forbidden, sixteen pages come at a time.

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;

/// The watch over some ranges of this process, for as long as it lives.
#[derive(Debug)]
pub struct PageByPage {
    watch: OwnedFd,
}

/// `struct uffdio_api` of `include/uapi/linux/userfaultfd.h`.
#[repr(C)]
struct Api {
    version: u64,
    features: u64,
    ioctls: u64,
}

/// `struct uffdio_register`.
#[repr(C)]
struct Register {
    start: u64,
    length: u64,
    mode: u64,
    ioctls: u64,
}

const UFFD_USER_MODE_ONLY: i32 = 1;
const UFFD_API: u64 = 0xaa;
const UFFD_FEATURE_WP_ASYNC: u64 = 1 << 15;
const UFFDIO_REGISTER_MODE_WP: u64 = 1 << 1;
const UFFDIO_API: libc::Ioctl = libc::_IOWR::<Api>(0xaa, 0x3f);
const UFFDIO_REGISTER: libc::Ioctl = libc::_IOWR::<Register>(0xaa, 0x00);

impl PageByPage {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// This kernel cannot, or does not let us.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes flags, and gives a file descriptor or -1.
        let fd = unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC | UFFD_USER_MODE_ONLY) };
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
        // SAFETY: the kernel has just given it to us, and nobody else knows it.
        let watch = unsafe { OwnedFd::from_raw_fd(fd) };
        let mut api = Api { version: UFFD_API, features: UFFD_FEATURE_WP_ASYNC, ioctls: 0 };
        // SAFETY: the request takes a structure of this shape and writes nowhere else.
        done(unsafe { libc::ioctl(watch.as_raw_fd(), UFFDIO_API, &raw mut api) })?;
        Ok(Self { watch })
    }

    /// From now on, pages of this range come one at a time. It is a mapping that is never written, of whole pages.
    pub fn watch(&self, start: NonNull<c_void>, length: usize) -> io::Result<()> {
        let (start, length) = (start.addr().get() as u64, length as u64);
        let mut range = Register { start, length, mode: UFFDIO_REGISTER_MODE_WP, ioctls: 0 };
        // SAFETY: the request takes a structure of this shape. The range is watched, not changed; nobody writes to it.
        done(unsafe { libc::ioctl(self.watch.as_raw_fd(), UFFDIO_REGISTER, &raw mut range) })
    }
}

fn done(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
