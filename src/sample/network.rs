//! Network interfaces of the machine, from `/proc/net/dev`.

use crate::kernel::text;

/// One network interface, `/proc/net/dev`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceSample {
    pub device: String,
    pub received_bytes: u64,
    pub received_packets: u64,
    pub received_errors: u64,
    pub received_dropped: u64,
    pub transmitted_bytes: u64,
    pub transmitted_packets: u64,
    pub transmitted_errors: u64,
    pub transmitted_dropped: u64,
}

impl InterfaceSample {
    /// All interfaces, after two lines of headings.
    pub(super) fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, String> {
        if bytes.is_empty() {
            return Err("empty".to_owned());
        }
        let lines = text::lines(bytes).filter(|line| !line.contains(&b'|'));
        lines
            .map(|line| Self::parse(line).ok_or_else(|| format!("`{}` is not as documented", text::lossy(line))))
            .collect()
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let colon = line.iter().rposition(|byte| *byte == b':')?;
        let counters: Option<Vec<u64>> = text::fields(&line[colon + 1..]).map(text::decimal).collect();
        let &[bytes, packets, errors, dropped, _, _, _, _, sent_bytes, sent_packets, sent_errors, sent_dropped, ..] =
            counters?.as_slice()
        else {
            return None;
        };
        Some(Self {
            device: text::lossy(line[..colon].trim_ascii()),
            received_bytes: bytes,
            received_packets: packets,
            received_errors: errors,
            received_dropped: dropped,
            transmitted_bytes: sent_bytes,
            transmitted_packets: sent_packets,
            transmitted_errors: sent_errors,
            transmitted_dropped: sent_dropped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADINGS: &str = "Inter-|   Receive            |  Transmit\n face |bytes packets|bytes\n";

    #[test]
    fn counters_are_taken_by_column() {
        let text = format!("{HEADINGS}  eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
        let [interface] = &InterfaceSample::parse_all(text.as_bytes()).unwrap()[..] else { panic!("one interface") };
        assert_eq!(interface.device, "eth0");
        assert_eq!((interface.received_bytes, interface.received_dropped), (1, 4));
        assert_eq!((interface.transmitted_bytes, interface.transmitted_dropped), (9, 12));
    }

    #[test]
    fn a_network_namespace_may_have_no_interface_but_a_broken_file_is_an_error() {
        assert_eq!(InterfaceSample::parse_all(HEADINGS.as_bytes()), Ok(Vec::new()));
        for bad in ["", "eth0: 1 2 3\n", "eth0 1 2 3 4 5 6 7 8 9 10 11 12\n", "e: 1 2 3 4 5 6 7 8 9 10 11 x\n"] {
            assert!(InterfaceSample::parse_all(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
