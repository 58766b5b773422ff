//! Names of queueing disciplines and classes: two numbers of 16 bits, written in hexadecimal as `5057:2`.

use std::fmt;

/// A queueing discipline is `major:0`, a class of it `major:minor`. Major 0 has what the kernel attached by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub u32);

impl Handle {
    pub const NONE: Self = Self(0);
    /// `TC_H_ROOT`: where the discipline of an interface hangs.
    pub const ROOT: Self = Self(0xffff_ffff);
    /// `TC_H_INGRESS`: where the one for arriving packets hangs.
    pub const INGRESS: Self = Self(0xffff_fff1);
    /// The discipline for arriving packets always has this handle.
    pub const INGRESS_QDISC: Self = Self(0xffff_0000);

    pub const fn new(major: u16, minor: u16) -> Self {
        Self((major as u32) << 16 | minor as u32)
    }

    pub const fn major(self) -> u16 {
        (self.0 >> 16) as u16
    }

    #[allow(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
    pub const fn minor(self) -> u16 {
        self.0 as u16
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ROOT => f.write_str("root"),
            Self::INGRESS => f.write_str("ingress"),
            handle if handle.minor() == 0 => write!(f, "{:x}:", handle.major()),
            handle => write!(f, "{:x}:{:x}", handle.major(), handle.minor()),
        }
    }
}
