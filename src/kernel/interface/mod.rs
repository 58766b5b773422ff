//! One network interface as sysfs shows it. Discovery and the sampler ask the same questions of it, and a driver that does
//! not know an answer says so in many ways (-1, `unknown`, an error for a link that is down): here they all become `None`.
//!
//! Source: `Documentation/ABI/testing/sysfs-class-net`, `Documentation/networking/operstates.rst`.

mod kind;
mod name;

use std::path::PathBuf;

use serde::Serialize;

use super::{KernelError, Roots, attribute, text};
use crate::units::{BitsPerSecond, Bytes};

pub use kind::InterfaceKind;
pub use name::InterfaceName;

/// Drivers whose speed is a 16 bit number write this for -1.
const UNKNOWN_SPEED_16: u64 = u16::MAX as u64;
/// And those whose speed is a 32 bit number this.
const UNKNOWN_SPEED_32: u64 = u32::MAX as u64;
const MEGABIT: u64 = 1_000_000;

/// Whether traffic can pass, in the words of RFC 2863.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OperState {
    Up,
    Down,
    /// Waits for something outside, such as a login to the network.
    Dormant,
    /// What it stands on is down.
    LowerLayerDown,
    NotPresent,
    Testing,
    /// The driver does not keep it; the interface is as good as its carrier.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplex {
    Full,
    Half,
}

/// The folder of one interface. Each fact is `Ok(None)` where the kernel says that it does not know, or that the fact does
/// not exist while the link is down.
#[derive(Debug, Clone)]
pub struct InterfaceDir {
    path: PathBuf,
}

impl InterfaceDir {
    pub fn new(roots: &Roots, name: InterfaceName) -> Self {
        Self { path: roots.sys("class/net").join(name.as_str()) }
    }

    /// Where a file or a link of the interface is, such as `bonding/mode`.
    pub fn attribute(&self, below: &str) -> PathBuf {
        self.path.join(below)
    }

    pub fn kind(&self) -> Result<InterfaceKind, KernelError> {
        kind::of(&self.path)
    }

    /// The network interface that this one is a part of: its bond or bridge.
    pub fn master(&self) -> Result<String, KernelError> {
        attribute::link_name(&self.attribute("master"))
    }

    pub fn driver(&self) -> Result<String, KernelError> {
        attribute::link_name(&self.attribute("device/driver"))
    }

    pub fn state(&self) -> Result<OperState, KernelError> {
        let path = self.attribute("operstate");
        let word = attribute::text(&path)?;
        OperState::parse(&word).ok_or_else(|| KernelError::malformed(path, format!("`{word}` is no state of a link")))
    }

    pub fn carrier(&self) -> Result<Option<bool>, KernelError> {
        while_up(attribute::flag(&self.attribute("carrier")))
    }

    pub fn speed(&self) -> Result<Option<BitsPerSecond>, KernelError> {
        let megabits = while_up(attribute::signed(&self.attribute("speed")))?;
        let known = |megabits| u64::try_from(megabits).ok().filter(|megabits| !is_unknown_speed(*megabits));
        Ok(megabits.and_then(known).and_then(|megabits| megabits.checked_mul(MEGABIT)).map(BitsPerSecond))
    }

    pub fn duplex(&self) -> Result<Option<Duplex>, KernelError> {
        let word = while_up(attribute::text(&self.attribute("duplex")))?;
        Ok(word.and_then(|word| match word.as_str() {
            "full" => Some(Duplex::Full),
            "half" => Some(Duplex::Half),
            _ => None,
        }))
    }

    pub fn mtu(&self) -> Result<Bytes, KernelError> {
        attribute::decimal(&self.attribute("mtu")).map(Bytes)
    }

    /// How often the carrier came or went.
    pub fn carrier_changes(&self) -> Result<u64, KernelError> {
        attribute::decimal(&self.attribute("carrier_changes"))
    }

    /// The hardware address; interfaces that have none show nothing or zeros.
    pub fn hardware_address(&self) -> Result<Option<String>, KernelError> {
        super::file::read(&self.attribute("address"), |bytes| {
            let address = bytes.trim_ascii();
            let is_digit = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':';
            if !address.iter().all(is_digit) {
                return Err("is no hardware address".to_owned());
            }
            let says_something = address.iter().any(|byte| !matches!(byte, b'0' | b':'));
            Ok(says_something.then(|| text::lossy(address)))
        })
    }

    /// State of its link, of a member of a bond: `up`, `down`, or on the way between them.
    pub fn bond_link(&self) -> Result<String, KernelError> {
        attribute::text(&self.attribute("bonding_slave/mii_status"))
    }

    /// Interfaces of a bond.
    pub fn bond_members(&self) -> Result<Vec<String>, KernelError> {
        super::file::read(&self.attribute("bonding/slaves"), |bytes| Ok(text::fields(bytes).map(text::lossy).collect()))
    }
}

impl OperState {
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "up" => Self::Up,
            "down" => Self::Down,
            "dormant" => Self::Dormant,
            "lowerlayerdown" => Self::LowerLayerDown,
            "notpresent" => Self::NotPresent,
            "testing" => Self::Testing,
            "unknown" => Self::Unknown,
            _ => return None,
        })
    }

    /// Whether traffic can pass; of a driver that does not keep its state, the carrier says so.
    pub fn is_up(self, carrier: Option<bool>) -> Option<bool> {
        if self == Self::Unknown { carrier } else { Some(self == Self::Up) }
    }
}

impl Duplex {
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Half => "half",
        }
    }
}

fn is_unknown_speed(megabits: u64) -> bool {
    matches!(megabits, 0 | UNKNOWN_SPEED_16) || megabits >= UNKNOWN_SPEED_32
}

/// Of an interface that is down the kernel refuses to say what only a link has; some drivers have no such thing at all.
fn while_up<T>(read: Result<T, KernelError>) -> Result<Option<T>, KernelError> {
    match read {
        Err(KernelError::Io { source, .. })
            if matches!(source.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP)) =>
        {
            Ok(None)
        }
        read => read.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    fn eth0(fixture: &Fixture) -> InterfaceDir {
        InterfaceDir::new(&fixture.roots, "eth0".parse().unwrap())
    }

    #[test]
    fn a_speed_that_is_not_known_is_none_however_it_is_written() {
        let fixture = Fixture::new();
        let speed = |text: &str| {
            fixture.file("sys/class/net/eth0/speed", text);
            eth0(&fixture).speed()
        };
        assert_eq!(speed("10000\n").unwrap(), Some(BitsPerSecond(10_000_000_000)));
        for unknown in ["-1\n", "0\n", "65535\n", "4294967295\n", "9223372036854775807\n"] {
            assert_eq!(speed(unknown).unwrap(), None, "{unknown}");
        }
        for malformed in ["", "fast\n", "99999999999999999999999\n"] {
            assert!(speed(malformed).unwrap_err().to_string().contains("eth0/speed"), "{malformed}");
        }
    }

    #[test]
    fn the_kernel_refuses_for_a_link_that_is_down() {
        let refused = |errno| KernelError::io("read", "speed", std::io::Error::from_raw_os_error(errno));
        assert!(matches!(while_up::<u64>(Err(refused(libc::EINVAL))), Ok(None)));
        assert!(while_up::<u64>(Err(refused(libc::EIO))).is_err());
    }

    #[test]
    fn words_and_addresses_are_read_as_what_they_mean() {
        let fixture = Fixture::new();
        fixture
            .file("sys/class/net/eth0/duplex", "unknown\n")
            .file("sys/class/net/eth0/operstate", "lowerlayerdown\n")
            .file("sys/class/net/eth0/address", "00:00:00:00:00:00\n");
        let dir = eth0(&fixture);
        assert_eq!((dir.duplex().unwrap(), dir.hardware_address().unwrap()), (None, None));
        assert_eq!(dir.state().unwrap(), OperState::LowerLayerDown);
        fixture
            .file("sys/class/net/eth0/duplex", "full\n")
            .file("sys/class/net/eth0/operstate", "sideways\n")
            .file("sys/class/net/eth0/address", "3c:ec:ef:00:00:0a\n");
        assert_eq!(dir.duplex().unwrap(), Some(Duplex::Full));
        assert!(dir.state().is_err());
        assert_eq!(dir.hardware_address().unwrap().as_deref(), Some("3c:ec:ef:00:00:0a"));
        fixture.file("sys/class/net/eth0/address", [0xff, 0xfe]);
        assert!(dir.hardware_address().is_err());
    }

    #[test]
    fn a_state_that_the_driver_does_not_keep_is_that_of_the_carrier() {
        assert_eq!(OperState::Unknown.is_up(Some(true)), Some(true));
        assert_eq!(OperState::Unknown.is_up(None), None);
        assert_eq!(OperState::Dormant.is_up(Some(true)), Some(false));
    }
}
