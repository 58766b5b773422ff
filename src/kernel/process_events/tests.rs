use std::process::Command;
use std::thread;

use proptest::prelude::*;

use super::message::{Content, Listening, Message, parse, request};
use super::*;

const FORK: u32 = 1;
const EXEC: u32 = 2;
const COMM: u32 = 0x200;
const EXIT: u32 = 0x8000_0000;

/// A message as the kernel builds it, on CPU 3 with sequence 40.
fn message(kind: u32, data: &[i32]) -> Vec<u8> {
    let words = [3, 0, 0].into_iter().chain(data.iter().map(|word| word.cast_unsigned()));
    let event: Vec<u8> = std::iter::once(kind).chain(words).flat_map(u32::to_ne_bytes).collect();
    let mut bytes = Vec::new();
    bytes.extend((36 + u32::try_from(event.len()).unwrap()).to_ne_bytes());
    bytes.extend([3_u16, 0].into_iter().flat_map(u16::to_ne_bytes));
    bytes.extend([0_u32, 0, 1, 1, 40, 78].into_iter().flat_map(u32::to_ne_bytes));
    bytes.extend([u16::try_from(event.len()).unwrap(), 0].into_iter().flat_map(u16::to_ne_bytes));
    bytes.extend(event);
    bytes
}

fn content(kind: u32, data: &[i32]) -> Content {
    let messages: Vec<Message> = parse(&message(kind, data)).collect();
    assert_eq!((messages.len(), messages[0].sequence), (1, 40));
    messages[0].content
}

#[test]
fn reads_what_happens_to_processes_and_leaves_threads_out() {
    assert_eq!(content(FORK, &[1, 1, 20, 20]), Content::Event(ProcessEvent::Forked { child: 20 }));
    assert_eq!(content(FORK, &[1, 1, 21, 20]), Content::Other);
    assert_eq!(content(EXEC, &[20, 20]), Content::Event(ProcessEvent::Execed { pid: 20 }));
    assert_eq!(content(EXIT, &[20, 20, 0, 17, 1, 1]), Content::Event(ProcessEvent::Exited { pid: 20 }));
    assert_eq!(content(EXIT, &[21, 20, 0, 17, 1, 1]), Content::Other);
    assert_eq!(content(COMM, &[20, 20, 0, 0, 0, 0]), Content::Other);
    assert_eq!(content(0, &[13]), Content::Acknowledged { mark: 77, error: 13 });
}

#[test]
fn several_messages_may_come_in_one_datagram() {
    let both = [message(FORK, &[1, 1, 20, 20]), message(EXEC, &[20, 20])].concat();
    assert_eq!(parse(&both).count(), 2);
    assert_eq!(parse(&both[..both.len() - 1]).count(), 1);
}

#[test]
fn a_request_is_laid_out_as_the_kernel_reads_it() {
    let bytes = request(Listening::Start, 77);
    let words: Vec<u32> = bytes.chunks(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect();
    assert_eq!((bytes.len(), words[0], words[4], words[5], words[7], words[9]), (40, 40, 1, 1, 77, 1));
}

#[test]
fn a_gap_in_the_count_of_one_cpu_is_noticed() {
    let mut sequence = Sequence::default();
    assert!(sequence.follows(Some(1), 7) && sequence.follows(Some(0), 90) && sequence.follows(Some(1), 8));
    assert!(!sequence.follows(Some(1), 10));
    assert!(sequence.follows(Some(1), 11) && sequence.follows(None, 0) && sequence.follows(Some(u32::MAX), 5));
    assert!(sequence.follows(Some(2), u32::MAX) && sequence.follows(Some(2), 0), "the count wraps");
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes).count();
    }

    #[test]
    fn cut_messages_never_panic(length in 0_usize..100) {
        let whole = message(EXIT, &[20, 20, 0, 17, 1, 1]);
        let _ = parse(&whole[..length.min(whole.len())]).count();
    }
}

/// The events of this machine, or `None` where it gives none, which then has to be said.
fn open() -> Option<ProcessEvents> {
    match ProcessEvents::open() {
        Ok(events) => Some(events),
        Err(error) => {
            assert!(!we_are_root_of_the_machine(), "{error}");
            assert!(matches!(&error, KernelError::Unsupported { reason, .. } if !reason.is_empty()), "{error}");
            None
        }
    }
}

/// Root in the first user, pid and network namespaces, which have fixed numbers but for the last.
fn we_are_root_of_the_machine() -> bool {
    let is = |namespace: &str, name: &str| {
        std::fs::read_link(format!("/proc/self/ns/{namespace}")).is_ok_and(|link| link.as_os_str() == name)
    };
    nix::unistd::geteuid().is_root() && is("pid", "pid:[4026531836]") && is("user", "user:[4026531837]")
}

fn drain(events: &mut ProcessEvents) -> (Vec<ProcessEvent>, Completeness) {
    let mut seen = Vec::new();
    let completeness = events.drain(|event| seen.push(event)).unwrap();
    (seen, completeness)
}

#[test]
fn the_kernel_tells_of_a_fork_an_exec_and_an_exit_in_this_order() {
    let Some(mut events) = open() else { return };
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id().cast_signed();
    child.wait().unwrap();
    let (seen, completeness) = drain(&mut events);
    assert_eq!(completeness, Completeness::Complete);
    let of_child: Vec<_> = seen
        .into_iter()
        .filter(|event| match event {
            ProcessEvent::Forked { child } => *child == pid,
            ProcessEvent::Execed { pid: other } | ProcessEvent::Exited { pid: other } => *other == pid,
        })
        .collect();
    let expected = [ProcessEvent::Forked { child: pid }, ProcessEvent::Execed { pid }, ProcessEvent::Exited { pid }];
    assert_eq!(of_child, expected);
}

#[test]
fn threads_are_no_processes() {
    let Some(mut events) = open() else { return };
    let tids: Vec<i32> = (0..20).map(|_| thread::spawn(|| nix::unistd::gettid().as_raw()).join().unwrap()).collect();
    let (seen, _) = drain(&mut events);
    for event in seen {
        let (ProcessEvent::Forked { child: pid } | ProcessEvent::Execed { pid } | ProcessEvent::Exited { pid }) = event;
        assert!(!tids.contains(&pid), "{event:?}");
    }
}

#[test]
fn a_full_buffer_is_said_and_the_socket_goes_on() {
    let Some(mut events) = open() else { return };
    events.set_receive_buffer(2048);
    for _ in 0..50 {
        Command::new("true").status().unwrap();
    }
    assert_eq!(drain(&mut events).1, Completeness::EventsLost);
    events.set_receive_buffer(RECEIVE_BUFFER);
    drain(&mut events);
    Command::new("true").status().unwrap();
    let (seen, _) = drain(&mut events);
    assert!(seen.len() >= 3, "{seen:?}");
}
