//! Messages of D-Bus as bytes: what we send is little-endian, what we get may be either.

use super::Method;

/// Length of the part of each message that says how long the rest is.
pub const FIXED: usize = 16;

const CALL: u8 = 1;
const VERSION: u8 = 1;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Answer,
    Error,
    Other,
}

/// What we must know of a message that we get.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    pub kind: Kind,
    pub reply_to: Option<u32>,
    pub error_name: Option<String>,
    /// The first argument, if it is a text.
    pub first_text: Option<String>,
}

/// Arguments of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    signature: String,
    bytes: Vec<u8>,
}

impl Body {
    /// The types of the arguments that are written by what follows.
    pub fn of(signature: &str) -> Self {
        Self { signature: signature.to_owned(), bytes: Vec::new() }
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        put_text(&mut self.bytes, text);
        self
    }

    /// An array, whose elements begin at multiples of `alignment`.
    pub fn array(&mut self, alignment: usize, elements: impl FnOnce(&mut Self) -> &mut Self) -> &mut Self {
        let at = put_length(&mut self.bytes, alignment);
        elements(self);
        set_length(&mut self.bytes, at, alignment);
        self
    }

    /// A structure of a name and a value of the type.
    pub fn property(&mut self, name: &str, signature: &str, value: impl FnOnce(&mut Self) -> &mut Self) -> &mut Self {
        pad(&mut self.bytes, 8);
        self.text(name);
        put_signature(&mut self.bytes, signature);
        value(self);
        self
    }

    pub fn number(&mut self, number: u32) -> &mut Self {
        put_number(&mut self.bytes, number);
        self
    }
}

/// A call as it goes over the wire.
pub fn call(serial: u32, method: Method<'_>, body: &Body) -> Vec<u8> {
    let mut bytes = vec![b'l', CALL, 0, VERSION];
    put_number(&mut bytes, u32::try_from(body.bytes.len()).unwrap_or(u32::MAX));
    put_number(&mut bytes, serial);
    let at = put_length(&mut bytes, 8);
    let fields =
        [(1, "o", method.path), (2, "s", method.interface), (3, "s", method.member), (6, "s", method.destination)];
    for (code, signature, text) in fields {
        pad(&mut bytes, 8);
        bytes.push(code);
        put_signature(&mut bytes, signature);
        put_text(&mut bytes, text);
    }
    if !body.signature.is_empty() {
        pad(&mut bytes, 8);
        bytes.push(8);
        put_signature(&mut bytes, "g");
        put_signature(&mut bytes, &body.signature);
    }
    set_length(&mut bytes, at, 8);
    pad(&mut bytes, 8);
    bytes.extend(&body.bytes);
    bytes
}

/// How many bytes follow the first ones; `None` if these begin no message.
pub fn length_of_rest(start: &[u8; FIXED]) -> Option<usize> {
    let reader = Reader::new(start)?;
    let (body, fields) = (reader.number_at(4)? as usize, reader.number_at(12)? as usize);
    fields.checked_add(FIXED)?.checked_next_multiple_of(8)?.checked_add(body)?.checked_sub(FIXED)
}

impl Message {
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes)?;
        let kind = match *bytes.get(1)? {
            2 => Kind::Answer,
            3 => Kind::Error,
            _ => Kind::Other,
        };
        let mut message = Self { kind, reply_to: None, error_name: None, first_text: None };
        let end = FIXED.checked_add(reader.number_at(12)? as usize)?;
        let mut signature = String::new();
        reader.at = FIXED;
        while reader.at < end {
            reader.align(8);
            let code = reader.byte()?;
            match (code, reader.signature()?.as_str()) {
                (4, "s") => message.error_name = Some(reader.text()?),
                (5, "u") => message.reply_to = Some(reader.number()?),
                (8, "g") => signature = reader.signature()?,
                (_, "s" | "o") => drop(reader.text()?),
                (_, "g") => drop(reader.signature()?),
                (_, "u") => drop(reader.number()?),
                _ => return None,
            }
        }
        reader.align(8);
        if signature.starts_with('s') {
            message.first_text = Some(reader.text()?);
        }
        Some(message)
    }
}

fn pad(bytes: &mut Vec<u8>, alignment: usize) {
    bytes.resize(bytes.len().next_multiple_of(alignment), 0);
}

fn put_number(bytes: &mut Vec<u8>, number: u32) {
    pad(bytes, 4);
    bytes.extend(number.to_le_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_number(bytes, u32::try_from(text.len()).unwrap_or(u32::MAX));
    bytes.extend(text.bytes());
    bytes.push(0);
}

/// Signatures are short: those of this file.
fn put_signature(bytes: &mut Vec<u8>, signature: &str) {
    bytes.push(u8::try_from(signature.len()).unwrap_or(u8::MAX));
    bytes.extend(signature.bytes());
    bytes.push(0);
}

/// Leaves room for the length of an array; returns where.
fn put_length(bytes: &mut Vec<u8>, alignment: usize) -> usize {
    put_number(bytes, 0);
    let at = bytes.len() - 4;
    pad(bytes, alignment);
    at
}

/// The length does not count what pads the array to its first element.
fn set_length(bytes: &mut [u8], at: usize, alignment: usize) {
    let length = bytes.len() - (at + 4).next_multiple_of(alignment);
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    little: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let little = match bytes.first()? {
            b'l' => true,
            b'B' => false,
            _ => return None,
        };
        Some(Self { bytes, at: 0, little })
    }

    fn number_at(&self, at: usize) -> Option<u32> {
        let number = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(number) } else { u32::from_be_bytes(number) })
    }

    fn align(&mut self, alignment: usize) {
        self.at = self.at.next_multiple_of(alignment);
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn number(&mut self) -> Option<u32> {
        self.align(4);
        let number = self.number_at(self.at)?;
        self.at += 4;
        Some(number)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.number()? as usize;
        self.taken(length)
    }

    fn signature(&mut self) -> Option<String> {
        let length = self.byte()?.into();
        self.taken(length)
    }

    /// Text of that length, with the zero behind it.
    fn taken(&mut self, length: usize) -> Option<String> {
        let text = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length + 1;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `org.freedesktop.DBus.Error.AccessDenied` in answer to call 7, as a big-endian service would say it.
    fn an_error() -> Vec<u8> {
        let mut bytes = vec![b'B', 3, 0, 1, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 31];
        bytes.extend([5, 1, b'u', 0, 0, 0, 0, 7]);
        bytes.extend([4, 1, b's', 0, 0, 0, 0, 3]);
        bytes.extend(b"a.b\0\0\0\0\0");
        bytes.extend([8, 1, b'g', 0, 1, b's', 0, 0]);
        bytes.extend([0, 0, 0, 2]);
        bytes.extend(b"no\0");
        bytes
    }

    #[test]
    fn an_error_is_read_with_its_name_and_message() {
        let bytes = an_error();
        let start = bytes[..FIXED].try_into().unwrap();
        assert_eq!(length_of_rest(start), Some(bytes.len() - FIXED));
        let expected = Message {
            kind: Kind::Error,
            reply_to: Some(7),
            error_name: Some("a.b".to_owned()),
            first_text: Some("no".to_owned()),
        };
        assert_eq!(Message::parse(&bytes), Some(expected));
    }

    /// Byte by byte after the specification: the length of an array leaves out what pads it.
    #[test]
    fn arguments_are_laid_out_as_specified() {
        let mut body = Body::of("sa(sv)");
        body.text("x").array(8, |body| body.property("P", "au", |body| body.array(4, |body| body.number(9))));
        let mut expected = vec![1, 0, 0, 0, b'x', 0, 0, 0];
        expected.extend([28, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([1, 0, 0, 0, b'P', 0, 2, b'a', b'u', 0, 0, 0]);
        expected.truncate(16);
        expected.extend([1, 0, 0, 0, b'P', 0]);
        expected.extend([2, b'a', b'u', 0, 0, 0]);
        expected.extend([4, 0, 0, 0, 9, 0, 0, 0]);
        expected[8] = u8::try_from(expected.len() - 16).unwrap();
        assert_eq!(body.bytes, expected);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..80) {
            let _ = Message::parse(&bytes);
            let _ = Message::parse(&an_error()[..cut.min(an_error().len())]);
            if let Some(start) = bytes.first_chunk::<FIXED>() {
                let _ = length_of_rest(start);
            }
        }
    }
}
