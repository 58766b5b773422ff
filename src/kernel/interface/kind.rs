//! What kind of network interface a folder of sysfs stands for: told by the kernel where it says so, else by what the folder
//! holds.

use std::path::Path;

use serde::Serialize;

use crate::kernel::{KernelError, attribute, file, text};

/// `ARPHRD_*` of `include/uapi/linux/if_arp.h`.
mod hardware {
    pub const ETHER: u64 = 1;
    pub const INFINIBAND: u64 = 32;
    pub const PPP: u64 = 512;
    pub const LOOPBACK: u64 = 772;
    /// IP in IP, IPv6 in IPv6, IPv6 in IPv4, and the two GREs.
    pub const TUNNELS: [u64; 5] = [768, 769, 776, 778, 823];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InterfaceKind {
    Ethernet,
    Wireless,
    Infiniband,
    /// Over a mobile network.
    Wwan,
    Loopback,
    Bond,
    Bridge,
    Vlan,
    /// Further addresses on another interface: macvlan, macvtap, ipvlan.
    Macvlan,
    /// One end of a pair, mostly between a machine and a container.
    Veth,
    /// Read and written by a program: tun or tap.
    Tun,
    Wireguard,
    /// GRE, IP in IP, VXLAN, Geneve.
    Tunnel,
    Ppp,
    /// Stands for no hardware, and sysfs does not say more: dummy, ifb and others.
    Virtual,
    /// Hardware that is none of these.
    Other,
}

impl InterfaceKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "ethernet",
            Self::Wireless => "wireless",
            Self::Infiniband => "infiniband",
            Self::Wwan => "wwan",
            Self::Loopback => "loopback",
            Self::Bond => "bond",
            Self::Bridge => "bridge",
            Self::Vlan => "vlan",
            Self::Macvlan => "macvlan",
            Self::Veth => "veth",
            Self::Tun => "tun",
            Self::Wireguard => "wireguard",
            Self::Tunnel => "tunnel",
            Self::Ppp => "ppp",
            Self::Virtual => "virtual",
            Self::Other => "other",
        }
    }

    /// A speed and a duplex mode that are those of a wire. What other drivers write there is made up.
    pub fn has_wire(self) -> bool {
        matches!(self, Self::Ethernet | Self::Infiniband | Self::Bond | Self::Vlan)
    }
}

/// The kind of the interface whose folder in sysfs this is.
pub(super) fn of(folder: &Path) -> Result<InterfaceKind, KernelError> {
    let entries = attribute::entries(folder)?;
    let has = |name: &str| entries.iter().any(|entry| entry == name);
    let said = file::read(&folder.join("uevent"), |bytes| Ok(said_by_kernel(bytes)));
    if let Some(kind) = said.ok().flatten() {
        return Ok(kind);
    }
    let holds = [
        ("wireless", InterfaceKind::Wireless),
        ("phy80211", InterfaceKind::Wireless),
        ("bonding", InterfaceKind::Bond),
        ("bridge", InterfaceKind::Bridge),
        ("tun_flags", InterfaceKind::Tun),
    ];
    if let Some((_, kind)) = holds.iter().find(|(name, _)| has(name)) {
        return Ok(*kind);
    }
    let kind = match attribute::decimal(&folder.join("type"))? {
        hardware::LOOPBACK => InterfaceKind::Loopback,
        hardware::INFINIBAND => InterfaceKind::Infiniband,
        hardware::PPP => InterfaceKind::Ppp,
        tunnel if hardware::TUNNELS.contains(&tunnel) => InterfaceKind::Tunnel,
        hardware::ETHER if has("device") => InterfaceKind::Ethernet,
        _ if has("device") => InterfaceKind::Other,
        hardware::ETHER if is_linked(folder) => {
            let is_upon_another = entries.iter().any(|entry| entry.starts_with("lower_"));
            if is_upon_another { InterfaceKind::Macvlan } else { InterfaceKind::Veth }
        }
        _ => InterfaceKind::Virtual,
    };
    Ok(kind)
}

/// `DEVTYPE=` of the device's events, which many drivers leave out.
fn said_by_kernel(uevent: &[u8]) -> Option<InterfaceKind> {
    let word = text::lines(uevent).find_map(|line| line.strip_prefix(b"DEVTYPE="))?;
    Some(match word {
        b"wlan" => InterfaceKind::Wireless,
        b"wwan" => InterfaceKind::Wwan,
        b"bond" => InterfaceKind::Bond,
        b"bridge" => InterfaceKind::Bridge,
        b"vlan" => InterfaceKind::Vlan,
        b"macvlan" | b"macvtap" | b"ipvlan" => InterfaceKind::Macvlan,
        b"wireguard" => InterfaceKind::Wireguard,
        b"vxlan" | b"geneve" | b"gretap" | b"ip6gretap" => InterfaceKind::Tunnel,
        b"ppp" => InterfaceKind::Ppp,
        b"netkit" => InterfaceKind::Veth,
        _ => return None,
    })
}

/// Another interface is behind it: that on which it stands, or the other end of the pair, which may be in another namespace.
fn is_linked(folder: &Path) -> bool {
    let number = |name| attribute::decimal(&folder.join(name)).ok();
    matches!((number("iflink"), number("ifindex")), (Some(link), Some(own)) if link != own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    /// The kind of an interface with these files.
    fn kind(files: &[(&str, &str)]) -> InterfaceKind {
        let fixture = Fixture::new();
        for (name, contents) in files {
            fixture.file(&format!("sys/class/net/x/{name}"), contents);
        }
        of(&fixture.path("sys/class/net/x")).unwrap()
    }

    #[test]
    fn the_kernel_s_own_word_comes_first() {
        for (word, expected) in [
            ("wlan", InterfaceKind::Wireless),
            ("bond", InterfaceKind::Bond),
            ("vlan", InterfaceKind::Vlan),
            ("wireguard", InterfaceKind::Wireguard),
            ("vxlan", InterfaceKind::Tunnel),
        ] {
            let uevent = format!("DEVTYPE={word}\nINTERFACE=x\nIFINDEX=3\n");
            assert_eq!(kind(&[("uevent", &uevent), ("type", "1\n")]), expected);
        }
    }

    #[test]
    fn else_the_folder_tells() {
        let plain = |more: &[(&'static str, &'static str)]| {
            let mut files = vec![("uevent", "INTERFACE=x\nIFINDEX=5\n"), ("type", "1\n"), ("ifindex", "5\n")];
            files.extend(more);
            kind(&files)
        };
        assert_eq!(plain(&[("device/vendor", "0x8086\n"), ("iflink", "5\n")]), InterfaceKind::Ethernet);
        assert_eq!(plain(&[("device/vendor", "0x8086\n"), ("wireless/x", "")]), InterfaceKind::Wireless);
        assert_eq!(plain(&[("bonding/mode", "")]), InterfaceKind::Bond);
        assert_eq!(plain(&[("tun_flags", "0x1002\n")]), InterfaceKind::Tun);
        assert_eq!(plain(&[("iflink", "9\n")]), InterfaceKind::Veth);
        assert_eq!(plain(&[("iflink", "9\n"), ("lower_eth0/type", "1\n")]), InterfaceKind::Macvlan);
        assert_eq!(plain(&[("iflink", "5\n")]), InterfaceKind::Virtual);
        assert_eq!(kind(&[("type", "772\n")]), InterfaceKind::Loopback);
        assert_eq!(kind(&[("type", "65534\n")]), InterfaceKind::Virtual);
        assert_eq!(kind(&[("type", "32\n"), ("device/x", "")]), InterfaceKind::Infiniband);
        assert_eq!(kind(&[("type", "280\n"), ("device/x", "")]), InterfaceKind::Other);
    }

    #[test]
    fn a_folder_that_says_nothing_has_no_kind() {
        let fixture = Fixture::new();
        assert!(of(&fixture.path("sys/class/net/x")).unwrap_err().is_gone());
        fixture.file("sys/class/net/x/uevent", [0xff; 100]).file("sys/class/net/x/type", "ether\n");
        assert!(of(&fixture.path("sys/class/net/x")).is_err());
    }
}
