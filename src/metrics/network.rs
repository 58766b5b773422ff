//! Network interfaces.

use crate::sample::InterfaceSample;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;

pub(super) const FAMILIES: &[Family] = &[
    interface("plotwarden_network_receive_bytes_total", "Bytes received.")
        .drawn(|s, out| each(s, out, |interface| interface.received_bytes)),
    interface("plotwarden_network_receive_packets_total", "Packets received.")
        .drawn(|s, out| each(s, out, |interface| interface.received_packets)),
    interface("plotwarden_network_receive_errors_total", "Packets received with errors.")
        .drawn(|s, out| each(s, out, |interface| interface.received_errors)),
    interface("plotwarden_network_receive_dropped_total", "Received packets that were dropped.")
        .drawn(|s, out| each(s, out, |interface| interface.received_dropped)),
    interface("plotwarden_network_transmit_bytes_total", "Bytes sent.")
        .drawn(|s, out| each(s, out, |interface| interface.transmitted_bytes)),
    interface("plotwarden_network_transmit_packets_total", "Packets sent.")
        .drawn(|s, out| each(s, out, |interface| interface.transmitted_packets)),
    interface("plotwarden_network_transmit_errors_total", "Packets that could not be sent.")
        .drawn(|s, out| each(s, out, |interface| interface.transmitted_errors)),
    interface("plotwarden_network_transmit_dropped_total", "Packets dropped before they were sent.")
        .drawn(|s, out| each(s, out, |interface| interface.transmitted_dropped)),
];

const fn interface(name: &'static str, help: &'static str) -> Family {
    Family::counter(name, help).by(&["device"]).from("/proc/net/dev")
}

fn each(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&InterfaceSample) -> u64) {
    for interface in s.world.host.interfaces.iter().flatten() {
        out.add([(&interface.device).into()], pick(interface));
    }
}
