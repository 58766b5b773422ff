//! What the traffic of an interface should be like: which of it is guaranteed how much, and how much of it may pass at most.
//!
//! A description and nothing else: what the kernel makes of it, and whether it can, is for the knob to say.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::units::BitsPerSecond;

/// Which packets of an interface are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Leaving,
    /// They have passed the wire already: to hold them up makes their senders slow down, if they use TCP.
    Arriving,
}

/// One direction of an interface. What no class speaks of goes first, and has all that is not guaranteed to others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lane {
    /// What all together may pass: the speed of the link, or a little less, so that packets wait here and not at the other end
    /// of the cable. Where the speed is not known, more than it can be: then ceilings hold, and guarantees mean nothing.
    pub link: BitsPerSecond,
    pub classes: Vec<TrafficClass>,
}

/// Traffic that has a share of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrafficClass {
    /// Unique within the lane, [`TrafficClass::NUMBERS`]. As long as it stays the same, so does the queue.
    pub number: u16,
    pub guaranteed: BitsPerSecond,
    pub ceiling: BitsPerSecond,
    /// Who is first offered what others leave: 0 (first) to 7.
    pub priority: u8,
    /// Written into each packet, for switches and routers; only of what leaves.
    pub dscp: Option<Dscp>,
    /// Any of these. Traffic that fits several classes belongs to the one that is first in the lane.
    pub traffic: Vec<Traffic>,
}

/// How traffic is told from other traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Traffic {
    /// Sockets that were opened by processes of a cgroup (version 2), or of one below it; only of what leaves. A socket stays
    /// with the group in which it was opened, wherever its process goes.
    Group {
        inode: u64,
        /// How deep below the root of the tree: 1 for `/plotwarden`.
        level: u32,
    },
    /// By addresses and ports: for what no group of ours has opened, such as the kernel's own connections to a file server.
    Flow(Flow),
}

/// Packets of a kind. What is `None` may be anything, but not all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// The other end.
    pub remote: Option<IpAddr>,
    pub transport: Option<Transport>,
    /// Ports are those of the transport, which must be given.
    pub local_port: Option<u16>,
    pub remote_port: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Tcp,
    Udp,
}

/// Differentiated services code point (RFC 2474), 0 to 63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Dscp(u8);

/// Why a description can be nobody's wish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapingError {
    #[error("{0} is no code point of differentiated services; write 0 to 63")]
    NoCodePoint(u8),
    #[error("class {0}: numbers of classes are 16 to 4095, each once")]
    Number(u16),
    #[error("{what} of {rate}: the least that can be shaped is {LEAST_RATE}")]
    TooSlow { what: &'static str, rate: BitsPerSecond },
    #[error(
        "class {number}: guaranteed {guaranteed}, at most {ceiling}, on a link of {link}: each may not pass the next"
    )]
    Order { number: u16, guaranteed: BitsPerSecond, ceiling: BitsPerSecond, link: BitsPerSecond },
    #[error("{sum} are guaranteed on a link of {link}: nothing would be left for the rest of the machine")]
    Overbooked { sum: BitsPerSecond, link: BitsPerSecond },
    #[error("class {0}: priorities are 0 to 7")]
    Priority(u16),
    #[error("class {0}: what arrives cannot be told by cgroup, nor marked: the kernel has not found its socket yet")]
    OnlyOut(u16),
    #[error("class {0} has no traffic")]
    NoTraffic(u16),
    #[error("class {0}: a flow needs an address, a transport, or a port with its transport")]
    Flow(u16),
    #[error("class {0}: the root of the cgroups is the whole machine")]
    RootGroup(u16),
}

/// Slower than this, a packet takes seconds.
pub const LEAST_RATE: BitsPerSecond = BitsPerSecond(8_000);

impl Lane {
    /// What no class is guaranteed.
    pub fn rest(&self) -> BitsPerSecond {
        let guaranteed = self.guaranteed();
        BitsPerSecond(self.link.0.saturating_sub(guaranteed.0))
    }

    fn guaranteed(&self) -> BitsPerSecond {
        BitsPerSecond(self.classes.iter().map(|class| class.guaranteed.0).fold(0, u64::saturating_add))
    }

    /// The kernel counts whole bytes per second: rates are rounded down to them. Traffic that is told twice is told once.
    ///
    /// # Errors
    /// What is wrong with the description.
    pub fn normalised(&self, direction: Direction) -> Result<Self, ShapingError> {
        let classes = self.classes.iter().map(TrafficClass::normalised);
        let lane = Self { link: whole_bytes(self.link), classes: classes.collect() };
        for (place, class) in lane.classes.iter().enumerate() {
            class.check(lane.link)?;
            if direction == Direction::Arriving {
                class.check_arriving()?;
            }
            if lane.classes[..place].iter().any(|other| other.number == class.number) {
                return Err(ShapingError::Number(class.number));
            }
        }
        if lane.rest() < LEAST_RATE {
            return Err(ShapingError::Overbooked { sum: lane.guaranteed(), link: lane.link });
        }
        Ok(lane)
    }
}

impl TrafficClass {
    pub const NUMBERS: std::ops::RangeInclusive<u16> = 16..=4095;

    fn normalised(&self) -> Self {
        let (guaranteed, ceiling) = (whole_bytes(self.guaranteed), whole_bytes(self.ceiling));
        let mut traffic: Vec<Traffic> = Vec::with_capacity(self.traffic.len());
        for told in &self.traffic {
            if !traffic.contains(told) {
                traffic.push(*told);
            }
        }
        Self { guaranteed, ceiling, traffic, ..self.clone() }
    }

    fn check(&self, link: BitsPerSecond) -> Result<(), ShapingError> {
        let number = self.number;
        if !Self::NUMBERS.contains(&number) {
            return Err(ShapingError::Number(number));
        }
        if self.guaranteed < LEAST_RATE {
            return Err(ShapingError::TooSlow { what: "a guarantee", rate: self.guaranteed });
        }
        if self.guaranteed > self.ceiling || self.ceiling > link {
            let (guaranteed, ceiling) = (self.guaranteed, self.ceiling);
            return Err(ShapingError::Order { number, guaranteed, ceiling, link });
        }
        if self.priority > 7 {
            return Err(ShapingError::Priority(number));
        }
        if self.traffic.is_empty() {
            return Err(ShapingError::NoTraffic(number));
        }
        self.traffic.iter().try_for_each(|traffic| match traffic {
            Traffic::Group { level: 0, .. } => Err(ShapingError::RootGroup(number)),
            Traffic::Flow(flow) if !flow.is_told() => Err(ShapingError::Flow(number)),
            Traffic::Group { .. } | Traffic::Flow(_) => Ok(()),
        })
    }

    fn check_arriving(&self) -> Result<(), ShapingError> {
        let has_group = self.traffic.iter().any(|traffic| matches!(traffic, Traffic::Group { .. }));
        if has_group || self.dscp.is_some() { Err(ShapingError::OnlyOut(self.number)) } else { Ok(()) }
    }
}

impl Flow {
    fn is_told(&self) -> bool {
        let has_port = self.local_port.is_some() || self.remote_port.is_some();
        self.transport.is_some() || (self.remote.is_some() && !has_port)
    }
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// As IP headers say it.
    pub fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    pub fn of_number(number: u8) -> Option<Self> {
        [Self::Tcp, Self::Udp].into_iter().find(|transport| transport.number() == number)
    }
}

impl Dscp {
    pub fn value(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Dscp {
    type Error = ShapingError;

    fn try_from(value: u8) -> Result<Self, Self::Error> {
        if value < 64 { Ok(Self(value)) } else { Err(ShapingError::NoCodePoint(value)) }
    }
}

impl From<Dscp> for u8 {
    fn from(dscp: Dscp) -> Self {
        dscp.0
    }
}

fn whole_bytes(rate: BitsPerSecond) -> BitsPerSecond {
    BitsPerSecond(rate.0 / 8 * 8)
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in all", self.link)?;
        for class in &self.classes {
            write!(f, "; {class}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TrafficClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "class {} {} to {}, priority {}", self.number, self.guaranteed, self.ceiling, self.priority)?;
        if let Some(Dscp(code)) = self.dscp {
            write!(f, ", DSCP {code}")?;
        }
        let traffic: Vec<String> = self.traffic.iter().map(ToString::to_string).collect();
        write!(f, ": {}", traffic.join(", "))
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group { inode, .. } => write!(f, "cgroup {inode}"),
            Self::Flow(flow) => flow.fmt(f),
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = self.transport.map(|transport| transport.name().to_owned());
        let remote = self.remote.map(|address| format!("with {address}"));
        let remote_port = self.remote_port.map(|port| format!("remote port {port}"));
        let local_port = self.local_port.map(|port| format!("local port {port}"));
        let parts: Vec<String> = [transport, remote, remote_port, local_port].into_iter().flatten().collect();
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(number: u16, guaranteed: u64, ceiling: u64) -> TrafficClass {
        let (guaranteed, ceiling) = (BitsPerSecond(guaranteed), BitsPerSecond(ceiling));
        let traffic = vec![Traffic::Group { inode: 7, level: 2 }];
        TrafficClass { number, guaranteed, ceiling, priority: 3, dscp: None, traffic }
    }

    fn lane(classes: Vec<TrafficClass>) -> Lane {
        Lane { link: BitsPerSecond(1_000_000_000), classes }
    }

    #[test]
    fn rates_become_whole_bytes() {
        let twice =
            TrafficClass { traffic: [class(16, 0, 0).traffic[0]; 2].to_vec(), ..class(16, 10_000_007, 20_000_001) };
        let lane = lane(vec![twice]).normalised(Direction::Leaving).unwrap();
        assert_eq!(lane.classes[0].traffic.len(), 1);
        assert_eq!(lane.classes[0].guaranteed, BitsPerSecond(10_000_000));
        assert_eq!(lane.rest(), BitsPerSecond(990_000_000));
        assert_eq!(lane.normalised(Direction::Leaving).as_ref(), Ok(&lane), "and stay so");
    }

    #[test]
    fn a_lane_is_shown_whole() {
        let flow = Flow { transport: Some(Transport::Tcp), remote_port: Some(2049), ..Flow::default() };
        let to = Flow { remote: Some("192.0.2.7".parse().unwrap()), ..Flow::default() };
        let traffic = vec![Traffic::Flow(flow), Traffic::Flow(to), Traffic::Group { inode: 7, level: 2 }];
        let marked = TrafficClass { dscp: Some(Dscp(8)), traffic, ..class(16, 10_000_000, 500_000_000) };
        let shown = "1 Gbit/s in all; class 16 10 Mbit/s to 500 Mbit/s, priority 3, DSCP 8: \
                     tcp remote port 2049, with 192.0.2.7, cgroup 7";
        assert_eq!(lane(vec![marked]).to_string(), shown);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        let said = |classes, direction| lane(classes).normalised(direction).unwrap_err().to_string();
        let flow = |flow| TrafficClass { traffic: vec![Traffic::Flow(flow)], ..class(16, 10_000_000, 10_000_000) };
        let port = Flow { remote_port: Some(2049), ..Flow::default() };
        let root = Traffic::Group { inode: 1, level: 0 };
        for (classes, part) in [
            (vec![class(2, 10_000_000, 10_000_000)], "16 to 4095"),
            (vec![class(16, 10_000_000, 10_000_000); 2], "each once"),
            (vec![class(16, 100, 10_000_000)], "least"),
            (vec![class(16, 10_000_000, 9_000_000)], "may not pass"),
            (vec![class(16, 10_000_000, 2_000_000_000)], "may not pass"),
            (vec![class(16, 1_000_000_000, 1_000_000_000)], "nothing would be left"),
            (vec![TrafficClass { priority: 8, ..class(16, 10_000_000, 10_000_000) }], "0 to 7"),
            (vec![TrafficClass { traffic: vec![root], ..class(16, 10_000_000, 10_000_000) }], "whole machine"),
            (vec![TrafficClass { traffic: Vec::new(), ..class(16, 10_000_000, 10_000_000) }], "no traffic"),
            (vec![flow(port)], "transport"),
            (vec![flow(Flow::default())], "needs an address"),
        ] {
            let message = said(classes, Direction::Leaving);
            assert!(message.contains(part), "{message}");
        }
        let arriving = said(vec![class(16, 10_000_000, 10_000_000)], Direction::Arriving);
        assert!(arriving.contains("what arrives cannot be told by cgroup"));
        assert!(Dscp::try_from(64).is_err());
    }

    #[test]
    fn a_description_survives_the_journal() {
        let flow = Flow { remote: Some("2001:db8::7".parse().unwrap()), ..Flow::default() };
        let with_all = TrafficClass {
            dscp: Some(Dscp::try_from(8).unwrap()),
            traffic: vec![Traffic::Group { inode: 7, level: 2 }, Traffic::Flow(flow)],
            ..class(16, 10_000_000, 20_000_000)
        };
        let lane = lane(vec![with_all]);
        let text = serde_json::to_string(&lane).unwrap();
        assert_eq!(serde_json::from_str::<Lane>(&text).unwrap(), lane, "{text}");
        assert!(serde_json::from_str::<Dscp>("64").is_err());
    }
}
