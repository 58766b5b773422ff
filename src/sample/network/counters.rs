//! Counters of the interfaces, `/proc/net/dev`.

use super::InterfaceSample;
use crate::kernel::interface::InterfaceName;
use crate::kernel::text;

const COLUMNS: usize = 16;

/// What passed through an interface since it was made, `/proc/net/dev` (`net/core/net-procfs.c`; the meanings stand in
/// `Documentation/networking/statistics.rst`). Some columns of the file are sums: errors include lengths, checksums and overruns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InterfaceCounters {
    pub received_bytes: u64,
    pub received_packets: u64,
    pub received_errors: u64,
    pub received_dropped: u64,
    pub received_fifo: u64,
    pub received_frame: u64,
    pub received_compressed: u64,
    pub received_multicast: u64,
    pub transmitted_bytes: u64,
    pub transmitted_packets: u64,
    pub transmitted_errors: u64,
    pub transmitted_dropped: u64,
    pub transmitted_fifo: u64,
    pub collisions: u64,
    pub lost_carrier: u64,
    pub transmitted_compressed: u64,
}

/// All interfaces, after two lines of headings.
pub(super) fn parse_all(bytes: &[u8]) -> Result<Vec<InterfaceSample>, String> {
    if bytes.is_empty() {
        return Err("empty".to_owned());
    }
    // Of a line that is cut off the last number may have lost digits.
    if !bytes.ends_with(b"\n") {
        return Err("cut off".to_owned());
    }
    let lines = text::lines(bytes).filter(|line| !line.contains(&b'|'));
    lines.map(|line| parse(line).ok_or_else(|| format!("`{}` is not as documented", text::lossy(line)))).collect()
}

fn parse(line: &[u8]) -> Option<InterfaceSample> {
    let (name, counters) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
    let mut columns = [0; COLUMNS];
    let mut fields = text::fields(&counters[1..]);
    for column in &mut columns {
        *column = fields.decimal()?;
    }
    let [
        received_bytes,
        received_packets,
        received_errors,
        received_dropped,
        received_fifo,
        received_frame,
        received_compressed,
        received_multicast,
        transmitted_bytes,
        transmitted_packets,
        transmitted_errors,
        transmitted_dropped,
        transmitted_fifo,
        collisions,
        lost_carrier,
        transmitted_compressed,
    ] = columns;
    let counters = InterfaceCounters {
        received_bytes,
        received_packets,
        received_errors,
        received_dropped,
        received_fifo,
        received_frame,
        received_compressed,
        received_multicast,
        transmitted_bytes,
        transmitted_packets,
        transmitted_errors,
        transmitted_dropped,
        transmitted_fifo,
        collisions,
        lost_carrier,
        transmitted_compressed,
    };
    Some(InterfaceSample { device: InterfaceName::parse(name.trim_ascii())?, counters, link: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADINGS: &str = "Inter-|   Receive            |  Transmit\n face |bytes packets|bytes\n";

    #[test]
    fn counters_are_taken_by_column() {
        let text = format!("{HEADINGS}  eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
        let [InterfaceSample { device, counters, .. }] = &parse_all(text.as_bytes()).unwrap()[..] else {
            panic!("one interface")
        };
        assert_eq!(device.as_str(), "eth0");
        assert_eq!((counters.received_bytes, counters.received_dropped, counters.received_multicast), (1, 4, 8));
        assert_eq!((counters.transmitted_bytes, counters.transmitted_dropped), (9, 12));
        assert_eq!((counters.collisions, counters.lost_carrier, counters.transmitted_compressed), (14, 15, 16));
    }

    #[test]
    fn a_network_namespace_may_have_no_interface_but_a_broken_file_is_an_error() {
        assert_eq!(parse_all(HEADINGS.as_bytes()), Ok(Vec::new()));
        for bad in [
            "",
            "eth0: 1 2 3\n",
            "eth0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
            "e: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x\n",
            "../e: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
            "e: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
            "e: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 18446744073709551616\n",
        ] {
            assert!(parse_all(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
