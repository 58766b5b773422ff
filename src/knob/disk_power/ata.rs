//! Commands to an ATA disk, through the kernel's own translation of them.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::linux::fs::MetadataExt;
use std::path::PathBuf;

/// What can be asked of a disk and told to it.
pub trait Ata: fmt::Debug + Send + Sync {
    /// Errors if the node of the disk belongs to another device than that number, `8:0`.
    fn is_device(&self, disk: &str, number: &str) -> io::Result<()>;

    fn identify(&self, disk: &str) -> io::Result<Identify>;

    /// `None` turns it off.
    fn set_apm(&self, disk: &str, level: Option<u8>) -> io::Result<()>;
}

/// The 256 words of IDENTIFY DEVICE.
#[derive(Clone)]
pub struct Identify(pub [u16; 256]);

impl Identify {
    /// From the vital product data of the page "ATA information" (SAT-4, 89h), which the kernel keeps since it found the disk.
    pub fn in_vital_page(page: &[u8]) -> Option<Self> {
        const BEGIN: usize = 60;
        page.get(BEGIN..BEGIN + 512).and_then(Self::from_bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = [0; 256];
        for (word, pair) in words.iter_mut().zip(bytes.chunks_exact(2)) {
            *word = u16::from_le_bytes(pair.try_into().ok()?);
        }
        (bytes.len() == 512).then_some(Self(words))
    }

    /// Word 83, which is valid if its upper bits are 01.
    pub fn has_apm(&self) -> bool {
        self.0[83] & 0xc008 == 0x4008
    }

    /// `None` while it is turned off.
    pub fn apm_level(&self) -> Option<u8> {
        let is_on = self.0[86] & 0x0008 != 0;
        is_on.then_some(self.0[91].to_le_bytes()[0])
    }
}

/// Disks by their nodes.
#[derive(Debug)]
pub struct KernelAta {
    pub nodes: PathBuf,
}

/// `linux/hdreg.h`.
const HDIO_DRIVE_CMD: libc::Ioctl = 0x031f;
const IDENTIFY_DEVICE: u8 = 0xec;
const SET_FEATURES: u8 = 0xef;
const ENABLE_APM: u8 = 0x05;
const DISABLE_APM: u8 = 0x85;

impl KernelAta {
    fn open(&self, disk: &str) -> io::Result<File> {
        // A disk that is opened for writing is looked at anew by udev when it is closed.
        File::open(self.nodes.join(disk))
    }

    /// Command, count, feature and sectors to read; then what was read.
    fn command(&self, disk: &str, mut block: Vec<u8>) -> io::Result<Vec<u8>> {
        let node = self.open(disk)?;
        // SAFETY: the kernel reads four bytes and writes as many back, followed by 512 bytes for each sector in the fourth of
        // them; both callers give room for just that.
        let done = unsafe { libc::ioctl(node.as_raw_fd(), HDIO_DRIVE_CMD, block.as_mut_ptr()) };
        if done == 0 { Ok(block) } else { Err(io::Error::last_os_error()) }
    }
}

impl Ata for KernelAta {
    fn is_device(&self, disk: &str, number: &str) -> io::Result<()> {
        let node = self.open(disk)?.metadata()?.st_rdev();
        let found = format!("{}:{}", libc::major(node), libc::minor(node));
        if found == number { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ENODEV)) }
    }

    fn identify(&self, disk: &str) -> io::Result<Identify> {
        let mut block = vec![0; 4 + 512];
        block[..4].copy_from_slice(&[IDENTIFY_DEVICE, 0, 0, 1]);
        let answer = self.command(disk, block)?;
        Identify::from_bytes(&answer[4..]).ok_or_else(|| io::Error::other("the disk's answer is cut short"))
    }

    fn set_apm(&self, disk: &str, level: Option<u8>) -> io::Result<()> {
        let block = match level {
            Some(level) => vec![SET_FEATURES, level, ENABLE_APM, 0],
            None => vec![SET_FEATURES, 0, DISABLE_APM, 0],
        };
        self.command(disk, block).map(drop)
    }
}
