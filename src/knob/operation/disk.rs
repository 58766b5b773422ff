//! Sends a hard disk to sleep: the ATA command STANDBY IMMEDIATE, which takes the heads off and stops the motor.
//!
//! Source: `HDIO_DRIVE_CMD` of `linux/hdreg.h`, ATA/ATAPI Command Set (STANDBY IMMEDIATE).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use super::Operations;
use crate::claim::{Part, PartClass};
use crate::kernel::attribute;
use crate::knob::KnobError;

const HDIO_DRIVE_CMD: libc::Ioctl = 0x031f;
const STANDBY_IMMEDIATE: u8 = 0xe0;

/// The name of a disk, if it is one that leads nowhere else.
pub fn name_of(part: &Part) -> Result<&str, KnobError> {
    let name = part.name.as_str();
    let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    if part.class == PartClass::Disk && is_name {
        Ok(name)
    } else {
        Err(KnobError::Unusable(format!("{part} is no disk")))
    }
}

pub fn stand_by(machine: &Operations, part: &Part) -> Result<(), KnobError> {
    let name = name_of(part)?;
    let number = attribute::text(&machine.roots.sys("block").join(name).join("dev"));
    let number = number.map_err(|error| KnobError::Unusable(error.to_string()))?;
    let device = PathBuf::from("/dev").join(name);
    machine.timely.run(&device.clone(), "send to sleep", move || {
        let disk = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(device)?;
        let opened = disk.metadata()?.rdev();
        if format!("{}:{}", libc::major(opened), libc::minor(opened)) != number {
            return Err(io::Error::other("the device file belongs to another disk"));
        }
        let mut command = [STANDBY_IMMEDIATE, 0, 0, 0];
        // SAFETY: this command moves no data: the kernel reads and writes these four bytes, which outlive the call.
        let done = unsafe { libc::ioctl(disk.as_raw_fd(), HDIO_DRIVE_CMD, command.as_mut_ptr()) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    })
}
