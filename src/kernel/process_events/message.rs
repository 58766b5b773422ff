//! The wire format of the process connector: netlink header, connector header, event; all in the machine's byte order.

use super::ProcessEvent;

/// Longer than any message of the process connector.
pub const LARGEST: usize = 4096;

const NETLINK_HEADER: usize = 16;
const CONNECTOR_HEADER: usize = 20;
/// Kind, CPU and time stamp, before what each kind of event adds.
const EVENT_HEADER: usize = 16;

const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const EVENT_NONE: u32 = 0;
const EVENT_FORK: u32 = 1;
const EVENT_EXEC: u32 = 2;
const EVENT_EXIT: u32 = 0x8000_0000;

/// One message of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Which CPU counts the sequence; `None`, or a number that no CPU has, where nothing is counted.
    pub cpu: Option<u32>,
    pub sequence: u32,
    pub content: Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Event(ProcessEvent),
    /// The answer to a request; `mark` is the request's, `error` an errno or 0.
    Acknowledged {
        mark: u32,
        error: i32,
    },
    /// An event of no interest here, counted all the same.
    Other,
    /// The kernel says that it has dropped messages.
    Overrun,
}

/// What we ask of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listening {
    Start = 1,
    Stop = 2,
}

/// The request to start or stop, marked so that the answer is known again: the kernel counts the sequence of its answer
/// as it likes, but answers with our acknowledgement plus one.
pub fn request(listening: Listening, mark: u32) -> Vec<u8> {
    const OPERATION: u16 = 4;
    const LENGTH: u32 = 40;
    let mut bytes = Vec::with_capacity(NETLINK_HEADER + CONNECTOR_HEADER + usize::from(OPERATION));
    // Netlink: length, type, flags, sequence, sender.
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(NLMSG_DONE.to_ne_bytes());
    bytes.extend(0_u16.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    // Connector: id, sequence, acknowledgement, length of what follows, flags.
    bytes.extend(libc::CN_IDX_PROC.to_ne_bytes());
    bytes.extend(libc::CN_VAL_PROC.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(mark.to_ne_bytes());
    bytes.extend(OPERATION.to_ne_bytes());
    bytes.extend(0_u16.to_ne_bytes());
    bytes.extend((listening as u32).to_ne_bytes());
    bytes
}

/// The messages of one datagram. What is cut off or not of the process connector is left out.
pub fn parse(datagram: &[u8]) -> impl Iterator<Item = Message> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        while let Some(length) = word(rest, 0).and_then(|length| usize::try_from(length).ok()) {
            if length < NETLINK_HEADER || length > rest.len() {
                return None;
            }
            let (message, behind) = rest.split_at(length);
            rest = behind.get(length.next_multiple_of(4) - length..).unwrap_or_default();
            if let Some(message) = parse_one(message) {
                return Some(message);
            }
        }
        None
    })
}

fn parse_one(message: &[u8]) -> Option<Message> {
    if u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?) == NLMSG_OVERRUN {
        return Some(Message { cpu: None, sequence: 0, content: Content::Overrun });
    }
    let connector = &message[NETLINK_HEADER..];
    if (word(connector, 0)?, word(connector, 4)?) != (libc::CN_IDX_PROC, libc::CN_VAL_PROC) {
        return None;
    }
    let event = connector.get(CONNECTOR_HEADER..)?;
    let content = content(event, word(connector, 12)?)?;
    Some(Message { cpu: word(event, 4), sequence: word(connector, 8)?, content })
}

fn content(event: &[u8], acknowledgement: u32) -> Option<Content> {
    let pid = |place: usize| word(event, EVENT_HEADER + 4 * place).map(u32::cast_signed);
    // Thread and process of the event: equal for the first thread of a process, which stands for it.
    let of_process = |place| Some((pid(place)? == pid(place + 1)?).then_some(pid(place)?));
    let told = match word(event, 0)? {
        EVENT_NONE => {
            return Some(Content::Acknowledged { mark: acknowledgement.wrapping_sub(1), error: pid(0)? });
        }
        EVENT_FORK => of_process(2)?.map(|child| ProcessEvent::Forked { child }),
        // Any thread may exec; the process is then known by its own number again.
        EVENT_EXEC => Some(ProcessEvent::Execed { pid: pid(1)? }),
        EVENT_EXIT => of_process(0)?.map(|pid| ProcessEvent::Exited { pid }),
        _ => None,
    };
    Some(told.map_or(Content::Other, Content::Event))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
