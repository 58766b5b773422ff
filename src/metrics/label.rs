//! Label values that no path, thread name or error text can use to break or to bloat a scrape.

use std::borrow::Cow;

/// Longest label value in bytes. A path may have 4096; nobody can tell two series apart by what comes so late.
pub(super) const LONGEST: usize = 512;

const CUT: &str = "…";

/// The value of one label. An empty one is the same as none, and is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label<'a> {
    Text(&'a str),
    Number(u64),
}

impl<'a> From<&'a str> for Label<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Label<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Option<&'a str>> for Label<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.unwrap_or_default())
    }
}

impl From<u32> for Label<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<Option<u32>> for Label<'_> {
    fn from(number: Option<u32>) -> Self {
        number.map_or(Self::Text(""), Self::from)
    }
}

impl Label<'_> {
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Text(""))
    }
}

/// Bounds the length, and replaces control characters other than the line break, which both formats can escape.
pub(super) fn tame(text: &str) -> Cow<'_, str> {
    let unruly = |c: char| c.is_control() && c != '\n';
    // Nearly all are ASCII, which needs no decoding: a scrape has thousands of them.
    let is_plain = |byte: &u8| (b' '..=b'~').contains(byte);
    if text.len() <= LONGEST && (text.as_bytes().iter().all(is_plain) || !text.chars().any(unruly)) {
        return Cow::Borrowed(text);
    }
    let mut tamed = String::with_capacity(LONGEST);
    for c in text.chars() {
        let c = if unruly(c) { char::REPLACEMENT_CHARACTER } else { c };
        if tamed.len() + c.len_utf8() + CUT.len() > LONGEST {
            tamed.push_str(CUT);
            break;
        }
        tamed.push(c);
    }
    Cow::Owned(tamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_passed_through() {
        assert!(matches!(tame("/mnt/temp 1/ünï"), Cow::Borrowed("/mnt/temp 1/ünï")));
    }

    #[test]
    fn control_characters_cannot_reach_a_terminal() {
        assert_eq!(tame("a\x1b[31mb\rc\nd\0"), "a\u{fffd}[31mb\u{fffd}c\nd\u{fffd}");
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let long = "ö".repeat(4096);
        let tamed = tame(&long);
        assert!(tamed.len() <= LONGEST && tamed.ends_with(CUT), "{}", tamed.len());
    }
}
