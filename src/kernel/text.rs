//! The small grammar that nearly all kernel files share: lines, fields between blanks, and decimals.

use std::iter;

use memchr::memchr;

/// So many digits overflow no `u64`.
const SAFE_DIGITS: usize = 19;

/// A whole decimal number; `None` for anything else, an overflow included. A tick reads a thousand of them.
pub fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let (safe, rest) = bytes.split_at(bytes.len().min(SAFE_DIGITS));
    let value = safe.iter().try_fold(0, |value, byte| Some(value * 10 + digit(byte)?))?;
    rest.iter().try_fold(value, |value: u64, byte| value.checked_mul(10)?.checked_add(digit(byte)?))
}

/// A decimal number that fits the `i32` of a pid or a file descriptor.
pub fn small_decimal(bytes: &[u8]) -> Option<i32> {
    decimal(bytes).and_then(|value| i32::try_from(value).ok())
}

/// A whole decimal number that may be negative, such as a temperature.
pub fn signed(bytes: &[u8]) -> Option<i64> {
    let negative = bytes.strip_prefix(b"-");
    let size = i64::try_from(decimal(negative.unwrap_or(bytes))?).ok()?;
    Some(if negative.is_some() { -size } else { size })
}

/// A finite number that is not negative, such as `12.34`.
pub fn fraction(bytes: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some(value)
}

/// The lines, without empty ones. A tick reads ten thousand bytes, and looking through them one by one was half of its
/// instructions (measured), so the ends of lines are looked for by the vector.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    iter::from_fn(move || {
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            if !line.is_empty() {
                return Some(line);
            }
        }
        None
    })
}

/// The fields between blanks.
pub fn fields(line: &[u8]) -> Fields<'_> {
    Fields { rest: line.trim_ascii_start() }
}

/// What is left of the fields of a line.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    /// Begins with a field, unless it is empty.
    rest: &'a [u8],
}

impl Fields<'_> {
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field, a whole decimal number; `None` if there is none, or something else. As [`decimal`] of the field, in one
    /// pass over it: the columns of disks and interfaces are most of what a tick reads.
    pub fn decimal(&mut self) -> Option<u64> {
        let (mut value, mut length) = (0, 0);
        for byte in self.rest.iter().take(SAFE_DIGITS).take_while(|byte| byte.is_ascii_digit()) {
            value = value * 10 + u64::from(byte - b'0');
            length += 1;
        }
        let behind = &self.rest[length..];
        if length > 0 && behind.first().is_none_or(u8::is_ascii_whitespace) {
            self.rest = behind.trim_ascii_start();
            return Some(value);
        }
        self.next().and_then(decimal)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(u8::is_ascii_whitespace).unwrap_or(self.rest.len());
        let (field, behind) = self.rest.split_at(end);
        self.rest = behind.trim_ascii_start();
        Some(field)
    }
}

/// What follows `key` and a colon on a line of its own, without blanks around it.
pub fn value_of<'a>(bytes: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    lines(bytes).find_map(|line| {
        let rest = line.strip_prefix(key)?.trim_ascii_start().strip_prefix(b":")?;
        Some(rest.trim_ascii())
    })
}

/// Text as the kernel gives it, which need not be UTF-8.
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_digits_only_and_fit() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"-1", b"+1", b"1.0", b"18446744073709551616", b"1 ", b"\xff"] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
        assert_eq!(small_decimal(b"2147483648"), None);
    }

    #[test]
    fn lines_and_fields_are_what_stands_between_their_ends() {
        let all = |text: &'static [u8]| -> Vec<Vec<&[u8]>> { lines(text).map(|line| fields(line).collect()).collect() };
        assert_eq!(all(b"\n\n a  b\t\nc\n \n\xff"), [vec![&b"a"[..], b"b"], vec![b"c"], vec![], vec![b"\xff"]]);
        assert_eq!((all(b""), all(b"\n\n")), (vec![], vec![]));
    }

    #[test]
    fn numbers_in_columns_are_those_of_their_fields() {
        let line = b" 0 18446744073709551615\t007 18446744073709551616 -1 1.0 9999999999999999999 x 0000000000000000000000001 5\xff 3";
        let mut columns = fields(line);
        for field in fields(line) {
            assert!(!columns.is_empty());
            assert_eq!(columns.decimal(), decimal(field), "{}", lossy(field));
        }
        assert!(columns.is_empty());
        assert_eq!((columns.decimal(), fields(b" \n").decimal()), (None, None));
    }

    #[test]
    fn signed_numbers_have_at_most_one_sign() {
        assert_eq!((signed(b"-12500"), signed(b"0"), signed(b"45000")), (Some(-12500), Some(0), Some(45000)));
        for bad in [&b""[..], b"-", b"--1", b"+1", b"-1.5", b"9223372036854775808", b"\xff"] {
            assert_eq!(signed(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn fractions_are_finite_and_not_negative() {
        assert_eq!(fraction(b"12.34"), Some(12.34));
        for bad in [&b"nan"[..], b"inf", b"-0.1", b"", b"\xff"] {
            assert_eq!(fraction(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_value_is_found_by_its_whole_key() {
        let text = b"MemTotalX: 1\nMemTotal:   2 kB\nmodel name\t: AMD\n";
        assert_eq!(value_of(text, b"MemTotal"), Some(&b"2 kB"[..]));
        assert_eq!(value_of(text, b"model name"), Some(&b"AMD"[..]));
        assert_eq!(value_of(text, b"Mem"), None);
    }
}
