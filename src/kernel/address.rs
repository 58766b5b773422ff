//! IP addresses of the interfaces. IPv6 ones stand in procfs; IPv4 ones the kernel tells only when it is asked, and it
//! answers for our own network namespace, whatever the roots are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use nix::ifaddrs::{InterfaceAddress, getifaddrs};

use super::interface::InterfaceName;
use super::{KernelError, Roots, file, text};

/// An address of an interface, and how many of its bits are those of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    pub interface: InterfaceName,
    pub ip: IpAddr,
    pub prefix: u8,
}

/// The IPv4 addresses of all interfaces; `None` where the roots are not those of the machine that we run on.
pub fn ipv4(roots: &Roots) -> Option<Result<Vec<Address>, KernelError>> {
    if roots.procfs != Path::new("/proc") {
        return None;
    }
    let addresses = getifaddrs().map(|addresses| addresses.filter_map(|address| of_interface(&address)).collect());
    Some(addresses.map_err(|errno| KernelError::io("ask for the addresses of", "interfaces", errno.into())))
}

fn of_interface(told: &InterfaceAddress) -> Option<Address> {
    let ip = |address: &Option<nix::sys::socket::SockaddrStorage>| Some(address.as_ref()?.as_sockaddr_in()?.ip());
    // An address with a label of its own comes as `eth0:label`.
    let interface = told.interface_name.split(':').next()?.parse().ok()?;
    let prefix = u8::try_from(u32::from(ip(&told.netmask)?).count_ones()).ok()?;
    Some(Address { interface, ip: Ipv4Addr::into(ip(&told.address)?), prefix })
}

/// The IPv6 addresses of all interfaces, `/proc/net/if_inet6`, which a kernel without IPv6 does not have.
pub fn ipv6(roots: &Roots) -> Result<Vec<Address>, KernelError> {
    file::read(&roots.proc("net/if_inet6"), |bytes| {
        let lines = text::lines(bytes);
        lines.map(|line| parse(line).ok_or_else(|| format!("`{}` is no address", text::lossy(line)))).collect()
    })
}

/// Address, number of the interface, prefix, scope, flags, name.
fn parse(line: &[u8]) -> Option<Address> {
    let mut fields = text::fields(line);
    let address = from_hexadecimal(fields.next()?)?;
    let prefix = std::str::from_utf8(fields.nth(1)?).ok()?;
    let prefix = u8::from_str_radix(prefix, 16).ok().filter(|bits| *bits <= 128)?;
    let interface = InterfaceName::parse(fields.nth(2)?)?;
    Some(Address { interface, ip: address.into(), prefix })
}

/// An IPv6 address as procfs writes it: 32 digits.
pub(super) fn from_hexadecimal(digits: &[u8]) -> Option<Ipv6Addr> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 32)?;
    u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn ipv6_addresses_come_with_their_prefix() {
        let fixture = Fixture::new();
        fixture.file("proc/net/if_inet6", "fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n");
        let addresses = ipv6(&fixture.roots).unwrap();
        let expected =
            Address { interface: "eth0".parse().unwrap(), ip: "fe80::fc:ff:fe00:1".parse().unwrap(), prefix: 64 };
        assert_eq!(addresses, [expected]);
    }

    #[test]
    fn what_is_cut_or_no_address_is_an_error() {
        let fixture = Fixture::new();
        for bad in [
            "fe80 04 40 20 80 eth0\n",
            "fe8000000000000000fc00fffe000001 04 40 20 80\n",
            "fe8000000000000000fc00fffe000001 04 ff 20 80 eth0\n",
            "+e8000000000000000fc00fffe000001 04 40 20\n",
        ] {
            fixture.file("proc/net/if_inet6", bad);
            assert!(ipv6(&fixture.roots).is_err(), "{bad}");
        }
        assert!(ipv6(&Fixture::new().roots).unwrap_err().is_gone());
    }

    #[test]
    fn the_addresses_of_another_machine_are_not_ours() {
        assert!(ipv4(&Fixture::new().roots).is_none());
        let ours = ipv4(&Roots::standard()).unwrap().unwrap();
        assert!(ours.iter().any(|address| address.ip == Ipv4Addr::LOCALHOST && address.prefix == 8), "{ours:?}");
    }
}
