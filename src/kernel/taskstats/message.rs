//! What is asked and answered: netlink messages with attributes, and the structure `taskstats` in one of them.
//!
//! The structure grows at its end from version to version, so that a field is there if the structure is long enough. Version 15
//! alone had new fields in its middle; 16 moved them to the end.

use std::time::Duration;

use nix::errno::Errno;

use super::super::netlink::NLM_F_REQUEST;
use super::super::netlink::message::{Attributes, HEADER, Message, find, number16, number32, number64};
use super::{Blocked, Delays};

const GENERIC_HEADER: usize = 4;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `GENL_ID_CTRL`, `CTRL_CMD_GETFAMILY`, `CTRL_ATTR_FAMILY_NAME`, `CTRL_ATTR_FAMILY_ID`.
const CONTROL: (u16, u8) = (0x10, 3);
const FAMILY_NAME: u16 = 2;
const FAMILY_ID: u16 = 1;
/// `TASKSTATS_CMD_GET`, `TASKSTATS_CMD_ATTR_TGID`, `TASKSTATS_TYPE_AGGR_TGID`, `TASKSTATS_TYPE_STATS`.
const GET: u8 = 1;
const ATTRIBUTE_PROCESS: u16 = 2;
const ANSWER_PROCESS: u16 = 5;
const STATS: u16 = 3;

/// The version that is laid out like no other.
const ODD_VERSION: u16 = 15;
/// Where the fields stand: a count, and behind it the time in nanoseconds.
const CPU: usize = 16;
const BLOCK_IO: usize = 32;
const SWAPIN: usize = 48;
const FREE_PAGES: usize = 312;
const THRASHING: usize = 328;
const COMPACT: usize = 352;
const WRITE_PROTECTED: usize = 400;

/// What the kernel can be asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question {
    /// The number of the family of messages.
    Family,
    Delays {
        family: u16,
        pid: i32,
    },
}

/// What the kernel answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Family(u16),
    /// Or why the structure cannot be understood.
    Delays(Result<Delays, String>),
    Refused(Errno),
}

impl Question {
    pub fn message(self, sequence: u32) -> Vec<u8> {
        let (kind, command, attribute, value) = match self {
            Self::Family => (CONTROL.0, CONTROL.1, FAMILY_NAME, b"TASKSTATS\0".to_vec()),
            Self::Delays { family, pid } => (family, GET, ATTRIBUTE_PROCESS, pid.to_ne_bytes().to_vec()),
        };
        let attributes = Attributes::new().with(attribute, &value);
        Message::new(kind, NLM_F_REQUEST, &[command, 1, 0, 0], &attributes).bytes(sequence)
    }
}

impl Answer {
    /// `None` for an answer to another question, and for what is no answer.
    pub fn parse(datagram: &[u8], sequence: u32) -> Option<Self> {
        let length = usize::try_from(number32(datagram, 0)?).ok()?;
        let message = datagram.get(..length)?;
        if number32(message, 8)? != sequence {
            return None;
        }
        let attributes = || message.get(HEADER + GENERIC_HEADER..);
        Some(match number16(message, 4)? {
            ERROR => Self::Refused(Errno::from_raw(number32(message, HEADER)?.cast_signed().wrapping_neg())),
            kind if kind == CONTROL.0 => Self::Family(number16(find(attributes()?, FAMILY_ID)?, 0)?),
            _ => Self::Delays(delays(find(find(attributes()?, ANSWER_PROCESS)?, STATS)?)),
        })
    }
}

fn delays(stats: &[u8]) -> Result<Delays, String> {
    let version = number16(stats, 0).ok_or("an empty structure")?;
    if version == ODD_VERSION {
        return Err("version 15 of its structure is laid out like no other (Linux 6.14 and 6.15)".to_owned());
    }
    let counted = |offset| Some((number64(stats, offset)?, Duration::from_nanos(number64(stats, offset + 8)?)));
    let required = |offset| counted(offset).ok_or_else(|| format!("version {version} of its structure is cut off"));
    let (_, cpu) = required(CPU)?;
    let [io, swapin, reclaim] = [required(BLOCK_IO)?, required(SWAPIN)?, required(FREE_PAGES)?];
    let [thrashing, compaction, copies] = [THRASHING, COMPACT, WRITE_PROTECTED].map(counted);
    let optional = [thrashing, compaction, copies].into_iter().flatten();
    let count = [io, swapin, reclaim].into_iter().chain(optional).map(|(count, _)| count);
    let blocked = Blocked {
        count: count.fold(0, u64::saturating_add),
        io: io.1,
        swapin: swapin.1,
        reclaim: reclaim.1,
        thrashing: thrashing.map(|(_, time)| time),
        compaction: compaction.map(|(_, time)| time),
    };
    Ok(Delays { cpu, blocked: Some(blocked) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A structure of this version and length in which each field holds its own offset.
    fn structure(version: u16, length: usize) -> Vec<u8> {
        let mut stats: Vec<u8> = (0..length / 8).flat_map(|field| (field as u64 * 8).to_ne_bytes()).collect();
        stats[..2].copy_from_slice(&version.to_ne_bytes());
        stats
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = u16::try_from(4 + value.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn datagram(kind: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(HEADER + payload.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 2]);
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes
    }

    fn answer(stats: &[u8]) -> Vec<u8> {
        let inner = [attribute(2, &7_u32.to_ne_bytes()), attribute(STATS, stats)].concat();
        datagram(31, 5, &[vec![2, 1, 0, 0], attribute(ANSWER_PROCESS, &inner)].concat())
    }

    fn told(stats: &[u8]) -> Result<Delays, String> {
        match Answer::parse(&answer(stats), 5) {
            Some(Answer::Delays(delays)) => delays,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_version_tells_what_it_has() {
        let nanos = Duration::from_nanos;
        let newest = told(&structure(16, 560)).unwrap();
        let blocked = newest.blocked.unwrap();
        assert_eq!(
            (newest.cpu, blocked.io, blocked.swapin, blocked.reclaim),
            (nanos(24), nanos(40), nanos(56), nanos(320))
        );
        assert_eq!((blocked.thrashing, blocked.compaction), (Some(nanos(336)), Some(nanos(360))));
        assert_eq!(blocked.count, 32 + 48 + 312 + 328 + 352 + 400);
        let old = told(&structure(8, 328)).unwrap().blocked.unwrap();
        assert_eq!((old.reclaim, old.thrashing, old.compaction), (nanos(320), None, None));
        assert!(told(&structure(15, 560)).unwrap_err().contains("15"));
        assert!(told(&structure(8, 200)).unwrap_err().contains("cut off"));
    }

    #[test]
    fn refusals_and_answers_to_others_are_told_apart() {
        let refused = datagram(ERROR, 5, &(-libc::ESRCH).to_ne_bytes());
        assert_eq!(Answer::parse(&refused, 5), Some(Answer::Refused(Errno::ESRCH)));
        assert_eq!(Answer::parse(&refused, 6), None);
        let family =
            [vec![1, 2, 0, 0], attribute(FAMILY_NAME, b"TASKSTATS\0"), attribute(FAMILY_ID, &[31, 0])].concat();
        assert_eq!(Answer::parse(&datagram(CONTROL.0, 1, &family), 1), Some(Answer::Family(31)));
    }

    #[test]
    fn a_question_is_as_long_as_it_says() {
        for question in [Question::Family, Question::Delays { family: 31, pid: 4711 }] {
            let message = question.message(1);
            assert_eq!(number32(&message, 0).unwrap() as usize, message.len());
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Answer::parse(&bytes, 0);
        }

        #[test]
        fn a_cut_answer_is_no_answer(length in 0_usize..600) {
            let whole = answer(&structure(16, 560));
            let cut = &whole[..length.min(whole.len() - 1)];
            prop_assert_eq!(Answer::parse(cut, 5), None);
        }
    }
}
