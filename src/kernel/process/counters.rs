//! What a process has read and written, and its fair share of the memory it uses together with others.

use super::super::{KernelError, Roots, text};
use super::ProcessDir;
use crate::units::Bytes;

/// `/proc/PID/io`, in bytes. Readable by the owner and root only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IoCounters {
    pub rchar: u64,
    pub wchar: u64,
    pub read_bytes: u64,
    pub write_bytes: u64,
    pub cancelled_write_bytes: u64,
}

/// Reads `/proc/PID/io`.
///
/// # Errors
/// [`KernelError::is_forbidden`] for processes of others without `CAP_SYS_PTRACE`.
pub fn read_io(roots: &Roots, pid: i32) -> Result<IoCounters, KernelError> {
    ProcessDir::open(roots, pid)?.io()
}

/// Proportional set size from `/proc/PID/smaps_rollup`. The kernel walks all page tables of the process for it and
/// holds its memory map meanwhile: to be asked seldom.
///
/// # Errors
/// [`KernelError::is_gone`] also for kernel threads and zombies, which have no memory.
pub fn read_proportional(roots: &Roots, pid: i32) -> Result<Bytes, KernelError> {
    ProcessDir::open(roots, pid)?.proportional()
}

impl ProcessDir {
    pub fn io(&self) -> Result<IoCounters, KernelError> {
        self.read(c"io", IoCounters::parse)
    }

    pub fn proportional(&self) -> Result<Bytes, KernelError> {
        self.read(c"smaps_rollup", |bytes| {
            let value = text::value_of(bytes, b"Pss").ok_or("no line `Pss`")?;
            let kibibytes = value.strip_suffix(b" kB").and_then(text::decimal).ok_or("`Pss` is not a number of kB")?;
            Ok(Bytes(kibibytes.saturating_mul(1024)))
        })
    }
}

impl IoCounters {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let counter = |name: &str| {
            let value = text::value_of(bytes, name.as_bytes()).ok_or_else(|| format!("no line `{name}`"))?;
            text::decimal(value).ok_or_else(|| format!("`{name}` is not a number"))
        };
        if !bytes.ends_with(b"\n") {
            return Err("cut off: the last line does not end".to_owned());
        }
        Ok(Self {
            rchar: counter("rchar")?,
            wchar: counter("wchar")?,
            read_bytes: counter("read_bytes")?,
            write_bytes: counter("write_bytes")?,
            cancelled_write_bytes: counter("cancelled_write_bytes")?,
        })
    }
}
