//! The steps of a rule: each loads something of a packet into a register, compares it, or does something with it. A packet that
//! does not compare leaves the rule.
//!
//! Source: `include/uapi/linux/netfilter/nf_tables.h`, `net/netfilter/nft_*.c`. All values are big-endian to netlink; what a
//! register holds is in the order of the machine, or of the packet if it comes from there.

use crate::kernel::netlink::message::{Attributes, find, text};

const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;
const NFTA_DATA_VALUE: u16 = 1;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NF_ACCEPT: u32 = 1;
/// The verdict, and the first of the registers, which is the only one that is needed.
const VERDICT: u32 = 0;
const REGISTER: u32 = 1;
const NFT_SOCKET_CGROUPV2: u32 = 3;
const NFT_META_PRIORITY: u32 = 2;
const NFT_CMP_EQ: u32 = 0;
const NFT_PAYLOAD_CSUM_INET: u32 = 1;

/// What is known of a packet beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meta {
    /// Number of the interface by which it leaves.
    Interface = 5,
    /// `NFPROTO_IPV4` or `NFPROTO_IPV6`, one byte.
    Family = 15,
    /// Such as TCP, one byte.
    Transport = 16,
}

/// The header that an offset counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    Network = 1,
    Transport = 2,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    Load(Meta),
    /// The inode of the cgroup, at that depth below the root, in which the packet's socket was opened.
    LoadGroup {
        level: u32,
    },
    LoadBytes {
        from: Header,
        offset: u32,
        length: u32,
    },
    /// The rest is done only if the register begins with this.
    Equals(Vec<u8>),
    /// Keeps the bits of `mask`, then turns those of `flip`.
    Mask {
        mask: Vec<u8>,
        flip: Vec<u8>,
    },
    /// Loads a number.
    Number(u32),
    /// The register becomes the priority of the packet, by which its class is found.
    SetPriority,
    /// The register goes into the packet; `checksum` is where its header has the sum to be kept right.
    StoreBytes {
        into: Header,
        offset: u32,
        length: u32,
        checksum: Option<u32>,
    },
    /// No further rule of the chain is asked.
    Accept,
}

impl Meta {
    fn parse(key: u32) -> Option<Self> {
        [Self::Interface, Self::Family, Self::Transport].into_iter().find(|meta| *meta as u32 == key)
    }
}

impl Header {
    fn parse(base: u32) -> Option<Self> {
        [Self::Network, Self::Transport].into_iter().find(|header| *header as u32 == base)
    }
}

impl Expression {
    pub(super) fn attributes(&self) -> Attributes {
        let (name, data) = match self {
            Self::Load(meta) => ("meta", numbers(&[(1, REGISTER), (2, *meta as u32)])),
            Self::SetPriority => ("meta", numbers(&[(2, NFT_META_PRIORITY), (3, REGISTER)])),
            Self::LoadGroup { level } => ("socket", numbers(&[(1, NFT_SOCKET_CGROUPV2), (2, REGISTER), (3, *level)])),
            Self::LoadBytes { from, offset, length } => {
                ("payload", numbers(&[(1, REGISTER), (2, *from as u32), (3, *offset), (4, *length)]))
            }
            Self::StoreBytes { into, offset, length, checksum } => {
                let place = numbers(&[(2, *into as u32), (3, *offset), (4, *length), (5, REGISTER)]);
                let kind = checksum.map_or(0, |_| NFT_PAYLOAD_CSUM_INET);
                let data = place.with(6, &kind.to_be_bytes()).with(7, &checksum.unwrap_or(0).to_be_bytes());
                ("payload", data)
            }
            Self::Equals(bytes) => ("cmp", numbers(&[(1, REGISTER), (2, NFT_CMP_EQ)]).with_nested(3, &value(bytes))),
            Self::Mask { mask, flip } => {
                let length = u32::try_from(mask.len()).unwrap_or(u32::MAX);
                let place = numbers(&[(1, REGISTER), (2, REGISTER), (3, length)]);
                ("bitwise", place.with_nested(4, &value(mask)).with_nested(5, &value(flip)))
            }
            Self::Number(number) => {
                ("immediate", numbers(&[(1, REGISTER)]).with_nested(2, &value(&number.to_ne_bytes())))
            }
            Self::Accept => {
                let code = Attributes::new().with(NFTA_VERDICT_CODE, &NF_ACCEPT.to_be_bytes());
                let verdict = Attributes::new().with_nested(NFTA_DATA_VERDICT, &code);
                ("immediate", numbers(&[(1, VERDICT)]).with_nested(2, &verdict))
            }
        };
        Attributes::new().with_text(NFTA_EXPR_NAME, name).with_nested(NFTA_EXPR_DATA, &data)
    }

    /// `None` for what we would not have written.
    pub(super) fn parse(attributes: &[u8]) -> Option<Self> {
        let name = text(find(attributes, NFTA_EXPR_NAME)?);
        let data = find(attributes, NFTA_EXPR_DATA)?;
        let number = |kind| big_endian(find(data, kind)?);
        let is_in_register = |kind| number(kind) == Some(REGISTER);
        let bytes = |kind| Some(find(find(data, kind)?, NFTA_DATA_VALUE)?.to_vec());
        match name.as_str() {
            "meta" if is_in_register(1) => Some(Self::Load(Meta::parse(number(2)?)?)),
            "meta" if is_in_register(3) => (number(2)? == NFT_META_PRIORITY).then_some(Self::SetPriority),
            "socket" if is_in_register(2) && number(1)? == NFT_SOCKET_CGROUPV2 => {
                Some(Self::LoadGroup { level: number(3)? })
            }
            "payload" => {
                let (header, offset, length) = (Header::parse(number(2)?)?, number(3)?, number(4)?);
                if is_in_register(1) {
                    return Some(Self::LoadBytes { from: header, offset, length });
                }
                let checksum = number(6).filter(|kind| *kind == NFT_PAYLOAD_CSUM_INET).and_then(|_| number(7));
                is_in_register(5).then_some(Self::StoreBytes { into: header, offset, length, checksum })
            }
            "cmp" if is_in_register(1) && number(2)? == NFT_CMP_EQ => Some(Self::Equals(bytes(3)?)),
            "bitwise" if is_in_register(1) && is_in_register(2) => {
                Some(Self::Mask { mask: bytes(4)?, flip: bytes(5)? })
            }
            "immediate" if is_in_register(1) => Some(Self::Number(u32::from_ne_bytes(bytes(2)?.try_into().ok()?))),
            "immediate" if number(1)? == VERDICT => {
                let code = find(find(find(data, 2)?, NFTA_DATA_VERDICT)?, NFTA_VERDICT_CODE)?;
                (big_endian(code)? == NF_ACCEPT).then_some(Self::Accept)
            }
            _ => None,
        }
    }
}

fn numbers(numbers: &[(u16, u32)]) -> Attributes {
    numbers.iter().fold(Attributes::new(), |data, (kind, number)| data.with(*kind, &number.to_be_bytes()))
}

fn value(bytes: &[u8]) -> Attributes {
    Attributes::new().with(NFTA_DATA_VALUE, bytes)
}

fn big_endian(value: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*value.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_read_as_it_is_written() {
        let steps = [
            Expression::Load(Meta::Interface),
            Expression::LoadGroup { level: 2 },
            Expression::LoadBytes { from: Header::Network, offset: 16, length: 4 },
            Expression::Equals(vec![192, 0, 2, 7]),
            Expression::Mask { mask: vec![0xff, 0x03], flip: vec![0, 0x20] },
            Expression::Number(0x5057_0010),
            Expression::SetPriority,
            Expression::StoreBytes { into: Header::Network, offset: 0, length: 2, checksum: Some(10) },
            Expression::StoreBytes { into: Header::Transport, offset: 0, length: 2, checksum: None },
            Expression::Accept,
        ];
        for step in steps {
            assert_eq!(Expression::parse(step.attributes().as_bytes()), Some(step));
        }
    }

    #[test]
    fn what_somebody_else_would_write_is_not_taken_for_ours() {
        let counter = Attributes::new().with_text(1, "counter").with_nested(2, &Attributes::new());
        assert_eq!(Expression::parse(counter.as_bytes()), None);
        let other_key = Attributes::new().with_text(1, "meta").with_nested(2, &numbers(&[(1, REGISTER), (2, 3)]));
        assert_eq!(Expression::parse(other_key.as_bytes()), None);
        assert_eq!(Expression::parse(&[1, 2, 3]), None);
    }
}
