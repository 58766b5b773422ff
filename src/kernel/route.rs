//! Default routes: by which interface, and over which gateway, the machine reaches what is not near.
//!
//! Source: `net/ipv4/fib_trie.c`, `net/ipv6/route.c`; procfs(5).

use std::net::{IpAddr, Ipv4Addr};

use super::address::from_hexadecimal;
use super::interface::InterfaceName;
use super::{KernelError, Roots, file, text};

/// `RTF_UP` and `RTF_REJECT` of `include/uapi/linux/route.h`.
const UP: u32 = 0x0001;
const REJECT: u32 = 0x0200;
/// Of a line that is no route.
const LONGEST_SHOWN: usize = 80;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRoute {
    pub interface: InterfaceName,
    /// `None` of a link that has only one other end.
    pub gateway: Option<IpAddr>,
    /// Of several routes the one with the lowest is taken.
    pub metric: u32,
}

/// The default routes of IPv4, `/proc/net/route`.
pub fn ipv4(roots: &Roots) -> Result<Vec<DefaultRoute>, KernelError> {
    file::read(&roots.proc("net/route"), |bytes| {
        let (headings, routes) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
        if !headings.starts_with(b"Iface") {
            return Err("has no headings".to_owned());
        }
        all(routes, parse_ipv4)
    })
}

/// The default routes of IPv6, `/proc/net/ipv6_route`.
pub fn ipv6(roots: &Roots) -> Result<Vec<DefaultRoute>, KernelError> {
    file::read(&roots.proc("net/ipv6_route"), |bytes| all(bytes, parse_ipv6))
}

/// A line of the table.
struct Entry {
    is_default: bool,
    route: DefaultRoute,
}

fn all(bytes: &[u8], parse: fn(&[u8]) -> Option<Entry>) -> Result<Vec<DefaultRoute>, String> {
    let mut routes = Vec::new();
    for line in text::lines(bytes).filter(|line| !line.trim_ascii().is_empty()) {
        let shown = &line[..line.len().min(LONGEST_SHOWN)];
        let entry = parse(line).ok_or_else(|| format!("`{}` is no route", text::lossy(shown)))?;
        routes.extend(entry.is_default.then_some(entry.route));
    }
    Ok(routes)
}

/// Interface, destination, gateway, flags, references, use, metric, mask.
fn parse_ipv4(line: &[u8]) -> Option<Entry> {
    let mut fields = text::fields(line);
    let interface = fields.next()?;
    let destination = hexadecimal(fields.next()?)?;
    let gateway = hexadecimal(fields.next()?)?;
    let flags = hexadecimal(fields.next()?)?;
    let metric = text::decimal(fields.nth(2)?).and_then(|metric| u32::try_from(metric).ok())?;
    let mask = hexadecimal(fields.next()?)?;
    // The kernel writes addresses as numbers of the machine's own byte order.
    let gateway = (gateway != 0).then(|| Ipv4Addr::from(gateway.to_ne_bytes()).into());
    let is_default = destination == 0 && mask == 0 && leads_on(flags);
    Some(Entry { is_default, route: DefaultRoute { interface: InterfaceName::parse(interface)?, gateway, metric } })
}

/// Destination, prefix, source, prefix, gateway, metric, references, use, flags, interface.
fn parse_ipv6(line: &[u8]) -> Option<Entry> {
    let mut fields = text::fields(line);
    let destination = from_hexadecimal(fields.next()?)?;
    let prefix = hexadecimal(fields.next()?)?;
    let gateway = from_hexadecimal(fields.nth(2)?)?;
    let metric = hexadecimal(fields.next()?)?;
    let flags = hexadecimal(fields.nth(2)?)?;
    let interface = fields.next()?;
    let is_default = destination.is_unspecified() && prefix == 0 && leads_on(flags);
    let gateway = (!gateway.is_unspecified()).then(|| gateway.into());
    Some(Entry { is_default, route: DefaultRoute { interface: InterfaceName::parse(interface)?, gateway, metric } })
}

fn leads_on(flags: u32) -> bool {
    flags & UP != 0 && flags & REJECT == 0
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    const HEADINGS: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    fn routes(lines: &str) -> Result<Vec<DefaultRoute>, KernelError> {
        let fixture = Fixture::new();
        fixture.file("proc/net/route", format!("{HEADINGS}{lines}"));
        ipv4(&fixture.roots)
    }

    #[test]
    fn default_routes_are_those_to_everywhere() {
        let gateway = u32::from_ne_bytes([192, 0, 2, 1]);
        let found = routes(&format!(
            "eth0\t00000000\t{gateway:08X}\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n\
             wg0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n\
             wg1\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n"
        ));
        let route = |name: &str, gateway, metric| DefaultRoute { interface: name.parse().unwrap(), gateway, metric };
        let expected = [route("eth0", Some("192.0.2.1".parse().unwrap()), 100), route("wg0", None, 50)];
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn a_route_of_ipv6_that_only_refuses_leads_nowhere() {
        let fixture = Fixture::new();
        let nil = "0".repeat(32);
        let gateway = "fd000000000000000000000000000001";
        fixture.file(
            "proc/net/ipv6_route",
            format!(
                "{nil} 00 {nil} 00 {gateway} 00000400 00000003 00000000 00000003     eth0\n\
                 {nil} 00 {nil} 00 {nil} ffffffff 00000001 00000000 00200200       lo\n\
                 {gateway} 80 {nil} 00 {nil} 00000000 00000001 00000000 80200001       lo\n"
            ),
        );
        let found = ipv6(&fixture.roots).unwrap();
        let expected = DefaultRoute {
            interface: "eth0".parse().unwrap(),
            gateway: Some("fd00::1".parse().unwrap()),
            metric: 1024,
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_machine_may_have_no_route_but_a_broken_table_is_an_error() {
        assert_eq!(routes("").unwrap(), []);
        for bad in ["eth0\t0000\n", "eth0 x 0 0003 0 0 0 0\n", "a/b 0 0 3 0 0 0 0\n", "e 0 0 3 0 0 -1 0\n"] {
            assert!(routes(bad).is_err(), "{bad:?}");
        }
        let fixture = Fixture::new();
        fixture.file("proc/net/route", [0xff, 0xfe, b'\n']).file("proc/net/ipv6_route", "0000 00\n");
        assert!(ipv4(&fixture.roots).is_err() && ipv6(&fixture.roots).is_err());
    }
}
