//! The labels of a series as bytes, in which no two lists of labels are alike: the bytes that end a text and begin a number are in
//! no text.

use super::label::Label;

const END_OF_TEXT: u8 = 0xff;
const NUMBER: u8 = 0xfe;
const NUMBER_BYTES: usize = size_of::<u64>();

pub(super) fn push(labels: &[Label<'_>], keys: &mut Vec<u8>) {
    for label in labels {
        match label {
            Label::Text(text) => {
                keys.extend_from_slice(text.as_bytes());
                keys.push(END_OF_TEXT);
            }
            Label::Number(number) => {
                keys.push(NUMBER);
                keys.extend_from_slice(&number.to_ne_bytes());
            }
        }
    }
}

/// What follows the key of these labels, if `keys` begin with it.
pub(super) fn behind<'k>(keys: &'k [u8], labels: &[Label<'_>]) -> Option<&'k [u8]> {
    labels.iter().try_fold(keys, |rest, label| match label {
        Label::Text(text) => rest.strip_prefix(text.as_bytes())?.strip_prefix(&[END_OF_TEXT]),
        Label::Number(number) => rest.strip_prefix(&[NUMBER])?.strip_prefix(&number.to_ne_bytes()),
    })
}

/// The key of so many labels, and what follows it.
pub(super) fn split(keys: &[u8], labels: usize) -> (&[u8], &[u8]) {
    let rest = (0..labels).fold(keys, |rest, _| first(rest).1);
    keys.split_at(keys.len() - rest.len())
}

/// The labels of a key.
pub(super) fn labels(key: &[u8]) -> impl Iterator<Item = Label<'_>> {
    let mut rest = key;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (label, behind) = first(rest);
        rest = behind;
        Some(label)
    })
}

fn first(keys: &[u8]) -> (Label<'_>, &[u8]) {
    let number = keys.strip_prefix(&[NUMBER]).and_then(<[u8]>::split_first_chunk::<NUMBER_BYTES>);
    if let Some((bytes, rest)) = number {
        return (Label::Number(u64::from_ne_bytes(*bytes)), rest);
    }
    let end = memchr::memchr(END_OF_TEXT, keys).unwrap_or(keys.len());
    // A key is made of labels, and they are text.
    let text = std::str::from_utf8(&keys[..end]).unwrap_or_default();
    (Label::Text(text), keys.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn key(labels: &[Label<'_>]) -> Vec<u8> {
        let mut key = Vec::new();
        push(labels, &mut key);
        key
    }

    #[test]
    fn labels_that_look_alike_are_told_apart() {
        let lists: [&[Label<'_>]; 7] = [
            &["ab".into(), "c".into()],
            &["a".into(), "bc".into()],
            &["abc".into()],
            &["abc".into(), "".into()],
            &[7_u32.into()],
            &["7".into()],
            &[],
        ];
        let keys: BTreeSet<Vec<u8>> = lists.into_iter().map(key).collect();
        assert_eq!(keys.len(), lists.len());
    }

    #[test]
    fn labels_are_read_back_wherever_they_lie() {
        // A number whose bytes are those that stand for something.
        let labels = [Label::Number(0xfeff_fffe_00ff_feff), "ü".into(), "".into(), Label::Number(0)];
        let mut keys = key(&labels);
        let length = keys.len();
        push(&["next".into()], &mut keys);
        assert_eq!(super::labels(&keys[..length]).collect::<Vec<_>>(), labels);
        assert_eq!(split(&keys, labels.len()), keys.split_at(length));
        assert_eq!(behind(&keys, &labels), Some(&keys[length..]));
        assert_eq!(behind(&keys, &[Label::Number(1)]), None);
        assert_eq!(behind(&key(&["ab".into()]), &["a".into()]), None);
    }
}
