//! Messages of netlink: a header, a structure that each kind of message fixes, and attributes, which may hold attributes.
//!
//! Source: `Documentation/userspace-api/netlink/intro.rst`, `include/uapi/linux/netlink.h`.

pub const HEADER: usize = 16;
/// The upper bits of an attribute's type are flags.
const TYPE: u16 = 0x3fff;
/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;
const ALIGNMENT: usize = 4;

/// A message to the kernel, still without its number.
#[derive(Debug, Clone)]
pub struct Message {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

/// Attributes in the making.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<u8>);

/// A message from the kernel.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    pub kind: u16,
    pub flags: u16,
    pub sequence: u32,
    pub body: &'a [u8],
}

impl Message {
    pub fn new(kind: u16, flags: u16, fixed: &[u8], attributes: &Attributes) -> Self {
        let mut body = fixed.to_vec();
        body.resize(body.len().next_multiple_of(ALIGNMENT), 0);
        body.extend(&attributes.0);
        Self { kind, flags, body }
    }

    #[must_use]
    pub fn with_flags(self, more: u16) -> Self {
        Self { flags: self.flags | more, ..self }
    }

    pub fn wants_acknowledgement(&self) -> bool {
        self.flags & super::NLM_F_ACK != 0
    }

    pub fn bytes(&self, sequence: u32) -> Vec<u8> {
        let length = HEADER + self.body.len();
        let mut bytes = Vec::with_capacity(length);
        // No message of ours comes near what its length can hold.
        bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
        bytes.extend(self.kind.to_ne_bytes());
        bytes.extend(self.flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(&self.body);
        bytes
    }
}

impl Attributes {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        // No attribute of ours comes near what its length can hold.
        self.0.extend(u16::try_from(ALIGNMENT + value.len()).unwrap_or(u16::MAX).to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(ALIGNMENT), 0);
        self
    }

    /// A text, with the NUL that the kernel expects.
    #[must_use]
    pub fn with_text(self, kind: u16, text: &str) -> Self {
        self.with(kind, &[text.as_bytes(), &[0]].concat())
    }

    #[must_use]
    pub fn with_nested(self, kind: u16, inner: &Self) -> Self {
        self.with(kind | NESTED, &inner.0)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The messages of one datagram; one that is cut off ends it.
pub fn messages(datagram: &[u8]) -> impl Iterator<Item = Received<'_>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let length = usize::try_from(number32(rest, 0)?).ok()?;
        let message = rest.get(..length)?;
        let received = Received {
            kind: number16(message, 4)?,
            flags: number16(message, 6)?,
            sequence: number32(message, 8)?,
            body: message.get(HEADER..)?,
        };
        rest = rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        Some(received)
    })
}

/// Types and values of the attributes in `bytes`; one that is cut off ends them.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(number16(rest, 0)?);
        let value = rest.get(ALIGNMENT..length)?;
        let kind = number16(rest, 2)? & TYPE;
        rest = rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The value of the first attribute of this type.
pub fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

/// A text that ends at its NUL; bytes that are no text are shown as such.
pub fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    super::super::text::lossy(&value[..end])
}

pub fn number16(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

pub fn number32(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

pub fn number64(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let inner = Attributes::new().with(1, &[7]).with_text(2, "htb");
        let written = Attributes::new().with_nested(2, &inner).with(3, &5_u32.to_ne_bytes());
        let bytes = Message::new(36, 1, &[9; 6], &written).with_flags(4).bytes(11);
        let [message] = &messages(&bytes).collect::<Vec<_>>()[..] else { panic!("{bytes:?}") };
        assert_eq!((message.kind, message.flags, message.sequence), (36, 5, 11));
        let read = message.body.get(8..).unwrap();
        let nested = find(read, 2).unwrap();
        assert_eq!(find(nested, 1), Some(&[7][..]));
        assert_eq!(text(find(nested, 2).unwrap()), "htb");
        assert_eq!(find(read, 3).and_then(|value| number32(value, 0)), Some(5));
        assert_eq!(find(read, 4), None);
    }

    #[test]
    fn a_datagram_holds_many_messages() {
        let one = Message::new(1, 0, &[], &Attributes::new().with(1, &[1])).bytes(1);
        let datagram = [one.clone(), one[..20].to_vec()].concat();
        assert_eq!(messages(&datagram).count(), 1, "the second is cut off");
        assert_eq!(messages(&[one.clone(), one].concat()).count(), 2);
    }

    proptest! {
        #[test]
        fn damage_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for message in messages(&bytes).take(50) {
                attributes(message.body).take(50).for_each(|(_, value)| drop(text(value)));
            }
            prop_assert!(attributes(&bytes).take(100).count() < 100);
        }
    }
}
