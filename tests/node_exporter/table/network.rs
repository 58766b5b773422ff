//! Interfaces, and how TCP and UDP fare.

use super::FLEETING;
use crate::row::{Row, counter, gauge, same};

const DEVICE: &[(&str, &str)] = &[("device", "device")];

pub const ROWS: &[Row] = &[
    interface("node_network_receive_bytes_total", "plotwarden_network_receive_bytes_total"),
    interface("node_network_receive_packets_total", "plotwarden_network_receive_packets_total"),
    interface("node_network_receive_errs_total", "plotwarden_network_receive_errors_total"),
    interface("node_network_receive_drop_total", "plotwarden_network_receive_dropped_total"),
    interface("node_network_receive_fifo_total", "plotwarden_network_receive_fifo_total"),
    interface("node_network_receive_frame_total", "plotwarden_network_receive_frame_total"),
    interface("node_network_receive_compressed_total", "plotwarden_network_receive_compressed_total"),
    interface("node_network_receive_multicast_total", "plotwarden_network_receive_multicast_total"),
    interface("node_network_transmit_bytes_total", "plotwarden_network_transmit_bytes_total"),
    interface("node_network_transmit_packets_total", "plotwarden_network_transmit_packets_total"),
    interface("node_network_transmit_errs_total", "plotwarden_network_transmit_errors_total"),
    interface("node_network_transmit_drop_total", "plotwarden_network_transmit_dropped_total"),
    interface("node_network_transmit_fifo_total", "plotwarden_network_transmit_fifo_total"),
    interface("node_network_transmit_colls_total", "plotwarden_network_transmit_collisions_total"),
    interface("node_network_transmit_carrier_total", "plotwarden_network_transmit_carrier_total"),
    interface("node_network_transmit_compressed_total", "plotwarden_network_transmit_compressed_total"),
    same("node_network_info", "plotwarden_network_info")
        .by(&[("device", "device"), ("address", "address")])
        .fewer(CONTAINERS),
    same("node_network_mtu_bytes", "plotwarden_network_mtu_bytes").by(DEVICE).fewer(CONTAINERS),
    interface("node_network_carrier_changes_total", "plotwarden_network_carrier_changes_total").paced(),
    same("node_network_speed_bytes", "plotwarden_network_speed_bytes_per_second")
        .by(DEVICE)
        .fewer("a speed that is not known is negative with them, and has no series with us"),
    gauge("node_netstat_Tcp_CurrEstab", "plotwarden_network_tcp_established", 0.0).give_or_take(FLEETING),
    counter("node_netstat_Tcp_InSegs", "plotwarden_network_tcp_received_segments_total").paced(),
    counter("node_netstat_Tcp_OutSegs", "plotwarden_network_tcp_sent_segments_total").paced(),
    counter("node_netstat_Tcp_RetransSegs", "plotwarden_network_tcp_retransmitted_segments_total").paced(),
    counter("node_netstat_TcpExt_TCPTimeouts", "plotwarden_network_tcp_timeouts_total").paced(),
    counter("node_netstat_TcpExt_ListenOverflows", "plotwarden_network_tcp_listen_overflows_total").paced(),
    counter("node_netstat_TcpExt_ListenDrops", "plotwarden_network_tcp_listen_drops_total").paced(),
    counter("node_netstat_Udp_InErrors", "plotwarden_network_udp_receive_errors_total").paced(),
    counter("node_netstat_Udp_RcvbufErrors", "plotwarden_network_udp_receive_buffer_errors_total").paced(),
    counter("node_netstat_Udp_SndbufErrors", "plotwarden_network_udp_transmit_buffer_errors_total").paced(),
    gauge("node_sockstat_sockets_used", "plotwarden_network_sockets", 0.0).give_or_take(FLEETING),
    tcp("node_sockstat_TCP_inuse").with(&[("state", "in_use")]),
    tcp("node_sockstat_TCP_orphan").with(&[("state", "orphaned")]),
    // Each scrape leaves some.
    tcp("node_sockstat_TCP_tw").with(&[("state", "time_wait")]).give_or_take(16.0 * FLEETING),
    counter("node_softnet_dropped_total", "plotwarden_network_backlog_dropped_total").total().paced(),
    counter("node_softnet_times_squeezed_total", "plotwarden_network_backlog_squeezed_total").total().paced(),
];

const CONTAINERS: &str = "the interfaces of containers have no series with us";

const fn interface(theirs: &'static str, ours: &'static str) -> Row {
    counter(theirs, ours).by(DEVICE).fewer(CONTAINERS)
}

const fn tcp(theirs: &'static str) -> Row {
    gauge(theirs, "plotwarden_network_tcp_sockets", 0.0).give_or_take(FLEETING)
}
