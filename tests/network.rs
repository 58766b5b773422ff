//! The network for real: interfaces that are made and unmade, cables that are pulled, and peers that answer, refuse, or hang.
//! All of it in network namespaces of its own.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use support::alone::is_root;
use support::daemon::{BINARY, Daemon, Metrics, Options, free_address};
use support::namespace::{in_own_network, ip, replace_file};

const WHY: &str = "a network namespace";
const SOON: Duration = Duration::from_secs(15);
/// Bytes of the transfer that is to be counted.
const SENT: usize = 4 << 20;

fn discovered(flags: &[&str]) -> Value {
    let output = Command::new(BINARY).args(["discover", "--output", "json"]).args(flags).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let inventory: Value = serde_json::from_slice(&output.stdout).unwrap();
    inventory["network"].clone()
}

fn interface<'a>(network: &'a Value, name: &str) -> &'a Value {
    let interfaces = network["interfaces"].as_array().unwrap();
    interfaces.iter().find(|interface| interface["name"] == name).unwrap_or_else(|| panic!("no {name} in {network:#}"))
}

fn observer(flags: &[&str]) -> Daemon {
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Daemon::start(&Options { max_mode: Some("off"), flags, ..Options::default() })
}

#[test]
fn what_the_kernel_makes_is_found_for_what_it_is() {
    if !is_root(WHY) {
        return;
    }
    let network = in_own_network(|| {
        ip("link add br0 type bridge stp_state 1");
        ip("link add out0 type veth peer name far0");
        for number in 0..20 {
            ip(&format!("link add c{number} type veth peer name p{number}"));
            ip(&format!("link set c{number} master br0"));
        }
        ip("tuntap add tap0 mode tap");
        ip("link add link out0 name mac0 type macvlan");
        ip("addr add 192.0.2.7/24 dev out0");
        ip("addr add 192.0.2.8/32 dev out0");
        ip("-6 addr add 2001:db8::7/64 dev out0 nodad");
        ip("link set out0 mtu 1400 up");
        ip("link set far0 up");
        ip("route add default via 192.0.2.1 metric 50");
        discovered(&[])
    });
    for (name, kind) in [("lo", "loopback"), ("br0", "bridge"), ("out0", "veth"), ("tap0", "tun"), ("mac0", "macvlan")]
    {
        assert_eq!(interface(&network, name)["kind"], kind, "{name}");
    }
    // The twenty and their other ends, and the other end of the way out.
    assert_eq!(network["left_out_interfaces"], 41);
    assert_eq!(network["status"], "valid", "{network:#}");
    let out = interface(&network, "out0");
    assert_eq!((&out["state"], &out["carrier"], &out["mtu_bytes"]), (&"up".into(), &true.into(), &1400.into()));
    assert_eq!(out["speed_bits_per_second"], Value::Null, "the speed of a veth is made up");
    assert_eq!(out["ipv4"], serde_json::json!(["192.0.2.7/24", "192.0.2.8/32"]));
    assert!(out["ipv6"].as_array().unwrap().contains(&"2001:db8::7/64".into()), "{out:#}");
    assert_eq!(interface(&network, "mac0")["upon"], serde_json::json!(["out0"]));
    let bridge = &network["bridges"][0];
    assert_eq!((&bridge["name"], &bridge["spanning_tree"]), (&"br0".into(), &"kernel".into()));
    assert_eq!(bridge["members"].as_array().unwrap().len(), 20);
    let way_out = serde_json::json!([{"interface": "out0", "gateway": "192.0.2.1", "metric": 50}]);
    assert_eq!(network["default_routes"], way_out);
}

#[test]
fn sysfs_that_shows_another_network_is_doubted() {
    if !is_root(WHY) {
        return;
    }
    // Without a sysfs of its own, as in a container that was given the machine's.
    let output = Command::new("unshare").args(["--net", BINARY, "discover", "--output", "json"]).output().unwrap();
    let inventory: Value = serde_json::from_slice(&output.stdout).unwrap();
    let only_loopback = std::fs::read_dir("/sys/class/net").unwrap().count() == 1;
    assert_eq!(inventory["network"]["status"] == "doubtful", !only_loopback, "{:#}", inventory["network"]);
}

#[test]
fn interfaces_come_and_go_and_their_series_with_them() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        ip("link add out0 type veth peer name far0");
        ip("link add c0 type veth peer name p0");
        ip("addr add 192.0.2.7/24 dev out0");
        ip("link set out0 up");
        ip("link set far0 up");
        ip("route add default via 192.0.2.1");
        let daemon = observer(&[]);
        let of = |name: &'static str| move |metrics: &Metrics| metrics.value(name, &[("device", "out0")]);
        let is_up = |expected: bool| {
            let up = move |metrics: &Metrics| of("plotwarden_network_up")(metrics).filter(|up| (*up > 0.5) == expected);
            daemon.wait_for("the state of the link", SOON, up);
        };
        is_up(true);
        let metrics = daemon.metrics();
        let changes = of("plotwarden_network_carrier_changes_total")(&metrics).unwrap();
        assert_eq!(metrics.label("plotwarden_network_info", &[("device", "out0")], "kind").as_deref(), Some("veth"));
        assert_eq!(metrics.value("plotwarden_network_interfaces_left_out", &[]), Some(3.0));
        assert!(!metrics.text.contains("\"c0\""), "a container's is only counted");
        ip("link set far0 down");
        is_up(false);
        assert!(of("plotwarden_network_carrier_changes_total")(&daemon.metrics()).unwrap() > changes);
        ip("link del out0");
        daemon.wait_for("no trace", SOON, |metrics| (!metrics.text.contains("\"out0\"")).then_some(()));
    });
}

#[test]
fn what_was_sent_is_what_is_counted() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        let daemon = observer(&[]);
        let received = |metrics: &Metrics| metrics.value("plotwarden_network_receive_bytes_total", &[("device", "lo")]);
        let before = received(&daemon.metrics()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut other_end, _) = listener.accept().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || sender.write_all(&vec![0; SENT]).unwrap());
            other_end.read_exact(&mut vec![0; SENT]).unwrap();
        });
        let after = daemon
            .wait_for("the bytes", SOON, |metrics| received(metrics).filter(|bytes| *bytes - before > 4_194_304.0));
        // Headers, the scrapes of this test, and no more.
        assert!(after - before < 8_000_000.0, "{}", after - before);
        let segments = daemon.wait_for("segments", SOON, |metrics| {
            metrics.value("plotwarden_network_tcp_sent_segments_total", &[]).filter(|segments| *segments > 10.0)
        });
        assert!(segments < 100_000.0);
    });
}

#[test]
fn peers_that_hang_delay_nothing() {
    if !is_root(WHY) {
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let nobody = folder.path().join("resolv.conf");
    std::fs::write(&nobody, "nameserver 192.0.2.9\noptions timeout:30 attempts:3\n").unwrap();
    in_own_network(|| {
        cut_off(&nobody);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap().to_string();
        let closed = free_address().to_string();
        let (silent, nameless) = ("192.0.2.9:8447", "farmer.invalid:8447");
        let peers: Vec<String> =
            [&*open, &closed, silent, nameless].iter().map(|peer| format!("--network.peer={peer}")).collect();
        let flags: Vec<&str> = peers.iter().map(String::as_str).collect();

        let start = Instant::now();
        let daemon = observer(&flags);
        let up = |peer: &str| {
            let peer = peer.to_owned();
            move |metrics: &Metrics| metrics.value("plotwarden_network_peer_up", &[("peer", &peer)]).map(|up| up > 0.5)
        };
        assert!(daemon.wait_for("the open peer", SOON, up(&open)));
        assert!(!daemon.wait_for("the closed peer", SOON, up(&closed)));
        assert!(!daemon.wait_for("the silent peer", SOON, up(silent)));
        assert!(!daemon.wait_for("the peer without a name", SOON, up(nameless)));
        let metrics = daemon.metrics();
        let latencies = metrics.all("plotwarden_network_peer_latency_seconds", &[]);
        let [(labels, latency)] = &latencies[..] else { panic!("only who answers has a latency: {latencies:?}") };
        assert!(labels.contains(&open) && *latency > 0.0 && *latency < 1.0, "{latencies:?}");
        let ticks = daemon.ticks();
        let passed = start.elapsed().as_secs_f64();
        assert!(ticks > passed - 4.0, "{ticks} ticks in {passed} s");
    });
}

#[test]
fn discovery_waits_for_peers_only_so_long() {
    if !is_root(WHY) {
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let nobody = folder.path().join("resolv.conf");
    std::fs::write(&nobody, "nameserver 192.0.2.9\noptions timeout:30 attempts:3\n").unwrap();
    let (network, took) = in_own_network(|| {
        cut_off(&nobody);
        let start = Instant::now();
        (discovered(&["--network.peer=192.0.2.9:1", "--network.peer=farmer.invalid:8447"]), start.elapsed())
    });
    assert!(took < Duration::from_secs(14), "{took:?}");
    let problems: Vec<&str> =
        network["peers"].as_array().unwrap().iter().map(|peer| peer["problem"].as_str().unwrap()).collect();
    assert!(problems[0].contains("192.0.2.9:1") && problems[0].contains("timed out"), "{problems:?}");
    assert!(problems[1].contains("farmer.invalid:8447") && problems[1].contains("resolver"), "{problems:?}");
}

/// Packets to 192.0.2.0/24, where the server of names is, leave and are never answered.
fn cut_off(resolv_conf: &Path) {
    ip("link add out0 type veth peer name far0");
    ip("addr add 192.0.2.7/24 dev out0");
    ip("link set out0 up");
    ip("link set far0 up");
    ip("neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev out0 nud permanent");
    replace_file("/etc/resolv.conf", resolv_conf);
}
