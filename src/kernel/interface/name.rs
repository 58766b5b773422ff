//! The name of a network interface: at most 15 bytes, kept in place, since a tick names them all.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// `IFNAMSIZ` without the NUL.
const LONGEST: usize = 15;

/// The name of a network interface, as the kernel allows it: not empty, without blanks, slashes and colons, and no step up
/// in a path. Bytes that are no text are shown as question marks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InterfaceName {
    bytes: [u8; LONGEST],
    length: u8,
}

impl InterfaceName {
    pub fn parse(name: &[u8]) -> Option<Self> {
        let is_allowed = |byte: &u8| !matches!(byte, b'/' | b':' | 0) && !byte.is_ascii_whitespace();
        if name.is_empty() || !name.iter().all(is_allowed) || matches!(name, b"." | b"..") {
            return None;
        }
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        if std::str::from_utf8(name).is_err() {
            for byte in bytes.iter_mut().filter(|byte| !byte.is_ascii()) {
                *byte = b'?';
            }
        }
        Some(Self { bytes, length: u8::try_from(name.len()).ok()? })
    }

    pub fn as_str(&self) -> &str {
        let name = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(name).unwrap_or_default()
    }
}

/// Why a text is no name of an interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name of a network interface")]
pub struct NotAName(String);

impl FromStr for InterfaceName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.as_bytes()).ok_or_else(|| NotAName(text.to_owned()))
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl Serialize for InterfaceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_the_kernel_allows() {
        for name in ["lo", "enp0s31f6", "bond0.100", "fifteen-bytes-x", "größe"] {
            assert_eq!(InterfaceName::parse(name.as_bytes()).unwrap().as_str(), name);
        }
        assert_eq!(InterfaceName::parse(b"a\xff\xc3b").unwrap().as_str(), "a??b");
    }

    #[test]
    fn nothing_that_would_be_another_path() {
        for name in ["", ".", "..", "a/b", "/etc", "a b", "a:b", "a\0b", "sixteen-bytes-xx"] {
            assert_eq!(InterfaceName::parse(name.as_bytes()), None, "{name:?}");
        }
    }
}
