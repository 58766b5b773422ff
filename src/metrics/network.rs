//! Network interfaces, how TCP and UDP fare, and the distance to the peers that the operator names.

use crate::kernel::interface::{Duplex, InterfaceKind};
use crate::sample::{BondMembers, InterfaceCounters, InterfaceSample, Link, StackSample};
use crate::units::float;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;

pub(super) const FAMILIES: &[Family] = &[
    Family::info("plotwarden_network_info", "Facts about each network interface; one that is not known is empty.")
        .by(&["device", "kind", "driver", "duplex", "address"])
        .from("/sys/class/net")
        .drawn(|s, out| {
            for (interface, link) in links(s) {
                out.fact([
                    interface.device.as_str().into(),
                    link.kind.map(InterfaceKind::name).into(),
                    link.driver.as_deref().into(),
                    link.duplex.map(Duplex::name).into(),
                    link.hardware_address.as_deref().into(),
                ]);
            }
        }),
    link("plotwarden_network_up", "Whether traffic can pass.", "/sys/class/net/*/operstate, carrier")
        .drawn(|s, out| each_link(s, out, |link| link.up)),
    link(
        "plotwarden_network_speed_bytes_per_second",
        "Speed of the link in each direction, in bytes as the traffic is.",
        "/sys/class/net/*/speed",
    )
    .drawn(|s, out| each_link(s, out, |link| link.speed.map(|speed| float(speed.0) / 8.0))),
    link("plotwarden_network_mtu_bytes", "Largest packet that the interface sends.", "/sys/class/net/*/mtu")
        .drawn(|s, out| each_link(s, out, |link| link.mtu)),
    Family::counter("plotwarden_network_carrier_changes_total", "How often the carrier came or went.")
        .by(&["device"])
        .from("/sys/class/net/*/carrier_changes")
        .drawn(|s, out| each_link(s, out, |link| link.carrier_changes)),
    link("plotwarden_network_bond_members", "Links that a bond is made of.", "/sys/class/net/*/bonding/slaves")
        .drawn(|s, out| each_bond(s, out, |members| members.all)),
    link(
        "plotwarden_network_bond_members_up",
        "Links of a bond that can be used.",
        "/sys/class/net/*/bonding_slave/mii_status",
    )
    .drawn(|s, out| each_bond(s, out, |members| members.up)),
    Family::gauge(
        "plotwarden_network_interfaces_left_out",
        "Interfaces without series of their own: veth interfaces of containers, and those above 128.",
    )
    .from("/proc/net/dev, /sys/class/net")
    .drawn(|s, out| out.one(s.world.host.network.left_out)),
    counter("plotwarden_network_receive_bytes_total", "Bytes received.")
        .drawn(|s, out| each(s, out, |c| c.received_bytes)),
    counter("plotwarden_network_receive_packets_total", "Packets received.")
        .drawn(|s, out| each(s, out, |c| c.received_packets)),
    counter("plotwarden_network_receive_errors_total", "Packets received with errors of any kind.")
        .drawn(|s, out| each(s, out, |c| c.received_errors)),
    counter("plotwarden_network_receive_dropped_total", "Received packets that were dropped.")
        .drawn(|s, out| each(s, out, |c| c.received_dropped)),
    counter("plotwarden_network_receive_fifo_total", "Packets lost because the interface's own buffer was full.")
        .drawn(|s, out| each(s, out, |c| c.received_fifo)),
    counter("plotwarden_network_receive_frame_total", "Packets received with a wrong length, alignment or checksum.")
        .drawn(|s, out| each(s, out, |c| c.received_frame)),
    counter("plotwarden_network_receive_compressed_total", "Compressed packets received.")
        .drawn(|s, out| each(s, out, |c| c.received_compressed)),
    counter("plotwarden_network_receive_multicast_total", "Multicast packets received.")
        .drawn(|s, out| each(s, out, |c| c.received_multicast)),
    counter("plotwarden_network_transmit_bytes_total", "Bytes sent.")
        .drawn(|s, out| each(s, out, |c| c.transmitted_bytes)),
    counter("plotwarden_network_transmit_packets_total", "Packets sent.")
        .drawn(|s, out| each(s, out, |c| c.transmitted_packets)),
    counter("plotwarden_network_transmit_errors_total", "Packets that could not be sent.")
        .drawn(|s, out| each(s, out, |c| c.transmitted_errors)),
    counter("plotwarden_network_transmit_dropped_total", "Packets dropped before they were sent.")
        .drawn(|s, out| each(s, out, |c| c.transmitted_dropped)),
    counter("plotwarden_network_transmit_fifo_total", "Packets not sent because the interface ran dry.")
        .drawn(|s, out| each(s, out, |c| c.transmitted_fifo)),
    counter("plotwarden_network_transmit_collisions_total", "Collisions while sending.")
        .drawn(|s, out| each(s, out, |c| c.collisions)),
    counter("plotwarden_network_transmit_carrier_total", "Packets not sent because the carrier was lost.")
        .drawn(|s, out| each(s, out, |c| c.lost_carrier)),
    counter("plotwarden_network_transmit_compressed_total", "Compressed packets sent.")
        .drawn(|s, out| each(s, out, |c| c.transmitted_compressed)),
    Family::gauge("plotwarden_network_tcp_established", "TCP connections that are open.")
        .from("/proc/net/snmp Tcp CurrEstab")
        .drawn(|s, out| stack(s, out, |stack| stack.established)),
    Family::counter("plotwarden_network_tcp_received_segments_total", "TCP segments received.")
        .from("/proc/net/snmp Tcp InSegs")
        .drawn(|s, out| stack(s, out, |stack| stack.received_segments)),
    Family::counter("plotwarden_network_tcp_sent_segments_total", "TCP segments sent, without those sent again.")
        .from("/proc/net/snmp Tcp OutSegs")
        .drawn(|s, out| stack(s, out, |stack| stack.sent_segments)),
    Family::counter("plotwarden_network_tcp_retransmitted_segments_total", "TCP segments sent again.")
        .from("/proc/net/snmp Tcp RetransSegs")
        .drawn(|s, out| stack(s, out, |stack| stack.retransmitted_segments)),
    Family::counter("plotwarden_network_tcp_resets_total", "TCP connections that were torn down.")
        .from("/proc/net/snmp Tcp EstabResets")
        .drawn(|s, out| stack(s, out, |stack| stack.resets)),
    Family::counter("plotwarden_network_tcp_timeouts_total", "How often TCP waited in vain for an answer.")
        .from("/proc/net/netstat TcpExt TCPTimeouts")
        .drawn(|s, out| stack(s, out, |stack| stack.timeouts)),
    Family::counter(
        "plotwarden_network_tcp_listen_overflows_total",
        "Connections for which the program that listens had no room.",
    )
    .from("/proc/net/netstat TcpExt ListenOverflows")
    .drawn(|s, out| stack(s, out, |stack| stack.listen_overflows)),
    Family::counter(
        "plotwarden_network_tcp_listen_drops_total",
        "Attempts to connect that were dropped, for whatever reason.",
    )
    .from("/proc/net/netstat TcpExt ListenDrops")
    .drawn(|s, out| stack(s, out, |stack| stack.listen_drops)),
    Family::counter(
        "plotwarden_network_udp_receive_errors_total",
        "UDP packets that were not handed on, full buffers included.",
    )
    .from("/proc/net/snmp Udp InErrors")
    .drawn(|s, out| stack(s, out, |stack| stack.udp_received_errors)),
    Family::counter(
        "plotwarden_network_udp_receive_buffer_errors_total",
        "UDP packets lost because the receiver's buffer was full.",
    )
    .from("/proc/net/snmp Udp RcvbufErrors")
    .drawn(|s, out| stack(s, out, |stack| stack.udp_receive_buffer_errors)),
    Family::counter(
        "plotwarden_network_udp_transmit_buffer_errors_total",
        "UDP packets not sent because the buffer was full.",
    )
    .from("/proc/net/snmp Udp SndbufErrors")
    .drawn(|s, out| stack(s, out, |stack| stack.udp_transmit_buffer_errors)),
    Family::gauge("plotwarden_network_sockets", "Sockets of all kinds that are in use.")
        .from("/proc/net/sockstat")
        .drawn(|s, out| stack(s, out, |stack| stack.sockets.used)),
    Family::gauge(
        "plotwarden_network_tcp_sockets",
        "TCP sockets: in use, left by their program, or waiting for late packets.",
    )
    .by(&["state"])
    .from("/proc/net/sockstat")
    .drawn(|s, out| {
        let sockets = s.world.host.network.stack.sockets;
        out.add(["in_use".into()], sockets.tcp_in_use);
        out.add(["orphaned".into()], sockets.tcp_orphaned);
        out.add(["time_wait".into()], sockets.tcp_time_wait);
    }),
    Family::counter(
        "plotwarden_network_backlog_dropped_total",
        "Packets that a CPU threw away because its queue was full.",
    )
    .from("/proc/net/softnet_stat")
    .drawn(|s, out| stack(s, out, |stack| stack.backlog_dropped)),
    Family::counter(
        "plotwarden_network_backlog_squeezed_total",
        "How often a CPU ran out of time while it took packets in.",
    )
    .from("/proc/net/softnet_stat")
    .drawn(|s, out| stack(s, out, |stack| stack.backlog_squeezed)),
    Family::gauge("plotwarden_network_peer_up", "Whether the peer named by --network.peer accepts connections.")
        .by(&["peer"])
        .from("TCP connect")
        .drawn(|s, out| {
            for peer in &s.world.host.network.peers {
                out.add([(&*peer.peer).into()], peer.latency.is_some());
            }
        }),
    Family::gauge("plotwarden_network_peer_latency_seconds", "Time that TCP took to connect to the peer.")
        .by(&["peer"])
        .from("TCP connect")
        .drawn(|s, out| {
            for peer in &s.world.host.network.peers {
                out.add([(&*peer.peer).into()], peer.latency);
            }
        }),
];

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family::counter(name, help).by(&["device"]).from("/proc/net/dev")
}

const fn link(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).by(&["device"]).from(source)
}

fn each(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&InterfaceCounters) -> u64) {
    for interface in s.world.host.network.interfaces.iter().flatten() {
        out.add([interface.device.as_str().into()], pick(&interface.counters));
    }
}

fn links(s: &Snapshot) -> impl Iterator<Item = (&InterfaceSample, &Link)> {
    let interfaces = s.world.host.network.interfaces.iter().flatten();
    interfaces.filter_map(|interface| Some((interface, interface.link.as_deref()?)))
}

fn each_link<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&Link) -> T) {
    for (interface, link) in links(s) {
        out.add([interface.device.as_str().into()], pick(link));
    }
}

fn each_bond(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&BondMembers) -> usize) {
    for (interface, link) in links(s) {
        out.add([interface.device.as_str().into()], link.members.as_ref().map(pick));
    }
}

fn stack(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&StackSample) -> Option<u64>) {
    out.one(pick(&s.world.host.network.stack));
}
