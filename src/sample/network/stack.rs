//! How TCP and UDP fare: what the kernel had to send again, and what it threw away. Read seldom: the kernel adds these up
//! over all CPUs for each read, and nobody acts on them within a second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::kernel::file::KeptFile;
use crate::kernel::{KernelError, Roots, text};
use crate::sample::SampleProblem;
use crate::sample::paced::Paced;

const PERIOD: Duration = Duration::from_secs(5);

/// Counters of the network namespace since it was made, `/proc/net/snmp` and `netstat` (`Documentation/networking/snmp_counter.rst`),
/// and of the CPUs since boot, `/proc/net/softnet_stat`. What is not there is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StackSample {
    /// Connections that are open now.
    pub established: Option<u64>,
    pub received_segments: Option<u64>,
    pub sent_segments: Option<u64>,
    pub retransmitted_segments: Option<u64>,
    pub resets: Option<u64>,
    pub timeouts: Option<u64>,
    pub listen_overflows: Option<u64>,
    pub listen_drops: Option<u64>,
    pub udp_received_errors: Option<u64>,
    pub udp_receive_buffer_errors: Option<u64>,
    pub udp_transmit_buffer_errors: Option<u64>,
    pub sockets: SocketCounts,
    /// Packets that a CPU threw away because it could not take more in.
    pub backlog_dropped: Option<u64>,
    /// How often a CPU had to leave packets for later.
    pub backlog_squeezed: Option<u64>,
}

/// `/proc/net/sockstat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SocketCounts {
    pub used: Option<u64>,
    pub tcp_in_use: Option<u64>,
    pub tcp_orphaned: Option<u64>,
    pub tcp_time_wait: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Stack {
    files: Files,
    last: Paced<(Arc<StackSample>, Vec<SampleProblem>)>,
}

#[derive(Debug)]
struct Files {
    snmp: KeptFile,
    netstat: KeptFile,
    sockstat: KeptFile,
    softnet: KeptFile,
    /// By CPU: one that is offline is not listed, but what it has dropped stays dropped.
    backlogs: BTreeMap<u64, Backlog>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Backlog {
    dropped: u64,
    squeezed: u64,
}

impl Stack {
    pub(super) fn new(roots: &Roots) -> Self {
        let kept = |file: &str| KeptFile::new(roots.proc("net").join(file));
        let (snmp, netstat, sockstat, softnet) =
            (kept("snmp"), kept("netstat"), kept("sockstat"), kept("softnet_stat"));
        let files = Files { snmp, netstat, sockstat, softnet, backlogs: BTreeMap::new() };
        Self { files, last: Paced::new(PERIOD) }
    }

    pub(super) fn sample(&mut self, now: Moment, problems: &mut Vec<SampleProblem>) -> Arc<StackSample> {
        let Self { files, last } = self;
        let last = last.get(now, || files.read());
        problems.extend(last.1.iter().cloned());
        Arc::clone(&last.0)
    }
}

impl Files {
    fn read(&mut self) -> (Arc<StackSample>, Vec<SampleProblem>) {
        let mut problems = Vec::new();
        let mut sample = StackSample::default();
        if let Some(counters) = there("snmp", self.snmp.read(counters), &mut problems) {
            sample = counters;
        }
        if let Some(StackSample { timeouts, listen_overflows, listen_drops, .. }) =
            there("netstat", self.netstat.read(counters), &mut problems)
        {
            sample = StackSample { timeouts, listen_overflows, listen_drops, ..sample };
        }
        sample.sockets = there("sockstat", self.sockstat.read(sockets), &mut problems).unwrap_or_default();
        if let Some(backlogs) = there("softnet", self.softnet.read(backlogs), &mut problems) {
            self.backlogs.extend(backlogs);
            let sum = |pick: fn(&Backlog) -> u64| Some(self.backlogs.values().map(pick).fold(0, u64::wrapping_add));
            sample.backlog_dropped = sum(|backlog| backlog.dropped);
            sample.backlog_squeezed = sum(|backlog| backlog.squeezed);
        }
        (Arc::new(sample), problems)
    }
}

/// The value, or `None`, with a problem that says why unless the kernel or the container does not have the file.
fn there<T>(part: &'static str, read: Result<T, KernelError>, problems: &mut Vec<SampleProblem>) -> Option<T> {
    match read {
        Err(error) if error.is_gone() => None,
        read => crate::sample::host::told(part, read, problems),
    }
}

/// Lines in pairs, names and values, each begun by the protocol.
fn counters(bytes: &[u8]) -> Result<StackSample, String> {
    if !bytes.ends_with(b"\n") {
        return Err("cut off".to_owned());
    }
    let mut sample = StackSample::default();
    let mut lines = text::lines(bytes);
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let (mut names, mut values) = (text::fields(names), text::fields(values));
        let protocol = names.next().unwrap_or_default();
        if values.next() != Some(protocol) {
            return Err(format!("names of `{}` without values", text::lossy(protocol)));
        }
        for (name, value) in names.zip(values) {
            if let Some(field) = sample.field(protocol, name) {
                *field = text::decimal(value);
            }
        }
    }
    Ok(sample)
}

impl StackSample {
    fn field(&mut self, protocol: &[u8], name: &[u8]) -> Option<&mut Option<u64>> {
        Some(match (protocol, name) {
            (b"Tcp:", b"CurrEstab") => &mut self.established,
            (b"Tcp:", b"InSegs") => &mut self.received_segments,
            (b"Tcp:", b"OutSegs") => &mut self.sent_segments,
            (b"Tcp:", b"RetransSegs") => &mut self.retransmitted_segments,
            (b"Tcp:", b"EstabResets") => &mut self.resets,
            (b"TcpExt:", b"TCPTimeouts") => &mut self.timeouts,
            (b"TcpExt:", b"ListenOverflows") => &mut self.listen_overflows,
            (b"TcpExt:", b"ListenDrops") => &mut self.listen_drops,
            (b"Udp:", b"InErrors") => &mut self.udp_received_errors,
            (b"Udp:", b"RcvbufErrors") => &mut self.udp_receive_buffer_errors,
            (b"Udp:", b"SndbufErrors") => &mut self.udp_transmit_buffer_errors,
            _ => return None,
        })
    }
}

/// Names and values in turn behind each protocol.
fn sockets(bytes: &[u8]) -> Result<SocketCounts, String> {
    if !bytes.ends_with(b"\n") {
        return Err("cut off".to_owned());
    }
    let mut counts = SocketCounts::default();
    for line in text::lines(bytes) {
        let mut fields = text::fields(line);
        let protocol = fields.next().unwrap_or_default();
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            let field = match (protocol, name) {
                (b"sockets:", b"used") => &mut counts.used,
                (b"TCP:", b"inuse") => &mut counts.tcp_in_use,
                (b"TCP:", b"orphan") => &mut counts.tcp_orphaned,
                (b"TCP:", b"tw") => &mut counts.tcp_time_wait,
                _ => continue,
            };
            *field = text::decimal(value);
        }
    }
    Ok(counts)
}

/// A line per CPU that is online, in hexadecimal: processed, dropped, squeezed; since Linux 5.10 the thirteenth column is the
/// number of the CPU, before that lines have to be counted.
fn backlogs(bytes: &[u8]) -> Result<Vec<(u64, Backlog)>, String> {
    if !bytes.ends_with(b"\n") {
        return Err("cut off".to_owned());
    }
    let number = |field: &[u8]| u64::from_str_radix(std::str::from_utf8(field).ok()?, 16).ok();
    let backlog = |(line_number, line): (u64, &[u8])| {
        let mut fields = text::fields(line).skip(1);
        let (dropped, squeezed) = (number(fields.next()?)?, number(fields.next()?)?);
        let cpu = fields.nth(9).map_or(Some(line_number), number)?;
        Some((cpu, Backlog { dropped, squeezed }))
    };
    let lines = (0..).zip(text::lines(bytes));
    lines.map(|line| backlog(line).ok_or_else(|| format!("`{}` is not as documented", text::lossy(line.1)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::{Fixture, at};

    const SNMP: &str = "Ip: Forwarding DefaultTTL\nIp: 1 64\n\
        Tcp: RtoAlgorithm MaxConn EstabResets CurrEstab InSegs OutSegs RetransSegs\nTcp: 1 -1 3 4 5 6 7\n\
        Udp: InDatagrams NoPorts InErrors RcvbufErrors\nUdp: 1 2 3 4\n";
    const SOFTNET: &str = "004da1d4 00000002 0000000a 0 0 0 0 0 0 0 0 00000000 00000000\n\
        00430c88 00000001 00000001 0 0 0 0 0 0 0 0 00000000 00000001\n";

    fn sample(fixture: &Fixture) -> (StackSample, Vec<SampleProblem>) {
        let mut problems = Vec::new();
        (*Stack::new(&fixture.roots).sample(at(Duration::from_secs(1)), &mut problems), problems)
    }

    #[test]
    fn counters_are_taken_by_name() {
        let fixture = Fixture::new();
        fixture
            .file("proc/net/snmp", SNMP)
            .file("proc/net/netstat", "TcpExt: ListenDrops TCPTimeouts\nTcpExt: 8 9\n")
            .file("proc/net/sockstat", "sockets: used 25\nTCP: inuse 1 orphan 0 tw 2 alloc 1 mem 123\n");
        let (sample, problems) = sample(&fixture);
        assert_eq!(problems, []);
        assert_eq!((sample.resets, sample.established, sample.retransmitted_segments), (Some(3), Some(4), Some(7)));
        assert_eq!((sample.udp_received_errors, sample.udp_transmit_buffer_errors), (Some(3), None));
        assert_eq!((sample.listen_drops, sample.timeouts, sample.listen_overflows), (Some(8), Some(9), None));
        let SocketCounts { used, tcp_in_use, tcp_orphaned, tcp_time_wait } = sample.sockets;
        assert_eq!((used, tcp_in_use, tcp_orphaned, tcp_time_wait), (Some(25), Some(1), Some(0), Some(2)));
        assert_eq!(sample.backlog_dropped, None, "no file, no zero");
    }

    #[test]
    fn what_a_cpu_dropped_stays_dropped_when_it_goes_offline() {
        let fixture = Fixture::new();
        let mut stack = Stack::new(&fixture.roots);
        let mut dropped = |second, text: &str| {
            fixture.file("proc/net/softnet_stat", text);
            let sample = stack.sample(at(Duration::from_secs(second)), &mut Vec::new());
            (sample.backlog_dropped, sample.backlog_squeezed)
        };
        assert_eq!(dropped(1, SOFTNET), (Some(3), Some(11)));
        assert_eq!(dropped(10, SOFTNET.split_inclusive('\n').next().unwrap()), (Some(3), Some(11)));
    }

    #[test]
    fn before_linux_5_10_lines_are_counted() {
        let two = "1 2 3 0 0 0 0 0 0 0 0\n1 2 3 0 0 0 0 0 0 0 0\n";
        let cpus: Vec<u64> = backlogs(two.as_bytes()).unwrap().into_iter().map(|(cpu, _)| cpu).collect();
        assert_eq!(cpus, [0, 1]);
    }

    #[test]
    fn what_is_malformed_is_said_and_counts_for_nothing() {
        let fixture = Fixture::new();
        fixture
            .file("proc/net/snmp", &SNMP[..SNMP.len() - 1])
            .file("proc/net/netstat", "TcpExt: A B\nIpExt: 1 2\n")
            .file("proc/net/sockstat", [0xff, 0xfe])
            .file("proc/net/softnet_stat", "1 xyz 3\n");
        let (sample, problems) = sample(&fixture);
        assert_eq!(sample, StackSample::default());
        let parts: Vec<_> = problems.iter().map(|problem| problem.part).collect();
        assert_eq!(parts, ["snmp", "netstat", "sockstat", "softnet"]);
    }
}
